"""Values for rows that code may write."""

from __future__ import annotations

import datetime
import uuid
from decimal import Decimal
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.fields.ranges import RangeField
from django.db import models

_WORD = "zq81-word"


def fresh(field: Any, like: Any) -> Any:
    """Return an ordinary value that no other row has."""
    if isinstance(field, models.ForeignKey):
        return _key(field, like)
    if isinstance(field, models.BooleanField | models.JSONField | ArrayField):
        return {} if like is None and isinstance(field, models.JSONField) else like
    if isinstance(field, models.CharField) and 0 < (field.max_length or 100) < len(_WORD):
        return like or "z"
    if isinstance(field, models.CharField | models.TextField):
        return _WORD
    if isinstance(field, models.UUIDField):
        return uuid.UUID(int=81)
    if isinstance(field, models.IntegerField):
        return 23_456
    if isinstance(field, models.DecimalField):
        return Decimal(7) + Decimal(1).scaleb(-field.decimal_places)
    if isinstance(field, models.DateTimeField):
        return datetime.datetime(2031, 5, 6, 7, 8, 9, tzinfo=datetime.UTC)
    if isinstance(field, models.DateField):
        return datetime.date(2031, 5, 6)
    if isinstance(field, RangeField):
        return (
            datetime.datetime(2099, 1, 1, tzinfo=datetime.UTC),
            datetime.datetime(2099, 1, 2, tzinfo=datetime.UTC),
        )
    return like


def _key(field: Any, like: Any) -> Any:
    """Return the key of a row to refer to: one that nobody refers to, where it must be unique."""
    target, column = field.remote_field.model, field.target_field.attname
    rows = target._default_manager.order_by(f"-{column}")
    if field.unique:
        taken = field.model._default_manager.values(field.attname)
        rows = rows.exclude(**{f"{column}__in": taken})
    return rows.values_list(column, flat=True).first()


def edges(field: Any) -> list[Any]:
    """Return values that the field may hold and few rows do."""
    if isinstance(field, models.ForeignKey):
        return [] if getattr(field, "db_constraint", True) else [987_654]
    if isinstance(field, models.CharField):
        longest = "y" * (field.max_length or 300)
        return [longest[:1], *([] if field.unique else ["", longest, "it's Ü"])]
    if isinstance(field, models.TextField):
        return ["", "long " * 400]
    if isinstance(field, models.IntegerField):
        return [*_INTEGERS.get(type(field).__name__, _INTEGERS["IntegerField"]), 0]
    if isinstance(field, models.DecimalField):
        largest = Decimal("9" * field.max_digits).scaleb(-field.decimal_places)
        return [largest, -largest, Decimal(0)]
    if isinstance(field, models.FloatField):
        return [-0.1, 0.0, 1e200]
    if isinstance(field, models.BooleanField):
        return [True, False]
    if isinstance(field, models.DateTimeField):
        return [datetime.datetime(1903, 1, 1, 1, 1, 1, 1, tzinfo=datetime.UTC)]
    if isinstance(field, models.DateField):
        return [datetime.date(1903, 1, 1)]
    if isinstance(field, models.JSONField):
        return [{}, [], "text", {"deep": [1, None]}]
    if isinstance(field, ArrayField):
        return [[]]
    return []


_INTEGERS = {
    "SmallIntegerField": (-(2**15), 2**15 - 1),
    "IntegerField": (-(2**31), 2**31 - 1),
    "BigIntegerField": (-(2**63), 2**63 - 1),
    "PositiveSmallIntegerField": (0, 2**15 - 1),
    "PositiveIntegerField": (0, 2**31 - 1),
    "PositiveBigIntegerField": (0, 2**63 - 1),
}
