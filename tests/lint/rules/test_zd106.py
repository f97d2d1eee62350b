"""ZD106 add-exclusion-blocks-reads."""

from __future__ import annotations

from django.contrib.postgres.constraints import ExclusionConstraint
from django.db import migrations

from tests.lint.judging import create_refund, in_database_only, in_state_only, judge, run_sql

ONE_EACH = ExclusionConstraint(expressions=[("number", "=")], name="one_each")


def test_nothing_spares_the_table_an_exclusion_constraint() -> None:
    [finding] = judge(migrations.AddConstraint("order", ONE_EACH))

    assert finding.rule == "ZD106"
    assert finding.hazards == ("blocks-reads", "blocks-writes", "may-fail", "breaks-old-code")
    assert finding.severity == "error"
    assert finding.tables == ("shop_order",)
    assert finding.message == (
        'Exclusion constraint "one_each" reads the whole table "shop_order", and fails if two '
        'rows exclude each other. Nobody can read or write "shop_order" until it is done.'
    )
    assert "PostgreSQL has no way that blocks nobody" in finding.remedy
    assert not finding.fixable


def test_by_sql_and_without_a_transaction() -> None:
    sql = "ALTER TABLE shop_order ADD CONSTRAINT one_each EXCLUDE USING gist (number WITH =)"

    [finding] = judge(run_sql(sql), atomic=False)

    assert finding.hazards == ("blocks-reads", "blocks-writes", "may-fail", "breaks-old-code")


def test_what_is_fine() -> None:
    on_refund = ExclusionConstraint(expressions=[("id", "=")], name="one_refund")
    add = migrations.AddConstraint("order", ONE_EACH)

    assert not judge(create_refund(), migrations.AddConstraint("refund", on_refund))
    assert not judge(in_state_only(add))
    assert len(judge(in_database_only(add))) == 1
    assert not judge(migrations.AddConstraint("legacyorder", on_refund))
