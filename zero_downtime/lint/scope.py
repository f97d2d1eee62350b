"""Which migrations are judged."""

from __future__ import annotations

from pathlib import Path

from django.apps import AppConfig, apps
from django.core.management.base import CommandError
from django.db.migrations import Migration
from django.db.migrations.loader import MigrationLoader

from zero_downtime.apps import ZeroDowntimeConfig
from zero_downtime.errors import UnknownName
from zero_downtime.lint.walk import graph_order

_INSTALLED_PACKAGES = {"site-packages", "dist-packages"}


def first_party(app: AppConfig) -> bool:
    """Tell whether the project itself, not a package it installed, brings the app."""
    return not_ours(app) and not _INSTALLED_PACKAGES.intersection(Path(app.path).resolve().parts)


def not_ours(app: AppConfig) -> bool:
    """Tell whether the app is not this one, whose migrations create its tables only."""
    return not isinstance(app, ZeroDowntimeConfig)


def migrations_in_scope(
    loader: MigrationLoader,
    app_label: str | None = None,
    name: str | None = None,
    *,
    third_party: bool = False,
) -> list[Migration]:
    """Return the migrations to judge: of all first-party apps, of one app, or one migration.

    With `third_party`, "all" are those of installed packages as well, but for our own.

    A migration may be given by the beginning of its name, as to Django's own commands.

    Raises:
        UnknownName: no app or no migration of that name.
        CommandError: the beginning of a name fits several migrations.
    """
    if app_label is not None and name is not None:
        return [_by_prefix(loader, _migrated_app(loader, app_label), name)]
    return [each for each in _of_apps(loader, app_label, third_party) if not each.replaces]


def squashed_in_scope(
    loader: MigrationLoader, app_label: str | None = None, *, third_party: bool = False
) -> list[Migration]:
    """Return the squashed migrations of all first-party apps, or of one app.

    No environment that has data runs them, so that most rules do not care.
    """
    return [each for each in _of_apps(loader, app_label, third_party) if each.replaces]


def _of_apps(loader: MigrationLoader, app_label: str | None, third_party: bool) -> list[Migration]:
    if app_label is None:
        chosen = not_ours if third_party else first_party
        labels = {app.label for app in apps.get_app_configs() if chosen(app)}
    else:
        labels = {_migrated_app(loader, app_label)}
    return [each for each in graph_order(loader) if each.app_label in labels]


def _migrated_app(loader: MigrationLoader, app_label: str) -> str:
    if app_label not in loader.migrated_apps:
        raise UnknownName("app with migrations", app_label, loader.migrated_apps)
    return app_label


def _by_prefix(loader: MigrationLoader, app_label: str, prefix: str) -> Migration:
    names = [name for label, name in loader.graph.nodes if label == app_label]
    matches = [name for name in names if name.startswith(prefix)]
    if prefix in names:
        matches = [prefix]
    if not matches:
        raise UnknownName(f"migration in app {app_label!r}", prefix, names)
    if len(matches) > 1:
        raise CommandError(
            f"Several migrations of app {app_label!r} begin with {prefix!r}: "
            f"{', '.join(sorted(matches))}.",
            returncode=2,
        )
    migration: Migration = loader.graph.nodes[app_label, matches[0]]
    return migration
