"""What a stock operation would do to the schema, found out by letting it.

The tables of the model and of its neighbours are created, empty and temporary, from the state
before the operation; Django's own operation runs on them; what they look like before and after
is compared; and the transaction is undone. So every kind of field, index and constraint, in
every version of Django and with every third-party field, comes out exactly as Django makes it,
and the server itself says whether a change rewrites the table or rebuilds an index.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import ProjectState
from django.db.models import Model

from zero_downtime.errors import Refused
from zero_downtime.postgres.changes import Change, changes_between
from zero_downtime.postgres.shapes import TableShape, read_shape
from zero_downtime.transitions.unused import ModelKey

Files = dict[tuple[str, int], int]
StockOperation = Callable[[BaseDatabaseSchemaEditor, ProjectState, ProjectState], None]


@dataclass(frozen=True)
class StockEffect:
    """What the stock operation does to the table of one model.

    `rewrites` names what it would write anew: the table, or indexes that stay.
    """

    before: TableShape
    after: TableShape
    rewrites: tuple[str, ...]
    # Tables that foreign keys point at, by the bare names they bear among the copies.
    targets: dict[str, str]

    def changes(self) -> list[Change]:
        """Return the changes in a safe order."""
        return changes_between(self.before, self.after)


def effect_of(
    connection: BaseDatabaseWrapper,
    operation: StockOperation,
    app_label: str,
    model_name: str,
    from_state: ProjectState,
    to_state: ProjectState,
) -> StockEffect:
    """Return what `operation` does to the table of a model that both states have.

    Locks: none on any table of the project.
    """
    model = app_label, model_name
    return effects_of(connection, operation, [model], from_state, to_state)[model]


def effects_of(
    connection: BaseDatabaseWrapper,
    operation: StockOperation,
    keys: Collection[ModelKey],
    from_state: ProjectState,
    to_state: ProjectState,
) -> dict[ModelKey, StockEffect]:
    """Return what `operation` does to the tables of models that both states have, by model.

    Locks: none on any table of the project.
    """
    targets = _bare_tables(from_state, to_state, keys)
    from_copy, to_copy = (_with_bare_tables(state, targets) for state in (from_state, to_state))
    models = [from_copy.apps.get_model(*key) for key in keys]
    later_models = [to_copy.apps.get_model(*key) for key in keys]
    tables = [model._meta.db_table for model in models]
    with _scratch(connection):
        _create_empty(connection, models, _neighbours([*models, *later_models]))
        before = [(read_shape(connection, each), _files(connection, each)) for each in tables]
        with connection.schema_editor(atomic=False) as schema_editor:
            # Django drops some indexes twice. The second time it would find the real table's.
            schema_editor.sql_delete_index = "DROP INDEX IF EXISTS pg_temp.%(name)s"
            operation(schema_editor, from_copy, to_copy)
        _require_only_copies_locked(connection)
        after = [(read_shape(connection, each), _files(connection, each)) for each in tables]
    return {
        key: StockEffect(shape, later_shape, _rewritten(files, later_files), targets)
        for key, (shape, files), (later_shape, later_files) in zip(keys, before, after, strict=True)
    }


def _rewritten(files: Files, later_files: Files) -> tuple[str, ...]:
    return tuple(
        name for (name, oid), file in files.items() if later_files.get((name, oid), file) != file
    )


@contextmanager
def _scratch(connection: BaseDatabaseWrapper) -> Iterator[None]:
    """In this block tables are created temporary; at its end nothing has happened.

    A table that is not created here is still found, so whoever runs operations in here sees to
    it that they name only tables that are.
    """
    with transaction.atomic(using=connection.alias):
        with connection.cursor() as cursor:
            cursor.execute("SELECT current_setting('search_path')")
            (search_path,) = cursor.fetchone()
            path = ", ".join(filter(None, ["pg_temp", search_path]))
            cursor.execute(f"SET LOCAL search_path TO {path}")
        yield
        transaction.set_rollback(True, using=connection.alias)


def _create_empty(
    connection: BaseDatabaseWrapper, models: list[type[Model]], neighbours: list[type[Model]]
) -> None:
    with connection.schema_editor(atomic=False) as schema_editor:
        for neighbour in neighbours:
            schema_editor.create_model(neighbour)
        # Neither the neighbours' indexes nor their own neighbours matter.
        schema_editor.deferred_sql.clear()
        for model in _declaring(models):
            schema_editor.create_model(model)


def _declaring(models: list[type[Model]]) -> list[type[Model]]:
    """Return the models with which those of `models` are created that belong to another one."""
    declaring: list[Any] = [model._meta.auto_created or model for model in models]
    return list(dict.fromkeys(declaring))


def _require_only_copies_locked(connection: BaseDatabaseWrapper) -> None:
    """Make sure that the operation has not reached past the copies to a real table."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relation::regclass::text, mode FROM pg_locks "
            "JOIN pg_class ON pg_class.oid = relation "
            "WHERE pid = pg_backend_pid() AND relkind IN ('r', 'p') "
            "AND mode NOT IN ('AccessShareLock', 'RowShareLock', 'RowExclusiveLock') "
            "AND relnamespace NOT IN (pg_my_temp_schema(), 'pg_catalog'::regnamespace)"
        )
        locked = cursor.fetchall()
    if locked:
        names = ", ".join(f'"{table}"' for table, _ in locked)
        raise Refused(
            f"The operation changes more than its own table: {names}. "
            "Nothing was changed. Change those tables by operations of their own."
        )


def _neighbours(models: list[type[Model]]) -> list[type[Model]]:
    """Return the models whose tables the tables of `models` refer to or are referred to by."""
    declaring = _declaring(models)
    own_tables = {model._meta.db_table for model in declaring}
    found: dict[str, type[Model]] = {}
    for model in declaring:
        relations: list[Any] = [*model._meta.get_fields(include_hidden=True)]
        for relation in relations:
            other = relation.related_model if relation.is_relation else None
            if other is None or other == "self":
                continue
            concrete = other._meta.concrete_model
            if concrete._meta.db_table not in own_tables and not concrete._meta.auto_created:
                found.setdefault(concrete._meta.db_table, concrete)
    return list(found.values())


def _files(connection: BaseDatabaseWrapper, table: str) -> Files:
    """Return the files that the table and its indexes are stored in, by name and oid."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname, oid, pg_relation_filenode(oid) FROM pg_class "
            "WHERE oid = to_regclass(%s) OR oid IN "
            "(SELECT indexrelid FROM pg_index WHERE indrelid = to_regclass(%s))",
            [connection.ops.quote_name(table)] * 2,
        )
        return {(name, oid): file for name, oid, file in cursor.fetchall()}


def _bare_tables(
    from_state: ProjectState, to_state: ProjectState, keys: Collection[ModelKey]
) -> dict[str, str]:
    """Return the tables around the models, bare name to the name that Django has for it."""
    tables = {}
    for state in (from_state, to_state):
        models = [state.apps.get_model(*key) for key in keys]
        for each in [*models, *_declaring(models), *_neighbours(models)]:
            table = each._meta.db_table
            tables[_bare(table)] = table
    return tables


def _bare(table: str) -> str:
    """Return the table's name without the schema that a project may have smuggled into it."""
    return table.strip('"').rpartition('"."')[2]


def _with_bare_tables(state: ProjectState, tables: dict[str, str]) -> ProjectState:
    """Return the state with tables that are found along the `search_path`, and only so."""
    smuggled = {table for bare, table in tables.items() if bare != table}
    if not smuggled:
        return state
    copy = state.clone()
    for key, model in list(copy.models.items()):
        if model.options.get("db_table") in smuggled:
            changed = model.clone()
            changed.options["db_table"] = _bare(model.options["db_table"])
            copy.models[key] = changed
    copy.clear_delayed_apps_cache()
    copy.__dict__.pop("apps", None)
    return copy
