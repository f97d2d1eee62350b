"""Refusing to go back where there is no way, before any of the way is gone."""

from __future__ import annotations

from collections.abc import Sequence

from django.db.migrations import Migration

from zero_downtime.errors import Refused
from zero_downtime.operations.base import flattened


def require_way_back(migrations: Sequence[Migration]) -> None:
    """Check that all of `migrations` can be unapplied.

    Django finds out when it gets there, with the later ones unapplied already.

    Raises:
        Refused: an operation is irreversible; says which, and how far back one can go.
    """
    for migration in migrations:
        for operation in flattened(migration.operations):
            if not operation.reversible:
                app_label, name = migration.app_label, migration.name
                raise Refused(
                    f"{app_label}.{name} cannot be unapplied: it has no way back for "
                    f"{operation.describe()!r}. Nothing was changed. Give the operation one "
                    "(reverse_code, reverse_sql; one that does nothing will do if all may stay as "
                    f"it is), or go back no further than: manage.py migrate {app_label} {name}"
                )
