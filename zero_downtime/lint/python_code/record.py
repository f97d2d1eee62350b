"""Writing down what a function does, and inside which loops and transactions."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from zero_downtime.lint.python_code.facts import Access, Blindness, Extent, Kind, ModelKey, Opaque
from zero_downtime.lint.python_code.values import Collection, Model


@dataclass(frozen=True)
class _Frame:
    """A loop, or the body of a `transaction.atomic()`."""

    atomic: bool = False
    many: bool = False
    """How often the loop runs grows with a table."""
    source: ModelKey | None = None


class Record:
    """What has been seen so far, and what is around the place that is looked at."""

    def __init__(self) -> None:
        self.accesses: dict[Access, None] = {}
        self.opaque: dict[Opaque, None] = {}
        self.line = 1
        self._frames: list[_Frame] = []

    @contextmanager
    def loop(self, many: bool, source: ModelKey | None = None) -> Iterator[None]:
        """Look at the body of a loop."""
        with self._inside(_Frame(many=many, source=source)):
            yield

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Look at the body of a `transaction.atomic()`."""
        with self._inside(_Frame(atomic=True)):
            yield

    @contextmanager
    def _inside(self, frame: _Frame) -> Iterator[None]:
        self._frames.append(frame)
        try:
            yield
        finally:
            self._frames.pop()

    @property
    def depth(self) -> int:
        """Number of loops and transactions around this place."""
        return len(self._frames)

    @property
    def in_many(self) -> bool:
        """This place is run as often as a table is large."""
        return any(frame.many for frame in self._frames)

    def grow(self, collection: Collection) -> None:
        """Put something into `collection`, at this place."""
        if collection.emptied:
            return
        for frame in self._frames[collection.depth :]:
            if frame.many:
                collection.many = True
                collection.source = collection.source or frame.source

    def access(
        self,
        kind: Kind,
        operation: str,
        model: Model,
        *,
        many: bool = False,
        filtered: bool = False,
        source: ModelKey | None = None,
        sql: str | None = None,
        has_params: bool = False,
    ) -> None:
        """Note an access. `many`: this one call meets rows in proportion to a table."""
        sources = [frame.source for frame in self._frames if frame.many and frame.source]
        access = Access(
            kind,
            self.line,
            operation,
            model.key,
            self._extent(many),
            filtered,
            model.imported,
            source or (sources[0] if sources else None),
            sql,
            has_params,
        )
        self.accesses[access] = None

    def blind(self, blindness: Blindness, reason: str) -> None:
        """Note that something cannot be seen."""
        self.opaque[Opaque(blindness, self.line, reason)] = None

    def _extent(self, many: bool) -> Extent:
        """Return how many rows are met in all, and at a time if every statement commits.

        Only the outermost `atomic()` commits; those within are savepoints.
        """
        if many:
            return Extent.ALL
        if not self.in_many:
            return Extent.FEW
        transaction = next((i for i, frame in enumerate(self._frames) if frame.atomic), self.depth)
        inside = self._frames[transaction:]
        return Extent.ALL if any(frame.many for frame in inside) else Extent.BATCHES
