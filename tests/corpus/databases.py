"""Databases with the bookshop in them, made once and copied for each run."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Self

import psycopg
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.state import ProjectState

from tests.corpus.bookshop import AWKWARD_ROWS, INITIAL, ORDINARY_ROWS
from tests.corpus.case import APP
from tests.corpus.observing import AWKWARD, EMPTY, ORDINARY
from tests.support.databases import copied_database, temporary_database
from tests.support.django_database import django_connected_to

_ROWS = {EMPTY: "", ORDINARY: ORDINARY_ROWS, AWKWARD: ORDINARY_ROWS + AWKWARD_ROWS}


class Bookshops(contextlib.ExitStack):
    """A context manager whose call gives a database of its own with these rows."""

    def __init__(self, server_url: str) -> None:
        super().__init__()
        self._server_url = server_url
        self._templates: dict[str, str] = {}

    def __enter__(self) -> Self:
        for rows, statements in _ROWS.items():
            url = self.enter_context(temporary_database(self._server_url))
            with django_connected_to(url) as connection:
                _create_tables(connection)
            with psycopg.connect(url, autocommit=True) as server:
                server.execute(statements)
                server.execute("VACUUM ANALYZE")
            self._templates[rows] = url
        return self

    @property
    def postgres_version(self) -> int:
        """The server's version: 18, say."""
        with psycopg.connect(self._server_url) as server:
            return server.info.server_version // 10_000

    @contextlib.contextmanager
    def __call__(self, rows: str) -> Iterator[tuple[BaseDatabaseWrapper, str]]:
        """Yield Django's default connection to a new copy, and the copy's URL."""
        with (
            copied_database(self._server_url, self._templates[rows]) as url,
            django_connected_to(url) as connection,
        ):
            yield connection, url


def _create_tables(connection: BaseDatabaseWrapper) -> None:
    state = ProjectState()
    with connection.schema_editor() as editor:
        for operation in INITIAL:
            before = state.clone()
            operation.state_forwards(APP, state)
            operation.database_forwards(APP, editor, before, state)
