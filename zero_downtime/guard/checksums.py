"""Telling whether the file of a migration is what it was."""

from __future__ import annotations

import hashlib

from django.db.migrations import Migration

from zero_downtime.lint.source import imported_from


def checksum(migration: Migration) -> str:
    """Return the SHA-256 of what the migration's file says, in hexadecimal; "" without a file.

    Blank lines and lines of comment do not count, nor how lines end: none of them changes what
    the migration does.
    """
    file = imported_from(migration)
    if file is None:
        return ""
    try:
        source = file.read_bytes()
    except OSError:  # there may be but its bytecode
        return ""
    lines = (line.rstrip() for line in source.splitlines())
    telling = (line for line in lines if line and not line.lstrip().startswith(b"#"))
    return hashlib.sha256(b"\n".join(telling)).hexdigest()
