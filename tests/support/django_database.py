"""Django's own connection, in this process, to a database of the test's choice."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from django.apps import apps
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from devtools.database_url import database_settings


@contextlib.contextmanager
def django_connected_to(database_url: str) -> Iterator[BaseDatabaseWrapper]:
    """Let this thread's default connection go to the database, in autocommit mode.

    Each thread has connections of its own, so two threads can stand for two processes.
    """
    usual = connections[DEFAULT_DB_ALIAS]
    connection: BaseDatabaseWrapper = usual.copy()
    connection.settings_dict.update(database_settings(database_url))
    connections[DEFAULT_DB_ALIAS] = connection
    try:
        yield connection
    finally:
        connection.close()
        connections[DEFAULT_DB_ALIAS] = usual


def create_own_tables(connection: BaseDatabaseWrapper) -> None:
    """Create the tables of zero_downtime as they are at the end of its migrations."""
    with connection.schema_editor() as editor:
        for model in apps.get_app_config("zero_downtime").get_models():
            editor.create_model(model)


def backend_pid(connection: BaseDatabaseWrapper) -> int:
    """Return the process id of the connection's backend."""
    connection.ensure_connection()
    pid: int = connection.connection.info.backend_pid
    return pid
