"""The statements by which old and new code write, each with what it has to leave behind.

Which side wins is said here as it is in docs/how-it-works.md, "The dual write".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from tests.transitions.hunt.expected import GONE, Gone, Transaction, Value


class Untouched(Enum):
    """Stands for a column that a statement does not name."""

    UNTOUCHED = "untouched"


UNTOUCHED: Final = Untouched.UNTOUCHED


@dataclass(frozen=True)
class Rules:
    """Which side waits to be filled, and whether a NULL there is a value like any other yet."""

    mirror: str
    null_is_meant: bool

    @property
    def original(self) -> str:
        """The side that has always held the values."""
        return "old" if self.mirror == "new" else "new"


@dataclass(frozen=True)
class Sides:
    """What a statement gives to the two columns of a row."""

    old: Value | Untouched = UNTOUCHED
    new: Value | Untouched = UNTOUCHED

    @property
    def named(self) -> dict[str, Value]:
        """The columns that the statement names, with their values."""
        sides = {"name": self.old, "full_name": self.new}
        return {column: value for column, value in sides.items() if value is not UNTOUCHED}

    def inserted(self, rules: Rules) -> Value:
        """Return what a new row holds."""
        values = self._values
        given = values.get(rules.mirror)
        return values.get(rules.original) if given is None else given

    def updated(self, before: Value, rules: Rules) -> Value:
        """Return what a row holds that has held `before`."""
        values = self._values
        for side in ("new", "old"):
            if side not in values or values[side] == before:
                continue
            if values[side] is not None or side == rules.original or rules.null_is_meant:
                return values[side]
        return before

    def upserted(self, before: Value | Gone, rules: Rules) -> Value:
        """Return what a row holds that was inserted or else updated with the same values."""
        inserted = self.inserted(rules)
        if before is GONE:
            return inserted
        return Sides(**dict.fromkeys(self._values, inserted)).updated(before, rules)

    @property
    def _values(self) -> dict[str, Value]:
        """What arrives in the sides that the statement names."""
        values: dict[str, Value] = {}
        if self.old is not UNTOUCHED:
            values["old"] = trimmed(self.old)
        if self.new is not UNTOUCHED:
            values["new"] = self.new
        return values


def trimmed(value: Value) -> Value:
    """Return what the shop's own trigger makes of a name; it does not know the new column."""
    return None if value is None else value.rstrip()


# What a statement did to the row of a key that it returned.
Effect = Callable[[Transaction, int, Rules], None]


@dataclass(frozen=True)
class Statement:
    """A statement that returns the keys of the rows it wrote, or a COPY of `copied` rows."""

    sql: str
    params: Sequence[Any]
    effect: Effect
    copied: Sequence[tuple[Any, ...]] = ()


Rows = Mapping[int, Sides]


def insert(rows: Rows) -> Statement:
    """`create()` and `bulk_create()`."""
    sql, params = _insert_into(rows)
    return Statement(f"{sql} RETURNING id", params, _inserting(rows))


def insert_or_ignore(rows: Rows) -> Statement:
    """`bulk_create(ignore_conflicts=True)`."""
    sql, params = _insert_into(rows)
    return Statement(f"{sql} ON CONFLICT DO NOTHING RETURNING id", params, _inserting(rows))


def upsert(rows: Rows) -> Statement:
    """`bulk_create(update_conflicts=True)`."""
    sql, params = _insert_into(rows)
    excluded = ", ".join(f"{column} = EXCLUDED.{column}" for column in ["age", *_columns(rows)])

    def effect(transaction: Transaction, key: int, rules: Rules) -> None:
        transaction[key] = rows[key].upserted(transaction[key], rules)

    sql = f"{sql} ON CONFLICT (id) DO UPDATE SET {excluded} RETURNING id"
    return Statement(sql, params, effect)


def copy(rows: Rows) -> Statement:
    """COPY, as loading tools do."""
    columns = ", ".join(["id", *_columns(rows)])
    copied = [(key, *sides.named.values()) for key, sides in rows.items()]
    return Statement(f"COPY shop_user ({columns}) FROM STDIN", [], _inserting(rows), copied)


def save(rows: Rows) -> Statement:
    """`save()` of one object: it names every column that its code knows."""
    key, sides = next(iter(rows.items()))
    assignments = ", ".join(f"{column} = %s" for column in ["age", *sides.named])
    sql = f"UPDATE shop_user SET {assignments} WHERE id = %s RETURNING id"
    return Statement(sql, [len(rows), *sides.named.values(), key], _updating(rows))


def update_alike(rows: Rows) -> Statement:
    """`filter().update()`: the same value for all of them."""
    sides = next(iter(rows.values()))
    assignments = ", ".join(["age = age", *(f"{column} = %s" for column in sides.named)])
    sql = f"UPDATE shop_user SET {assignments} WHERE id = ANY(%s) RETURNING id"
    params = [*sides.named.values(), list(rows)]
    return Statement(sql, params, _updating(dict.fromkeys(rows, sides)))


def update_from(rows: Rows) -> Statement:
    """`UPDATE ... FROM`: a value for each row."""
    columns = _columns(rows)
    assignments = ", ".join(["age = age", *(f"{column} = given.{column}" for column in columns)])
    values = ", ".join(f"(%s::bigint{', %s::text' * len(columns)})" for _ in rows)
    sql = (
        f"UPDATE shop_user SET {assignments} "
        f"FROM (VALUES {values}) AS given ({', '.join(['id', *columns])}) "
        "WHERE shop_user.id = given.id RETURNING shop_user.id"
    )
    params = [each for key, sides in rows.items() for each in (key, *sides.named.values())]
    return Statement(sql, params, _updating(rows))


def append(rows: Rows) -> Statement:
    """`update(name=Concat(F("name"), ...))`: the value depends on the one before."""
    if not _columns(rows):
        return touch(rows)
    column = _columns(rows)[0]

    def effect(transaction: Transaction, key: int, rules: Rules) -> None:
        before = transaction[key]
        assert isinstance(before, str)
        transaction[key] = f"{before}+"

    sql = (
        f"UPDATE shop_user SET {column} = {column} || '+' "
        f"WHERE id = ANY(%s) AND {column} IS NOT NULL RETURNING id"
    )
    return Statement(sql, [list(rows)], effect)


def touch(rows: Rows) -> Statement:
    """An update of another column."""
    sql = "UPDATE shop_user SET age = age + 1 WHERE id = ANY(%s) RETURNING id"
    return Statement(sql, [list(rows)], lambda transaction, key, rules: None)


def change_key(rows: Rows) -> Statement:
    """`filter(pk=...).update(pk=...)`: a row is another one from now on."""
    former, key = min(rows), max(rows)

    def effect(transaction: Transaction, key: int, rules: Rules) -> None:
        value = transaction[former]
        transaction[former] = GONE
        transaction[key] = value

    sql = "UPDATE shop_user SET id = %s WHERE id = %s RETURNING id"
    return Statement(sql, [key, former], effect)


def delete(rows: Rows) -> Statement:
    """`filter().delete()`."""

    def effect(transaction: Transaction, key: int, rules: Rules) -> None:
        transaction[key] = GONE

    return Statement("DELETE FROM shop_user WHERE id = ANY(%s) RETURNING id", [list(rows)], effect)


def _columns(rows: Rows) -> list[str]:
    return list(next(iter(rows.values())).named)


def _insert_into(rows: Rows) -> tuple[str, list[Any]]:
    columns = ["id", *_columns(rows)]
    values = f"({', '.join(['%s'] * len(columns))})"
    sql = f"INSERT INTO shop_user ({', '.join(columns)}) VALUES {', '.join([values] * len(rows))}"
    return sql, [each for key, sides in rows.items() for each in (key, *sides.named.values())]


def _inserting(rows: Rows) -> Effect:
    def effect(transaction: Transaction, key: int, rules: Rules) -> None:
        transaction[key] = rows[key].inserted(rules)

    return effect


def _updating(rows: Rows) -> Effect:
    def effect(transaction: Transaction, key: int, rules: Rules) -> None:
        before = transaction[key]
        assert before is not GONE
        transaction[key] = rows[key].updated(before, rules)

    return effect
