"""Every rule meets every operation."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from django.db.migrations import Migration
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.state import ProjectState

from zero_downtime.lint.findings import Finding
from zero_downtime.lint.registry import all_rules
from zero_downtime.lint.rule import Rule
from zero_downtime.lint.state import UnrenderedState
from zero_downtime.lint.walk import graph_order, walk


def judge(
    loader: MigrationLoader,
    migrations: Iterable[Migration],
    *,
    rules: Iterable[Rule] | None = None,
    together: bool = True,
) -> list[Finding]:
    """Return what the rules (all of them, by default) find in `migrations`. Asks no database.

    The migrations are nodes of the loader's graph. `together` says that they are one plan, run
    one after the other on the same database: a table that one creates is new to the next.
    Otherwise each is judged as if it ran alone.
    """
    judged = set(migrations)
    if not judged:
        return []
    return judge_ordered(
        graph_order(loader),
        UnrenderedState(real_apps=loader.unmigrated_apps),
        judged=judged,
        rules=rules,
        together=together,
    )


def judge_ordered(
    migrations: Iterable[Migration],
    state: ProjectState,
    *,
    judged: Collection[Migration],
    rules: Iterable[Rule] | None = None,
    together: bool = True,
) -> list[Finding]:
    """Return what the rules find in the `judged` ones of `migrations`, which start at `state`."""
    chosen = list(all_rules() if rules is None else rules)
    return [
        finding
        for step in walk(migrations, state, judged=judged, together=together)
        for rule in chosen
        for finding in rule.check(step)
    ]
