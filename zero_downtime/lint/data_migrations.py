"""What a `RunPython` does to the tables that running code may be using."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from django.db.migrations import RunPython
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState

from zero_downtime.lint.model_states import has_table, table_name
from zero_downtime.lint.python_code import Access, Extent, ModelKey, PythonCode, read

SMALL_TABLES = frozenset(
    [("auth", "group"), ("auth", "permission"), ("contenttypes", "contenttype"), ("sites", "site")]
)
"""Models of Django whose tables grow with the code and its administrators, not with its users."""


@dataclass(frozen=True)
class Place:
    """Where a function runs."""

    app_label: str
    state: ProjectState
    new_tables: Collection[str]

    def existing_table(self, key: ModelKey | None) -> str | None:
        """Return the table of a model, if running code may be using it."""
        if key is None:
            return None
        model = self.state.models.get(key)
        while model is not None and model.options.get("proxy"):
            parents = [base for base in model.bases if isinstance(base, str)]
            app_label, _, name = parents[0].partition(".") if parents else ("", "", "")
            model = self.state.models.get((app_label, name))
        if model is None:
            return "_".join(key)
        table = table_name(model)
        return table if has_table(model) and table not in self.new_tables else None

    def grows(self, access: Access) -> bool:
        """Tell whether the number of rows grows with a table that existed before."""
        if access.extent is Extent.FEW:
            return False
        # In a loop, the rows that it goes over decide; a condition may meet many for each.
        keys = {access.source, access.model} if access.filtered else {access.source or access.model}
        known = keys - {None}
        if not known:
            return self.can_meet_rows()
        return any(key not in SMALL_TABLES and self.existing_table(key) for key in known)

    def can_meet_rows(self) -> bool:
        """Tell whether there are old tables that a function is likely to work on.

        Which tables it works on is not known. An app that has no tables but new ones fills those.
        """
        apps = {
            model.app_label
            for model in self.state.models.values()
            if has_table(model) and table_name(model) not in self.new_tables
        }
        has_own_tables = any(label == self.app_label for label, _ in self.state.models)
        return self.app_label in apps if has_own_tables else bool(apps)


def python_code(operation: Operation) -> PythonCode | None:
    """Return what the operation's function does; None if it has none, or does nothing."""
    if not isinstance(operation, RunPython) or operation.code is RunPython.noop:
        return None
    if type(operation).database_forwards is not RunPython.database_forwards:
        return None
    return read(operation.code)


def function_name(operation: Operation) -> str:
    """Return how the operation's function is called in a message."""
    assert isinstance(operation, RunPython)
    return getattr(operation.code, "__name__", "RunPython")


def places(accesses: Iterable[Access]) -> str:
    """Say where the accesses are: "update() in line 7, save() in line 9"."""
    described = dict.fromkeys(f"{each.operation}() in line {each.line}" for each in accesses)
    first, *others = described
    return f"{first}, and {len(others)} more" if len(others) > 1 else ", ".join(described)
