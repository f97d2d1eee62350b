"""Code with the models of before: what it could do to the database, and still can.

It reads, looks up, inserts, saves, upserts and deletes rows of every model. What worked before the
migration and does not afterwards is broken by it.
"""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable, Collection, Iterator
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.fields.ranges import RangeField
from django.core.exceptions import ValidationError
from django.db import DatabaseError, connection, models, transaction

from tests.corpus.example_values import edges, fresh

#: (how common it is, what is done)
Deed = tuple[str, str]
Act = Callable[[], Any]

ALWAYS = "always"
ON_VALUES = "on-values"
ON_UPSERT = "on-upsert"
ON_DELETE = "on-delete"
TYPE_CHANGE = "type-change"

#: Nobody looks for rows by the whole of such a value.
_NOT_LOOKED_UP = (models.JSONField, ArrayField, RangeField, models.BinaryField)


class OldCode:
    """Code with the models of one state. It has read a row of each table when it is made."""

    def __init__(self, apps: Any) -> None:
        self._deeds = {
            model._meta.db_table: list(_Habits(model).everything())
            for model in apps.get_models(include_auto_created=True)
            if model._meta.managed and not model._meta.proxy
        }

    def capabilities(self, tables: Collection[str] | None = None) -> dict[Deed, Any]:
        """Try everything; return what works, each with what it returned. All is taken back.

        With `tables`, try what is done to these, and deletes of rows that theirs may refer to.
        """
        works = {}
        with warnings.catch_warnings(action="ignore"):
            for table, deeds in self._deeds.items():
                for deed, act in deeds:
                    if tables is None or table in tables or deed[0] == ON_DELETE:
                        with contextlib.suppress(
                            DatabaseError, ValueError, TypeError, ValidationError
                        ):
                            works[deed] = _tried(act)
        return works

    def deeds(self, tables: Collection[str]) -> set[Deed]:
        """Return what `capabilities` tries."""
        return {
            deed
            for table, deeds in self._deeds.items()
            for deed, _ in deeds
            if table in tables or deed[0] == ON_DELETE
        }


def broken(before: dict[Deed, Any], after: dict[Deed, Any]) -> dict[Deed, str]:
    """Return what worked before and does not now, or returns values of another type."""
    lost = {deed: "fails" for deed in before if deed not in after}
    changed = {
        (TYPE_CHANGE, deed[1]): f"{before[deed]} became {after[deed]}"
        for deed in before
        if deed[1].startswith("read") and after.get(deed) and before[deed] != after[deed]
    }
    return lost | changed


def _tried(act: Act) -> Any:
    with transaction.atomic():
        result = act()
        _check_references()
        transaction.set_rollback(True)
    return result


def _check_references() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


class _Habits:
    """What code does with one model."""

    def __init__(self, model: type[models.Model]) -> None:
        self._model = model
        self._rows = model._default_manager
        self._written = [
            field
            for field in model._meta.concrete_fields
            if not (field.generated or field.has_db_default())
            and not isinstance(field, models.AutoField)
        ]
        self._template = self._rows.order_by("pk").first()
        """A row that is there."""
        self._fresh = {field.attname: fresh(field, self._like(field)) for field in self._written}
        """What a new row has in it, in each column a value of its own where it can."""

    def everything(self) -> Iterator[tuple[Deed, Act]]:
        name = self._model.__name__
        numbers = self._likes(models.IntegerField)
        values = self._likes(models.Field)
        nulls = {each.attname: None for each in self._written if each.null}
        yield (ALWAYS, f"read {name}"), self._types
        yield (ALWAYS, f"insert {name}"), lambda: self._insert_either({}, numbers, values)
        yield (
            (ALWAYS, f"insert {name} with NULLs"),
            lambda: self._insert_either(nulls, numbers | nulls, values | nulls),
        )
        if self._template is None:
            return
        yield (ALWAYS, f"save {name}"), self._save
        yield (ON_DELETE, f"delete {name}"), self._delete
        yield (ALWAYS, f"look up {name}"), self._look_up
        for unique in self._unique_sets():
            yield (ON_UPSERT, f"upsert {name} by {', '.join(unique)}"), self._upserting(unique)
        yield from self._unusual_rows()

    def _like(self, field: Any) -> Any:
        return self._template and getattr(self._template, field.attname)

    def _likes(self, kind: type[models.Field[Any, Any]]) -> dict[str, Any]:
        """Return the template's values of plain fields of this kind, if there is one."""
        return {
            field.attname: self._like(field)
            for field in self._written
            if self._template and isinstance(field, kind)
            if not (field.unique or isinstance(field, models.ForeignKey))
        }

    def _first(self) -> models.QuerySet[models.Model]:
        return self._rows.order_by("pk")[:1]

    def _save(self) -> None:
        for row in self._first():
            row.save()

    def _delete(self) -> None:
        for row in self._first():
            row.delete()

    def _types(self) -> dict[str, str]:
        return {
            field.name: type(getattr(row, field.attname)).__name__
            for row in self._first()
            for field in self._model._meta.concrete_fields
        }

    def _new(self, values: dict[str, Any]) -> models.Model:
        return self._model(**(self._fresh | values))

    def _inserting(self, values: dict[str, Any]) -> Act:
        return lambda: self._rows.bulk_create([self._new(values)])

    def _insert_either(self, *choices: dict[str, Any]) -> None:
        """Insert an ordinary row; its values may have to be new, or such as there are already."""
        *most, last = choices
        for values in most:
            with contextlib.suppress(DatabaseError), transaction.atomic():
                self._rows.bulk_create([self._new(values)])
                _check_references()
                return
        self._rows.bulk_create([self._new(last)])

    def _look_up(self) -> models.Model | None:
        """Look for a row by all its values; one that does not compare is an error."""
        values = {
            field.attname: self._like(field)
            for field in self._model._meta.concrete_fields
            if self._like(field) is not None and not isinstance(field, _NOT_LOOKED_UP)
        }
        return self._rows.filter(**values).first()

    def _unique_sets(self) -> Iterator[tuple[str, ...]]:
        options = self._model._meta
        yield from ((field.name,) for field in self._written if field.unique)
        yield from (tuple(each) for each in options.unique_together)
        for constraint in options.constraints:
            if isinstance(constraint, models.UniqueConstraint) and constraint.fields:
                yield tuple(constraint.fields)

    def _upserting(self, unique: tuple[str, ...]) -> Act:
        fields = [each for each in self._model._meta.concrete_fields if each.name in unique]
        same = {field.attname: self._like(field) for field in fields}
        others = [each.name for each in self._written if each.name not in unique]
        return lambda: self._rows.bulk_create(
            [self._new(same)],
            update_conflicts=True,
            unique_fields=unique,
            update_fields=others[:1] or unique[:1],
        )

    def _unusual_rows(self) -> Iterator[tuple[Deed, Act]]:
        """Rows like others, and rows of values that few have: one of each column in a row."""
        name = self._model.__name__
        keys = {
            field.attname: self._like(field)
            for field in self._written
            if isinstance(field, models.ForeignKey) and not field.unique
        }
        like = self._likes(models.Field)
        yield (ON_VALUES, f"insert {name}, like another"), self._inserting(like)
        yield (ON_VALUES, f"insert {name}, a twin"), self._inserting(like | keys)
        unusual = {field.attname: edges(field) for field in self._written}
        for number in range(max(map(len, unusual.values()), default=0)):
            values = {
                column: some[number] for column, some in unusual.items() if number < len(some)
            }
            yield (ON_VALUES, f"insert {name}, unusual {number}"), self._inserting(values)
