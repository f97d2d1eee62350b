"""Telling whether the file of a migration is what it was."""

from __future__ import annotations

import hashlib

from django.db.migrations import Migration

from zero_downtime.lint.source import IGNORE_ATTRIBUTE, assignment, imported_from, migration_class


def checksum(migration: Migration) -> str:
    """Return the SHA-256 of what the migration's file says, in hexadecimal; "" without a file.

    Blank lines and lines of comment do not count, nor how lines end, nor what the linter is told
    to ignore: none of them changes what the migration does.
    """
    file = imported_from(migration)
    if file is None or file.suffix != ".py":  # there may be but its bytecode
        return ""
    try:
        source = file.read_bytes()
    except OSError:
        return ""
    lines = source.splitlines()
    if IGNORE_ATTRIBUTE.encode() in source:  # to look for it is much cheaper than to parse
        del lines[_ignored(source)]
    stripped = (line.rstrip() for line in lines)
    telling = (line for line in stripped if line and not line.lstrip().startswith(b"#"))
    return hashlib.sha256(b"\n".join(telling)).hexdigest()


def _ignored(source: bytes) -> slice:
    """Return the lines that tell the linter what to ignore in all of the migration."""
    migration = migration_class(source)
    written = migration and assignment(migration, IGNORE_ATTRIBUTE)
    return slice(written.lineno - 1, written.end_lineno) if written else slice(0)
