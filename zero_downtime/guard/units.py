"""A migration taken apart into what is run at once, forwards or backwards."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations import Migration, RunPython, RunSQL
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState

from zero_downtime.lint.fingerprints import fingerprint_of
from zero_downtime.models import JournaledOperation
from zero_downtime.operations.base import Repeatable, flattened
from zero_downtime.postgres.words import ends_transaction


@dataclass(frozen=True)
class Unit:
    """One operation of a migration; all of them, if the migration has a way of its own."""

    migration: Migration
    """Like the whole one, but with nothing else in it."""
    index: int

    @property
    def operations(self) -> Sequence[Operation]:
        return self.migration.operations

    @property
    def fingerprint(self) -> str:
        """What tells it from a unit that says something else."""
        return fingerprint_of(self.operations)

    @property
    def is_repeatable(self) -> bool:
        return all(isinstance(each, Repeatable) for each in flattened(self.operations))

    @property
    def is_atomic(self) -> bool:
        return all(each.atomic for each in self.operations)

    @property
    def moves_data(self) -> bool:
        """Whether it may run anything, and not only what Django makes of models."""
        return any(isinstance(each, RunPython | RunSQL) for each in flattened(self.operations))

    @property
    def is_sql(self) -> bool:
        """Whether all that it does is to execute what stands in it."""
        return not _has_own_way(self.migration) and all(
            type(each) is RunSQL for each in flattened(self.operations)
        )

    @property
    def ends_transactions(self) -> bool:
        """Whether there is a COMMIT, or a ROLLBACK, in its SQL, as in what `sqlmigrate` prints."""
        return any(
            commits(sql)
            for each in flattened(self.operations)
            if isinstance(each, RunSQL)
            for sql in (each.sql, each.reverse_sql)
        )

    def noted(self) -> JournaledOperation:
        """Return what the journal is to say of it, before anything is known but what it is."""
        description = "; ".join(each.describe() for each in self.operations)
        return JournaledOperation(index=self.index, description=description, done=False)


def commits(sql: Any) -> bool:
    """Tell whether a statement of what is given to a RunSQL ends the transaction it is in."""
    if not isinstance(sql, str):
        return any(commits(each) for each in sql or () if isinstance(each, str | list | tuple))
    return ends_transaction(sql)


def units_of(migration: Migration) -> list[Unit]:
    """Take `migration` apart."""
    if _has_own_way(migration):
        return [Unit(_with(migration, migration.operations), 0)]
    return [
        Unit(_with(migration, [operation]), index)
        for index, operation in enumerate(migration.operations)
    ]


def _has_own_way(migration: Migration) -> bool:
    kind = type(migration)
    return kind.apply is not Migration.apply or kind.unapply is not Migration.unapply


def _with(migration: Migration, operations: Sequence[Operation]) -> Migration:
    part = copy.copy(migration)
    part.operations = list(operations)  # type: ignore[misc]  # as Migration.__init__ does
    return part


class Forwards:
    """Each unit begins with the state that the one before it has left."""

    def __init__(self, units: Sequence[Unit], state: ProjectState) -> None:
        self.units = units
        self.state = state  # with which Django's executor will go on

    def order(self) -> Iterable[Unit]:
        """Return the units in the order in which they run."""
        return self.units

    def run(self, unit: Unit, schema_editor: BaseDatabaseSchemaEditor) -> None:
        migration = unit.migration
        self.state = type(migration).apply(migration, self.state, schema_editor)

    def skip(self, unit: Unit) -> None:
        self.state = unit.migration.mutate_state(self.state, preserve=False)


class Backwards:
    """Each unit is taken back from the state before it, the last one first."""

    def __init__(self, units: Sequence[Unit], state: ProjectState) -> None:
        self.units = units
        self.state = state
        self._before = [state]
        for unit in units[:-1]:
            self._before.append(unit.migration.mutate_state(self._before[-1], preserve=True))

    def order(self) -> Iterable[Unit]:
        return reversed(self.units)

    def run(self, unit: Unit, schema_editor: BaseDatabaseSchemaEditor) -> None:
        migration = unit.migration
        type(migration).unapply(migration, self._before[unit.index], schema_editor)

    def skip(self, unit: Unit) -> None:
        """Nothing depends on it."""


Way = Forwards | Backwards
