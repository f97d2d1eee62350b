"""Comparing the data, in plain SQL: nothing here knows the shop's models or zero_downtime."""

from __future__ import annotations

from dataclasses import dataclass
from typing import LiteralString

import psycopg

from example_project.demo.sharing import HOT

# What every customer ought to be called: what the visitors wrote last, else what was loaded.
# The hot customers are left out; several visitors write them, and nobody knows who was last.
COMPARE_WITH_LEDGER = """
    WITH expected AS (
        SELECT id, name FROM demo_written
        UNION ALL
        SELECT id, name FROM demo_loaded
        WHERE id > %(hot)s AND id NOT IN (SELECT id FROM demo_written)
    ), found AS (
        SELECT id, full_name AS name FROM shop_customer WHERE id > %(hot)s
    )
    SELECT count(*), count(*) FILTER (WHERE expected.name IS DISTINCT FROM found.name)
    FROM expected FULL JOIN found USING (id)
"""


@dataclass(frozen=True)
class Comparison:
    """How many rows were compared, and how many of them differ."""

    rows: int = 0
    differing: int = 0


class Accounts:
    """What is in the table of customers, and what ought to be."""

    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection

    def remember_loaded(self) -> None:
        """Keep a copy of the names, before anybody changes them."""
        self._connection.execute("CREATE TABLE demo_loaded AS SELECT id, name FROM shop_customer")

    def has_column(self, column: str) -> bool:
        """Whether the table of customers has `column`."""
        return self._row(
            "SELECT count(*) FROM pg_attribute "
            "WHERE attrelid = 'shop_customer'::regclass AND attname = %(column)s",
            column=column,
        ) == (1,)

    def filled_share(self) -> float:
        """Return the part of the customers, from 0 to 1, who have a `full_name`."""
        rows, filled = self._row("SELECT count(*), count(full_name) FROM shop_customer")
        return filled / rows

    def compare_columns(self) -> Comparison:
        """Compare the old column with the new one in every row, in one snapshot."""
        return Comparison(
            *self._row(
                "SELECT count(*), count(*) FILTER (WHERE name IS DISTINCT FROM full_name) "
                "FROM shop_customer"
            )
        )

    def compare_with_ledger(self, ledger: dict[int, str | None]) -> Comparison:
        """Compare every customer with what ought to be there; `ledger` as in `Visitor`."""
        self._connection.execute("CREATE TEMPORARY TABLE demo_written (id bigint, name text)")
        with (
            self._connection.cursor() as cursor,
            cursor.copy("COPY demo_written FROM STDIN") as copy,
        ):
            for row in ledger.items():
                copy.write_row(row)
        return Comparison(*self._row(COMPARE_WITH_LEDGER, hot=HOT))

    def _row(self, query: LiteralString, **parameters: object) -> tuple[int, ...]:
        """Return the one row that `query` yields."""
        row = self._connection.execute(query, parameters).fetchone()
        assert row is not None
        return row
