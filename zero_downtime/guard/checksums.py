"""Telling whether the file of a migration is what it was."""

from __future__ import annotations

import hashlib
from pathlib import Path

from django.db.migrations import Migration

from zero_downtime.lint.source import MigrationSource


def checksum(migration: Migration) -> str:
    """Return the SHA-256 of what the migration's file says, in hexadecimal; "" without a file.

    Blank lines and lines of comment do not count, nor how lines end: none of them changes what
    the migration does.
    """
    file = MigrationSource(migration).file
    if file is None or not file.is_file():
        return ""
    return _checksum(file)


def _checksum(file: Path) -> str:
    lines = (line.rstrip() for line in file.read_bytes().splitlines())
    telling = (line for line in lines if line and not line.lstrip().startswith(b"#"))
    return hashlib.sha256(b"\n".join(telling)).hexdigest()
