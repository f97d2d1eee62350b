"""ZD505 contract-without-backfill."""

from __future__ import annotations

import pytest
from django.db import migrations, models
from django.db.migrations.operations.base import Operation

from tests.lint.judging import judge_all, migration
from zero_downtime import operations as zd
from zero_downtime.lint.findings import Finding

RENAMED = ("customer", "name", "full_name")
ALTERED = ("order", "number", models.BigIntegerField())
RENAME = (zd.ExpandRenameField(*RENAMED), zd.ContractRenameField(*RENAMED))
SWITCH = (zd.ExpandAlterField(*ALTERED), zd.SwitchAlterField(*ALTERED))
ALTER = (zd.ExpandAlterField(*ALTERED), zd.ContractAlterField(*ALTERED))


def judge_one_by_one(*operations: Operation) -> list[Finding]:
    """Return what is found when each operation stands in a migration of its own."""
    return judge_all(
        *(
            migration(f"{number:04}_step", operation, atomic=False)
            for number, operation in enumerate(operations, start=2)
        )
    )


def test_a_rename_whose_rows_nobody_has_filled_cannot_be_finished() -> None:
    [finding] = judge_one_by_one(*RENAME)

    assert finding.rule == "ZD505"
    assert finding.migration == "0003_step"
    assert finding.severity == "error"
    assert finding.hazards == ("may-fail",)
    assert finding.tables == ("shop_customer",)
    assert finding.message == (
        "No migration before this one fills customer.full_name: ContractRenameField refuses to "
        "run while there are rows in which the two sides differ."
    )
    assert finding.remedy == (
        "Add a migration with BackfillField('customer', 'full_name') between the expand and "
        "this one."
    )


@pytest.mark.parametrize(("expand", "contract"), [SWITCH, ALTER], ids=["switch", "contract"])
def test_nor_can_a_change_of_type(expand: Operation, contract: Operation) -> None:
    assert [finding.rule for finding in judge_one_by_one(expand, contract)] == ["ZD505"]


@pytest.mark.parametrize(
    ("expand", "contract", "filled"),
    [(*RENAME, ("Customer", "full_name")), (*SWITCH, ("order", "number"))],
    ids=["rename", "switch"],
)
def test_with_a_backfill_in_between_it_is_fine(
    expand: Operation, contract: Operation, filled: tuple[str, str]
) -> None:
    backfill = zd.BackfillField(*filled)
    nested = migrations.SeparateDatabaseAndState(database_operations=[backfill])

    assert not judge_one_by_one(expand, backfill, contract)
    assert not judge_one_by_one(expand, nested, contract)


@pytest.mark.parametrize(
    "other",
    [
        zd.BackfillField("customer", "email"),
        zd.BackfillField("customer", "full_name", value="nobody"),
        zd.BackfillField("order", "note"),
    ],
    ids=["another field", "another value", "another model"],
)
def test_a_backfill_of_something_else_does_not_help(other: Operation) -> None:
    assert len(judge_one_by_one(RENAME[0], other, RENAME[1])) == 1


def test_in_the_migration_of_the_contract_it_comes_too_late() -> None:
    findings = judge_all(
        migration("0002_expand", RENAME[0], atomic=False),
        migration(
            "0003_contract", zd.BackfillField("customer", "full_name"), RENAME[1], atomic=False
        ),
    )

    assert [finding.rule for finding in findings] == ["ZD505"]


def test_where_there_are_no_rows_to_fill_it_is_fine() -> None:
    same_column = zd.ExpandRenameField("customer", "email", "mail")
    unmanaged = ("legacyorder", "note", "memo")

    assert not judge_one_by_one(same_column, zd.ContractRenameField("customer", "email", "mail"))
    assert not judge_one_by_one(
        zd.ExpandRenameField(*unmanaged), zd.ContractRenameField(*unmanaged)
    )
    assert not judge_all(
        migration("0002_new", migrations.CreateModel("Refund", [("number", models.TextField())])),
        migration("0003_expand", zd.ExpandRenameField("refund", "number", "code"), atomic=False),
        migration("0004_end", zd.ContractRenameField("refund", "number", "code"), atomic=False),
        together=True,
    )


def test_removing_a_field_fills_nothing() -> None:
    removed = ("order", "note")

    assert not judge_one_by_one(zd.ExpandRemoveField(*removed), zd.ContractRemoveField(*removed))
