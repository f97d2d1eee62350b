"""What unapplied migrations do to a database, as the linter sees it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from django.db import router
from django.db.migrations import Migration
from django.db.migrations.loader import MigrationLoader

from zero_downtime.lint.state import UnrenderedState
from zero_downtime.lint.walk import Step, graph_order, walk


def steps_of(loader: MigrationLoader, migrations: Iterable[Migration], alias: str) -> list[Step]:
    """Return what `migrations` do to the database `alias`, one after the other. Asks no database.

    They are nodes of the loader's graph.
    """
    return on_database(walk_over(loader, migrations), alias)


def walk_over(loader: MigrationLoader, migrations: Iterable[Migration]) -> Iterator[Step]:
    """Yield the steps of `migrations`, which run one after the other, whatever the database."""
    judged = set(migrations)
    if judged:
        state = UnrenderedState(real_apps=loader.unmigrated_apps)
        yield from walk(graph_order(loader), state, judged=judged, together=True)


def on_database(steps: Iterable[Step], alias: str) -> list[Step]:
    """Return those of `steps` that do something to the database `alias`, not just to the state."""
    return [step for step in steps if _concerns(step, alias)]


def _concerns(step: Step, alias: str) -> bool:
    """Ask the routers as the operation will."""
    model = step.after or step.before
    if model is not None:
        return bool(router.allow_migrate(alias, step.app_label, model_name=model.name_lower))
    hints: dict[str, Any] = getattr(step.operation, "hints", {})
    return bool(router.allow_migrate(alias, step.app_label, **hints))
