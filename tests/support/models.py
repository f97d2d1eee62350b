"""Models that exist for one test only, as migrations have them, with their tables."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.state import ModelState, ProjectState

Model = type[models.Model]


def define_models(*states: ModelState) -> list[Model]:
    """Return the models without creating anything."""
    state = ProjectState()
    for each in states:
        state.add_model(each)
    return [state.apps.get_model(each.app_label, each.name) for each in states]


def create_models(connection: BaseDatabaseWrapper, *states: ModelState) -> list[Model]:
    """Create the tables of the models, and return the models."""
    models_ = define_models(*states)
    with connection.schema_editor() as editor:
        for model in models_:
            editor.create_model(model)
    return models_


def rows_of(model: Model, *fields: str) -> list[Any]:
    """Return the values of those fields in every row, by primary key; of one field flat."""
    rows = model._base_manager.order_by("pk")
    return list(rows.values_list(*fields, flat=len(fields) == 1))
