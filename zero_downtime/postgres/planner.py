"""Keeping PostgreSQL's planner from plans that are wrong whatever it believes of the rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from django.db.backends.base.base import BaseDatabaseWrapper

# Without them a table is read by the index whose columns are compared, in its order, and never as
# a whole.
SCANS_OUT_OF_ORDER = ("enable_seqscan", "enable_bitmapscan")
# Without them a join is a merge: both sides in order, each row read once.
JOINS_BUT_MERGE = ("enable_nestloop", "enable_hashjoin")


@contextmanager
def without(connection: BaseDatabaseWrapper, methods: Sequence[str]) -> Iterator[None]:
    """Let statements in this block of a transaction be planned without `methods`.

    An error takes the settings away together with the transaction, or the savepoint.
    """
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {', '.join('current_setting(%s)' for _ in methods)}", list(methods))
        former = cursor.fetchone()
    _set(connection, dict.fromkeys(methods, "off"))
    yield
    _set(connection, dict(zip(methods, former, strict=True)))


def _set(connection: BaseDatabaseWrapper, settings: dict[str, str]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {', '.join('set_config(%s, %s, true)' for _ in settings)}",
            [part for setting in settings.items() for part in setting],
        )
