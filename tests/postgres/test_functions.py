"""What is said of functions without a server is what the catalog of a server says."""

from __future__ import annotations

import psycopg

from zero_downtime.postgres.functions import HARMLESS, STEADY, acts_unseen, is_volatile

VOLATILITIES = """
SELECT proname, array_agg(DISTINCT provolatile::text)
FROM pg_proc
WHERE pronamespace = 'pg_catalog'::regnamespace AND proname = ANY(%s)
GROUP BY proname
"""


def volatilities(pg: psycopg.Connection, names: frozenset[str]) -> dict[str, list[str]]:
    return dict(pg.execute(VOLATILITIES, [list(names)]).fetchall())


def test_what_is_said_to_be_steady_is_so(pg: psycopg.Connection) -> None:
    found = volatilities(pg, STEADY)

    assert set(found) == STEADY, "PostgreSQL has no such function"
    assert [name for name, kinds in found.items() if "v" in kinds] == []


def test_what_is_volatile_is_said_to_be_so(pg: psycopg.Connection) -> None:
    names = {name for name, kinds in volatilities(pg, HARMLESS).items() if kinds == ["v"]}

    assert {"nextval", "random", "clock_timestamp", "gen_random_uuid"} <= names
    assert all(is_volatile("", name) for name in names)


def test_a_function_of_somebody_else_may_do_anything() -> None:
    assert acts_unseen("", "create_hypertable")
    assert acts_unseen("shop", "now")
    assert is_volatile("shop", "now")


def test_where_an_extension_lives_does_not_matter() -> None:
    assert not acts_unseen("extensions", "uuid_generate_v4")
