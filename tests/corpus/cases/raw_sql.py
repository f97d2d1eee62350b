"""RunSQL: what a PostgreSQL parser has to understand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.migrations import RunSQL

from tests.corpus.case import Case

Statements = str | list[Any]


def sql_case(
    name: str,
    what: str,
    sql: Statements,
    back: Statements | None = RunSQL.noop,
    *,
    setup: Sequence[str] = (),
    atomic: bool = True,
) -> Case:
    return Case(
        f"sql_{name}",
        what,
        [RunSQL(sql, back)],
        setup=[RunSQL(each, RunSQL.noop) for each in setup],
        atomic=atomic,
    )


CASES = [
    sql_case(
        "create_index", "CREATE INDEX", "CREATE INDEX ix ON store_book (pages)", "DROP INDEX ix"
    ),
    sql_case(
        "create_index_lower_case",
        "create index, over several lines",
        "create index ix\n  -- the pages\n  on store_book\n (pages)",
        "DROP INDEX ix",
    ),
    sql_case(
        "create_unique_index",
        "CREATE UNIQUE INDEX",
        "CREATE UNIQUE INDEX ix ON store_order (number)",
        "DROP INDEX ix",
    ),
    sql_case(
        "create_index_concurrently",
        "CREATE INDEX CONCURRENTLY",
        "CREATE INDEX CONCURRENTLY ix ON store_book (pages)",
        "DROP INDEX ix",
        atomic=False,
    ),
    sql_case(
        "create_index_concurrently_in_transaction",
        "... in an atomic migration: refused",
        "CREATE INDEX CONCURRENTLY ix ON store_book (pages)",
        "DROP INDEX ix",
    ),
    sql_case(
        "concurrently_in_string",
        "... with another statement in one string: refused",
        "CREATE INDEX CONCURRENTLY ix ON store_book (pages); SELECT 1",
        "DROP INDEX ix",
        atomic=False,
    ),
    sql_case(
        "concurrently_in_list",
        "... in a list of its own statements",
        ["SET statement_timeout = 0", "CREATE INDEX CONCURRENTLY ix ON store_book (pages)"],
        "DROP INDEX ix",
        atomic=False,
    ),
    sql_case(
        "drop_index",
        "DROP INDEX",
        "DROP INDEX ix",
        "CREATE INDEX ix ON store_book (pages)",
        setup=["CREATE INDEX ix ON store_book (pages)"],
    ),
    sql_case(
        "drop_index_concurrently",
        "DROP INDEX CONCURRENTLY",
        "DROP INDEX CONCURRENTLY ix",
        "CREATE INDEX ix ON store_book (pages)",
        setup=["CREATE INDEX ix ON store_book (pages)"],
        atomic=False,
    ),
    sql_case("reindex", "REINDEX", "REINDEX TABLE store_book"),
    sql_case("vacuum_full", "VACUUM FULL", "VACUUM FULL store_order", atomic=False),
    sql_case("vacuum", "VACUUM", "VACUUM store_order", atomic=False),
    sql_case(
        "vacuum_in_transaction", "VACUUM in an atomic migration: refused", "VACUUM store_order"
    ),
    sql_case("analyze", "ANALYZE", "ANALYZE store_order"),
    sql_case("cluster", "CLUSTER", "CLUSTER store_order USING store_order_pkey"),
    sql_case("drop_table", "DROP TABLE", "DROP TABLE store_address"),
    sql_case("truncate", "TRUNCATE", "TRUNCATE store_address"),
    sql_case("update_all", "UPDATE of a whole table", "UPDATE store_book SET language = 'de'"),
    sql_case(
        "update_some", "UPDATE of one row", "UPDATE store_book SET language = 'de' WHERE id = 5"
    ),
    sql_case(
        "update_with_params",
        "UPDATE with parameters",
        [("UPDATE store_book SET language = %s WHERE pages > %s", ["de", 0])],
    ),
    sql_case(
        "update_all_not_atomic",
        "UPDATE of a whole table, atomic=False",
        "UPDATE store_book SET language = 'de'",
        atomic=False,
    ),
    sql_case("delete_all", "DELETE of a whole table", "DELETE FROM store_address"),
    sql_case(
        "insert_rows",
        "INSERT of two rows",
        "INSERT INTO store_tag (label) VALUES ('rare'), ('signed')",
        "DELETE FROM store_tag WHERE label IN ('rare', 'signed')",
    ),
    sql_case(
        "insert_select",
        "INSERT of thousands of rows",
        "INSERT INTO store_tag (label) SELECT 'x' || id FROM store_book",
        "DELETE FROM store_tag WHERE label LIKE 'x%%'",
    ),
    sql_case(
        "cte_update",
        "UPDATE behind a WITH",
        "WITH old AS (SELECT id FROM store_order) UPDATE store_order SET room = 1 "
        "FROM old WHERE old.id = store_order.id",
    ),
    sql_case(
        "schema_and_data",
        "ADD COLUMN and UPDATE in one string",
        "ALTER TABLE store_order ADD COLUMN weight int; UPDATE store_order SET weight = 1",
        "ALTER TABLE store_order DROP COLUMN weight",
    ),
    sql_case(
        "do_block",
        "a DO block with an UPDATE",
        "DO $$ BEGIN UPDATE store_book SET language = 'de'; END $$",
    ),
    sql_case(
        "do_block_ddl",
        "a DO block with DDL",
        "DO $$ BEGIN EXECUTE 'CREATE INDEX ix ON store_book (pages)'; END $$",
        "DROP INDEX ix",
    ),
    sql_case(
        "create_function",
        "CREATE FUNCTION with statements inside",
        "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "UPDATE store_book SET pages = 1; RETURN new; END $$",
        "DROP FUNCTION f()",
    ),
    sql_case(
        "create_trigger",
        "CREATE TRIGGER",
        "CREATE TRIGGER tr BEFORE INSERT ON store_order FOR EACH ROW EXECUTE FUNCTION f()",
        "DROP TRIGGER tr ON store_order",
        setup=[
            "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN new; END $$"
        ],
    ),
    sql_case(
        "create_view", "CREATE VIEW", "CREATE VIEW v AS SELECT id FROM store_book", "DROP VIEW v"
    ),
    sql_case(
        "create_materialized_view",
        "CREATE MATERIALIZED VIEW",
        "CREATE MATERIALIZED VIEW mv AS SELECT id FROM store_book",
        "DROP MATERIALIZED VIEW mv",
    ),
    sql_case(
        "refresh_materialized_view",
        "REFRESH MATERIALIZED VIEW",
        "REFRESH MATERIALIZED VIEW mv",
        setup=["CREATE MATERIALIZED VIEW mv AS SELECT id FROM store_book"],
    ),
    sql_case(
        "create_table_as",
        "CREATE TABLE AS",
        "CREATE TABLE copy AS SELECT * FROM store_book",
        "DROP TABLE copy",
    ),
    sql_case(
        "create_table",
        "CREATE TABLE with REFERENCES",
        "CREATE TABLE extra (id int PRIMARY KEY, book_id bigint REFERENCES store_book)",
        "DROP TABLE extra",
    ),
    sql_case(
        "create_and_index",
        "CREATE TABLE and an index on it",
        ["CREATE TABLE extra (id int PRIMARY KEY, n int)", "CREATE INDEX ON extra (n)"],
        "DROP TABLE extra",
    ),
    sql_case(
        "create_type", "CREATE TYPE", "CREATE TYPE mood AS ENUM ('good', 'bad')", "DROP TYPE mood"
    ),
    sql_case(
        "enum_value",
        "ALTER TYPE ADD VALUE",
        "ALTER TYPE mood ADD VALUE 'so so'",
        setup=["CREATE TYPE mood AS ENUM ('good', 'bad')"],
    ),
    sql_case("create_sequence", "CREATE SEQUENCE", "CREATE SEQUENCE sq", "DROP SEQUENCE sq"),
    sql_case("lock_table", "LOCK TABLE", "LOCK TABLE store_order"),
    sql_case(
        "lock_and_update",
        "LOCK TABLE and UPDATE",
        "LOCK TABLE store_order; UPDATE store_order SET room = 1",
    ),
    sql_case("comment", "COMMENT ON TABLE", "COMMENT ON TABLE store_book IS 'what we sell'"),
    sql_case(
        "grant",
        "GRANT",
        "GRANT SELECT ON store_book TO PUBLIC",
        "REVOKE SELECT ON store_book FROM PUBLIC",
    ),
    sql_case(
        "create_partition",
        "CREATE TABLE ... PARTITION OF",
        "CREATE TABLE events_2 PARTITION OF events FOR VALUES FROM (100000) TO (200000)",
        "DROP TABLE events_2",
        setup=["CREATE TABLE events (id bigint) PARTITION BY RANGE (id)"],
    ),
    sql_case("syntax_error", "no SQL at all: refused", "ALTER TABEL store_book ADD x int"),
    sql_case("unknown_table", "a table that does not exist: refused", "DROP TABLE store_nothing"),
    sql_case("drop_if_exists", "DROP IF EXISTS of nothing", "DROP TABLE IF EXISTS store_nothing"),
    sql_case(
        "create_index_if_not_exists",
        "CREATE INDEX IF NOT EXISTS, which exists",
        "CREATE INDEX IF NOT EXISTS ix ON store_book (pages)",
        setup=["CREATE INDEX ix ON store_book (pages)"],
    ),
    sql_case("session_setting", "SET", "SET statement_timeout = 0"),
    sql_case("select", "SELECT of a setting", "SELECT set_config('search_path', 'public', false)"),
    Case("sql_irreversible", "no reverse SQL", [RunSQL("CREATE SEQUENCE sq")]),
]
