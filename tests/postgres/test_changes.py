"""From one shape to another, without a database."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zero_downtime.postgres.changes import (
    SAFE_ORDER,
    AddColumn,
    AddConstraint,
    AddIndex,
    Change,
    DropColumn,
    DropConstraint,
    DropIndex,
    DropNotNull,
    FillColumn,
    SetComment,
    SetDefault,
    SetNotNull,
    SetType,
    Unsupported,
    changes_between,
    in_safe_order,
    rebuilt_guards,
)
from zero_downtime.postgres.shapes import (
    ColumnShape,
    ConstraintShape,
    ForeignKeyTarget,
    IndexShape,
    TableShape,
)

COLUMN = ColumnShape("pages", "integer", None, False, None, None, None, None)
INDEX = IndexShape(unique=False, body="btree (pages)")
CHECK = ConstraintShape("c", "CHECK ((pages > 0))", ("pages",))
FOREIGN_KEY = ConstraintShape(
    "f", "", ("pages",), target=ForeignKeyTarget("leaf", ("id",), "ON DELETE CASCADE")
)


def table(
    *columns: ColumnShape,
    indexes: dict[str, IndexShape] | None = None,
    constraints: dict[str, ConstraintShape] | None = None,
) -> TableShape:
    return TableShape({each.name: each for each in columns}, indexes or {}, constraints or {})


def column(**changes: Any) -> ColumnShape:
    return replace(COLUMN, **changes)


def test_nothing_changes() -> None:
    shape = table(COLUMN, indexes={"i": INDEX}, constraints={"c": CHECK, "f": FOREIGN_KEY})
    assert changes_between(shape, shape) == []


@pytest.mark.parametrize(
    ("before", "after", "changes"),
    [
        (column(), column(not_null=True), [SetNotNull("pages")]),
        (column(not_null=True), column(), [DropNotNull("pages")]),
        (column(), column(default="1"), [SetDefault("pages", "1")]),
        (column(default="1"), column(), [SetDefault("pages", None)]),
        (column(), column(comment="how many"), [SetComment("pages", "how many")]),
        (column(comment="how many"), column(), [SetComment("pages", None)]),
        (column(), column(type="bigint"), [SetType(COLUMN, column(type="bigint"))]),
        (column(), column(collation='"C"'), [SetType(COLUMN, column(collation='"C"'))]),
        (
            column(),
            column(type="bigint", not_null=True, default="1", comment="c"),
            [
                SetType(COLUMN, column(type="bigint", not_null=True, default="1", comment="c")),
                SetDefault("pages", "1"),
                SetComment("pages", "c"),
                SetNotNull("pages"),
            ],
        ),
    ],
)
def test_aspects_of_a_column(
    before: ColumnShape, after: ColumnShape, changes: list[Change]
) -> None:
    assert changes_between(table(before), table(after)) == changes


def test_a_new_column_comes_with_all_but_its_comment() -> None:
    new = column(not_null=True, default="1", comment="how many")
    assert changes_between(table(), table(new)) == [
        AddColumn(replace(new, comment=None)),
        SetComment("pages", "how many"),
    ]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (column(), column(identity="BY DEFAULT")),
        (column(identity="ALWAYS"), column(identity="BY DEFAULT")),
        (column(), column(generated="STORED", default="1")),
        (
            column(generated="VIRTUAL", default="(a * 2)"),
            column(generated="VIRTUAL", default="(a * 3)"),
        ),
    ],
)
def test_how_a_column_is_generated_cannot_change(before: ColumnShape, after: ColumnShape) -> None:
    with pytest.raises(Unsupported, match='how column "pages" is generated'):
        changes_between(table(before), table(after))


def test_an_index_of_another_definition_is_replaced() -> None:
    other = IndexShape(unique=True, body="btree (pages)")
    assert changes_between(
        table(COLUMN, indexes={"i": INDEX}), table(COLUMN, indexes={"i": other})
    ) == [DropIndex("i", INDEX), AddIndex("i", other)]


def test_an_index_of_another_name_is_another_index() -> None:
    assert changes_between(
        table(COLUMN, indexes={"old": INDEX}), table(COLUMN, indexes={"new": INDEX})
    ) == [DropIndex("old", INDEX), AddIndex("new", INDEX)]


def test_a_constraint_that_turns_into_an_index_gives_way_first() -> None:
    unique = ConstraintShape("u", "UNIQUE (pages)", ("pages",), index_body="btree (pages)")
    assert changes_between(
        table(COLUMN, constraints={"u": unique}), table(COLUMN, indexes={"u": INDEX})
    ) == [DropConstraint("u", unique), AddIndex("u", INDEX)]


def test_what_goes_with_a_column_is_not_dropped_before() -> None:
    before = table(COLUMN, constraints={"c": CHECK})
    assert changes_between(before, table()) == [DropColumn("pages")]


def test_a_foreign_key_goes_before_its_column() -> None:
    """Or else DROP COLUMN would have to lock both tables."""
    before = table(COLUMN, constraints={"f": FOREIGN_KEY})
    assert changes_between(before, table()) == [
        DropConstraint("f", FOREIGN_KEY),
        DropColumn("pages"),
    ]


def test_a_check_that_a_new_type_rewords_is_not_dropped_before() -> None:
    """Changing the type takes it along; adding it only means that it has to be valid."""
    wider, reworded = column(type="bigint"), replace(CHECK, definition="CHECK (other words)")
    assert changes_between(
        table(COLUMN, constraints={"c": CHECK}), table(wider, constraints={"c": reworded})
    ) == [SetType(COLUMN, wider), AddConstraint("c", reworded)]


def test_what_forbids_rows_by_an_index_is_a_guard_that_is_built_anew() -> None:
    unique = replace(INDEX, unique=True)
    constraint = ConstraintShape("x", "EXCLUDE", ("pages",), index_body="gist (pages)")
    assert rebuilt_guards(
        [
            DropConstraint("x", constraint),
            DropIndex("u", unique),
            DropIndex("i", INDEX),
            DropIndex("gone", unique),
            AddIndex("u", unique),
            AddIndex("i", INDEX),
            AddIndex("new", unique),
            AddConstraint("x", constraint),
        ]
    ) == ["u", "x"]


def test_an_index_goes_before_its_column() -> None:
    """Or else the column could not be dropped without it, under its exclusive lock."""
    before = table(COLUMN, indexes={"i": INDEX})
    assert changes_between(before, table()) == [DropIndex("i", INDEX), DropColumn("pages")]


ONE_OF_EACH: list[Change] = [
    DropConstraint("c", CHECK),
    DropIndex("i", INDEX),
    DropNotNull("a"),
    SetType(COLUMN, column(type="bigint")),
    AddColumn(COLUMN),
    SetDefault("pages", "1"),
    SetComment("pages", None),
    FillColumn("pages", "DEFAULT"),
    SetNotNull("pages"),
    AddIndex("j", INDEX),
    AddConstraint("d", CHECK),
    DropColumn("old"),
]


def test_every_kind_has_its_place() -> None:
    assert (
        {type(change) for change in ONE_OF_EACH} == set(SAFE_ORDER) == set(Change.__subclasses__())
    )


@given(st.permutations(ONE_OF_EACH))
def test_the_safe_order_does_not_depend_on_the_order_before(changes: list[Change]) -> None:
    assert in_safe_order(changes) == ONE_OF_EACH


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        # A row without a value must not appear while values are filled in.
        (SetDefault, FillColumn),
        (FillColumn, SetNotNull),
        # What reads a column comes when it is there and full.
        (AddColumn, AddIndex),
        (FillColumn, AddIndex),
        (FillColumn, AddConstraint),
        # What refers to a column goes before it.
        (DropConstraint, DropColumn),
        (DropIndex, DropColumn),
        # A new type would rebuild an index and read all rows for a CHECK that are going anyway.
        (DropIndex, SetType),
        (DropConstraint, SetType),
        # A foreign key needs no index of its own columns, but who deletes its target does.
        (AddIndex, AddConstraint),
    ],
)
def test_what_has_to_come_first(earlier: type[Change], later: type[Change]) -> None:
    assert SAFE_ORDER.index(earlier) < SAFE_ORDER.index(later)


def test_changes_of_a_kind_keep_their_order() -> None:
    changes: list[Change] = [SetNotNull("b"), SetNotNull("a"), SetNotNull("c")]
    assert in_safe_order(changes) == changes
