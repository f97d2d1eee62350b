"""Every key is met once, in order, whatever its type and wherever the gaps are."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import psycopg
import pytest
from django.db.backends.base.base import BaseDatabaseWrapper
from django.test.utils import CaptureQueriesContext

from zero_downtime.backfills.keys import Key, KeyRange
from zero_downtime.errors import Refused

KEYS = {
    "bigint": "-9223372036854775808, -7, -1, 0, 1, 2, 3, 1000000, 9223372036854775807",
    "smallint": "-32768, 32767, 4, 5",
    "numeric(20, 2)": "-1.5, 0, 0.01, 99999999999999.99",
    "double precision": "'-Infinity', -0.1, 1e-300, 0.30000000000000004, 'Infinity', 'NaN'",
    "uuid": "gen_random_uuid(), gen_random_uuid(), '00000000-0000-0000-0000-000000000000', "
    "'ffffffff-ffff-ffff-ffff-ffffffffffff'",
    "text": "'', ' ', 'a', 'B', 'ä', '100%', '%s', E'it''s \\\\ \\n', '😀'",
    'text COLLATE "C"': "'a', 'B', 'b', 'A', 'ä', 'Z'",
    'text COLLATE "und-x-icu"': "'a', 'B', 'b', 'A', 'ä', 'Z'",
    "varchar(5)": "'abcde', 'abc', 'abc  ', ''",
    "character(5)": "'abcde', 'abc', 'a b'",
    "date": "'2024-02-29', '0001-01-01 BC', '-infinity', 'infinity', '1999-12-31'",
    "timestamptz": "'2024-03-31 02:30:00.123456+05:45', '2024-01-01', 'infinity'",
    "interval": "'1 day', '24:00:01', '-3 months'",
    "boolean": "true, false",
    "bytea": r"'\x', '\x00ff', '\xde25'",
    "inet": "'10.0.0.1', '::1', '10.0.0.0/8'",
    '"Some Mood"': "'sad', 'ok', 'happy'",
    '"100%"': "1, 2, 3",
}


@pytest.mark.parametrize("type_", KEYS)
def test_a_walk_meets_every_key_once_and_in_order(
    connection: BaseDatabaseWrapper, pg: psycopg.Connection, type_: str
) -> None:
    create_table(pg, type_)
    with connection.cursor() as cursor:
        cursor.execute("SELECT t.id::text FROM t ORDER BY t.id")
        expected = [key for (key,) in cursor.fetchall()]
    key = Key.of(connection, "t")

    for limit in (1, 3, 100):
        ranges = walk(connection, key, limit)
        found = [keys_in(connection, key, keys) for keys in ranges]
        assert [each for keys in found for each in keys] == expected
        assert [keys.rows for keys in ranges] == [len(keys) for keys in found]
        assert all(keys.rows == limit for keys in ranges[:-1])
        assert [keys.after for keys in ranges] == [None, *(keys.upto for keys in ranges[:-1])]


def has_icu(pg: psycopg.Connection) -> bool:
    return pg.execute("SELECT FROM pg_collation WHERE collname = 'und-x-icu'").rowcount == 1


def create_table(pg: psycopg.Connection, type_: str) -> None:
    if "-icu" in type_ and not has_icu(pg):
        pytest.skip("this server was built without ICU")
    pg.execute("CREATE TYPE \"Some Mood\" AS ENUM ('sad', 'ok', 'happy')")
    pg.execute('CREATE DOMAIN "100%" AS integer')
    pg.execute(f"CREATE TABLE t (id {type_} PRIMARY KEY)".encode())
    array_type = type_.partition(" COLLATE")[0]
    pg.execute(f"INSERT INTO t SELECT unnest(ARRAY[{KEYS[type_]}]::{array_type}[])".encode())


def walk(
    connection: BaseDatabaseWrapper, key: Key, limit: int, upto: str | None = None
) -> list[KeyRange]:
    ranges = []
    after = None
    while keys := key.next_range(connection, after, limit, upto):
        ranges.append(keys)
        after = keys.upto
    return ranges


def keys_in(connection: BaseDatabaseWrapper, key: Key, keys: KeyRange) -> list[str]:
    condition, params = key.condition(keys)
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {key.text} AS found FROM {key.table} WHERE {condition} ORDER BY {key.sql}",
            params,
        )
        return [found for (found,) in cursor.fetchall()]


def test_gaps_and_clusters_do_not_matter(
    connection: BaseDatabaseWrapper, pg: psycopg.Connection
) -> None:
    pg.execute("CREATE TABLE t (id bigint PRIMARY KEY)")
    pg.execute("INSERT INTO t SELECT n FROM generate_series(1, 100) AS n")
    pg.execute("INSERT INTO t SELECT n * 1000000 FROM generate_series(1, 100) AS n")
    ranges = walk(connection, Key.of(connection, "t"), 40)
    assert [keys.rows for keys in ranges] == [40, 40, 40, 40, 40]
    assert [keys.upto for keys in ranges][2:4] == ["20000000", "60000000"]


def test_a_walk_can_have_an_end(connection: BaseDatabaseWrapper, pg: psycopg.Connection) -> None:
    pg.execute("CREATE TABLE t (id bigint PRIMARY KEY)")
    key = Key.of(connection, "t")
    assert key.last(connection) is None
    assert walk(connection, key, 4) == []
    pg.execute("INSERT INTO t SELECT n FROM generate_series(-5, 5) AS n")
    last = key.last(connection)
    assert last == "5"
    pg.execute("INSERT INTO t SELECT n FROM generate_series(6, 99) AS n")
    ranges = walk(connection, key, 4, last)
    assert [keys.upto for keys in ranges] == ["-2", "2", "5"]
    assert all(int(one.upto) == int(other.after or 0) for one, other in pairwise(ranges))


@pytest.mark.parametrize("name", ["Mixed Case", "100%", "%s", "key", "position", "keys", "last"])
def test_unusual_names(connection: BaseDatabaseWrapper, pg: psycopg.Connection, name: str) -> None:
    pg.execute(f'CREATE TABLE "{name}" ("{name}" integer PRIMARY KEY)'.encode())
    pg.execute(f'INSERT INTO "{name}" VALUES (3), (1), (2)'.encode())
    key = Key.of(connection, name)
    ranges = walk(connection, key, 2)
    assert [keys_in(connection, key, keys) for keys in ranges] == [["1", "2"], ["3"]]
    assert key.last(connection) == "3"


def test_a_table_in_another_schema(connection: BaseDatabaseWrapper, pg: psycopg.Connection) -> None:
    pg.execute('CREATE SCHEMA "A b"; CREATE TABLE "A b".t (id integer PRIMARY KEY)')
    pg.execute('CREATE TABLE t (id integer PRIMARY KEY); INSERT INTO "A b".t VALUES (1)')
    assert walk(connection, Key.of(connection, "t"), 9) == []
    assert walk(connection, Key.of(connection, '"A b"."t"'), 9) == [KeyRange(None, "1", 1)]


@pytest.mark.parametrize("definition", ["id integer", "id integer UNIQUE NOT NULL"])
def test_a_table_without_a_primary_key_is_refused(
    connection: BaseDatabaseWrapper, pg: psycopg.Connection, definition: str
) -> None:
    pg.execute(f"CREATE TABLE t ({definition})".encode())
    with pytest.raises(Refused, match=r'Table "t" has no primary key.*RunPython or RunSQL instead'):
        Key.of(connection, "t")


COMPOSITE_KEYS = {
    "integers": ("integer, b bigint", "ARRAY[-1, 0, 7], ARRAY[-9, 0, 9223372036854775807]"),
    "a text with marks and a date": (
        'text COLLATE "C", b date',
        """ARRAY['', 'O''Neil "x"', '["a", 1]', 'ä\\ %s', '😀'], """
        "ARRAY['0001-01-01 BC', 'infinity']::date[]",
    ),
    "a padded text and a moment": (
        "character(3), b timestamptz",
        "ARRAY['a', 'a b', 'abc'], ARRAY['2024-01-01 00:00:00.000001+05:30', now()]::timestamptz[]",
    ),
    "a uuid and a number": (
        "uuid, b numeric",
        "ARRAY[gen_random_uuid(), gen_random_uuid()], ARRAY[-1.5, 0, 1e20]",
    ),
}


@pytest.mark.parametrize("name", COMPOSITE_KEYS)
def test_a_walk_along_two_columns(
    connection: BaseDatabaseWrapper, pg: psycopg.Connection, name: str
) -> None:
    definition, values = COMPOSITE_KEYS[name]
    pg.execute(f"CREATE TABLE t (n integer, a {definition}, PRIMARY KEY (a, b))".encode())
    first, second = values.split(", ARRAY")
    pg.execute(
        f"INSERT INTO t (a, b) SELECT a, b FROM unnest({first}) AS a, "
        f"unnest(ARRAY{second}) AS b".encode()
    )
    with connection.cursor() as cursor:
        cursor.execute("SELECT t.a::text, t.b::text FROM t ORDER BY t.a, t.b")
        rows = cursor.fetchall()
    key = Key.of(connection, "t")

    for limit in (1, 2, 3, 100):
        ranges = walk(connection, key, limit)
        found = [json.loads(each) for keys in ranges for each in keys_in(connection, key, keys)]
        assert found == [list(row) for row in rows]
        assert sum(keys.rows for keys in ranges) == len(rows)
    assert key.last(connection) == walk(connection, key, 100)[-1].upto


def test_a_walk_along_three_columns_in_the_order_of_the_key(
    connection: BaseDatabaseWrapper, pg: psycopg.Connection
) -> None:
    pg.execute("CREATE TABLE t (a int, b int, c int, PRIMARY KEY (c, a, b))")
    pg.execute("INSERT INTO t SELECT n / 2 % 2, n % 2, n / 4 FROM generate_series(0, 11) AS n")
    key = Key.of(connection, "t")
    ranges = walk(connection, key, 5)
    assert [keys.upto for keys in ranges] == [
        '["1", "0", "0"]',
        '["2", "0", "1"]',
        '["2", "1", "1"]',
    ]
    assert [len(keys_in(connection, key, keys)) for keys in ranges] == [5, 5, 2]
    assert [keys.rows for keys in walk(connection, key, 5, '["1", "0", "1"]')] == [5, 1]


def test_a_partitioned_table(connection: BaseDatabaseWrapper, pg: psycopg.Connection) -> None:
    pg.execute(
        """
        CREATE TABLE t (id bigint, day date, PRIMARY KEY (id, day)) PARTITION BY RANGE (day);
        CREATE TABLE old PARTITION OF t FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
        CREATE TABLE new PARTITION OF t FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
        INSERT INTO t SELECT n, date '2024-12-25' + n % 10 FROM generate_series(1, 50) AS n;
        """
    )
    key = Key.of(connection, "t")
    ranges = walk(connection, key, 20)
    assert [keys.rows for keys in ranges] == [20, 20, 10]
    assert ranges[0].upto == '["20", "2024-12-25"]'
    assert [len(keys_in(connection, key, keys)) for keys in ranges] == [20, 20, 10]


MANY_ROWS = {
    "one column": ("id bigint PRIMARY KEY", "n"),
    "few values lead": ("a integer, id bigint, PRIMARY KEY (a, id)", "n / 19000, n"),
    "one value leads": ("a integer, id bigint, PRIMARY KEY (a, id)", "1, n"),
    "many values lead": ("a text, id bigint, PRIMARY KEY (a, id)", "md5((n / 10)::text), n"),
}


@pytest.mark.parametrize("name", MANY_ROWS)
def test_a_range_is_found_by_the_index(
    connection: BaseDatabaseWrapper, pg: psycopg.Connection, name: str
) -> None:
    """Both bounds are conditions on the index: neither the table nor the rest of it is read."""
    columns, values = MANY_ROWS[name]
    pg.execute(f"CREATE TABLE t ({columns})".encode())
    pg.execute(f"INSERT INTO t SELECT {values} FROM generate_series(1, 20000) AS n".encode())
    pg.execute("VACUUM ANALYZE t")
    key = Key.of(connection, "t")

    for keys in walk(connection, key, 1000)[1:]:
        condition, params = key.condition(keys)
        sql = f"SELECT {key.sql} FROM {key.table} WHERE {condition} ORDER BY {key.sql} FOR UPDATE"
        scan = next(node for node in plan_of(connection, sql, params) if "Index Cond" in node)
        assert scan["Index Name"] == "t_pkey"
        assert all(bound in scan["Index Cond"] for bound in (">", "<="))
        assert scan["Actual Rows"] == 1000


@pytest.mark.parametrize("name", MANY_ROWS)
def test_the_next_keys_are_found_by_the_index(
    connection: BaseDatabaseWrapper, pg: psycopg.Connection, name: str
) -> None:
    columns, values = MANY_ROWS[name]
    pg.execute(f"CREATE TABLE t ({columns})".encode())
    pg.execute(f"INSERT INTO t SELECT {values} FROM generate_series(1, 20000) AS n".encode())
    pg.execute("VACUUM ANALYZE t")
    key = Key.of(connection, "t")
    first = key.next_range(connection, None, 10000)
    assert first is not None
    with CaptureQueriesContext(connection) as captured:
        key.next_range(connection, first.upto, 1000, key.last(connection))
    scans = [
        node for node in plan_of(connection, captured[-1]["sql"]) if "Scan" in node["Node Type"]
    ]
    found = [node["Actual Rows"] for node in scans if node.get("Index Name") == "t_pkey"]
    # One row more where it looks whether a greater leading value has a key in between.
    assert 1000 <= sum(found) <= 1001


def plan_of(
    connection: BaseDatabaseWrapper, sql: str, params: list[str] | None = None
) -> list[dict[str, Any]]:
    """Run the query and return the nodes of its plan."""
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {sql}", params)
        ((top,),) = cursor.fetchall()
    plan = json.loads(top) if isinstance(top, str) else top
    nodes = [plan[0]["Plan"]]
    for node in nodes:
        nodes += node.get("Plans", [])
    return nodes


def test_halves_of_a_range(connection: BaseDatabaseWrapper, pg: psycopg.Connection) -> None:
    pg.execute("CREATE TABLE t (id bigint PRIMARY KEY)")
    pg.execute("INSERT INTO t SELECT n * n FROM generate_series(1, 9) AS n")
    key = Key.of(connection, "t")
    assert key.split(connection, KeyRange("4", "64", 6)) == [
        KeyRange("4", "25", 3),
        KeyRange("25", "64", 3),
    ]
    assert key.split(connection, KeyRange(None, "9", 3)) == [
        KeyRange(None, "1", 1),
        KeyRange("1", "9", 2),
    ]
    assert key.split(connection, KeyRange("4", "9", 1)) == [KeyRange("4", "9", 1)]


def test_halves_are_of_the_rows_that_are_there_now(
    connection: BaseDatabaseWrapper, pg: psycopg.Connection
) -> None:
    pg.execute("CREATE TABLE t (id bigint PRIMARY KEY); INSERT INTO t VALUES (5), (6)")
    key = Key.of(connection, "t")
    assert key.split(connection, KeyRange("1", "9", 8)) == [
        KeyRange("1", "5", 1),
        KeyRange("5", "9", 1),
    ]
    assert key.split(connection, KeyRange("5", "9", 8)) == [KeyRange("5", "6", 1)]
    assert key.split(connection, KeyRange("6", "9", 8)) == []


def test_any_range_comes_down_to_single_rows(
    connection: BaseDatabaseWrapper, pg: psycopg.Connection
) -> None:
    pg.execute("CREATE TABLE t (a text, b date, PRIMARY KEY (a, b))")
    pg.execute("INSERT INTO t SELECT n % 3, date '2024-01-01' + n FROM generate_series(1, 11) n")
    key = Key.of(connection, "t")
    whole = key.next_range(connection, None, 100)
    assert whole is not None
    ranges, rows = [whole], []
    while ranges:
        keys = ranges.pop(0)
        if keys.rows == 1:
            rows += keys_in(connection, key, keys)
            assert str(keys) == f"key {rows[-1]}"
        else:
            ranges += key.split(connection, keys)
    assert sorted(rows) == sorted(keys_in(connection, key, whole))
    assert len(rows) == 11


def test_a_range_in_words() -> None:
    assert str(KeyRange(None, "9", 9)) == "keys from the first to 9"
    assert str(KeyRange("9", "12", 3)) == "keys from after 9 to 12"
    assert str(KeyRange("9", "42", 1)) == "key 42"
    assert str(KeyRange(None, '["a", "42"]', 1)) == 'key ["a", "42"]'
