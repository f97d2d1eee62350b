"""The single pass over migrations that every judgement is made from."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import dropwhile, takewhile
from typing import Any, TypeGuard, TypeVar

from django.contrib.postgres.operations import AddConstraintNotValid, ValidateConstraint
from django.core.management.base import CommandError
from django.db.migrations import (
    Migration,
    SeparateDatabaseAndState,
)
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations import RenameModel, RunPython, RunSQL
from django.db.migrations.operations.base import Operation
from django.db.migrations.operations.models import ModelOperation
from django.db.migrations.state import ModelState, ProjectState

from zero_downtime.errors import Refused
from zero_downtime.lint.model_states import (
    AnyField,
    column_name,
    has_table,
    table_name,
)
from zero_downtime.lint.old_code import TAKING_AWAY, OldCode
from zero_downtime.lint.schema import Schema
from zero_downtime.lint.source import MigrationSource
from zero_downtime.lint.taken import taken
from zero_downtime.lint.timeline import Effect, Timeline, one_by_one
from zero_downtime.lint.translation import translate
from zero_downtime.lint.translation.context import Context
from zero_downtime.lint.translation.online import online
from zero_downtime.operations import BackfillField
from zero_downtime.operations.backfill_operation import backfill_operations
from zero_downtime.postgres.statements import (
    AddCheck,
    AddColumn,
    Constraint,
    CreateTable,
    Default,
    Opaque,
    Statement,
    WriteRows,
)

OperationT = TypeVar("OperationT", bound=Operation)
StatementT = TypeVar("StatementT", bound=Statement)


def is_stock(operation: Operation, kind: type[OperationT]) -> TypeGuard[OperationT]:
    """Tell whether `operation` does to the database what Django's `kind` does.

    A subclass that brings its own way of going forwards (a concurrent index, say) does not.
    """
    return (
        isinstance(operation, kind) and type(operation).database_forwards is kind.database_forwards
    )


@dataclass
class Surroundings:
    """What surrounds the operations of one migration."""

    schema: Schema
    old_code: OldCode
    effects: list[Effect] = field(default_factory=list)
    """Those of all operations of the migration, in the order in which they run."""
    steps: list[Step] = field(default_factory=list)

    def steps_before(self, step: Step) -> Iterator[Step]:
        """Yield the steps of the migration before `step`."""
        return takewhile(lambda each: each is not step, self.steps)

    def before(self, effect: Effect) -> Iterator[Effect]:
        """Yield what the migration has done before `effect`."""
        return takewhile(lambda each: each is not effect, self.effects)

    def null_columns(self, effect: Effect, table: str) -> set[str]:
        """Return the new columns of `table` that nobody has filled before `effect`."""
        null: set[str] = set()
        for each in self.before(effect):
            match each.statement:
                case AddColumn(table=name, column=column, default=Default.NONE) as added:
                    if name == table and not (added.not_null or added.rewrites):
                        null.add(column)
                case WriteRows() | Opaque() as writing if writing.table in ("", table):
                    null.clear()
        return null

    def holds_but_null(self, effect: Effect, constraint: Constraint) -> bool:
        """Tell whether all columns of a constraint are new, unfilled, and may be NULL by it.

        NULL is fine with every CHECK and foreign key but a CHECK that forbids just that.
        """
        if isinstance(constraint, AddCheck) and constraint.proves_not_null:
            return False
        null = self.null_columns(effect, constraint.table)
        return bool(constraint.columns) and null.issuperset(constraint.columns)

    def after(self, effect: Effect) -> Iterator[Effect]:
        """Yield what the migration does after `effect`."""
        later = dropwhile(lambda each: each is not effect, self.effects)
        next(later)
        return later


@dataclass(frozen=True)
class Step:
    """One operation that goes to the database, between the states before and after it.

    Steps are handed out when the last operation of their migration has been taken in: Django
    leaves some statements of an operation until then.
    """

    migration: Migration
    index: int
    """Index of the outermost operation."""
    operation: Operation
    before: ModelState | None
    """State of the model that the operation names; None if it names none, or a new one."""
    after: ModelState | None
    in_transaction: bool
    """All that the operation does happens in one transaction."""
    on_existing_table: bool
    """The model that the operation names has a table that running code may be using."""
    surroundings: Surroundings
    source: MigrationSource
    taken: tuple[Statement, ...] = ()
    """Those that make something whose name an earlier migration has given to something else."""
    effects: list[Effect] = field(default_factory=list)
    online: list[Effect] = field(default_factory=list)
    """Those of an operation of ours, none of which makes anybody wait: no rule looks at them."""

    @property
    def app_label(self) -> str:
        return self.migration.app_label

    @property
    def is_outermost(self) -> bool:
        """The operation stands in the migration itself, not in another operation."""
        return self.operation is self.migration.operations[self.index]

    @property
    def table(self) -> str:
        """The table of the model that the operation names."""
        model = self.before or self.after
        assert model is not None, f"{self.operation!r} names no model"
        return table_name(model)

    def effects_of(self, kind: type[StatementT]) -> Iterator[tuple[Effect, StatementT]]:
        """Yield the effects on existing tables whose statements are of the kind."""
        for effect in self.effects:
            if effect.existing and isinstance(effect.statement, kind):
                yield effect, effect.statement

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

    Raises:
        CommandError: with exit code 2, if an operation does not fit the state.
    """
    initial_tables: defaultdict[str, set[str]] = defaultdict(set)
    plan_tables: set[str] = set()
    plan_code = OldCode(state)
    schema = Schema()
    for migration in migrations:
        is_judged = migration in judged
        of_plan = together and is_judged
        schema.new_tables = plan_tables if of_plan else set()
        old_code = plan_code if of_plan else OldCode(state)
        if migration.initial:
            schema.new_tables |= initial_tables[migration.app_label]
        yield from _Pass(migration, state, Surroundings(schema, old_code), is_judged).steps()
        if migration.initial:
            initial_tables[migration.app_label] |= schema.new_tables
        schema.filled.update(_filled_by(migration))


def _filled_by(migration: Migration) -> Iterator[tuple[str, str, str]]:
    """Yield (app label, model, field) of the backfills that the migration has for transitions."""
    for operation in backfill_operations(migration):
        if isinstance(operation, BackfillField) and operation.value is None:
            yield migration.app_label, operation.model_name.lower(), operation.name


def graph_order(loader: MigrationLoader) -> list[Migration]:
    """Return all migrations of the loader's graph, each after those it depends on."""
    graph = loader.graph
    # In the order of the plans of all leaves, one after the other, but each node is met once.
    done: dict[Any, Migration] = {}
    ahead = [(graph.node_map[leaf], False) for leaf in reversed(graph.leaf_nodes())]
    while ahead:
        node, has_parents_done = ahead.pop()
        if node.key in done:
            continue
        if has_parents_done:
            done[node.key] = graph.nodes[node.key]
        else:
            ahead.append((node, True))
            ahead += [(parent, False) for parent in sorted(node.parents)]
    return list(done.values())


class _Pass:
    """The way through one migration."""

    def __init__(
        self,
        migration: Migration,
        state: ProjectState,
        surroundings: Surroundings,
        judged: bool,
    ) -> None:
        self._migration = migration
        self._state = state
        self._surroundings = surroundings
        self._judged = judged
        self._source = MigrationSource(migration)
        self._timeline = Timeline(atomic=migration.atomic)
        self._steps: list[tuple[Step, Sequence[Statement]]] = []

    def steps(self) -> list[Step]:
        for index, outermost in enumerate(self._migration.operations):
            self._advance(index, outermost, outermost, self._state)
        schema = self._surroundings.schema
        for step, later in self._steps:
            self._record(step, self._timeline.run([[each] for each in later], schema))
        return [step for step, _ in self._steps]

    def _advance(
        self, index: int, outermost: Operation, operation: Operation, state: ProjectState
    ) -> None:
        """Move `state` over `operation`, and take in what goes to the database."""
        app_label = self._migration.app_label
        if isinstance(operation, SeparateDatabaseAndState):
            if operation.database_operations:
                database_state = _state_for(operation.database_operations, state)
                for nested in operation.database_operations:
                    self._advance(index, outermost, nested, database_state)
            for nested in operation.state_operations:
                self._forget(nested, state)
                self._move(nested, state)
                self._meet(nested, state)
            return
        self._forget(operation, state)
        old_name, new_name = model_names(operation)
        before = state.models.get((app_label, old_name))
        if before is not None:
            # The operation changes the copy, so that `before` stays what it was.
            state.models[app_label, old_name] = before.clone()
        self._move(operation, state)
        self._meet(operation, state)
        if self._judged or isinstance(operation, _TELLING):
            after = state.models.get((app_label, new_name))
            self._take_in(index, outermost, operation, before, after, state)
        elif before is None and isinstance(operation, ModelOperation):
            self._learn_of_new_table(state.models.get((app_label, new_name)))

    def _move(self, operation: Operation, state: ProjectState) -> None:
        try:
            operation.state_forwards(self._migration.app_label, state)
        except Refused:  # says it all
            raise
        except Exception as error:  # whatever an operation raises, `migrate` would end by it, too
            raise CommandError(
                f"{self._migration} cannot be judged: {operation!r} "
                f"raises {type(error).__name__}: {error}",
                returncode=2,
            ) from error

    def _forget(self, operation: Operation, state: ProjectState) -> None:
        if self._judged and isinstance(operation, TAKING_AWAY):
            name = model_names(operation)[0]
            before = state.models.get((self._migration.app_label, name))
            self._surroundings.old_code.learn(operation, before)

    def _meet(self, operation: Operation, state: ProjectState) -> None:
        if self._judged:
            name = model_names(operation)[1]
            after = state.models.get((self._migration.app_label, name))
            self._surroundings.old_code.meet(operation, after)

    def _take_in(
        self,
        index: int,
        outermost: Operation,
        operation: Operation,
        before: ModelState | None,
        after: ModelState | None,
        state: ProjectState,
    ) -> None:
        schema = self._surroundings.schema
        context = Context(self._migration.app_label, before, after, state, schema)
        translation = translate(operation, context)
        in_transaction = self._migration.atomic or bool(outermost.atomic)
        step = Step(
            self._migration,
            index,
            operation,
            before,
            after,
            in_transaction,
            before is not None
            and has_table(before)
            and table_name(before) not in schema.new_tables,
            self._surroundings,
            self._source,
            tuple(taken(translation, context)) if self._judged else (),
        )
        if self._judged:
            step.online.extend(_one_by_one(online(operation, context), schema.new_tables))
        if before is None:
            self._learn_of_new_table(after)
        by_sql = isinstance(operation, RunSQL | RunPython)
        effects = self._timeline.run(
            translation.now, schema, by_sql=by_sql, together=in_transaction
        )
        if self._judged:
            self._record(step, effects)
            self._steps.append((step, translation.later))
        self._surroundings.steps.append(step)

    def _learn_of_new_table(self, model: ModelState | None) -> None:
        if model is not None and has_table(model):
            self._surroundings.schema.new_tables.add(table_name(model))

    def _record(self, step: Step, effects: list[Effect]) -> None:
        step.effects.extend(effects)
        self._surroundings.effects.extend(effects)


def _one_by_one(statements: Collection[Statement], new_tables: Collection[str]) -> list[Effect]:
    """Return the effects of what an operation of ours does, which may make a table as well."""
    made = {each.table for each in statements if isinstance(each, CreateTable)}
    return one_by_one(statements, made.union(new_tables)) if statements else []


def _state_for(operations: Iterable[Operation], state: ProjectState) -> ProjectState:
    """Return a state that the operations may change; a copy, if they would."""
    if all(isinstance(each, RunSQL) and not each.state_operations for each in operations):
        return state
    return state.clone()


_TELLING = (RunSQL, AddConstraintNotValid, ValidateConstraint)
"""Operations that put something into the database that no state tells."""


def model_names(operation: Operation) -> tuple[str, str]:
    """Return the lower-case name of the operation's model before and after; "" for none."""
    if isinstance(operation, RenameModel):
        return operation.old_name_lower, operation.new_name_lower
    if isinstance(operation, ModelOperation):
        return operation.name_lower, operation.name_lower
    name = str(getattr(operation, "model_name", "")).lower()
    return name, name
