"""Evidence that old code is still at work: when the old side of a transition was last written.

The dual-write triggers know which side a statement wrote. They leave the second of the latest
old-style write in a sequence: setting one takes no row lock, conflicts with nobody and is not
undone by a rollback. It is set at most once a second, so a bulk write by old code does not pay
for it in every row. Reads by old code leave no trace.
"""

from __future__ import annotations

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from zero_downtime.transitions.pairs import ColumnPair


def _sequence(pair: ColumnPair) -> str:
    """Return the sequence's qualified name: a trigger runs under anybody's `search_path`."""
    return f"{pair.quoted_schema}.zero_downtime_{pair.identity}_old_write"


def note_old_write(pair: ColumnPair) -> str:
    """Return the plpgsql statements by which a trigger notes an old-style write."""
    sequence = f"'{_sequence(pair)}'::regclass"
    second = "extract(epoch FROM clock_timestamp())::bigint"
    return f"""
                    IF coalesce(pg_sequence_last_value({sequence}), 0) < {second} THEN
                        PERFORM setval({sequence}, {second});
                    END IF;"""


def install(schema_editor: BaseDatabaseSchemaEditor, pair: ColumnPair) -> None:
    """Create the sequence. Everybody who may write the table must be able to leave a trace."""
    sequence = _sequence(pair)
    schema_editor.execute(f"CREATE SEQUENCE IF NOT EXISTS {sequence}", params=None)
    schema_editor.execute(f"GRANT SELECT, UPDATE ON SEQUENCE {sequence} TO PUBLIC", params=None)


def uninstall(schema_editor: BaseDatabaseSchemaEditor, pair: ColumnPair) -> None:
    """Drop the sequence."""
    schema_editor.execute(f"DROP SEQUENCE IF EXISTS {_sequence(pair)}", params=None)


def seconds_since_old_write(connection: BaseDatabaseWrapper, pair: ColumnPair) -> float | None:
    """Return how long ago, by the server's clock, the old side was last written; None if never."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT extract(epoch FROM clock_timestamp())::float8 "
            "- pg_sequence_last_value(to_regclass(%s))",
            [_sequence(pair)],
        )
        (seconds,) = cursor.fetchone()
    return None if seconds is None else max(0.0, float(seconds))
