"""The locks, scans and rewrites that the rules and recipes count on, replayed on this server.

`observed_locks.json` holds what PostgreSQL 12 to 18 were seen to do with each form of statement.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.support import witness
from tests.support.databases import copied_database, temporary_database

OBSERVED = json.loads(Path(__file__).with_name("observed_locks.json").read_text("utf-8"))


@pytest.fixture(scope="module")
def schema(server_url: str) -> Iterator[str]:
    """URL of a database with the tables that the statements are about, to be copied."""
    with temporary_database(server_url) as url:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("".join(OBSERVED["schema"]))
        yield url


@pytest.fixture(scope="module")
def unchanged(schema: str) -> Iterator[psycopg.Connection]:
    """A connection to a copy of it that stays as it is."""
    with (
        copied_database(schema, schema) as url,
        psycopg.connect(url, autocommit=True) as connection,
    ):
        yield connection


@pytest.mark.parametrize("form", OBSERVED["forms"], ids=lambda form: form["form"])
def test_form(schema: str, unchanged: psycopg.Connection, form: dict[str, Any]) -> None:
    expected = _recorded_for(unchanged, form)
    if "given" not in form:
        with unchanged.transaction(force_rollback=True):
            assert _observe(unchanged, form) == expected
        return
    with (
        copied_database(schema, schema) as url,
        psycopg.connect(url, autocommit=True) as connection,
    ):
        # Committed, so that its locks are not taken for those of the form.
        connection.execute(form["given"])
        with connection.transaction(force_rollback=True):
            assert _observe(connection, form) == expected


def _recorded_for(connection: psycopg.Connection, form: dict[str, Any]) -> dict[str, Any]:
    if (
        "extension" in form
        and not connection.execute(
            "SELECT FROM pg_available_extensions WHERE name = %s", [form["extension"]]
        ).fetchone()
    ):
        pytest.skip(f"this server has no {form['extension']}")
    version = connection.info.server_version // 10_000
    for observed in form["observed"]:
        if version in observed["postgres"]:
            return {key: value for key, value in observed.items() if key != "postgres"}
    pytest.skip(f"PostgreSQL {version} does not know this")


def _observe(connection: psycopg.Connection, form: dict[str, Any]) -> dict[str, Any]:
    """Run the form's statement; return what it locks, scans and rewrites, or its SQLSTATE."""
    connection.execute(form.get("setup", ""))
    names = witness.relations(connection)
    files = witness.storage(connection)
    scans_before = witness.scans(connection)
    try:
        connection.execute(form["sql"])
    except psycopg.Error as error:
        return {"error": error.sqlstate}
    locks = witness.locks(connection)
    observed = {
        "locks": {names[oid]: mode for oid, mode in locks.items() if oid in names},
        "scanned": _named(names, witness.scans(connection), scans_before),
        "rewritten": _named(names, witness.storage(connection), files),
    }
    return {key: value for key, value in observed.items() if value or key == "locks"}


def _named(names: dict[int, str], after: dict[int, int], before: dict[int, int]) -> list[str]:
    """Return the names of the relations whose number has changed."""
    return sorted(
        names[oid] for oid, number in after.items() if oid in names and number != before.get(oid, 0)
    )
