"""What a model's state says about its table, without rendering the model."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, TypeAlias

from django.conf import settings
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.postgresql.base import DatabaseWrapper
from django.db.backends.utils import truncate_name
from django.db.migrations.state import ModelState, ProjectState
from django.db.migrations.utils import resolve_relation
from django.db.models import Field, ForeignKey

from zero_downtime.postgres.identifiers import MAX_BYTES, unquoted

AnyField: TypeAlias = "Field[Any, Any]"

UNKNOWN = "unknown"
"""The type of a column of which no more is known than that it is there."""


def has_table(model: ModelState) -> bool:
    """Tell whether migrations look after a table of this model."""
    swappable = model.options.get("swappable")
    swapped_out = (
        swappable
        and getattr(settings, swappable, "").lower() != f"{model.app_label}.{model.name_lower}"
    )
    return bool(
        model.options.get("managed", True) and not model.options.get("proxy") and not swapped_out
    )


def table_name(model: ModelState) -> str:
    """Return the name of the model's table, as the statements of a RunSQL name it, too."""
    return unquoted(db_table(model))


def db_table(model: ModelState) -> str:
    """Return the name of the model's table as Django would give it to PostgreSQL, to be quoted."""
    name: str = model.options.get("db_table") or f"{model.app_label}_{model.name_lower}"
    return name if len(name) <= MAX_BYTES else truncate_name(name, MAX_BYTES)


def column_name(name: str, field: AnyField) -> str | None:
    """Return the column of `field` under the name `name`; None when it has no column."""
    if field.many_to_many:
        return None
    kind = type(field)
    if kind.get_attname_column in (Field.get_attname_column, ForeignKey.get_attname_column):
        if field.db_column or kind.get_attname is Field.get_attname:
            return field.db_column or name
        if kind.get_attname is ForeignKey.get_attname:
            return f"{name}_id"
    bound = field.clone()  # fields of a state are shared and must not be changed
    bound.set_attributes_from_name(name)
    return bound.column


def column_type(field: AnyField, model: ModelState, state: ProjectState) -> str | None:
    """Return the type of the column of `model`'s field; None when it has none, or who knows which.

    The column of a foreign key has the type of what it points at, which is looked up in `state`.
    """
    if not isinstance(field, ForeignKey):
        return _asked(field.db_type)
    while isinstance(field, ForeignKey):
        key = resolve_relation(field.remote_field.model, model.app_label, model.name_lower)
        if key not in state.models:
            return None
        model = state.models[key]
        target = _target(field, model)
        if target is None:
            return None
        field = target
    return _asked(field.rel_db_type)


def _asked(method: Callable[[BaseDatabaseWrapper], str | None]) -> str | None:
    """Return what a field says of its type; UNKNOWN if it cannot without more than it has here."""
    try:
        return method(database())
    except Exception:  # of another package: needs that one's backend (PostGIS), or a rendered model
        return UNKNOWN


def _target(key: ForeignKey[Any, Any], model: ModelState) -> AnyField | None:
    """Return the field of `model` that the foreign key points at."""
    if key.remote_field.field_name:
        return model.fields.get(key.remote_field.field_name)
    return next((field for field in model.fields.values() if field.primary_key), None)


@cache
def database() -> BaseDatabaseWrapper:
    """Return a connection to PostgreSQL for fields to see what it is; nobody connects it.

    One of the project's own, because its backend may know of types that Django does not.
    """
    own = (connections[alias] for alias in connections)
    return next((each for each in own if each.vendor == "postgresql"), DatabaseWrapper({}))


def many_to_many_table(table: str, name: str, field: Any) -> str | None:
    """Return the table Django makes for a field of `table`; None if a model provides it."""
    if field.remote_field.through:
        return None
    fixed: str | None = field.db_table
    return unquoted(fixed) if fixed else truncate_name(f"{table}_{name}", MAX_BYTES)


def many_to_many_tables(model: ModelState) -> list[str]:
    """Return the tables that Django makes for the model's many-to-many fields."""
    table = table_name(model)
    tables = (
        many_to_many_table(table, name, each)
        for name, each in model.fields.items()
        if each.many_to_many
    )
    return [each for each in tables if each]
