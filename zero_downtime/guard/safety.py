"""Refusing unapplied migrations that would be noticed."""

from __future__ import annotations

from collections.abc import Sequence

from django.apps import apps
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations import Migration
from django.db.migrations.loader import MigrationLoader

from zero_downtime.errors import Refused
from zero_downtime.lint.findings import Finding, errors
from zero_downtime.lint.judge import judge
from zero_downtime.lint.scope import first_party
from zero_downtime.lint.source import MigrationSource
from zero_downtime.lint.suppressions import suppress
from zero_downtime.postgres import catalog
from zero_downtime.postgres.identifiers import requoted


def unsafe_findings(
    connection: BaseDatabaseWrapper, loader: MigrationLoader, migrations: Sequence[Migration]
) -> list[Finding]:
    """Return what users would notice if `migrations` ran now.

    Third-party migrations cannot be edited, so they are not judged. Nor is reported what is
    suppressed in the migration. A table that is not there yet, or empty, has nobody who could
    notice.
    """
    own = [
        migration
        for migration in migrations
        if first_party(apps.get_app_config(migration.app_label))
    ]
    findings, _ = suppress(errors(judge(loader, own)), map(MigrationSource, own))
    return [finding for finding in findings if _is_used(connection, finding.tables)]


def _is_used(connection: BaseDatabaseWrapper, tables: Sequence[str]) -> bool:
    # A table of no schema may have a dot in its name, too.
    names = {name for table in tables for name in (table, requoted(table))}
    return not tables or any(
        catalog.table_exists(connection, name) and catalog.has_rows(connection, name)
        for name in names
    )


def describe(findings: Sequence[Finding]) -> str:
    """Name each finding and what to do instead."""
    return "\n".join(
        f"  {finding.app}.{finding.migration}: {finding.rule} {finding.name}: "
        f"{finding.message}\n    {finding.remedy}"
        for finding in findings
    )


def refusal(findings: Sequence[Finding]) -> Refused:
    """Return the error that names each finding and the ways to go on."""
    return Refused(
        f"Unsafe migrations are not applied:\n{describe(findings)}\n"
        'Change them, or apply them as they are with: manage.py migrate --unsafe "REASON"'
    )
