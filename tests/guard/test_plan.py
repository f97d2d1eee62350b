"""What runs now and what waits, as a function of migrations and facts. No database is asked."""

from __future__ import annotations

import pytest
from django.db import migrations, models

from tests.lint.judging import judge
from zero_downtime.guard.phase import Phase
from zero_downtime.guard.plan import (
    Facts,
    HoldBack,
    MigrationKey,
    Options,
    Plan,
    PlannedMigration,
    Refuse,
    Run,
    Substitute,
    plan,
)
from zero_downtime.operations import AddIndexConcurrently
from zero_downtime.transitions.phases import TransitionKey

RENAME = TransitionKey("rename_field", "shop", "user", "name", "full_name")
OTHER = TransitionKey("rename_field", "blog", "post", "title", "headline")

INITIAL, EXPAND, FILL, CONTRACT, AFTER = (
    ("shop", name) for name in ("0001", "0002_expand", "0003_fill", "0004_contract", "0005")
)

EXPAND_MIGRATION = PlannedMigration(EXPAND, expands=[RENAME])
FILL_MIGRATION = PlannedMigration(FILL, depends_on=[EXPAND])
CONTRACT_MIGRATION = PlannedMigration(CONTRACT, contracts=[RENAME], depends_on=[FILL])
AFTER_MIGRATION = PlannedMigration(AFTER, depends_on=[CONTRACT])
ALL = [EXPAND_MIGRATION, FILL_MIGRATION, CONTRACT_MIGRATION, AFTER_MIGRATION]


def held(decided: Plan) -> dict[MigrationKey, str]:
    return {each.key: each.reason for each in decided.held_back}


def test_nothing_to_do() -> None:
    assert plan([], Facts()) == Plan([], [])


def test_ordinary_migrations_run_in_their_order() -> None:
    migrations = [PlannedMigration(("b", "1")), PlannedMigration(("a", "1"))]
    assert plan(migrations, Facts()).run == [("b", "1"), ("a", "1")]


def test_an_unused_table_goes_all_the_way_in_one_run() -> None:
    decided = plan(ALL, Facts(unused={RENAME.model}))
    assert decided.run == [EXPAND, FILL, CONTRACT, AFTER]
    assert decided.held_back == []


def test_a_contract_waits_when_its_expand_is_in_the_same_run() -> None:
    decided = plan(ALL, Facts())
    assert decided.run == [EXPAND, FILL]
    assert "its expand is applied in this same run" in held(decided)[CONTRACT]
    assert "'full_name'" in held(decided)[CONTRACT]
    assert "manage.py migrate" in held(decided)[CONTRACT]


def test_what_depends_on_a_held_back_migration_waits_with_it() -> None:
    far = PlannedMigration(("blog", "0009"), depends_on=[AFTER])
    beside = PlannedMigration(("blog", "0001"), depends_on=[FILL])
    decided = plan([*ALL, far, beside], Facts())
    assert held(decided)[AFTER] == "it depends on shop.0004_contract, which is held back"
    assert held(decided)[far.key] == "it depends on shop.0005, which is held back"
    assert decided.run == [EXPAND, FILL, beside.key]


def test_a_closed_gate_is_the_reason() -> None:
    contract = PlannedMigration(CONTRACT, contracts=[RENAME])
    decided = plan([contract], Facts(closed_gates={RENAME: "the backfill is running."}))
    assert decided.steps == [HoldBack(CONTRACT, Phase.EXPAND, "the backfill is running.")]
    assert str(decided.held_back[0]) == "shop.0004_contract: the backfill is running."


def test_an_open_gate_lets_the_contract_run() -> None:
    contract = PlannedMigration(CONTRACT, contracts=[RENAME])
    assert plan([contract], Facts()).run == [CONTRACT]


def test_nobody_uses_the_table_so_its_gate_does_not_matter() -> None:
    contract = PlannedMigration(CONTRACT, contracts=[RENAME])
    facts = Facts(unused={RENAME.model}, closed_gates={RENAME: "the backfill is running."})
    assert plan([contract], facts).run == [CONTRACT]


def test_one_closed_gate_of_two_is_enough() -> None:
    both = PlannedMigration(CONTRACT, contracts=[RENAME, OTHER])
    decided = plan([both], Facts(unused={RENAME.model}, closed_gates={OTHER: "not yet."}))
    assert held(decided) == {CONTRACT: "not yet."}


def test_transitions_do_not_wait_for_each_other() -> None:
    other = PlannedMigration(("blog", "0003"), contracts=[OTHER])
    decided = plan([*ALL, other], Facts())
    assert decided.run == [EXPAND, FILL, other.key]


# Where the stock command is told to go


def test_the_target_is_what_nothing_else_needs() -> None:
    assert plan(ALL, Facts()).targets == [FILL]
    assert plan(ALL, Facts(unused={RENAME.model})).targets == [AFTER]


def test_each_branch_has_a_target() -> None:
    migrations = [
        PlannedMigration(("a", "1")),
        *ALL,
        PlannedMigration(("a", "2"), depends_on=[("a", "1"), EXPAND]),
        PlannedMigration(("b", "1"), depends_on=[("a", "1")]),
    ]
    assert plan(migrations, Facts()).targets == [FILL, ("a", "2"), ("b", "1")]


def test_no_target_is_beyond_what_may_run() -> None:
    migrations = [
        PlannedMigration(CONTRACT, contracts=[RENAME]),
        PlannedMigration(AFTER, depends_on=[CONTRACT]),
    ]
    assert plan(migrations, Facts(closed_gates={RENAME: "not yet."})).targets == []


# Before and after the deploy

DROP = PlannedMigration(("shop", "0006_drop"), phase=Phase.CONTRACT)
ADD = PlannedMigration(("blog", "0002_add"))
BEFORE_DEPLOY = Options(phase=Phase.EXPAND)
AFTER_DEPLOY = Options(phase=Phase.CONTRACT)


def test_without_a_phase_both_run() -> None:
    assert plan([DROP, ADD], Facts()).run == [DROP.key, ADD.key]


def test_before_the_deploy_contracts_wait_and_what_depends_on_them() -> None:
    follows = PlannedMigration(("shop", "0007"), depends_on=[DROP.key])
    decided = plan([DROP, follows, ADD], Facts(), BEFORE_DEPLOY)
    assert decided.run == [ADD.key]
    assert "it belongs after the deploy" in held(decided)[DROP.key]
    assert held(decided)[DROP.key].endswith("manage.py migrate --phase contract")
    assert held(decided)[follows.key] == "it depends on shop.0006_drop, which is held back"


def test_after_the_deploy_it_is_the_other_way_round() -> None:
    follows = PlannedMigration(("blog", "0003"), depends_on=[ADD.key], phase=Phase.CONTRACT)
    decided = plan([DROP, ADD, follows], Facts(), AFTER_DEPLOY)
    assert decided.run == [DROP.key]
    assert held(decided) == {
        ADD.key: "it belongs before the deploy. Run: manage.py migrate --phase expand",
        follows.key: "it depends on blog.0002_add, which is held back",
    }


def test_a_table_without_rows_keeps_to_the_phases_that_are_asked_for() -> None:
    """Old code that reads it would not survive, with or without rows."""
    contract = PlannedMigration(CONTRACT, contracts=[RENAME], phase=Phase.CONTRACT)
    facts = Facts(unused={RENAME.model})
    assert plan([contract], facts, BEFORE_DEPLOY).run == []
    assert plan([contract], facts, AFTER_DEPLOY).run == [CONTRACT]


def test_a_new_database_has_no_phases() -> None:
    """What is deployed first needs all of it."""
    facts = Facts(is_new=True)
    assert plan([DROP, ADD], facts, BEFORE_DEPLOY).run == [DROP.key, ADD.key]
    assert plan([DROP, ADD], facts, AFTER_DEPLOY).run == [DROP.key, ADD.key]


def test_the_gate_of_a_contract_is_closed_after_the_deploy_as_well() -> None:
    contract = PlannedMigration(CONTRACT, contracts=[RENAME], phase=Phase.CONTRACT)
    decided = plan([contract], Facts(closed_gates={RENAME: "not yet."}), AFTER_DEPLOY)
    assert held(decided) == {CONTRACT: "not yet."}


# What would be noticed

[FINDING, *_] = judge(migrations.AddIndex("order", models.Index(fields=["status"], name="idx")))
UNSAFE = PlannedMigration(("shop", "0002_change"))
NOTICED = Facts(findings={UNSAFE.key: [FINDING]})


def test_what_would_be_noticed_is_refused() -> None:
    decided = plan([UNSAFE, ADD], NOTICED)
    assert decided.steps == [
        Refuse(UNSAFE.key, Phase.EXPAND, [FINDING]),
        Run(ADD.key, Phase.EXPAND),
    ]
    assert decided.refused == [decided.steps[0]]
    assert decided.unsafe == []


@pytest.mark.parametrize("options", [Options(policy="warn"), Options(unsafe="three users only")])
def test_unless_that_is_what_somebody_wants(options: Options) -> None:
    decided = plan([UNSAFE], NOTICED, options)
    assert decided.steps == [Run(UNSAFE.key, Phase.EXPAND, [FINDING])]
    assert decided.refused == []
    assert decided.unsafe == [FINDING]


def test_what_is_held_back_does_not_hurt_and_so_is_not_refused() -> None:
    facts = Facts(findings={DROP.key: [FINDING]})
    decided = plan([DROP, ADD], facts, BEFORE_DEPLOY)
    assert decided.refused == []
    assert decided.run == [ADD.key]


# Safe operations for those of migrations that cannot be edited

SAFE = {0: [AddIndexConcurrently("order", models.Index(fields=["status"], name="idx"))]}
REPLACED = Facts(substitutes={UNSAFE.key: SAFE})


def test_what_has_safe_operations_runs_with_them() -> None:
    decided = plan([UNSAFE, ADD], REPLACED)
    assert decided.steps[0] == Substitute(UNSAFE.key, Phase.EXPAND, SAFE)
    assert decided.run == [UNSAFE.key, ADD.key]
    assert decided.substitutes == {UNSAFE.key: SAFE}


def test_what_they_leave_unsafe_is_refused() -> None:
    facts = Facts(findings=NOTICED.findings, substitutes=REPLACED.substitutes)
    assert plan([UNSAFE], facts).refused == [Refuse(UNSAFE.key, Phase.EXPAND, [FINDING])]
    decided = plan([UNSAFE], facts, Options(unsafe="three users only"))
    assert decided.steps == [Substitute(UNSAFE.key, Phase.EXPAND, SAFE, [FINDING])]


def test_they_wait_like_others() -> None:
    drop = PlannedMigration(UNSAFE.key, phase=Phase.CONTRACT)
    assert plan([drop], REPLACED, BEFORE_DEPLOY).substitutes == {}
