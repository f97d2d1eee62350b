"""Values for rows, as `update_rows` is given them: checked, and grouped by their fields."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.core.exceptions import FieldDoesNotExist
from django.db import models

from zero_downtime.errors import Refused, UnknownName

# Where the fields are defined whose placeholder is a mere cast to the type of the column.
_PLAIN_PLACEHOLDERS = ("django.db.", "django.contrib.postgres.")


@dataclass
class Assignment:
    """Rows that get values in the same fields."""

    fields: tuple[models.Field[Any, Any], ...]
    keys: list[Any] = field(default_factory=list)
    # As long as `keys` each, and as many as `fields`.
    columns: list[list[Any]] = field(default_factory=list)

    def rows(self) -> Iterator[tuple[Any, tuple[Any, ...]]]:
        """Yield each key with its values."""
        yield from zip(self.keys, zip(*self.columns, strict=True), strict=True)


def grouped(model: type[models.Model], rows: Mapping[Any, Mapping[str, Any]]) -> list[Assignment]:
    """Return what to write, one assignment for each set of fields.

    Raises:
        Refused: a field or a value cannot be written.
    """
    groups: dict[frozenset[str], list[Any]] = {}
    for key, values in rows.items():
        if values:
            groups.setdefault(frozenset(values), []).append(key)
    return [_assignment(model, sorted(names), keys, rows) for names, keys in groups.items()]


def _assignment(
    model: type[models.Model],
    names: list[str],
    keys: list[Any],
    rows: Mapping[Any, Mapping[str, Any]],
) -> Assignment:
    fields = tuple(_writable_field(model, name) for name in names)
    columns = [
        [_plain(field, rows[key][name]) for key in keys]
        for name, field in zip(names, fields, strict=True)
    ]
    return Assignment(fields, keys, columns)


def _writable_field(model: type[models.Model], name: str) -> models.Field[Any, Any]:
    meta = model._meta
    try:
        field: Any = meta.get_field(name)
    except FieldDoesNotExist:
        known = [field.name for field in meta.concrete_fields]
        raise UnknownName(f"field of {meta.label}", name, known) from None
    if reason := _why_not_writable(meta, field):
        raise Refused(f"update_rows cannot write {meta.label}.{name}: {reason}")
    return field  # type: ignore[no-any-return]


def _why_not_writable(meta: Any, field: Any) -> str | None:
    if not field.concrete:
        return "it has no column in this table."
    if field.primary_key or field in meta.pk_fields:
        return "it belongs to the primary key, by which the rows are found."
    if field.generated:
        return "the database computes it."
    if field.model._meta.db_table != meta.db_table:
        return (
            f'it is inherited and lies in table "{field.model._meta.db_table}". '
            f"Write it in a backfill of {field.model._meta.label}."
        )
    if _has_own_placeholder(field):
        return "its SQL is more than a value. Use bulk_update()."
    return None


def _has_own_placeholder(field: Any) -> bool:
    """Whether the value goes through a function of SQL, as that of an encrypted field may."""
    methods = (getattr(field, name, None) for name in ("get_placeholder", "get_placeholder_sql"))
    return any(
        method is not None and not method.__module__.startswith(_PLAIN_PLACEHOLDERS)
        for method in methods
    )


def _plain(field: models.Field[Any, Any], value: Any) -> Any:
    """Return the value as an instance's attribute has it."""
    if hasattr(value, "resolve_expression"):
        raise Refused(
            f"update_rows writes values, and {value!r} for field {field.name!r} is an expression. "
            "Use queryset.update(), or BackfillField."
        )
    if isinstance(value, models.Model):
        return value.prepare_database_save(field)
    return value
