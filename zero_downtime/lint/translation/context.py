"""What a translation is given, and what it gives."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.db.migrations.state import ModelState, ProjectState

from zero_downtime.lint.model_states import has_table, table_name
from zero_downtime.lint.schema import Schema
from zero_downtime.postgres.statements import Statement


@dataclass(frozen=True)
class Context:
    """An operation's surroundings while it runs."""

    app_label: str
    before: ModelState | None
    """State of the model that the operation names; None if it names none, or a new one."""
    after: ModelState | None
    state: ProjectState
    """The whole state after the operation."""
    schema: Schema

    @property
    def has_table(self) -> bool:
        """Migrations look after a table of the model that the operation names."""
        model = self.before or self.after
        return model is not None and has_table(model)

    @property
    def table(self) -> str:
        model = self.before or self.after
        assert model is not None, "the operation names no model"
        return table_name(model)


@dataclass(frozen=True)
class Translation:
    """The statements of an operation."""

    now: tuple[tuple[Statement, ...], ...] = ()
    """In order; those that stand together always run in one transaction."""
    later: tuple[Statement, ...] = ()
    """What Django leaves until the end of the migration."""

    @classmethod
    def of(cls, now: Iterable[Statement], later: Iterable[Statement] = ()) -> Translation:
        """Let each statement stand for itself."""
        return cls(tuple((each,) for each in now), tuple(later))
