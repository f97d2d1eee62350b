"""The names of backfills: `app.migration`, or `app.migration.N` when a migration holds several."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from django.db.migrations import Migration
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations import SeparateDatabaseAndState
from django.db.migrations.operations.base import Operation

from zero_downtime.errors import Refused

if TYPE_CHECKING:
    from zero_downtime.operations.backfill import BackfillOperation


def flattened(operations: Sequence[Operation]) -> Iterator[Operation]:
    """Yield operations that touch the database, those inside SeparateDatabaseAndState included."""
    for operation in operations:
        if isinstance(operation, SeparateDatabaseAndState):
            yield from flattened(operation.database_operations)
        else:
            yield operation


def backfill_operations(migration: Migration) -> list[BackfillOperation]:
    """Return the backfills of a migration in the order in which they stand."""
    from zero_downtime.operations.backfill import BackfillOperation

    return [
        operation
        for operation in flattened(migration.operations)
        if isinstance(operation, BackfillOperation)
    ]


def backfill_name(operation: BackfillOperation, app_label: str) -> str:
    """Return the name of the backfill of `operation`, which stands in a migration file.

    An operation does not know its migration. The files are imported once, so the operation that
    runs and the one in the file are the same object.
    """
    for (label, name), migration in MigrationLoader(None).disk_migrations.items():
        if label != app_label:
            continue
        siblings = backfill_operations(migration)
        for number, sibling in enumerate(siblings, start=1):
            if sibling is operation:
                return _name(app_label, name, number, len(siblings))
    raise Refused(
        f"{operation!r} stands in no migration file of app {app_label!r}, and a backfill is "
        "named after its migration."
    )


def _name(app_label: str, migration_name: str, number: int, siblings: int) -> str:
    name = f"{app_label}.{migration_name}"
    return name if siblings == 1 else f"{name}.{number}"


def find_backfill(name: str, loader: MigrationLoader) -> tuple[Migration, BackfillOperation] | None:
    """Return the migration and the operation that the backfill called `name` comes from."""
    for (app_label, migration_name), migration in loader.disk_migrations.items():
        siblings = backfill_operations(migration)
        for number, operation in enumerate(siblings, start=1):
            if _name(app_label, migration_name, number, len(siblings)) == name:
                return migration, operation
    return None
