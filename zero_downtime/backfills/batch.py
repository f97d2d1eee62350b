"""The rows of one batch as a queryset, and writing values to them that Python has computed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.lookups import (
    Exact,
    GreaterThan,
    GreaterThanOrEqual,
    LessThanOrEqual,
    Lookup,
)

from zero_downtime.backfills.assignments import Assignment, grouped
from zero_downtime.backfills.keys import Comparison, Key, KeyRange
from zero_downtime.backfills.row_writer import RowWriter
from zero_downtime.errors import Refused

LOOKUPS: dict[str, type[Lookup[Any]]] = {
    "=": Exact,
    ">": GreaterThan,
    ">=": GreaterThanOrEqual,
    "<=": LessThanOrEqual,
}
# As is usual with Django: longer statements do not make `bulk_update` any faster.
BULK_UPDATE_ROWS = 1000


class Batch(models.QuerySet[Any]):
    """Rows of a model, all those of the table if it is not for a range of keys."""

    writer: RowWriter | None = None

    @classmethod
    def of(
        cls,
        model: type[models.Model],
        connection: BaseDatabaseWrapper,
        key: Key,
        keys: KeyRange,
    ) -> Batch:
        """Return the rows of `keys`.

        Raises:
            Refused: the model has no field for a column of the table's primary key.
        """
        batch = cls(model, using=connection.alias)
        for comparison in key.comparisons(keys):
            batch = batch.filter(_lookup(model, comparison))
        batch.writer = RowWriter(model, connection, key, keys)
        return batch

    def update_rows(self, rows: Mapping[Any, Mapping[str, Any]]) -> int:
        """Write values that Python has computed, with one UPDATE for each set of fields.

        As with `bulk_update()`, no signals are sent, `save()` is not called, and fields with
        `auto_now` keep their values unless they are given one.

        Args:
            rows: by primary key, the new values by the names of their fields. A foreign key goes
                by `author` as well as by `author_id`. Of rows that have been deleted meanwhile
                nothing is said.

        Returns:
            How many rows were updated.

        Raises:
            Refused: a row is outside the batch, or a field or value cannot be written this way.

        Locks: the rows, in the order of the table's key.
        """
        assignments = grouped(self.model, rows)
        if self.writer is not None:
            return self.writer.write(assignments)
        return sum(self._bulk_update(assignment) for assignment in assignments)

    update_rows.alters_data = True  # type: ignore[attr-defined]

    def _bulk_update(self, assignment: Assignment) -> int:
        instances = []
        for key, values in assignment.rows():
            instance = self.model(pk=key)
            for field, value in zip(assignment.fields, values, strict=True):
                setattr(instance, field.attname, value)
            instances.append(instance)
        names = [field.name for field in assignment.fields]
        return self.order_by().bulk_update(instances, names, BULK_UPDATE_ROWS)

    def _clone(self) -> Batch:
        clone: Batch = super()._clone()  # type: ignore[misc]
        clone.writer = self.writer
        return clone


def _lookup(model: type[models.Model], comparison: Comparison) -> Lookup[Any]:
    concrete = model._meta.concrete_model or model
    fields = {field.column: field.attname for field in concrete._meta.local_concrete_fields}
    missing = [column.name for column in comparison.columns if column.name not in fields]
    if missing:
        raise Refused(
            f'Column "{missing[0]}" belongs to the primary key of table '
            f'"{model._meta.db_table}", but {model._meta.label} has no field for it. Add one, or '
            "move the rows with RunPython or RunSQL instead."
        )
    return LOOKUPS[comparison.operator](
        _row(models.F(fields[column.name]) for column in comparison.columns),
        # Not every model field could read its values from text.
        _row(
            models.expressions.RawSQL(f"%s::{column.type}", [value])
            for column, value in zip(comparison.columns, comparison.values, strict=True)
        ),
    )


def _row(expressions: Iterable[models.expressions.Combinable]) -> models.Func:
    """Return columns or values taken together."""
    return models.Func(*expressions, template="(%(expressions)s)", output_field=models.Field())
