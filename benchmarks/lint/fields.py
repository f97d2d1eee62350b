"""Fields that people add, and what they make of them later."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any, TypeAlias

from django.db import models

AnyField: TypeAlias = Any
"""A field; the stubs do not know all attributes that every one has."""
Arguments: TypeAlias = dict[str, Any]

NULLABLE: list[Callable[[], AnyField]] = [
    lambda: models.CharField(max_length=100, null=True),
    lambda: models.CharField(max_length=255, null=True, blank=True),
    lambda: models.TextField(null=True),
    lambda: models.IntegerField(null=True, blank=True),
    lambda: models.DateTimeField(null=True, blank=True),
    lambda: models.DecimalField(max_digits=10, decimal_places=2, null=True),
    lambda: models.EmailField(max_length=254, null=True),
    lambda: models.JSONField(null=True),
    lambda: models.UUIDField(null=True),
]
DEFAULTING: list[Callable[[], AnyField]] = [
    lambda: models.CharField(max_length=255, blank=True, default=""),
    lambda: models.CharField(max_length=20, db_index=True, default=""),
    lambda: models.TextField(blank=True, default=""),
    lambda: models.IntegerField(default=0),
    lambda: models.PositiveIntegerField(default=1),
    lambda: models.BooleanField(default=False),
    lambda: models.DateTimeField(auto_now_add=True),
    lambda: models.URLField(blank=True, default=""),
    lambda: models.JSONField(default=dict),
]


def new_field(number: int, random: Random, target: str) -> AnyField:
    """Return a field; one in six, if there is a `target` ("app.model"), is a relation to it.

    One in four is NOT NULL, with a default in Python.
    """
    if target and random.random() < 1 / 6:
        related_name = f"related_{number}"
        if random.random() < 0.15:
            return models.ManyToManyField(target, related_name=related_name)
        return models.ForeignKey(
            target, models.CASCADE, null=random.random() < 0.7, related_name=related_name
        )
    return random.choice(DEFAULTING if random.random() < 0.25 else NULLABLE)()


def altered_field(field: AnyField, random: Random, *, bare: bool) -> AnyField:
    """Return what the field might become.

    More than half of such changes have no effect in the database.

    Args:
        bare: no index or constraint of the model is about it, so that its type may change.
    """
    _, _, arguments, options = field.deconstruct()
    kind: type[AnyField] = type(field)
    changed_kind, change = _change(field, random, bare=bare)
    return (changed_kind or kind)(*arguments, **{**options, **change})


def _change(
    field: AnyField, random: Random, *, bare: bool
) -> tuple[type[AnyField] | None, Arguments]:
    drawn = random.random()
    in_words: Arguments = {"help_text": f"Explanation {random.randint(1, 9999)}."}
    if field.is_relation or field.primary_key or drawn < 0.6:
        return None, in_words
    if drawn < 0.75 and bare:
        return _change_of_type(field) or (None, in_words)
    if drawn < 0.83:
        return None, {"null": not field.null}
    if drawn < 0.87:
        return None, {"db_index": not field.db_index}
    if drawn < 0.95 and isinstance(field, models.CharField) and field.max_length:
        return None, {"max_length": field.max_length + 50}
    if isinstance(field, models.CharField | models.TextField):
        return None, {"default": f"value {random.randint(1, 99)}"}
    return None, {"verbose_name": f"name {random.randint(1, 9999)}"}


def _change_of_type(field: AnyField) -> tuple[type[AnyField], Arguments] | None:
    """Return what PostgreSQL can cast the field's type to, if we have something for it."""
    if type(field) is models.IntegerField:
        return models.BigIntegerField, {}
    if type(field) is models.DecimalField:
        return models.DecimalField, {"max_digits": field.max_digits + 2}
    if type(field) is models.CharField:
        return models.TextField, {}
    return None
