"""The state of all models, moved through migrations without ever rendering a model."""

from __future__ import annotations

from typing import Any

from django.db.migrations.state import ProjectState
from django.db.models import NOT_PROVIDED


class UnrenderedState(ProjectState):
    """Spares `alter_field` what only rendered models need.

    Django goes through every field of every model then, to find out which rendered models have to
    be made anew. There are none here, unless an operation asks for them.
    """

    def alter_field(
        self, app_label: str, model_name: str, name: str, field: Any, preserve_default: bool
    ) -> None:
        if "apps" in self.__dict__ or self._relations is not None:  # type: ignore[attr-defined]
            super().alter_field(app_label, model_name, name, field, preserve_default)
            return
        if not preserve_default:
            field = field.clone()
            field.default = NOT_PROVIDED
        self.models[app_label, model_name].fields[name] = field
