"""Who waits: the statements of a migration in the order in which they run, with the locks held.

A lock stays until its transaction ends. So what a statement does to others depends on what ran
before it: an index that is built behind an ALTER TABLE of the same transaction stops the reads of
that table as well, be it another one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from zero_downtime.lint.schema import Schema
from zero_downtime.postgres.lock_modes import Lock
from zero_downtime.postgres.statements import RenameTable, Statement, WriteRows


@dataclass(frozen=True)
class Effect:
    """A statement, and what it does to others when it runs."""

    statement: Statement
    in_transaction: bool
    new_tables: frozenset[str]
    """Those of its tables that no running code can know."""
    held: Mapping[str, Lock]
    """Locks on existing tables that stay until it is done; none if that is an instant."""
    altered: tuple[str, ...]
    """Existing tables that the transaction held under ACCESS EXCLUSIVE before."""
    written: tuple[WriteRows, ...]
    """What the transaction has written before."""

    @property
    def existing(self) -> bool:
        """It is about a table that running code may be using."""
        return self.statement.table not in self.new_tables

    @property
    def stops_reads(self) -> tuple[str, ...]:
        """Existing tables that nobody can read until it is done; none if that is an instant."""
        return tuple(table for table, lock in self.held.items() if lock.stops_reads)

    @property
    def stops_writes(self) -> tuple[str, ...]:
        """The same for writing, which includes those of `stops_reads`."""
        return tuple(table for table, lock in self.held.items() if lock.stops_writes)

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


def one_by_one(statements: Iterable[Statement], new_tables: Collection[str]) -> list[Effect]:
    """Return the effects of statements each of which is a transaction of its own."""
    return [_effect(each, _Transaction(), new_tables, in_transaction=False) for each in statements]


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
    working = any(table not in new_tables for table in statement.work)
    own = {statement.table, *statement.locks, *statement.work}
    effect = Effect(
        statement,
        in_transaction,
        frozenset(own.intersection(new_tables)),
        held=dict(transaction.locks) if working else {},
        altered=altered,
        written=tuple(transaction.written),
    )
    if isinstance(statement, WriteRows):
        transaction.written.append(statement)
    if isinstance(statement, RenameTable) and statement.table in transaction.locks:
        transaction.locks[statement.new_name] = transaction.locks.pop(statement.table)
    return effect
