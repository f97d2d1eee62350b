"""Operations such as people's migrations are made of, in a sequence that is valid.

Their shares are those in the migrations of sixteen open-source projects. What an operation needs
is read from the project state that the earlier ones have left, so that all of them could be run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from random import Random
from typing import Any

from django.db import models
from django.db.migrations import (
    AddConstraint,
    AddField,
    AddIndex,
    AlterField,
    AlterModelOptions,
    AlterUniqueTogether,
    CreateModel,
    DeleteModel,
    RemoveConstraint,
    RemoveField,
    RemoveIndex,
    RenameField,
    RunPython,
    RunSQL,
    SeparateDatabaseAndState,
)
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ModelState, ProjectState
from django.db.models import Q

from benchmarks.lint.fields import AnyField, altered_field, new_field


class FillRows(RunPython):
    """A RunPython whose function, which its migration's file defines, sets a field of all rows."""

    def __init__(self, model: str, field: str) -> None:
        super().__init__(RunPython.noop, RunPython.noop)
        self.model, self.field = model, field


class History:
    """Makes up operations, one after the other; the same ones for the same seed."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.state = ProjectState()
        self._numbers = count(1)
        self._created: list[str] = []

    def first_operations(self, app_label: str) -> list[Operation]:
        """Return what the first migration of an app does."""
        self._created = []
        return [self._run(app_label, self.create_model(app_label)) for _ in range(3)]

    def operations(self, app_label: str) -> list[Operation]:
        """Return what a later migration of the app does."""
        # 3.6 on average, as it was seen; most migrations are small.
        self._created = []
        [number] = self.random.choices([1, 2, 3, 5, 8, 16], [35, 22, 14, 14, 10, 5])
        return [self._run(app_label, self._next(app_label)) for _ in range(number)]

    def _next(self, app_label: str) -> Operation:
        while True:
            [make] = self.random.choices(list(SHARES), list(SHARES.values()))
            operation = make(self, app_label)
            if operation is not None:
                return operation

    def _run(self, app_label: str, operation: Operation) -> Operation:
        operation.state_forwards(app_label, self.state)
        if isinstance(operation, CreateModel):
            self._created.append(operation.name_lower)
        return operation

    def create_model(self, app_label: str) -> Operation:
        number = next(self._numbers)
        fields: list[tuple[str, AnyField]] = [("id", models.BigAutoField(primary_key=True))]
        for _ in range(self.random.randint(3, 8)):
            fields.append(self._new_field(app_label))
        return CreateModel(f"Model{number}", fields, {"verbose_name": f"model {number}"})

    def delete_model(self, app_label: str) -> Operation | None:
        pointed_at = {target for model in self.state.models.values() for target in targets(model)}
        free = [model for model in self._models(app_label) if label(model) not in pointed_at]
        return DeleteModel(self.random.choice(free).name) if free else None

    def alter_options(self, app_label: str) -> Operation:
        model = self._model(app_label)
        name = f"name {next(self._numbers)}"
        return AlterModelOptions(model.name_lower, {"verbose_name": name})

    def add_field(self, app_label: str) -> Operation:
        model = self._model(app_label, new=0.19)
        return AddField(model.name_lower, *self._new_field(app_label))

    def alter_field(self, app_label: str) -> Operation:
        model = self._model(app_label)
        name = self.random.choice([name for name in model.fields if name != "id"] or ["id"])
        bare = name in free_fields(model)
        return AlterField(
            model.name_lower, name, altered_field(model.fields[name], self.random, bare=bare)
        )

    def remove_field(self, app_label: str) -> Operation | None:
        model = self._model(app_label)
        free = free_fields(model)
        # Models with few fields keep them.
        return RemoveField(model.name_lower, self.random.choice(free)) if len(free) > 3 else None

    def rename_field(self, app_label: str) -> Operation | None:
        model = self._model(app_label)
        free = [name for name in free_fields(model) if not model.fields[name].is_relation]
        if not free:
            return None
        return RenameField(
            model.name_lower, self.random.choice(free), f"renamed_{next(self._numbers)}"
        )

    def alter_unique_together(self, app_label: str) -> Operation | None:
        model = self._model(app_label)
        columns = [name for name in model.fields if not model.fields[name].many_to_many]
        if len(columns) < 2:
            return None
        groups = set(model.options.get("unique_together") or ())
        return AlterUniqueTogether(
            model.name_lower, groups | {tuple(self.random.sample(columns, 2))}
        )

    def add_index(self, app_label: str) -> Operation | None:
        model = self._model(app_label, new=0.33)
        columns = [name for name in model.fields if not model.fields[name].many_to_many]
        fields = self.random.sample(columns, min(len(columns), 2))
        return AddIndex(
            model.name_lower, models.Index(fields=fields, name=f"index_{next(self._numbers)}")
        )

    def remove_index(self, app_label: str) -> Operation | None:
        found = [(m, index) for m in self._models(app_label) for index in m.options["indexes"]]
        if not found:
            return None
        model, index = self.random.choice(found)
        return RemoveIndex(model.name_lower, index.name)

    def add_constraint(self, app_label: str) -> Operation | None:
        model = self._model(app_label)
        numbers = [
            name for name, each in model.fields.items() if isinstance(each, models.IntegerField)
        ]
        if not numbers:
            return None
        name = f"constraint_{next(self._numbers)}"
        field = self.random.choice(numbers)
        constraint: models.BaseConstraint
        if self.random.random() < 0.5:
            constraint = models.CheckConstraint(condition=Q((f"{field}__gte", 0)), name=name)
        else:
            constraint = models.UniqueConstraint(fields=[field], name=name)
        return AddConstraint(model.name_lower, constraint)

    def remove_constraint(self, app_label: str) -> Operation | None:
        found = [(m, each) for m in self._models(app_label) for each in m.options["constraints"]]
        if not found:
            return None
        model, constraint = self.random.choice(found)
        return RemoveConstraint(model.name_lower, constraint.name)

    def run_python(self, app_label: str) -> Operation | None:
        model = self._model(app_label)
        texts = [name for name, each in model.fields.items() if isinstance(each, models.CharField)]
        return FillRows(model.name, self.random.choice(texts)) if texts else None

    def run_sql(self, app_label: str) -> Operation:
        table = f"{app_label}_{self._model(app_label).name_lower}"
        number = next(self._numbers)
        statement, back = self.random.choice(
            [
                (f"UPDATE {table} SET id = id WHERE id < 0", RunSQL.noop),
                (f"DELETE FROM {table} WHERE id < 0", RunSQL.noop),
                (f"ALTER TABLE {table} SET (fillfactor = 90)", RunSQL.noop),
                (f"CREATE INDEX sql_{number} ON {table} (id)", f"DROP INDEX sql_{number}"),
                (f"COMMENT ON TABLE {table} IS 'number {number}'", None),
            ]
        )
        return RunSQL(statement, back)

    def separate(self, app_label: str) -> Operation:
        return SeparateDatabaseAndState(
            database_operations=[self.run_sql(app_label)],
            state_operations=[self.alter_options(app_label)],
        )

    def _models(self, app_label: str) -> list[ModelState]:
        return [model for model in self.state.models.values() if model.app_label == app_label]

    def _model(self, app_label: str, *, new: float = 0) -> ModelState:
        """Return one of the app's models.

        Args:
            new: how likely it is one that the migration itself has created, from 0 to 1.
        """
        created = [m for m in self._models(app_label) if m.name_lower in self._created]
        if created and self.random.random() < 3 * new:  # one migration in three creates models
            return self.random.choice(created)
        return self.random.choice(self._models(app_label))

    def _new_field(self, app_label: str) -> tuple[str, AnyField]:
        """Return a field that one could add to any model; a foreign key may leave the app."""
        own = [label(model) for model in self._models(app_label)]
        all_ = [label(model) for model in self.state.models.values()]
        number = next(self._numbers)
        target = self.random.choice(own if own and self.random.random() < 0.8 else all_ or [""])
        return f"field_{number}", new_field(number, self.random, target)


SHARES: dict[Callable[[History, str], Operation | None], float] = {
    History.alter_field: 31,
    History.add_field: 27,
    History.create_model: 11,
    History.run_python: 6,
    History.remove_field: 5.5,
    History.alter_options: 4,
    History.alter_unique_together: 3.3,
    History.add_index: 2.7,
    History.run_sql: 2.7,
    History.rename_field: 1.6,
    History.add_constraint: 1.5,
    History.delete_model: 1.5,
    History.remove_index: 1,
    History.remove_constraint: 0.7,
    History.separate: 0.5,
}
"""In percent, of all operations."""


def label(model: ModelState) -> str:
    return f"{model.app_label}.{model.name_lower}"


def targets(model: ModelState) -> Iterator[str]:
    """Yield the models that the model's relations point at."""
    for field in model.fields.values():
        if field.is_relation:
            relation: Any = field.remote_field
            yield str(relation.model).lower()


def free_fields(model: ModelState) -> list[str]:
    """Return the fields that no index or constraint of the model is about, but the key."""
    options = model.options
    bound = {name for group in options.get("unique_together") or () for name in group}
    for item in [*options["indexes"], *options["constraints"]]:
        bound |= set(getattr(item, "fields", ()))
        if isinstance(item, models.CheckConstraint):
            condition: Any = item.condition
            bound |= {lookup.partition("__")[0] for lookup, _ in condition.children}
    return [name for name in model.fields if name != "id" and name not in bound]
