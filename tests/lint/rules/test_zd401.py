"""ZD401 irreversible-operation."""

from __future__ import annotations

from typing import Any

from django.db import migrations
from django.db.migrations.operations.base import Operation

from tests.lint.judging import in_database_only, in_state_only, judge
from zero_downtime import operations as zd

NOOP = migrations.RunPython.noop
SQL = migrations.RunSQL("COMMENT ON TABLE shop_order IS 'orders'")


class Announce(Operation):
    """An operation of another package."""

    reversible = False

    def state_forwards(self, app_label: str, state: Any) -> None:
        pass


def test_sql_without_a_way_back() -> None:
    [finding] = judge(SQL)

    assert finding.rule == "ZD401"
    assert finding.hazards == ("irreversible",)
    assert finding.severity == "warning"
    assert finding.tables == ()
    assert finding.message == (
        "RunSQL cannot be taken back: this migration, and all that come after it, are without a "
        "way back."
    )
    assert finding.remedy.startswith("Give it reverse_sql")


def test_python_without_a_way_back() -> None:
    [run] = judge(migrations.RunPython(NOOP))
    [batched] = judge(zd.BatchedRunPython(lambda apps, rows: None, "order"), atomic=False)

    assert run.remedy.startswith("Give it reverse_code")
    assert batched.remedy == "Give it reverse_code, which gets batches as well."


def test_an_operation_of_another_package() -> None:
    [finding] = judge(Announce())

    assert finding.message.startswith("Announce cannot be taken back")
    assert finding.remedy == "Make the operation reversible."


def test_nested_in_the_database_and_in_the_state() -> None:
    assert len(judge(in_database_only(SQL))) == 1
    assert not judge(in_state_only(SQL))


def test_saying_that_there_is_nothing_to_do_is_a_way_back() -> None:
    assert not judge(migrations.RunSQL("SELECT 1", migrations.RunSQL.noop))
    assert not judge(migrations.RunPython(NOOP, NOOP))
    assert not judge(migrations.AlterModelOptions("order", {}))
