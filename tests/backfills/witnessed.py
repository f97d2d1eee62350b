"""A table that remembers which of its rows were changed, and how often."""

from __future__ import annotations

from typing import Any

import psycopg


class WitnessedTable:
    """The table `t` with the columns `id`, `old` and `new`.

    A trigger appends the key of every row whose `new` is written to the table `log`. It does so
    in the writer's transaction: what was undone is not in the log.
    """

    def __init__(self, pg: psycopg.Connection) -> None:
        self.pg = pg
        pg.execute(
            """
            CREATE TABLE t (id bigint PRIMARY KEY, old text, new text);
            CREATE TABLE log (id bigint);
            CREATE FUNCTION witness() RETURNS trigger LANGUAGE plpgsql AS
                $$ BEGIN INSERT INTO log VALUES (NEW.id); RETURN NULL; END $$;
            CREATE TRIGGER witness AFTER UPDATE OF new ON t
                FOR EACH ROW EXECUTE FUNCTION witness();
            """
        )

    def insert(self, count: int) -> None:
        """Insert rows with the keys 1, 2, 3 and so on; `new` is NULL."""
        self.pg.execute(
            "INSERT INTO t SELECT n, 'value ' || n FROM generate_series(1, %s) AS n", [count]
        )

    def ask(self, sql: str) -> Any:
        """Return the one value that the query returns."""
        row = self.pg.execute(sql.encode()).fetchone()
        assert row is not None
        return row[0]

    @property
    def differing(self) -> int:
        """How many rows still differ."""
        return int(self.ask("SELECT count(*) FROM t WHERE old IS DISTINCT FROM new"))

    @property
    def changed(self) -> list[int]:
        """The keys of all rows that were changed, once for each time."""
        return [key for (key,) in self.pg.execute("SELECT id FROM log ORDER BY id").fetchall()]
