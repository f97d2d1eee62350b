"""What all operations share: other databases, routers, transactions, errors about names."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations import Migration
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations import SeparateDatabaseAndState
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ModelState, ProjectState, StateApps
from django.db.models import BaseConstraint, F, Index, Model, Q

from zero_downtime.errors import Refused, UnknownName, did_you_mean


class Repeatable(Operation):
    """Can be run again after it died anywhere, and ends as if nothing had happened.

    It looks first what is done already.
    """


def is_postgresql(schema_editor: BaseDatabaseSchemaEditor) -> bool:
    """Whether this database is one for which we know a better way than Django's own."""
    return schema_editor.connection.vendor == "postgresql"


def require_no_transaction(operation: Operation, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Refuse to run inside a transaction, which would keep every lock until its end.

    Raises:
        Refused: says what to write into the migration.
    """
    if schema_editor.connection.in_atomic_block and not schema_editor.collect_sql:
        raise Refused(
            f"{type(operation).__name__} cannot run inside a transaction: "
            "set `atomic = False` on its Migration class. squashmigrations leaves that out."
        )


def model_in_state(state: ProjectState, app_label: str, model_name: str) -> ModelState:
    """Return the state of a model.

    Raises:
        UnknownName: the app has no such model; names the closest one.
    """
    try:
        model: ModelState = state.models[app_label, model_name.lower()]
    except KeyError:
        known = [model.name for (label, _), model in state.models.items() if label == app_label]
        raise UnknownName(f"model in app {app_label!r}", model_name, known) from None
    return model


def require_field(
    operation: Operation, state: ProjectState, app_label: str, model_name: str, name: str
) -> None:
    """Check that a field exists.

    Raises:
        Refused: the model has no such field; names the closest one and all there are.
    """
    model_state = model_in_state(state, app_label, model_name)
    if name not in model_state.fields:
        raise _unknown_field(operation, model_state, name)


def require_no_field(
    operation: Operation, state: ProjectState, app_label: str, model_name: str, name: str
) -> None:
    """Check that no field of that name exists.

    Raises:
        Refused: the model has such a field already.
    """
    model_state = model_in_state(state, app_label, model_name)
    if name in model_state.fields:
        raise Refused(
            f"{type(operation).__name__}: {app_label}.{model_state.name} has a field {name!r} "
            "already. Choose another name, or remove that field in a release before."
        )


def require_fields_of(
    operation: Operation,
    state: ProjectState,
    app_label: str,
    model_name: str,
    item: Index | BaseConstraint,
) -> None:
    """Check that all fields exist that an index or a constraint is about.

    Raises:
        Refused: the model lacks one; names all the fields it has.
    """
    model_state = model_in_state(state, app_label, model_name)
    keys = {f"{name}_id" for name, field in model_state.fields.items() if field.is_relation}
    # The state does not list the field that Django adds for order_with_respect_to.
    implied = {"pk", "_order"} if model_state.options.get("order_with_respect_to") else {"pk"}
    for name in sorted(fields_of(item) - implied - keys - model_state.fields.keys()):
        raise _unknown_field(operation, model_state, name)


def fields_of(item: Index | BaseConstraint) -> set[str]:
    """Return the names of the fields that an index or a constraint is about."""
    _, expressions, arguments = item.deconstruct()
    # Those of an exclusion constraint come with their operators.
    pairs = [expression for expression, _ in arguments.get("expressions", ())]
    names = {name.removeprefix("-") for name in arguments.get("fields", ())}
    names.update(arguments.get("include") or ())
    for expression in (*expressions, *pairs, arguments.get("condition")):
        if expression is not None:
            named = F(expression) if isinstance(expression, str) else expression
            names |= Q(named).referenced_base_fields
    return names


def _unknown_field(operation: Operation, model: ModelState, name: str) -> Refused:
    parts = [
        f"{type(operation).__name__}: {model.app_label}.{model.name} has no field {name!r}.",
        did_you_mean(name, model.fields),
        f"Its fields are: {', '.join(model.fields)}.",
    ]
    return Refused(" ".join(filter(None, parts)))


def historical_model(
    operation: Operation,
    schema_editor: BaseDatabaseSchemaEditor,
    apps: StateApps,
    app_label: str,
    model_name: str,
) -> type[Model] | None:
    """Return the model as of this point of history; None if it is not this database's business."""
    model: Any = apps.get_model(app_label, model_name)
    if not operation.allow_migrate_model(schema_editor.connection.alias, model):
        return None
    return model  # type: ignore[no-any-return]


def migration_holding(operation: Operation, app_label: str) -> Migration | None:
    """Return the migration of an app in whose file `operation` stands; None if in no file.

    An operation does not know its migration. The files are imported once, so the operation that
    runs and the one in the file are the same object.
    """
    for (label, _), migration in MigrationLoader(None).disk_migrations.items():
        if label == app_label and any(
            each is operation for each in flattened(migration.operations)
        ):
            return migration
    return None


def state_before(
    operation: Operation, migration: Migration, loader: MigrationLoader
) -> ProjectState:
    """Return the state of the project that `operation` finds, which stands in `migration`."""
    state = loader.project_state((migration.app_label, migration.name), at_end=False)
    for earlier in migration.operations:
        if operation in flattened([earlier]):
            break
        earlier.state_forwards(migration.app_label, state)
    return state


def applied_state(connection: BaseDatabaseWrapper) -> ProjectState:
    """Return the state of the project that the migrations lead to which are applied now."""
    loader = MigrationLoader(connection)
    return loader.project_state(
        [key for key in loader.graph.nodes if key in loader.applied_migrations]
    )


def literal_default(schema_editor: BaseDatabaseSchemaEditor, field: Any) -> str | None:
    """Return the Python default as SQL; None without one, or with a default in the database."""
    if field.generated or field.has_db_default():
        return None
    value = schema_editor.effective_default(field)
    return None if value is None else str(schema_editor.quote_value(value))


def literal_default_of(operation: Any, schema_editor: Any, field: Any) -> str | None:
    """Return the default of an operation's field as SQL.

    `field` is that of the state, which does not have a default that is for this once only.
    """
    is_lasting = operation.preserve_default or not operation.field.has_default()
    if is_lasting or field.has_db_default():
        return literal_default(schema_editor, field)
    default = operation.field.default
    once = field.get_db_prep_save(
        default() if callable(default) else default, schema_editor.connection
    )
    return str(schema_editor.quote_value(once))


def run_deferred_sql(schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Run now what Django has put off until the end of the migration: indexes, foreign keys."""
    statements = list(schema_editor.deferred_sql)
    schema_editor.deferred_sql.clear()
    for statement in statements:
        schema_editor.execute(statement, params=None)


def flattened(operations: Sequence[Operation]) -> Iterator[Operation]:
    """Yield operations that touch the database, those inside SeparateDatabaseAndState included."""
    for operation in operations:
        if isinstance(operation, SeparateDatabaseAndState):
            yield from flattened(operation.database_operations)
        else:
            yield operation
