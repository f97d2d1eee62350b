"""Which side of the deploy a migration belongs to, from what it says or does. No database."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import migrations, models
from django.db.migrations import Migration
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState

from tests.lint.judging import (
    SHOP,
    create_refund,
    in_database_only,
    in_state_only,
    migration,
    run_sql,
)
from zero_downtime import operations as zd
from zero_downtime.errors import Refused
from zero_downtime.guard.inference import inferred_phase
from zero_downtime.guard.phase import Phase, declared_phase
from zero_downtime.lint.walk import walk


def phases(*planned: Migration) -> list[Phase]:
    """Return the phases of migrations that come after the shop's first, as one plan."""
    steps = list(
        walk(
            [migration("0001_initial", *SHOP), *planned],
            ProjectState(),
            judged=planned,
            together=True,
        )
    )
    return [inferred_phase([step for step in steps if step.migration is each]) for each in planned]


def phase(*operations: Operation) -> Phase:
    return phases(migration("0002_change", *operations))[0]


def phase_behind_contract(*operations: Operation) -> Phase:
    change = migration("0002_change", *operations)
    shop = migration("0001_initial", *SHOP)
    steps = walk([shop, change], ProjectState(), judged=[change], together=True)
    return inferred_phase(list(steps), follows_contract=True)


class OwnWay(Operation):
    """Of which nothing is known."""

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        pass

    def database_forwards(self, *args: Any) -> None:
        pass


RENAMED = ("customer", "name", "full_name")
RETYPED = ("order", "number", models.BigIntegerField())


@pytest.mark.parametrize(
    "operations",
    [
        [migrations.RemoveField("order", "note")],
        [migrations.RemoveField("order", "tags")],
        [migrations.DeleteModel("Basket")],
        [in_database_only(migrations.RemoveField("order", "note"))],
        [
            in_state_only(migrations.RemoveField("order", "note")),
            run_sql("ALTER TABLE shop_order DROP COLUMN note"),
        ],
        [zd.ExpandRenameField(*RENAMED), zd.ContractRenameField(*RENAMED)],
        [zd.ExpandAlterField(*RETYPED), zd.SwitchAlterField(*RETYPED)],
        [zd.ExpandRemoveField("order", "note"), zd.ContractRemoveField("order", "note")],
    ],
)
def test_what_takes_away_what_running_code_may_use_comes_after_the_deploy(
    operations: list[Operation],
) -> None:
    assert phase(*operations) is Phase.CONTRACT


@pytest.mark.parametrize(
    "operation",
    [
        migrations.AddField("order", "age", models.IntegerField(null=True)),
        migrations.RemoveField("legacyorder", "note"),  # not managed
        in_state_only(migrations.RemoveField("order", "note")),
        zd.ExpandRenameField(*RENAMED),
        zd.ExpandRemoveField("order", "note"),
        zd.BackfillField("order", "note", value=""),
        migrations.AddConstraint(
            "order", models.CheckConstraint(condition=models.Q(number__gt=0), name="positive")
        ),
        migrations.AlterField("order", "note", models.TextField()),
        run_sql("SELECT 1"),
    ],
)
def test_all_else_comes_before(operation: Operation) -> None:
    assert phase(operation) is Phase.EXPAND


def test_behind_a_contract_comes_after_the_deploy_what_code_does_not_need() -> None:
    plain = models.Index(fields=["number"], name="plain")
    assert phase(zd.AddIndexConcurrently("order", plain)) is Phase.EXPAND
    assert phase_behind_contract(zd.AddIndexConcurrently("order", plain)) is Phase.CONTRACT
    assert phase_behind_contract(migrations.AddIndex("order", plain)) is Phase.CONTRACT
    assert phase_behind_contract() is Phase.CONTRACT
    helped = migrations.AlterField("order", "note", models.TextField(null=True, help_text="?"))
    assert phase(helped) is Phase.EXPAND
    assert phase_behind_contract(helped) is Phase.CONTRACT
    assert phase_behind_contract(OwnWay()) is Phase.EXPAND
    unique = models.UniqueConstraint(fields=["number"], name="alone")
    assert phase_behind_contract(zd.AddConstraintConcurrently("order", unique)) is Phase.EXPAND
    assert phase_behind_contract(migrations.RunPython(print)) is Phase.EXPAND
    field = models.IntegerField(null=True)
    assert phase_behind_contract(migrations.AddField("order", "age", field)) is Phase.EXPAND


def test_a_table_that_the_same_run_creates_has_nobody_who_could_miss_anything() -> None:
    """So an app that is installed runs through all of its history before the deploy."""
    created = migration("0002_refund", create_refund(note=models.TextField(null=True)))
    removed = migration("0003_note", migrations.RemoveField("refund", "note"))
    renamed = migration("0003_b", zd.ExpandRenameField("refund", "note", "text"))
    contracted = migration("0004_c", zd.ContractRenameField("refund", "note", "text"))
    assert phases(created, removed) == [Phase.EXPAND, Phase.EXPAND]
    assert phases(created, renamed, contracted) == [Phase.EXPAND] * 3


@pytest.mark.parametrize(
    ("attributes", "declared"),
    [({}, None), ({"phase": "expand"}, Phase.EXPAND), ({"phase": "contract"}, Phase.CONTRACT)],
)
def test_a_migration_may_say_it_itself(attributes: dict[str, Any], declared: Phase | None) -> None:
    assert declared_phase(migration("0002_change", **attributes)) is declared


def test_a_phase_that_there_is_not() -> None:
    with pytest.raises(Refused) as refused:
        declared_phase(migration("0002_change", phase="contarct"))
    assert refused.value.returncode == 2
    assert str(refused.value) == (
        'shop.0002_change: phase = \'contarct\' is neither "expand" nor "contract". '
        "Did you mean 'contract'?"
    )
