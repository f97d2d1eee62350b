"""The server that everything is measured on, and fresh databases on it."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Hashable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from importlib.metadata import version
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psycopg
from psycopg import sql

from benchmarks.processes import Elapsed, stopwatch
from devtools.database_url import with_database
from devtools.embedded_postgres import EmbeddedPostgres
from tests.support.databases import copied_database

SERVER_SETTINGS = {
    # The table and its indexes fit in, as the busy part of a production database should.
    "shared_buffers": "2GB",
    # No checkpoint but ours, before each run: else the runs that happen to meet one lose.
    "max_wal_size": "32GB",
    # Enough for a run: a checkpoint keeps the files of old WAL for new WAL, as on any server that
    # has been up for a while. To create one makes everybody wait who commits.
    "min_wal_size": "4GB",
    "checkpoint_timeout": "1h",
    # For VACUUM, CREATE INDEX and the like; 64MB has not been enough for anybody since 2005.
    "maintenance_work_mem": "256MB",
}

# What 2,000,000 rows make the server write, and the copy of their database before, fits in.
WAL_BYTES = 2 * 1024**3
WAL_FILE_BYTES = 16 * 1024**2


class Laboratory:
    """A PostgreSQL server as a context manager, with durability and autovacuum as by default."""

    def __init__(self, settings: Mapping[str, str] | None = None) -> None:
        self.server = EmbeddedPostgres(config={**SERVER_SETTINGS, **(settings or {})})
        self.originals: dict[Hashable, str] = {}

    def __enter__(self) -> Self:
        self.server.start()
        pid_file = self.server.directory / "data" / "postmaster.pid"
        self.server_pid = int(pid_file.read_text().splitlines()[0])
        self._create_wal_files()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.server.stop()

    def _create_wal_files(self) -> None:
        """Have the files of `WAL_BYTES` ready for the WAL of the first run too."""
        with psycopg.connect(self.server.url, autocommit=True) as connection:
            for _ in range(WAL_BYTES // WAL_FILE_BYTES):
                # A file without anything in it is not switched away from.
                connection.execute("SELECT pg_logical_emit_message(false, 'benchmarks', '')")
                connection.execute("SELECT pg_switch_wal()")
            connection.execute("CHECKPOINT")

    @contextmanager
    def fresh_database(self, key: Hashable, build: Callable[[str], None]) -> Iterator[str]:
        """Yield the URL of a database that nobody has used yet.

        It is vacuumed, analyzed, and all of it is on disk.

        Args:
            key: what makes this kind of database different from others.
            build: called with the URL of an empty database, once for each `key`; from then on the
                result is copied.
        """
        if key not in self.originals:
            self.originals[key] = self._create_database()
            build(self.originals[key])
        with copied_database(self.server.url, self.originals[key]) as url:
            with psycopg.connect(url, autocommit=True) as connection:
                connection.execute("VACUUM (ANALYZE)")
                connection.execute("CHECKPOINT")
            yield url

    def _create_database(self) -> str:
        name = f"original_{len(self.originals)}"
        with psycopg.connect(self.server.url, autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        return with_database(self.server.url, name)

    def stopwatch(self) -> AbstractContextManager[Elapsed]:
        """Measure time, and the processor time of the server."""
        return stopwatch(self.server_pid)

    def describe(self) -> dict[str, Any]:
        """Return what somebody who doubts the figures would ask about machine and software."""
        with psycopg.connect(self.server.url) as connection:
            changed = connection.execute(
                "SELECT name, current_setting(name) FROM pg_settings "
                "WHERE source = 'configuration file' ORDER BY name"
            ).fetchall()
            durability = connection.execute(
                "SELECT name, current_setting(name) FROM pg_settings WHERE name IN "
                "('fsync', 'synchronous_commit', 'full_page_writes', 'autovacuum')"
            ).fetchall()
            server_version = connection.execute("SHOW server_version").fetchone()
        assert server_version is not None
        return {
            "machine": {
                "cores": len(os.sched_getaffinity(0)),
                "processor": _processor(),
                "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
                "system": platform.platform(),
            },
            "versions": {
                "postgresql": server_version[0],
                "python": platform.python_version(),
                "django": version("django"),
                "psycopg": version("psycopg"),
            },
            "server_settings": dict(changed + durability),
        }


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
