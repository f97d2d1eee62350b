"""Every key is met once, in order, whatever its type and wherever the gaps are."""

from __future__ import annotations

from itertools import pairwise

import psycopg
import pytest
from django.db.backends.base.base import BaseDatabaseWrapper

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
            f"SELECT {key.column}::text AS found FROM {key.table} "
            f"WHERE {condition} ORDER BY {key.column}",
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


@pytest.mark.parametrize(
    ("definition", "problem"),
    [
        ("id integer", "no primary key"),
        ("id integer UNIQUE NOT NULL", "no primary key"),
        ("id integer, n integer, PRIMARY KEY (id, n)", "a primary key of several columns"),
    ],
)
def test_a_table_without_a_key_of_one_column_is_refused(
    connection: BaseDatabaseWrapper, pg: psycopg.Connection, definition: str, problem: str
) -> None:
    pg.execute(f"CREATE TABLE t ({definition})".encode())
    with pytest.raises(Refused, match=f'Table "t" has {problem}.*RunPython or RunSQL instead'):
        Key.of(connection, "t")


def test_a_range_in_words() -> None:
    assert str(KeyRange(None, "9", 9)) == "keys from the first to 9"
    assert str(KeyRange("9", "12", 3)) == "keys from after 9 to 12"
