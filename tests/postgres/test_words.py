from __future__ import annotations

import pytest

from zero_downtime.postgres.words import only_sets_session


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
