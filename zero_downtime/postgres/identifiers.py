"""Names of database objects: quoting, and fitting them into PostgreSQL's 63 bytes."""

from __future__ import annotations

import hashlib

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.utils import strip_quotes

MAX_BYTES = 63
_DIGEST_LENGTH = 8


def digest(*parts: str) -> str:
    """Return a short, stable fingerprint of `parts`, fit to be part of a name."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:_DIGEST_LENGTH]


def fit(name: str) -> str:
    """Return `name`, shortened to 63 bytes when it is longer.

    PostgreSQL would truncate it silently, so that two long names could become one; a digest of
    the whole name keeps them apart.
    """
    if len(name.encode()) <= MAX_BYTES:
        return name
    kept = name.encode()[: MAX_BYTES - _DIGEST_LENGTH - 1].decode(errors="ignore")
    return f"{kept}_{digest(name)}"


def quote(connection: BaseDatabaseWrapper, name: str) -> str:
    """Quote `name` as Django does, which lets `"schema"."table"` pass as it stands."""
    quoted: str = connection.ops.quote_name(name)
    return quoted


def unquoted(table: str) -> str:
    """Return a `db_table` as people say it: schema and table, or the table alone in `public`."""
    return strip_quotes(table).replace('"."', ".").removeprefix("public.")


def requoted(table: str) -> str:
    """Return what `unquoted` has made, as a `db_table` again."""
    schema, dot, name = table.partition(".")
    return f'"{schema}"."{name}"' if dot else table


def quote_for_parameters(connection: BaseDatabaseWrapper, name: str) -> str:
    """Quote `name` for a statement that is executed with parameters: `%` has to be doubled."""
    return quote(connection, name).replace("%", "%%")
