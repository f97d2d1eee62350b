"""ZD308 opaque-sql."""

from __future__ import annotations

from typing import Any

import psycopg.sql
import pytest
from django.db import migrations

from tests.lint.judging import in_database_only, in_state_only, judge, run_sql


@pytest.mark.parametrize(
    ("sql", "why"),
    [
        ("SELECT tidy_up()", "tidy_up() is called"),
        ("CALL tidy_up()", "tidy_up is called"),
        ("DO $$ BEGIN PERFORM tidy_up(); END $$", "tidy_up() is called"),
        (
            "DO $$ BEGIN EXECUTE format('DROP TABLE %I', 'x'); END $$",
            "EXECUTE runs what is composed",
        ),
        ("UPDATE shop_order SE note", "syntax error"),
    ],
)
def test_what_cannot_be_looked_into_is_said_to_be_so(sql: str, why: str) -> None:
    [finding] = judge(run_sql(sql))

    assert finding.rule == "ZD308"
    assert finding.hazards == ()
    assert finding.severity == "warning"
    assert finding.tables == ()
    assert why in finding.message
    assert "suppress this with a reason" in finding.remedy


@pytest.mark.parametrize(
    "given",
    [
        psycopg.sql.SQL("SELECT 1"),
        b"SELECT 1",
        [("nothing of all this", [], "too many")],
        [()],
    ],
)
def test_what_django_does_not_take_is_opaque_as_well(given: Any) -> None:
    [finding] = judge(migrations.RunSQL(given, migrations.RunSQL.noop))

    assert finding.rule == "ZD308"
    assert "does not parse" in finding.message


def test_each_reason_is_given_once() -> None:
    [finding] = judge(run_sql("SELECT tidy_up()", "SELECT tidy_up()", "SELECT sweep()"))

    assert finding.message.count("tidy_up") == 1
    assert "sweep" in finding.message


def test_what_stands_in_a_do_block_is_judged() -> None:
    [finding] = judge(run_sql("DO $$ BEGIN UPDATE shop_order SET note = ''; END $$"))

    assert finding.rule == "ZD303"


def test_what_is_fine() -> None:
    assert not judge(run_sql("SELECT lower('A')"))
    assert not judge(in_state_only(run_sql("SELECT tidy_up()")))
    assert len(judge(in_database_only(run_sql("SELECT tidy_up()")))) == 1
