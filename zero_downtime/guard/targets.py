"""What the command line of `migrate` aims at."""

from __future__ import annotations

from django.db.migrations.exceptions import AmbiguityError
from django.db.migrations.loader import MigrationLoader

from zero_downtime.errors import Refused, UnknownName

Target = tuple[str, str | None]


def find_targets(
    loader: MigrationLoader, app_label: str | None, migration_name: str | None
) -> list[Target]:
    """Return the targets of `migrate [app_label [migration_name]]` as Django's executor has them.

    Raises:
        UnknownName: there is no such app, or no such migration.
        Refused: the name fits several migrations.
    """
    leaves: list[Target] = loader.graph.leaf_nodes()
    if not app_label:
        return leaves
    if app_label not in loader.migrated_apps:
        raise UnknownName("app with migrations", app_label, loader.migrated_apps)
    if not migration_name:
        return [leaf for leaf in leaves if leaf[0] == app_label]
    if migration_name == "zero":
        return [(app_label, None)]
    return [_find_migration(loader, app_label, migration_name)]


def _find_migration(loader: MigrationLoader, app_label: str, migration_name: str) -> Target:
    try:
        found = loader.get_migration_by_prefix(app_label, migration_name)
    except KeyError:
        known = [name for label, name in loader.disk_migrations if label == app_label]
        raise UnknownName(f"migration in app {app_label!r}", migration_name, known) from None
    except AmbiguityError as error:
        raise Refused(f"{error}. Write more of the name.", returncode=2) from None
    target = (app_label, found.name)
    if target not in loader.graph.nodes and target in loader.replacements:
        # A squashed migration that is applied in part is not in the graph; its parts are.
        target = loader.replacements[target].replaces[-1]
    return target
