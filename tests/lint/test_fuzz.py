"""Random operations on random models: whatever they are, the linter has an answer to them.

300 examples, or 3,000 with HYPOTHESIS_PROFILE=long.
"""

from __future__ import annotations

from typing import Any

from django.db.migrations import DeleteModel, Migration
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from tests.lint.judging import SHOP, migration
from tests.lint.random_operations import random_change
from tests.support.examples import how_many
from zero_downtime.lint.findings import Finding
from zero_downtime.lint.fix import same_models
from zero_downtime.lint.judge import judge_ordered
from zero_downtime.lint.rewrite import NewMigrations
from zero_downtime.lint.walk import model_names

EXAMPLES = how_many(short=300, long=3_000)


@st.composite
def changes(draw: Any) -> list[Operation]:
    return random_change(draw, state_of(migration("0001_initial", *SHOP)), most=8)


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(operations=changes(), atomic=st.booleans())
def test_whatever_is_done_is_judged_and_rewritten(
    operations: list[Operation], atomic: bool
) -> None:
    before = migration("0001_initial", *SHOP)
    dependencies = [("shop", "0001_initial")]
    change = migration("0002_change", *operations, atomic=atomic, dependencies=dependencies)
    note(str(operations))
    new = NewMigrations({"shop": [change]}, [before])

    for finding in new.judge().findings:
        assert finding.message
        assert finding.remedy
    written = new.rewritten()["shop"]

    assert same_models(state_of(before, *written), state_of(before, change))
    findings = judge_ordered(written, state_of(before), judged=written, together=True)
    assert left_over(findings, operations) == []


def left_over(findings: list[Finding], operations: list[Operation]) -> list[Finding]:
    """Return what has a remedy still, but for fields of a model that goes with them."""
    gone = {each.name_lower for each in operations if isinstance(each, DeleteModel)}
    return [
        each
        for each in findings
        if each.fixable and each.subject and model_names(each.subject)[0] not in gone
    ]


def state_of(*migrations_in_order: Migration) -> ProjectState:
    state = ProjectState()
    for each in migrations_in_order:
        state = each.mutate_state(state)
    return state
