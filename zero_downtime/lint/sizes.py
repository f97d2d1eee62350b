"""How large the tables are where the migrations will run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from django.core.management.base import CommandError
from django.db import DatabaseError, connections

from zero_downtime.errors import UnknownName
from zero_downtime.postgres import catalog

VERSION = 1


@dataclass(frozen=True)
class Sizes:
    """Rows of tables, as PostgreSQL estimates them."""

    rows: Mapping[str, int]

    @classmethod
    def of_database(cls, alias: str) -> Sizes:
        """Ask a database, which reads no table for it.

        Raises:
            UnknownName: there is no such database.
            CommandError: with exit code 2, if it cannot be reached or is no PostgreSQL.
        """
        if alias not in connections:
            raise UnknownName("database", alias, connections)
        connection = connections[alias]
        if connection.vendor != "postgresql":
            raise CommandError(f"Database {alias!r} is no PostgreSQL.", returncode=2)
        try:
            return cls(catalog.rows_of_all_tables(connection))
        except DatabaseError as error:
            raise CommandError(
                f"Database {alias!r} cannot be asked for the sizes of its tables: {error}",
                returncode=2,
            ) from error

    @classmethod
    def read(cls, file: Path) -> Sizes:
        """Read what `as_json` has made.

        Raises:
            CommandError: with exit code 2, if it is no such file.
        """
        try:
            content = json.loads(file.read_text("utf-8"))
            if content["version"] != VERSION:
                raise CommandError(
                    f"{file} is of version {content['version']}; this is for version {VERSION}.",
                    returncode=2,
                )
            return cls({name: int(table["rows"]) for name, table in content["tables"].items()})
        except OSError as error:
            raise CommandError(f"{file} cannot be read: {error.strerror}.", returncode=2) from error
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise CommandError(
                f"{file} does not hold sizes of tables. "
                "Make one with: manage.py lintmigrations --export-sizes --output FILE",
                returncode=2,
            ) from error

    def as_json(self) -> str:
        tables = {name: {"rows": rows} for name, rows in sorted(self.rows.items())}
        return json.dumps({"version": VERSION, "tables": tables}, indent=2)
