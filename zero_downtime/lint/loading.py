"""Loading the migration graph, with an error for people where it cannot be."""

from __future__ import annotations

import traceback
from pathlib import Path

from django.apps import apps
from django.core.management.base import CommandError
from django.db import DatabaseError
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.exceptions import (
    AmbiguityError,
    BadMigrationError,
    CircularDependencyError,
    NodeNotFoundError,
)
from django.db.migrations.loader import MigrationLoader

_OF_THE_GRAPH = (AmbiguityError, BadMigrationError, CircularDependencyError, NodeNotFoundError)


def load(connection: BaseDatabaseWrapper | None) -> MigrationLoader:
    """Return Django's loader; without a connection it asks no database.

    Raises:
        CommandError: with exit code 2, if a migration cannot be imported or the graph is wrong.
        DatabaseError: the database cannot be asked.
    """
    try:
        return MigrationLoader(connection)
    except _OF_THE_GRAPH as error:
        raise CommandError(f"The migrations do not fit together: {error}", returncode=2) from error
    except DatabaseError:
        raise
    except Exception as error:
        place = _migration_in(error)
        if place is None:
            raise
        raise CommandError(
            f"{place} cannot be imported: {type(error).__name__}: {error}", returncode=2
        ) from error


def _migration_in(error: Exception) -> str | None:
    """Return file and line of the migration whose import has failed; None if it is no migration."""
    modules = (MigrationLoader.migrations_module(app.label)[0] for app in apps.get_app_configs())
    packages = {module.replace(".", "/") for module in modules if module}
    frames = traceback.extract_tb(error.__traceback__)
    places = [(frame.filename, frame.lineno) for frame in reversed(frames)]
    if isinstance(error, SyntaxError):  # no code of the file has run
        places.insert(0, (error.filename or "", error.lineno))
    for file, line in places:
        folder = Path(file).parent.as_posix()
        if any(folder.endswith(f"/{package}") for package in packages):
            return f"{file}:{line}"
    return None
