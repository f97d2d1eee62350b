"""Who waits: the statements of a migration in the order in which they run, with the locks held.

A lock stays until its transaction ends. So what a statement does to others depends on what ran
before it: an index that is built behind an ALTER TABLE of the same transaction stops the reads of
that table as well, be it another one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from zero_downtime.lint.schema import Schema
from zero_downtime.postgres.statements import Lock, RenameTable, Statement, WriteRows


@dataclass(frozen=True)
class Effect:
    """A statement, and what it does to others when it runs."""

    statement: Statement
    in_transaction: bool
    existing: bool
    """It is about a table that running code may be using."""
    stops_reads: tuple[str, ...]
    """Existing tables that nobody can read until it is done; none if that is an instant."""
    stops_writes: tuple[str, ...]
    """Existing tables that nobody can write until it is done, including those of `stops_reads`."""
    altered: tuple[str, ...]
    """Existing tables that the transaction held under ACCESS EXCLUSIVE before."""
    written: tuple[WriteRows, ...]
    """What the transaction has written before."""

    @property
    def works(self) -> bool:
        """It takes long on a large table that exists."""
        return self.existing and bool(self.statement.work)


@dataclass
class _Transaction:
    locks: dict[str, Lock] = field(default_factory=dict)
    written: list[WriteRows] = field(default_factory=list)


class Timeline:
    """Runs through the statements of one migration."""

    def __init__(self, *, atomic: bool) -> None:
        self._whole = _Transaction() if atomic else None

    def run(
        self,
        groups: Iterable[Collection[Statement]],
        schema: Schema,
        *,
        by_sql: bool = False,
        together: bool = False,
    ) -> list[Effect]:
        """Return the effects of statements in order; those of a group share a transaction.

        `together` says that all groups do. The schema is told of each statement in its turn, and
        completes it with what it knows; `by_sql` says that no state tells of them.
        """
        effects = []
        shared = self._whole or (_Transaction() if together else None)
        for group in groups:
            transaction = shared or _Transaction()
            in_transaction = shared is not None or len(group) > 1
            for each in group:
                statement = schema.refined(each)
                schema.learn(statement, by_sql=by_sql)
                effects.append(_effect(statement, transaction, schema.new_tables, in_transaction))
        return effects


def _effect(
    statement: Statement,
    transaction: _Transaction,
    new_tables: Collection[str],
    in_transaction: bool,
) -> Effect:
    altered = tuple(table for table, lock in transaction.locks.items() if lock.stops_reads)
    for table, lock in statement.locks.items():
        if table not in new_tables:
            transaction.locks[table] = max(lock, transaction.locks.get(table, lock))
    existing = _is_about_existing(statement, new_tables)
    working = any(table not in new_tables for table in statement.work)
    held = transaction.locks.items() if working else ()
    effect = Effect(
        statement,
        in_transaction,
        existing,
        stops_reads=tuple(table for table, lock in held if lock.stops_reads),
        stops_writes=tuple(table for table, lock in held if lock.stops_writes),
        altered=altered,
        written=tuple(transaction.written),
    )
    if isinstance(statement, WriteRows):
        transaction.written.append(statement)
    if isinstance(statement, RenameTable) and statement.table in transaction.locks:
        transaction.locks[statement.new_name] = transaction.locks.pop(statement.table)
    return effect


def _is_about_existing(statement: Statement, new_tables: Collection[str]) -> bool:
    return statement.table not in new_tables
