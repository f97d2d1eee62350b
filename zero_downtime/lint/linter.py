"""What is reported about migrations."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from django.db.migrations import Migration
from django.db.migrations.loader import MigrationLoader

from zero_downtime.lint.findings import Report
from zero_downtime.lint.judge import judge
from zero_downtime.lint.rule import Rule
from zero_downtime.lint.source import MigrationSource
from zero_downtime.lint.suppressions import suppress


def lint(
    loader: MigrationLoader,
    migrations: Sequence[Migration],
    rules: Collection[Rule],
    *,
    together: bool = False,
) -> Report:
    """Judge `migrations` by `rules`; leave out what is suppressed in them. Asks no database.

    `together` says that they are one plan, run one after the other on the same database.
    """
    findings = judge(loader, migrations, rules=rules, together=together)
    reported, suppressed = suppress(findings, map(MigrationSource, migrations), rules)
    return Report(tuple(reported), len(migrations), tuple(suppressed))
