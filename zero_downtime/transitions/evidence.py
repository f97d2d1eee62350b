"""What is known of a transition without asking its rows, kept where triggers can reach it.

Two sequences per pair of columns. One holds the second of the latest transaction in which old code
wrote: the dual-write triggers know which side a statement wrote. It is set at most once a second,
and a transaction looks at it once, which it remembers in a setting of its own: to ask the sequence
in every row of a bulk write would cost more than the dual write itself. Reads by old code leave no
trace. The other is set when the backfill has filled the new side. A change of type has one sequence
instead, which counts writes of values that do not convert. Setting a sequence takes no row lock,
conflicts with nobody and is not undone by a rollback.
"""

from __future__ import annotations

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from zero_downtime.transitions.pairs import ColumnPair


def _sequences(pair: ColumnPair) -> tuple[str, str]:
    return _old_write(pair), _filled(pair)


def _old_write(pair: ColumnPair) -> str:
    """Return the qualified name of a sequence: a trigger runs under anybody's `search_path`."""
    return f"{pair.quoted_schema}.zero_downtime_{pair.identity}_old_write"


def _filled(pair: ColumnPair) -> str:
    return f"{pair.quoted_schema}.zero_downtime_{pair.identity}_filled"


def _unconverted(pair: ColumnPair) -> str:
    return f"{pair.quoted_schema}.zero_downtime_{pair.identity}_unconverted"


def note_old_write(pair: ColumnPair) -> str:
    """Return the plpgsql statement by which a trigger notes an old-style write.

    One IF, and no PERFORM but the last: plpgsql computes a condition by itself, but runs a PERFORM
    as a query, which a transaction of one row would notice.
    """
    sequence = f"'{_old_write(pair)}'::regclass"
    second = "extract(epoch FROM clock_timestamp())::bigint"
    noted = f"'zero_downtime.noted_{pair.identity}'"
    return f"""
                    IF current_setting({noted}, true) IS DISTINCT FROM 'yes'
                        AND set_config({noted}, 'yes', true) IS NOT NULL
                        AND coalesce(pg_sequence_last_value({sequence}), 0) < {second}
                    THEN
                        PERFORM setval({sequence}, {second});
                    END IF;"""


def is_filled(pair: ColumnPair) -> str:
    """Return the SQL condition that the backfill has filled the new side."""
    return f"pg_sequence_last_value('{_filled(pair)}'::regclass) IS NOT NULL"


def record_filled(connection: BaseDatabaseWrapper, pair: ColumnPair) -> None:
    """Note that the backfill has filled the new side."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT setval(to_regclass(%s), 1)", [_filled(pair)])


def install(schema_editor: BaseDatabaseSchemaEditor, pair: ColumnPair) -> None:
    """Create the sequences of a rename."""
    for sequence in _sequences(pair):
        _create(schema_editor, sequence)


def uninstall(schema_editor: BaseDatabaseSchemaEditor, pair: ColumnPair) -> None:
    """Drop the sequences of a rename."""
    for sequence in _sequences(pair):
        _drop(schema_editor, sequence)


def install_unconverted(schema_editor: BaseDatabaseSchemaEditor, pair: ColumnPair) -> None:
    """Create the sequence of a change of type."""
    _create(schema_editor, _unconverted(pair))


def uninstall_unconverted(schema_editor: BaseDatabaseSchemaEditor, pair: ColumnPair) -> None:
    """Drop the sequence of a change of type."""
    _drop(schema_editor, _unconverted(pair))


def note_unconverted(pair: ColumnPair) -> str:
    """Return the plpgsql statement by which a trigger notes a value that does not convert."""
    return f"PERFORM nextval('{_unconverted(pair)}'::regclass);"


def unconverted_writes(connection: BaseDatabaseWrapper, pair: ColumnPair) -> int:
    """Return how often a value was written that does not convert, rolled back or not."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT coalesce(pg_sequence_last_value(to_regclass(%s)), 0)", [_unconverted(pair)]
        )
        return int(cursor.fetchone()[0])


def _create(schema_editor: BaseDatabaseSchemaEditor, sequence: str) -> None:
    """Create a sequence in which everybody who may write the table can leave a trace."""
    schema_editor.execute(f"CREATE SEQUENCE IF NOT EXISTS {sequence}", params=None)
    grant = f"GRANT SELECT, UPDATE ON SEQUENCE {sequence} TO PUBLIC"
    schema_editor.execute(grant, params=None)


def _drop(schema_editor: BaseDatabaseSchemaEditor, sequence: str) -> None:
    schema_editor.execute(f"DROP SEQUENCE IF EXISTS {sequence}", params=None)


def seconds_since_old_write(connection: BaseDatabaseWrapper, pair: ColumnPair) -> float | None:
    """Return how long ago, by the server's clock, the old side was last written; None if never."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT extract(epoch FROM clock_timestamp())::float8 "
            "- pg_sequence_last_value(to_regclass(%s))",
            [_old_write(pair)],
        )
        (seconds,) = cursor.fetchone()
    return None if seconds is None else max(0.0, float(seconds))
