"""What `migrate` should do, as a pure function of migrations and facts about the database."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from zero_downtime.transitions.phases import TransitionKey
from zero_downtime.transitions.unused import ModelKey

MigrationKey = tuple[str, str]


# What has to happen after a step of a transition before the next one may.
_WHAT_COMES_BETWEEN = {
    "expand": "Run: manage.py backfill; deploy {new_code}",
    "switch": "Make sure that {new_code} runs well with it",
}


@dataclass(frozen=True)
class PlannedMigration:
    """What the plan has to know of one unapplied migration."""

    key: MigrationKey
    expands: Collection[TransitionKey] = ()
    switches: Collection[TransitionKey] = ()
    contracts: Collection[TransitionKey] = ()
    # Unapplied migrations that cannot run before this one.
    depends_on: Collection[MigrationKey] = ()


@dataclass(frozen=True)
class Facts:
    """What is true in the database before anything runs."""

    # Models whose table is empty or not there yet: nobody can be using it.
    unused: Collection[ModelKey] = ()
    # Expanded transitions whose gate is closed, and why.
    closed_gates: Mapping[TransitionKey, str] = field(default_factory=dict)


@dataclass(frozen=True)
class HeldBack:
    """A migration that must not run now, and what has to happen first."""

    key: MigrationKey
    reason: str

    def __str__(self) -> str:
        return f"{self.key[0]}.{self.key[1]}: {self.reason}"


@dataclass(frozen=True)
class Plan:
    """The unapplied migrations, told apart. `run` keeps the order of the migration graph."""

    run: Sequence[MigrationKey]
    held_back: Sequence[HeldBack]


def plan(migrations: Sequence[PlannedMigration], facts: Facts) -> Plan:
    """Tell the migrations that run now from those that have to wait.

    Args:
        migrations: the unapplied ones, in an order in which they could run.
    """
    expanding = {key for migration in migrations for key in migration.expands}
    switching = {key for migration in migrations for key in migration.switches}
    run: list[MigrationKey] = []
    held_back: dict[MigrationKey, HeldBack] = {}
    for migration in migrations:
        reason = (
            _why_steps_wait("expand", migration.switches, expanding, facts)
            or _why_steps_wait("expand", migration.contracts, expanding, facts)
            or _why_steps_wait("switch", migration.contracts, switching, facts)
            or _why_it_follows(migration, held_back)
        )
        if reason is None:
            run.append(migration.key)
        else:
            held_back[migration.key] = HeldBack(migration.key, reason)
    return Plan(run, list(held_back.values()))


def _why_steps_wait(
    step_before: str,
    steps: Collection[TransitionKey],
    under_way: Collection[TransitionKey],
    facts: Facts,
) -> str | None:
    """Return why the steps of transitions wait, of which `under_way` take the step before now."""
    for key in steps:
        if key.model in facts.unused:
            continue
        if key in under_way:
            return (
                f"its {step_before} is applied in this same run, and running code uses the table. "
                f"{_WHAT_COMES_BETWEEN[step_before].format(new_code=key.new_code)}; "
                "then run: manage.py migrate"
            )
        if key in facts.closed_gates:
            return facts.closed_gates[key]
    return None


def _why_it_follows(
    migration: PlannedMigration, held_back: Mapping[MigrationKey, HeldBack]
) -> str | None:
    for key in migration.depends_on:
        if key in held_back:
            return f"it depends on {key[0]}.{key[1]}, which is held back"
    return None


def nearest_targets(
    migrations: Sequence[PlannedMigration], run: Collection[MigrationKey]
) -> list[MigrationKey]:
    """Return the fewest targets that make `migrate` apply exactly `run`, in order.

    Those of them on which no other of them depends.
    """
    runnable = [migration for migration in migrations if migration.key in run]
    needed = {key for migration in runnable for key in migration.depends_on}
    return [migration.key for migration in runnable if migration.key not in needed]
