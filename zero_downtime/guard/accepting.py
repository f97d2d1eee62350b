"""Taking the files of applied migrations as they are now."""

from __future__ import annotations

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.loader import MigrationLoader

from zero_downtime.guard.targets import find_targets
from zero_downtime.lint.edited import Edited, edited
from zero_downtime.models import JournalEntry


def accept_edited(
    connection: BaseDatabaseWrapper, app_label: str | None, migration_name: str | None
) -> list[Edited]:
    """Let the journal say that what was applied are the files as they are now; return which.

    Args:
        app_label: take those of this app only.
        migration_name: take this one only; its beginning will do.

    Raises:
        UnknownName: there is no such app, or no such migration.
        Refused: the name fits several migrations.
    """
    loader = MigrationLoader(connection)
    targets = find_targets(loader, app_label, migration_name)
    accepted = [
        each
        for each in edited(connection, loader.graph.nodes.values())
        if app_label in (None, each.migration.app_label)
        and (migration_name is None or (each.migration.app_label, each.migration.name) in targets)
    ]
    for each in accepted:
        entries = JournalEntry.objects.using(connection.alias).filter(pk=each.entry)
        entries.update(checksum=each.checksum)
    return accepted
