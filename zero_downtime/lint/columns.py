"""What the field of a model's state is in the database, without rendering the model."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.db.migrations.state import ModelState, ProjectState
from django.db.migrations.utils import resolve_relation
from django.db.models import ForeignKey
from django.db.models.expressions import Func

from zero_downtime.lint.model_states import (
    AnyField,
    column_name,
    column_type,
    database,
    has_table,
    table_name,
)
from zero_downtime.postgres.functions import differs_from_row_to_row
from zero_downtime.postgres.statements import Default

Relation = tuple[ModelState, str, Any]
"""The model that has the foreign key, the field's name, and the field."""


@dataclass(frozen=True)
class Column:
    """The column of a field, and what Django makes for it besides."""

    name: str
    type: str
    suffix: str
    """What follows the type where the column is created: that it is an identity, for instance."""
    not_null: bool
    primary_key: bool
    unique: bool
    """Including that it is the primary key."""
    indexed: bool
    """`db_index` of the field, be it unique or not."""
    like: bool
    """An index of it, unique or not, gets a second one beside it, for LIKE."""
    check: str
    """The CHECK of the field's type, about a column of any name."""
    references: str
    """The table that its foreign key constraint points at; "" without one."""
    collation: str | None
    comment: str | None
    generated: str
    """"stored", "virtual" or ""."""


def column_of(name: str, field: Any, model: ModelState, state: ProjectState) -> Column | None:
    """Return the column of `model`'s field; None when it has none, or who knows which."""
    column = column_name(name, field)
    type_ = None if column is None else column_type(field, model, state)
    if column is None or type_ is None:
        return None
    return Column(
        name=column,
        type=type_,
        suffix=field.db_type_suffix(database()) or "",
        not_null=not field.null,
        primary_key=field.primary_key,
        unique=field.unique,
        indexed=field.db_index,
        like=type_.startswith(("varchar", "text")) and "[" not in type_,
        check=_check(field),
        references=_target(field, model, state),
        collation=getattr(field, "db_collation", None),
        comment=field.db_comment,
        generated=("stored" if field.db_persist else "virtual") if field.generated else "",
    )


def database_default(field: AnyField) -> Default:
    """Return what the rows that exist get when Django adds the field."""
    if field.has_db_default():
        return Default.VOLATILE if _is_volatile(field.db_default) else Default.CONSTANT
    return Default.CONSTANT if fills_existing_rows(field) else Default.NONE


def fills_existing_rows(field: AnyField) -> bool:
    """Tell whether Django has a value for rows that exist; a default is never called."""
    if field.has_default():
        return field.default is not None
    return bool(
        (not field.null and field.blank and field.empty_strings_allowed)
        or getattr(field, "auto_now", False)
        or getattr(field, "auto_now_add", False)
    )


def relations_to(model: tuple[str, str], state: ProjectState) -> Iterator[Relation]:
    """Yield the foreign keys, with a column, that point at the model (app label, lower name)."""
    for other in state.models.values():
        for name, field in other.fields.items():
            if isinstance(field, ForeignKey) and model == resolve_relation(
                field.remote_field.model, other.app_label, other.name_lower
            ):
                yield other, name, field


def _target(field: Any, model: ModelState, state: ProjectState) -> str:
    """Return the table that a foreign key constraint points at; "" without one."""
    if not (isinstance(field, ForeignKey) and field.db_constraint):  # type: ignore[attr-defined]
        return ""
    key = resolve_relation(field.remote_field.model, model.app_label, model.name_lower)
    target = state.models.get(key)
    if target is None or not has_table_in_database(target):
        return ""
    return table_name(target)


def has_table_in_database(model: ModelState) -> bool:
    """Tell whether the model has a table, be it one that migrations do not look after."""
    return has_table(model) or not model.options.get("managed", True)


def _check(field: AnyField) -> str:
    kind = field.get_internal_type()
    check: str = database().data_type_check_constraints.get(kind, "")
    return check


def _is_volatile(default: Any) -> bool:
    """Tell whether a database default has a function in it whose value differs from row to row."""
    if isinstance(default, Func):
        names = (default.function or "", (default.template or "").partition("(")[0])
        if any(differs_from_row_to_row(name.lower()) for name in names):
            return True
    sources: list[Any] = getattr(default, "get_source_expressions", list)()
    return any(_is_volatile(source) for source in sources if source is not None)
