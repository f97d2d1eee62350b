"""ZD503 contract-with-expand."""

from __future__ import annotations

import pytest
from django.db import models
from django.db.migrations.operations.base import Operation

from tests.lint.judging import judge, judge_all, migration
from zero_downtime import operations as zd

REMOVED = ("order", "note")
RENAMED = ("customer", "name", "full_name")
ALTERED = ("order", "number", models.BigIntegerField())


def test_the_contract_right_behind_its_expand_leaves_no_time_to_deploy() -> None:
    [finding] = judge(
        zd.ExpandRemoveField(*REMOVED), zd.ContractRemoveField(*REMOVED), atomic=False
    )

    assert finding.rule == "ZD503"
    assert finding.operation == 1
    assert finding.hazards == ("breaks-old-code",)
    assert finding.severity == "error"
    assert finding.message == (
        "ContractRemoveField stands in the migration of ExpandRemoveField: running code has no "
        "time to be replaced in between."
    )
    assert finding.remedy == (
        "Put ContractRemoveField into a migration of its own, for a later deploy."
    )


@pytest.mark.parametrize(
    ("expand", "contract"),
    [
        (zd.ExpandRenameField(*RENAMED), zd.ContractRenameField(*RENAMED)),
        (zd.ExpandAlterField(*ALTERED), zd.SwitchAlterField(*ALTERED)),
        (zd.ExpandAlterField(*ALTERED), zd.ContractAlterField(*ALTERED)),
    ],
    ids=["rename", "switch", "alter"],
)
def test_the_other_pairs(expand: Operation, contract: Operation) -> None:
    assert len(judge(expand, contract, atomic=False, rule="ZD503")) == 1
    assert not judge_all(
        migration("0002_expand", expand, atomic=False),
        migration("0003_contract", contract, atomic=False),
        rule="ZD503",
    )


def test_the_contract_of_another_field_is_fine() -> None:
    assert not judge_all(
        migration("0002_expand", zd.ExpandRemoveField(*REMOVED), atomic=False),
        migration(
            "0003_both",
            zd.ExpandRenameField(*RENAMED),
            zd.ExpandRemoveField("order", "status"),
            zd.ContractRemoveField(*REMOVED),
            atomic=False,
        ),
    )
