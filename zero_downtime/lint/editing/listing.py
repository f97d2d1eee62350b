"""Lists in a source, as items that keep the comments that belong to them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import libcst as cst

INDENT = " " * 4


@dataclass(frozen=True)
class Item:
    """An element with the comments and empty lines above it, and the comment beside it."""

    value: cst.BaseExpression
    above: Sequence[cst.EmptyLine] = ()
    beside: cst.Comment | None = None


@dataclass(frozen=True)
class Listing:
    """All items of a list, and what stands below the last one."""

    items: Sequence[Item]
    below: Sequence[cst.EmptyLine] = ()
    on_one_line: bool = False


def is_listing(value: cst.BaseExpression | None) -> bool:
    """Tell whether every element is to be seen."""
    return isinstance(value, cst.List | cst.Tuple) and not any(
        isinstance(element, cst.StarredElement) for element in value.elements
    )


def read(value: cst.List | cst.Tuple) -> Listing:
    """Take a list apart."""
    if not isinstance(value, cst.List):
        return Listing([Item(element.value) for element in value.elements])
    gaps = [_Gap.of(value.lbracket.whitespace_after)]
    for element in value.elements:
        comma = element.comma
        after = comma.whitespace_after if isinstance(comma, cst.Comma) else None
        gaps.append(_Gap.of(after))
    gaps[-1] = gaps[-1].joined(_Gap.of(value.rbracket.whitespace_before))
    items = [
        Item(element.value, gap.below if index else gaps[0].whole(), following.beside)
        for index, (element, gap, following) in enumerate(
            zip(value.elements, gaps, gaps[1:], strict=False)
        )
    ]
    return Listing(
        items,
        gaps[-1].below if items else gaps[-1].whole(),
        on_one_line=bool(items) and not any(gap.breaks for gap in gaps),
    )


def write(listing: Listing) -> cst.List:
    """Put a list together, with an item on each line unless it was on one."""
    items = listing.items
    if listing.on_one_line:
        return cst.List([cst.Element(item.value) for item in items])
    if not items:
        return cst.List([])
    following = [*(item.above for item in items[1:]), listing.below]
    elements = [
        cst.Element(
            item.value,
            comma=cst.Comma(
                whitespace_after=_line_break(item.beside, below, INDENT)
                if index < len(items)
                else cst.SimpleWhitespace("")
            ),
        )
        for index, (item, below) in enumerate(zip(items, following, strict=True), start=1)
    ]
    return cst.List(
        elements,
        lbracket=cst.LeftSquareBracket(_line_break(None, items[0].above, INDENT)),
        rbracket=cst.RightSquareBracket(_line_break(items[-1].beside, listing.below, "")),
    )


@dataclass(frozen=True)
class _Gap:
    """What stands between two elements."""

    beside: cst.Comment | None = None
    below: Sequence[cst.EmptyLine] = ()
    breaks: bool = False

    @classmethod
    def of(cls, whitespace: cst.BaseParenthesizableWhitespace | None) -> _Gap:
        if not isinstance(whitespace, cst.ParenthesizedWhitespace):
            return cls()
        return cls(whitespace.first_line.comment, whitespace.empty_lines, breaks=True)

    def joined(self, other: _Gap) -> _Gap:
        return _Gap(
            self.beside or other.beside,
            [*self.below, *other.below],
            self.breaks or other.breaks,
        )

    def whole(self) -> Sequence[cst.EmptyLine]:
        """Return all of it as lines of their own."""
        if self.beside is None:
            return self.below
        return [
            cst.EmptyLine(whitespace=cst.SimpleWhitespace(INDENT), comment=self.beside),
            *self.below,
        ]


def _line_break(
    beside: cst.Comment | None, below: Sequence[cst.EmptyLine], indent: str
) -> cst.ParenthesizedWhitespace:
    return cst.ParenthesizedWhitespace(
        first_line=cst.TrailingWhitespace(
            whitespace=cst.SimpleWhitespace("  " if beside else ""), comment=beside
        ),
        empty_lines=below,
        indent=True,
        last_line=cst.SimpleWhitespace(indent),
    )
