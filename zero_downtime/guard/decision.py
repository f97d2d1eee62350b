"""From unapplied migrations to the plan: see what is in them, ask the database, decide."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.apps import apps
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations import Migration
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.recorder import MigrationRecorder

from zero_downtime.guard.phase import Phase, declared_phase
from zero_downtime.guard.plan import Facts, Options, Plan, Run, plan
from zero_downtime.operations.base import Repeatable, flattened
from zero_downtime.postgres import catalog

if TYPE_CHECKING:
    from zero_downtime.guard.survey import Survey


@dataclass(frozen=True)
class Decision:
    """What `migrate` will do, and what that was decided from."""

    plan: Plan
    facts: Facts
    survey: Survey | None
    """None on a new database, which has no users who could notice anything."""
    needs_own_tables: bool = True
    """Before anything else runs: there is something of ours in the migrations, or to be noted."""


def decide(
    connection: BaseDatabaseWrapper,
    executor: MigrationExecutor,
    migrations: Sequence[Migration],
    options: Options,
) -> Decision:
    """Decide what becomes of unapplied migrations, which are in order. Changes nothing.

    Raises:
        Refused: one of them declares a phase that there is not; with exit code 2.
    """
    is_new = _is_new(connection)
    if is_new and not any(map(_has_own_operations, migrations)):
        # How far one is that is not atomic is noted while it runs.
        has_to_be_noted = not all(migration.atomic for migration in migrations)
        return Decision(_all_of(migrations), Facts(is_new=True), None, has_to_be_noted)
    # What looks closer takes longer to import than a few hundred migrations to apply.
    from zero_downtime.guard import facts
    from zero_downtime.guard.survey import Survey, judged_apps, survey

    loader = executor.loader
    seen = Survey()
    if migrations:
        seen = survey(loader, migrations, judged_apps(migrations, options.policy))
    known = facts.gather(connection, executor, migrations, seen, is_new=is_new)
    decided = plan(facts.planned(loader, migrations, seen), known, options)
    return Decision(decided, known, None if is_new else seen)


def _is_new(connection: BaseDatabaseWrapper) -> bool:
    """Whether the database has no tables yet but Django's record of migrations, and ours.

    There can be no running code then, and nothing that a migration could disturb.
    """
    own = {model._meta.db_table for model in apps.get_app_config("zero_downtime").get_models()}
    record = MigrationRecorder.Migration._meta.db_table
    return not catalog.has_tables(connection, besides={*own, record})


def _has_own_operations(migration: Migration) -> bool:
    return any(isinstance(each, Repeatable) for each in flattened(migration.operations))


def _all_of(migrations: Sequence[Migration]) -> Plan:
    """Let all run: there is nothing to wait for."""
    return Plan(
        [
            Run((each.app_label, each.name), declared_phase(each) or Phase.EXPAND)
            for each in migrations
        ]
    )
