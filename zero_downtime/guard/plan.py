"""What `migrate` should do, as a pure function of migrations, facts about the database, options."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from django.db.migrations.operations.base import Operation

from zero_downtime.guard.phase import Phase

if TYPE_CHECKING:
    from zero_downtime.lint.findings import Finding
    from zero_downtime.transitions.phases import TransitionKey
    from zero_downtime.transitions.unused import ModelKey

MigrationKey = tuple[str, str]


# What has to happen after a step of a transition before the next one may.
_WHAT_COMES_BETWEEN = {
    "expand": "Run: manage.py backfill; deploy {new_code}",
    "switch": "Make sure that {new_code} runs well with it",
}

# Why a migration of this phase does not run when the other one is asked for.
_WHERE_IT_BELONGS = {
    Phase.EXPAND: "it belongs before the deploy. Run: manage.py migrate --phase expand",
    Phase.CONTRACT: "it belongs after the deploy. When old code is stopped, run: "
    "manage.py migrate --phase contract",
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
    phase: Phase = Phase.EXPAND


@dataclass(frozen=True)
class Facts:
    """What is true in the database before anything runs."""

    # Models whose table is empty or not there yet: nobody can be using it.
    unused: Collection[ModelKey] = ()
    # Expanded transitions whose gate is closed, and why.
    closed_gates: Mapping[TransitionKey, str] = field(default_factory=dict)
    # What users would notice, of tables in use; without what `substitutes` does better.
    findings: Mapping[MigrationKey, Sequence[Finding]] = field(default_factory=dict)
    # Safe operations for those at these indexes, of migrations that cannot be edited.
    substitutes: Mapping[MigrationKey, Mapping[int, Sequence[Operation]]] = field(
        default_factory=dict
    )
    # The database has no tables but those that this run creates, so there is no running code.
    is_new: bool = False


@dataclass(frozen=True)
class Options:
    """What the command line and the settings ask for."""

    # Only migrations of this phase run; None for both.
    phase: Phase | None = None
    # What becomes of a migration with findings.
    policy: str = "refuse"
    # Why it is applied all the same.
    unsafe: str = ""


@dataclass(frozen=True)
class Run:
    """A migration that runs as it is."""

    key: MigrationKey
    phase: Phase
    # What users will notice, because that was asked for.
    findings: Sequence[Finding] = ()


@dataclass(frozen=True)
class Substitute:
    """A migration that runs with other operations in the database."""

    key: MigrationKey
    phase: Phase
    # What runs instead of the operations at these indexes. The state is moved by the originals.
    operations: Mapping[int, Sequence[Operation]]
    findings: Sequence[Finding] = ()


@dataclass(frozen=True)
class HoldBack:
    """A migration that must not run now, and what has to happen first."""

    key: MigrationKey
    phase: Phase
    reason: str

    def __str__(self) -> str:
        return f"{self.key[0]}.{self.key[1]}: {self.reason}"


@dataclass(frozen=True)
class Refuse:
    """A migration that must not run as it is. Nothing else runs, either."""

    key: MigrationKey
    phase: Phase
    findings: Sequence[Finding]


Step: TypeAlias = Run | Substitute | HoldBack | Refuse


@dataclass(frozen=True)
class Plan:
    """One step for each unapplied migration, in an order in which they can run."""

    steps: Sequence[Step]
    # The fewest targets that make `migrate` apply what runs and nothing else, in order.
    targets: Sequence[MigrationKey] = ()

    @property
    def run(self) -> list[MigrationKey]:
        return [step.key for step in self.steps if isinstance(step, Run | Substitute)]

    @property
    def held_back(self) -> list[HoldBack]:
        return [step for step in self.steps if isinstance(step, HoldBack)]

    @property
    def refused(self) -> list[Refuse]:
        return [step for step in self.steps if isinstance(step, Refuse)]

    @property
    def substitutes(self) -> dict[MigrationKey, Mapping[int, Sequence[Operation]]]:
        return {step.key: step.operations for step in self.steps if isinstance(step, Substitute)}

    @property
    def unsafe(self) -> list[Finding]:
        """What users will notice of what runs."""
        running = (step for step in self.steps if isinstance(step, Run | Substitute))
        return [finding for step in running for finding in step.findings]


def plan(
    migrations: Sequence[PlannedMigration], facts: Facts, options: Options | None = None
) -> Plan:
    """Decide what becomes of each migration.

    Args:
        migrations: the unapplied ones, in an order in which they could run.
    """
    options = options or Options()
    # Transitions that take a step in this run.
    expanding: set[TransitionKey] = set()
    switching: set[TransitionKey] = set()
    held_back: set[MigrationKey] = set()
    steps: list[Step] = []
    for migration in migrations:
        reason = (
            _why_in_another_phase(migration, facts, options)
            or _why_steps_wait("expand", migration.switches, expanding, facts)
            or _why_steps_wait("expand", migration.contracts, expanding, facts)
            or _why_steps_wait("switch", migration.contracts, switching, facts)
            or _why_it_follows(migration, held_back)
        )
        if reason is not None:
            held_back.add(migration.key)
            steps.append(HoldBack(migration.key, migration.phase, reason))
            continue
        expanding.update(migration.expands)
        switching.update(migration.switches)
        steps.append(_running(migration, facts, options))
    return Plan(steps, _targets([each for each in migrations if each.key not in held_back]))


def _running(migration: PlannedMigration, facts: Facts, options: Options) -> Step:
    key, phase = migration.key, migration.phase
    findings = facts.findings.get(key, ())
    if findings and options.policy == "refuse" and not options.unsafe:
        return Refuse(key, phase, findings)
    if key in facts.substitutes:
        return Substitute(key, phase, facts.substitutes[key], findings)
    return Run(key, phase, findings)


def _why_in_another_phase(
    migration: PlannedMigration, facts: Facts, options: Options
) -> str | None:
    if options.phase in (None, migration.phase) or facts.is_new:
        return None
    return _WHERE_IT_BELONGS[migration.phase]


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


def _why_it_follows(migration: PlannedMigration, held_back: Collection[MigrationKey]) -> str | None:
    for key in migration.depends_on:
        if key in held_back:
            return f"it depends on {key[0]}.{key[1]}, which is held back"
    return None


def _targets(migrations: Sequence[PlannedMigration]) -> list[MigrationKey]:
    """Return those on which no other depends."""
    needed = {key for migration in migrations for key in migration.depends_on}
    return [migration.key for migration in migrations if migration.key not in needed]
