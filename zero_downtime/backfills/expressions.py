"""Expressions as `QuerySet.update()` takes them."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import FieldError
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.sql import UpdateQuery

from zero_downtime.errors import Refused


def assignable(
    connection: BaseDatabaseWrapper, model: type[models.Model], name: str, value: Any
) -> Any:
    """Return `value` such that `update()` can set the field `name` of `model` to it.

    An UPDATE names no other table. What crosses a relation, as `F("author__name")` and
    `Count("orders")` do, becomes a subquery that finds the row once more.

    Raises:
        Refused: the expression names what does not exist, or looks at rows of other batches.
    """
    if not hasattr(value, "resolve_expression"):
        return value
    field: Any = model._meta.get_field(name)
    try:
        _write_update(connection, field, value)
        return value
    except FieldError:
        pass
    try:
        _refuse_window(model, name, value)
        subquery = _same_row(model, field, value)
        _write_update(connection, field, subquery)
    except FieldError as error:
        raise Refused(
            f"{model._meta.label}.{name} cannot be filled with {value!r}. {error}"
        ) from error
    return subquery


def _write_update(connection: BaseDatabaseWrapper, field: Any, value: Any) -> None:
    """Write the statement, only to see whether Django can."""
    # A field that is inherited lies in the parent's table, and so does its UPDATE.
    query = UpdateQuery(field.model)
    query.add_update_values({field.name: value})
    query.get_compiler(connection=connection).as_sql()


def _refuse_window(model: type[models.Model], name: str, value: Any) -> None:
    if value.resolve_expression(models.QuerySet(model).query).contains_over_clause:
        raise Refused(
            f"{model._meta.label}.{name} cannot be filled with {value!r}: a window looks at other "
            "rows, and a batch has only some of them. Write it as a Subquery over all rows, or "
            "use BatchedRunPython."
        )


def _same_row(model: type[models.Model], field: Any, value: Any) -> models.Subquery:
    # Django asks for the type of a selected value, though not for that of an assigned one.
    typed = models.ExpressionWrapper(value, output_field=getattr(field, "target_field", field))
    row: models.QuerySet[Any] = models.QuerySet(model).filter(pk=models.OuterRef("pk")).values("pk")
    return models.Subquery(row.annotate(zero_downtime_value=typed).values("zero_downtime_value"))
