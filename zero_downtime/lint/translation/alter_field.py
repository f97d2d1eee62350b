"""What Django does to the column of a field that changes, in the order in which it does it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db.migrations.utils import resolve_relation
from django.db.models import CheckConstraint, Index, UniqueConstraint

from zero_downtime.lint.columns import (
    Column,
    Relation,
    column_of,
    fills_existing_rows,
    relations_to,
)
from zero_downtime.lint.expressions import field_not_null, mentions
from zero_downtime.lint.model_states import AnyField, database, has_table, table_name
from zero_downtime.lint.translation.context import Context
from zero_downtime.postgres import statements as sql
from zero_downtime.postgres.type_changes import rewrites_table


def altered(
    old_name: str, old: AnyField, new_name: str, new: AnyField, context: Context
) -> Iterator[sql.Statement]:
    """Yield the statements that make the column of `old` that of `new`."""
    assert context.before is not None
    assert context.after is not None
    before = column_of(old_name, old, context.before, context.state)
    after = column_of(new_name, new, context.after, context.state)
    if before is None or after is None:
        return
    if before.name == after.name and _attributes(old, context) == _attributes(new, context):
        return  # Django's schema editor does not look at the change at all.
    if (before.generated, _expression(old)) != (after.generated, _expression(new)):
        yield sql.Refused(context.table, "Django does not alter generated fields")
        return
    yield from _Change(old_name, old, new, before, after, context).statements()


def _attributes(field: AnyField, context: Context) -> tuple[str, tuple[Any, ...], dict[str, Any]]:
    """Return what the database may know of the field, as that of a rendered model would have it."""
    _, path, args, kwargs = field.deconstruct()
    kept = {k: v for k, v in kwargs.items() if k not in field.non_db_attrs}
    if "to" in kept:
        assert context.after is not None
        kept["to"] = resolve_relation(kept["to"], context.app_label, context.after.name_lower)
        target = context.state.models.get(kept["to"])
        to_field = target.fields.get(kept.get("to_field", "")) if target else None
        if to_field is not None and to_field.primary_key:
            del kept["to_field"]  # that is where it would point without being told
    return path, tuple(args), kept


class _Change:
    """One column that changes. `table` is where it is; `name` that of the field before."""

    def __init__(
        self,
        name: str,
        old: AnyField,
        new: AnyField,
        before: Column,
        after: Column,
        context: Context,
    ) -> None:
        self.name = name
        self.old, self.new = old, new
        self.before, self.after = before, after
        self.context = context
        self.table = context.table

    def statements(self) -> Iterator[sql.Statement]:
        before, after, table = self.before, self.after, self.table
        drops_key = bool(before.references) and self._more_than_a_comment()
        relations = list(self._relations()) if self._changes_a_target() else []
        if drops_key:
            yield sql.DropConstraint(table, columns=(before.name,), target=before.references)
        if before.unique and (not after.unique or self._becomes_primary_key()):
            yield sql.DropConstraint(table, columns=(before.name,), unique=True)
        for model, _, key in relations:
            if key.db_constraint:
                yield sql.DropConstraint(table_name(model), target=table)
        if before.indexed and not before.unique and (not after.indexed or after.unique):
            yield sql.DropIndex(table)
            if before.like:
                yield sql.DropIndex(table)
        if before.check != after.check and before.check:
            yield sql.DropConstraint(table)
        if before.name != after.name:
            yield sql.RenameColumn(table, before.name, after.name)
        yield from self._type()
        yield from self._defaults()
        yield from self._null()
        if before.primary_key and not after.primary_key:
            yield sql.DropConstraint(table, columns=(after.name,), unique=True)
        if after.unique and not after.primary_key and (not before.unique or before.primary_key):
            yield sql.AddUnique(table, columns=(after.name,))
        if after.indexed and not after.unique and (not before.indexed or before.unique):
            yield sql.CreateIndex(table, columns=(after.name,))
        if self._becomes_primary_key():
            yield sql.AddUnique(table, columns=(after.name,), primary_key=True)
        for relation in relations:
            yield self._retyped(relation)
        if after.references and (drops_key or not before.references):
            yield sql.AddForeignKey(table, columns=(after.name,), target=after.references)
        for model, _, key in relations:
            if key.db_constraint:
                yield sql.AddForeignKey(table_name(model), target=table)
        if before.check != after.check and after.check:
            yield sql.AddCheck(table, columns=(after.name,))
        if self._gets_like_index():
            yield sql.CreateIndex(table, columns=(after.name,))
        if before.like and before.unique and not (after.indexed or after.unique):
            yield sql.DropIndex(table)

    def _more_than_a_comment(self) -> bool:
        old, new = (_attributes(field, self.context) for field in (self.old, self.new))
        for _, _, kwargs in (old, new):
            kwargs.pop("db_comment", None)
        return self.before.name != self.after.name or old != new

    def _becomes_primary_key(self) -> bool:
        return self.after.primary_key and not self.before.primary_key

    def _changes_a_target(self) -> bool:
        """Tell whether foreign keys that point at the column have to change with it."""
        before, after = self.before, self.after
        both = (before.primary_key and after.primary_key) or (before.unique and after.unique)
        return both and (before.type, before.collation) != (after.type, after.collation)

    def _relations(self) -> Iterator[Relation]:
        """Yield the foreign keys that point at the column."""
        model = self.context.after
        assert model is not None
        for other, name, field in relations_to(
            (model.app_label, model.name_lower), self.context.state
        ):
            to_field = field.remote_field.field_name
            if has_table(other) and (to_field == self.name if to_field else self.old.primary_key):
                yield other, name, field

    def _retyped(self, relation: Relation) -> sql.Statement:
        model, name, field = relation
        column = column_of(name, field, model, self.context.state)
        return sql.AlterColumnType(
            table_name(model),
            column.name if column else name,
            self.before.type,
            self.after.type,
            cast=True,
            rewrites=rewrites_table(self.before.type, self.after.type),
        )

    def _type(self) -> Iterator[sql.Statement]:
        before, after = self.before, self.after
        changes = (before.type, before.suffix, before.collation, before.comment) != (
            after.type,
            after.suffix,
            after.collation,
            after.comment,
        )
        if not changes:
            return
        was_indexed = before.indexed or before.unique
        if was_indexed and _leaves_its_kind(before.type, after.type):
            yield sql.DropIndex(self.table)
        if before.suffix and not after.suffix:
            yield sql.DropIdentity(self.table, after.name)
        rewrites = rewrites_table(before.type, after.type)
        yield sql.AlterColumnType(
            self.table,
            after.name,
            before.type,
            after.type,
            cast=self._is_cast(),
            used_by=tuple(self._generated_from_it()),
            rewrites=rewrites,
            rereads="" if rewrites else self._rereads(),
        )
        if after.suffix and not before.suffix:
            yield sql.AddIdentity(self.table, after.name)

    def _generated_from_it(self) -> Iterator[str]:
        """Yield the names of fields that are generated from the column."""
        assert self.context.before is not None
        for name, field in self.context.before.fields.items():
            if field.generated and name != self.name and mentions(_expression(field), self.name):
                yield name

    def _is_cast(self) -> bool:
        """Tell whether Django says USING column::type, as it does between kinds of fields.

        It does not if the kind is the same and only a length or the like is another.
        """
        old, new = self.old, self.new
        while isinstance(old, ArrayField) and isinstance(new, ArrayField):
            old, new = old.base_field, new.base_field
        return bool(_template(old, self.before.type) != _template(new, self.after.type))

    def _rereads(self) -> str:
        """Return what makes PostgreSQL go through the table though the type is stored alike."""
        before, after = self.before, self.after
        assert self.context.before is not None
        options = self.context.before.options
        if before.check or any(
            isinstance(each, CheckConstraint) and mentions(each.condition, self.name)
            for each in options.get("constraints", ())
        ):
            return "a CHECK"
        items = [*options.get("indexes", ()), *options.get("constraints", ())]
        if any(_is_rebuilt(item, self.name) for item in items):
            return "an index with an expression or a condition"
        if before.collation != after.collation and (
            before.indexed or before.unique or any(self.name in _fields(item) for item in items)
        ):
            return "an index, which is sorted anew"
        return ""

    def _defaults(self) -> Iterator[sql.Statement]:
        old, new = self.old, self.new
        if new.has_db_default():
            if not old.has_db_default() or new.db_default != old.db_default:
                yield sql.SetDefault(self.table, self.after.name)
        elif old.has_db_default():
            yield sql.DropDefault(self.table, self.after.name)

    def _null(self) -> Iterator[sql.Statement]:
        before, after = self.before, self.after
        if before.not_null == after.not_null:
            return
        if not after.not_null:
            yield sql.DropNotNull(self.table, after.name)
            return
        checks = self._not_null_checks()
        if self.new.has_default() or self.new.has_db_default():
            if not self.new.has_db_default():
                yield sql.Brief(self.table, "SET DEFAULT")
            # Without an index on the column this looks at every row, be there NULLs or not.
            yield sql.WriteRows(self.table, "UPDATE", fills_nulls=after.name)
        elif fills_existing_rows(self.new):
            yield sql.Brief(self.table, "SET DEFAULT")
        unproven = self.context.schema.unproven
        yield sql.SetNotNull(
            self.table,
            after.name,
            proven=any((self.table, check) not in unproven for check in checks),
            guarded=bool(checks),
        )
        if fills_existing_rows(self.new) and not self.new.has_db_default():
            yield sql.Brief(self.table, "DROP DEFAULT")

    def _not_null_checks(self) -> list[str]:
        """Return the names of the model's CHECKs that say no more than that it is not NULL."""
        assert self.context.before is not None
        return [
            constraint.name
            for constraint in self.context.before.options["constraints"]
            if isinstance(constraint, CheckConstraint)
            and field_not_null(constraint.condition) == self.name
        ]

    def _gets_like_index(self) -> bool:
        before, after = self.before, self.after
        if not after.like:
            return False
        was_indexed = before.indexed or before.unique
        return (
            (not was_indexed and after.indexed)
            or (not before.unique and after.unique)
            or (was_indexed and _leaves_its_kind(before.type, after.type))
        )


def _leaves_its_kind(before: str, after: str) -> bool:
    """Tell whether an index for LIKE has to be made anew, as another operator class."""
    return any(
        before.startswith(kind) and not after.startswith(kind)
        for kind in ("varchar", "text", "citext")
    )


def _template(field: AnyField, type_: str) -> Any:
    """Return what the types of all fields of the kind are made from."""
    if field.is_relation:
        return type_
    return database().data_types.get(field.get_internal_type(), type_)


def _expression(field: AnyField) -> Any:
    return getattr(field, "expression", None)


def _is_rebuilt(item: Any, name: str) -> bool:
    """Tell whether an index is built anew whenever the type of the field changes."""
    if not isinstance(item, Index | UniqueConstraint):
        return False
    return mentions(item.condition, name) or any(
        mentions(expression, name) for expression in item.expressions
    )


def _fields(item: Any) -> list[str]:
    return [name.lstrip("-") for name in getattr(item, "fields", ())]
