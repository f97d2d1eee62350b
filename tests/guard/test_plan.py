"""What runs now and what waits, as a function of migrations and facts. No database is asked."""

from __future__ import annotations

from collections.abc import Sequence

from zero_downtime.guard.plan import (
    Facts,
    HeldBack,
    MigrationKey,
    Plan,
    PlannedMigration,
    nearest_targets,
    plan,
)
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
    assert plan(migrations, Facts()) == Plan([("b", "1"), ("a", "1")], [])


def test_an_unused_table_goes_all_the_way_in_one_run() -> None:
    decided = plan(ALL, Facts(unused={RENAME.model}))
    assert decided == Plan([EXPAND, FILL, CONTRACT, AFTER], [])


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
    assert decided == Plan([], [HeldBack(CONTRACT, "the backfill is running.")])
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


def targets(migrations: Sequence[PlannedMigration], facts: Facts) -> list[MigrationKey]:
    return nearest_targets(migrations, plan(migrations, facts).run)


def test_the_nearest_target_is_what_nothing_else_needs() -> None:
    assert targets(ALL, Facts()) == [FILL]
    assert targets(ALL, Facts(unused={RENAME.model})) == [AFTER]


def test_each_branch_has_a_target() -> None:
    migrations = [
        PlannedMigration(("a", "1")),
        *ALL,
        PlannedMigration(("a", "2"), depends_on=[("a", "1"), EXPAND]),
        PlannedMigration(("b", "1"), depends_on=[("a", "1")]),
    ]
    assert targets(migrations, Facts()) == [FILL, ("a", "2"), ("b", "1")]


def test_no_target_is_beyond_what_may_run() -> None:
    migrations = [
        PlannedMigration(CONTRACT, contracts=[RENAME]),
        PlannedMigration(AFTER, depends_on=[CONTRACT]),
    ]
    assert targets(migrations, Facts(closed_gates={RENAME: "not yet."})) == []
