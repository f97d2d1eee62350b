"""What turns a value of a column's old type into one of its new type, or back, as SQL.

The same conversion has to be written over a trigger's NEW, over a column and over a function's
parameter, so what is kept is the SQL with a marker where the value has to stand.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.core.exceptions import FieldError
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.models import Model, Q, Value
from django.db.models.sql import Query

from zero_downtime.errors import Refused
from zero_downtime.postgres import catalog
from zero_downtime.postgres.shapes import ColumnShape

# A table that nobody has. As Django quotes it, it cannot be mistaken for anything in a text.
_ALIAS = "zero_downtime_converted"
VALUE = f'"{_ALIAS}"."value"'

# Every value of the one is one of the other. It is worth knowing: a conversion that may fail
# costs each written row a subtransaction.
_WIDENINGS = {
    ("smallint", "integer"),
    ("smallint", "bigint"),
    ("integer", "bigint"),
    ("real", "double precision"),
}
_WITH_TIME_ZONE = "timestamp with time zone"
_WITHOUT_TIME_ZONE = ("date", "time without time zone", "timestamp without time zone")


@dataclass(frozen=True)
class Conversion:
    """SQL with `VALUE` where the value to convert has to stand."""

    template: str
    cannot_fail: bool = False

    def of(self, reference: str) -> str:
        """Return the SQL that converts what `reference`, itself SQL, stands for."""
        return self.template.replace(VALUE, reference)

    def or_else(self, literal: str) -> Conversion:
        """Return the conversion that has `literal`, which is SQL, instead of NULL."""
        return Conversion(f"coalesce({self.template}, {literal})", self.cannot_fail)


def plain_cast(
    schema_editor: BaseDatabaseSchemaEditor, before: ColumnShape, after: ColumnShape
) -> Conversion:
    """Return the cast from the one column's type to the other's."""
    cannot_fail = (before.type, after.type) in _WIDENINGS or after.type == "text"
    zone = schema_editor.quote_value(schema_editor.connection.timezone_name)
    # Everybody who writes must get the same answer, whatever time zone their session is in.
    if before.type == _WITH_TIME_ZONE and _is_without_time_zone(after):
        value = f"({VALUE} AT TIME ZONE {zone})"
    elif after.type == _WITH_TIME_ZONE and _is_without_time_zone(before):
        value = f"({VALUE}::timestamp AT TIME ZONE {zone})"
    else:
        value = VALUE
    return Conversion(_cast(schema_editor, value, after), cannot_fail)


def compiled(
    schema_editor: BaseDatabaseSchemaEditor,
    model: type[Model],
    name: str,
    expression: Any,
    after: ColumnShape,
) -> Conversion:
    """Return the conversion that an ORM expression over `F(name)` stands for.

    Raises:
        Refused: it is about something else than that one field of the row.
    """
    field: Any = model._meta.get_field(name)
    if not hasattr(expression, "resolve_expression"):
        expression = Value(expression)
    others = Q(expression).referenced_base_fields - {field.name, field.attname}
    if others:
        raise _not_of_the_value_alone(model, name, expression, f"names {', '.join(sorted(others))}")
    query = Query(model)
    try:
        resolved = expression.resolve_expression(query, allow_joins=False)
    except FieldError as error:
        raise _not_of_the_value_alone(model, name, expression, str(error)) from error
    if resolved.contains_aggregate or resolved.contains_over_clause:
        raise _not_of_the_value_alone(model, name, expression, "looks at other rows")
    connection = schema_editor.connection
    sql, params = query.get_compiler(connection=connection).compile(
        resolved.relabeled_clone({model._meta.db_table: _ALIAS})
    )
    quote = connection.ops.quote_name
    # Before the parameters get there: in the name of a column a percent sign is one.
    sql = sql.replace(f"{quote(_ALIAS)}.{quote(field.column)}", VALUE)
    sql %= tuple(schema_editor.quote_value(param) for param in params)
    return Conversion(_cast(schema_editor, f"({sql})", after))


def _cast(schema_editor: BaseDatabaseSchemaEditor, value: str, column: ColumnShape) -> str:
    target = catalog.uncut_type(schema_editor.connection, column.type)
    collation = f" COLLATE {column.collation}" if column.collation else ""
    return f"{value}::{target}{collation}"


def _is_without_time_zone(column: ColumnShape) -> bool:
    return column.type in _WITHOUT_TIME_ZONE


def _not_of_the_value_alone(
    model: type[Model], name: str, expression: Any, problem: str
) -> Refused:
    return Refused(
        f"{model._meta.label}.{name} cannot be converted by {expression!r}: it {problem}, and a "
        f"conversion has nothing but F({name!r}) of its own row to go by."
    )
