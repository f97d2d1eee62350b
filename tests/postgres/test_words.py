from __future__ import annotations

import pytest

from zero_downtime.postgres.words import (
    ends_transaction,
    goes_on_after_transaction,
    only_sets_session,
    opens_transaction,
)


@pytest.mark.parametrize(
    "sql",
    [
        "SET lock_timeout = '5s'",
        "set session characteristics as transaction read write",
        "/* theirs */ SET ROLE sales; -- and\nRESET search_path;",
        "RESET ALL",
    ],
)
def test_what_lasts_as_long_as_the_session(sql: str) -> None:
    assert only_sets_session(sql)


@pytest.mark.parametrize(
    "sql",
    [
        "SET LOCAL lock_timeout = '5s'",
        "SET CONSTRAINTS ALL IMMEDIATE",
        "set transaction isolation level serializable",
        "SET lock_timeout = '5s'; UPDATE pair SET n = 1",
        "UPDATE pair SET n = 1",
        "-- nothing",
        "",
    ],
)
def test_what_does_not_or_is_more(sql: str) -> None:
    assert not only_sets_session(sql)


@pytest.mark.parametrize("sql", ["BEGIN", "-- by hand\nstart transaction;", "begin; SELECT 1"])
def test_a_transaction_that_is_left_open(sql: str) -> None:
    assert opens_transaction(sql)


@pytest.mark.parametrize("sql", ["BEGIN; SELECT 1; END", "COMMIT", "SELECT 'BEGIN'", ""])
def test_none_that_is(sql: str) -> None:
    assert not opens_transaction(sql)


@pytest.mark.parametrize(
    "sql", ["COMMIT", "SELECT 1; end;", "rollback work", "BEGIN; abort -- nothing of it\n;"]
)
def test_the_end_of_a_transaction(sql: str) -> None:
    assert ends_transaction(sql)
    assert not goes_on_after_transaction(sql)
    assert goes_on_after_transaction(f"{sql}; SELECT 1")


@pytest.mark.parametrize(
    "sql",
    ["ROLLBACK TO SAVEPOINT a", "rollback work to a", "DO $$ BEGIN COMMIT; END $$", "BEGIN", ""],
)
def test_what_is_not_the_end_of_one(sql: str) -> None:
    assert not ends_transaction(sql)
