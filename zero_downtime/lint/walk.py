"""The single pass over migrations that every judgement is made from."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TypeGuard, TypeVar

from django.contrib.postgres.operations import AddConstraintNotValid, ValidateConstraint
from django.db.migrations import Migration, SeparateDatabaseAndState
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations import RenameModel, RunPython, RunSQL
from django.db.migrations.operations.base import Operation
from django.db.migrations.operations.models import ModelOperation
from django.db.migrations.state import ModelState, ProjectState

from zero_downtime.lint.model_states import (
    AnyField,
    alters_table,
    column_name,
    column_type,
    has_table,
    table_name,
)
from zero_downtime.lint.source import MigrationSource
from zero_downtime.postgres.type_changes import rewrites_table

OperationT = TypeVar("OperationT", bound=Operation)


def is_stock(operation: Operation, kind: type[OperationT]) -> TypeGuard[OperationT]:
    """Tell whether `operation` does to the database what Django's `kind` does.

    A subclass that brings its own way of going forwards (a concurrent index, say) does not.
    """
    return (
        isinstance(operation, kind) and type(operation).database_forwards is kind.database_forwards
    )


@dataclass
class Surroundings:
    """What earlier operations did that changes how a later one is judged."""

    new_tables: set[str]
    """Tables that did not exist before this migration, or before the plan it is part of."""
    unproven_constraints: set[tuple[str, str]]
    """(table, constraint) of constraints that were added NOT VALID and never validated."""
    locked_tables: set[str] = field(default_factory=set)
    """Existing tables that the migration's transaction holds under ACCESS EXCLUSIVE."""
    changed_rows: bool = False
    """The migration has run Python or SQL that may have changed rows."""


@dataclass(frozen=True)
class Step:
    """One operation that goes to the database, between the states before and after it."""

    migration: Migration
    index: int
    """Index of the outermost operation."""
    operation: Operation
    before: ModelState | None
    """State of the model that the operation names; None if it names none, or a new one."""
    after: ModelState | None
    state: ProjectState
    """The whole state after the operation; valid only until the next step is taken."""
    in_transaction: bool
    """All that the operation does happens in one transaction."""
    surroundings: Surroundings
    source: MigrationSource

    @property
    def app_label(self) -> str:
        return self.migration.app_label

    @property
    def table(self) -> str:
        """The table of the model that the operation names."""
        model = self.before or self.after
        assert model is not None, f"{self.operation!r} names no model"
        return table_name(model)

    @property
    def on_existing_table(self) -> bool:
        """The model that the operation names has a table that running code may be using."""
        return (
            self.before is not None
            and has_table(self.before)
            and self.table not in self.surroundings.new_tables
        )

    def old_field(self, name: str) -> AnyField | None:
        return self.before.fields.get(name) if self.before else None

    def new_field(self, name: str) -> AnyField | None:
        return self.after.fields.get(name) if self.after else None

    def keeps_column(self, name: str) -> bool:
        """Tell whether the field has a column of the same name before and after."""
        old, new = self.old_field(name), self.new_field(name)
        if old is None or new is None:
            return False
        return column_name(name, old) == column_name(name, new)

    def rewriting_types(self, name: str) -> tuple[str, str] | None:
        """Return the types of the field's column before and after, if they rewrite the table.

        None if they do not, or are not known.
        """
        old, new = self.old_field(name), self.new_field(name)
        if old is None or new is None or old.generated or new.generated:
            return None
        assert self.before is not None
        before, after = (column_type(each, self.before, self.state) for each in (old, new))
        if before is None or after is None or not rewrites_table(before, after):
            return None
        return before, after

    def existing_tables(self) -> Iterator[tuple[str, str]]:
        """Yield (app label, table) of all models whose tables running code may be using."""
        for model in self.state.models.values():
            if has_table(model) and (name := table_name(model)) not in self.surroundings.new_tables:
                yield model.app_label, name


def walk(
    migrations: Iterable[Migration],
    state: ProjectState,
    *,
    judged: Collection[Migration],
    together: bool,
) -> Iterator[Step]:
    """Move `state` over `migrations`, which are in order; yield the steps of the `judged` ones.

    `together` says that the judged migrations are one plan: what one of them creates is new to
    the next. Otherwise only initial migrations of one app know of each other's tables.
    """
    plan_tables: set[str] = set()
    initial_tables: defaultdict[str, set[str]] = defaultdict(set)
    unproven_constraints: set[tuple[str, str]] = set()
    for migration in migrations:
        is_judged = migration in judged
        surroundings = Surroundings(
            plan_tables if together and is_judged else set(), unproven_constraints
        )
        if migration.initial:
            surroundings.new_tables |= initial_tables[migration.app_label]
        for step in _steps(migration, state, surroundings):
            if is_judged:
                yield step
            _remember(step)
        if migration.initial:
            initial_tables[migration.app_label] |= surroundings.new_tables


def graph_order(loader: MigrationLoader) -> list[Migration]:
    """Return all migrations of the loader's graph, each after those it depends on."""
    graph = loader.graph
    keys = dict.fromkeys(key for leaf in graph.leaf_nodes() for key in graph.forwards_plan(leaf))
    return [graph.nodes[key] for key in keys]


def _steps(migration: Migration, state: ProjectState, surroundings: Surroundings) -> Iterator[Step]:
    source = MigrationSource(migration)
    for index, outermost in enumerate(migration.operations):
        in_transaction = migration.atomic or bool(outermost.atomic)
        for operation, before, after, database_state in _advance(
            outermost, migration.app_label, state
        ):
            yield Step(
                migration,
                index,
                operation,
                before,
                after,
                database_state,
                in_transaction,
                surroundings,
                source,
            )


def _advance(
    operation: Operation, app_label: str, state: ProjectState
) -> Iterator[tuple[Operation, ModelState | None, ModelState | None, ProjectState]]:
    """Move `state` over `operation`; yield what goes to the database, with its states."""
    if isinstance(operation, SeparateDatabaseAndState):
        if operation.database_operations:
            database_state = state.clone()
            for nested in operation.database_operations:
                yield from _advance(nested, app_label, database_state)
        operation.state_forwards(app_label, state)
        return
    old_name, new_name = model_names(operation)
    before = state.models.get((app_label, old_name))
    if before is not None:
        # The operation changes the copy, so that `before` stays what it was.
        state.models[app_label, old_name] = before.clone()
    operation.state_forwards(app_label, state)
    yield operation, before, state.models.get((app_label, new_name)), state


def model_names(operation: Operation) -> tuple[str, str]:
    """Return the lower-case name of the operation's model before and after; "" for none."""
    if isinstance(operation, RenameModel):
        return operation.old_name_lower, operation.new_name_lower
    if isinstance(operation, ModelOperation):
        return operation.name_lower, operation.name_lower
    name = str(getattr(operation, "model_name", "")).lower()
    return name, name


def _remember(step: Step) -> None:
    operation, surroundings = step.operation, step.surroundings
    if isinstance(operation, RunPython | RunSQL):
        surroundings.changed_rows = True
    elif isinstance(operation, AddConstraintNotValid):
        surroundings.unproven_constraints.add((step.table, operation.constraint.name))
    elif isinstance(operation, ValidateConstraint):
        surroundings.unproven_constraints.discard((step.table, operation.name))
    if step.after is not None and has_table(step.after):
        if step.before is None or step.table in surroundings.new_tables:
            surroundings.new_tables.add(table_name(step.after))
        elif step.migration.atomic and alters_table(step.before, step.after):
            surroundings.locked_tables.add(step.table)
