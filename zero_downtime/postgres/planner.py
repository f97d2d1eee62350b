"""Keeping PostgreSQL's planner from plans that are wrong whatever it believes of the rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from django.db.backends.base.base import BaseDatabaseWrapper

from zero_downtime.postgres.sessions import local_settings

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
    with local_settings(connection, dict.fromkeys(methods, "off")):
        yield
