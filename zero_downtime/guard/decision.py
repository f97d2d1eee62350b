"""From unapplied migrations to the plan: see what is in them, ask the database, decide."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations import Migration
from django.db.migrations.executor import MigrationExecutor

from zero_downtime.guard import facts
from zero_downtime.guard.plan import Facts, Options, Plan, plan
from zero_downtime.guard.survey import Survey, judged_apps, survey


@dataclass(frozen=True)
class Decision:
    """What `migrate` will do, and what that was decided from."""

    plan: Plan
    facts: Facts
    survey: Survey


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
    loader = executor.loader
    is_new = facts.database_is_new(connection)
    seen = Survey()
    # A new database has no users who could notice anything, and often hundreds of migrations.
    if migrations and not is_new:
        seen = survey(loader, migrations, judged_apps(migrations, options.policy))
    known = facts.gather(connection, executor, migrations, seen, is_new=is_new)
    return Decision(plan(facts.planned(loader, migrations, seen), known, options), known, seen)
