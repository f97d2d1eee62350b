"""What a `RunPython` does to the tables that running code may be using."""

from __future__ import annotations

from collections.abc import Iterable

from django.db.migrations import RunPython

from zero_downtime.lint.model_states import has_table, table_name
from zero_downtime.lint.python_code import Access, Extent, Kind, ModelKey, PythonCode, read
from zero_downtime.lint.walk import Step, is_stock

SMALL_TABLES = frozenset(
    [("auth", "group"), ("auth", "permission"), ("contenttypes", "contenttype"), ("sites", "site")]
)
"""Models of Django whose tables grow with the code and its administrators, not with its users."""


def python_code(step: Step) -> PythonCode | None:
    """Return what the step's function does; None if the step is no RunPython or does nothing."""
    operation = step.operation
    if not is_stock(operation, RunPython) or operation.code is RunPython.noop:
        return None
    return read(operation.code)


def function_name(step: Step) -> str:
    """Return how the step's function is called in a message."""
    assert isinstance(step.operation, RunPython)
    return getattr(step.operation.code, "__name__", "RunPython")


def long_accesses(step: Step, code: PythonCode, *kinds: Kind) -> list[Access]:
    """Return the accesses whose number of rows grows with a table that existed before."""
    return [access for access in code.of_kind(*kinds) if _grows(access, step)]


def tables_of(step: Step, accesses: Iterable[Access]) -> list[str]:
    """Return the tables of models that are accessed and existed before, each once."""
    tables = [_existing_table(access.model, step) for access in accesses if access.model]
    return list(dict.fromkeys(table for table in tables if table))


def _grows(access: Access, step: Step) -> bool:
    if access.extent is Extent.FEW:
        return False
    # In a loop, the rows that the loop goes over decide; a condition may meet many for each.
    keys = {access.source, access.model} if access.filtered else {access.source or access.model}
    known = keys - {None}
    if not known:
        return _can_meet_rows(step)
    return any(key not in SMALL_TABLES and _existing_table(key, step) for key in known)


def _existing_table(key: ModelKey | None, step: Step) -> str | None:
    """Return the table of a model, if running code may be using it."""
    if key is None:
        return None
    model = step.state.models.get(key)
    while model is not None and model.options.get("proxy"):
        parents = [base for base in model.bases if isinstance(base, str)]
        app_label, _, name = parents[0].partition(".") if parents else ("", "", "")
        model = step.state.models.get((app_label, name))
    if model is None:
        return "_".join(key)
    table = table_name(model)
    return table if has_table(model) and table not in step.surroundings.new_tables else None


def _can_meet_rows(step: Step) -> bool:
    """Tell whether there are old tables that a function is likely to work on.

    Which tables it works on is not known. An app that has no tables but new ones fills those.
    """
    apps = {app_label for app_label, _ in step.existing_tables()}
    has_own_tables = any(label == step.app_label for label, _ in step.state.models)
    return step.app_label in apps if has_own_tables else bool(apps)


def is_opaque(step: Step, code: PythonCode) -> bool:
    """Tell whether the function may do what cannot be seen, to tables that existed before."""
    hidden = code.opaque or code.of_kind(Kind.SQL)
    return bool(hidden) and _can_meet_rows(step)


def places(accesses: Iterable[Access]) -> str:
    """Say where the accesses are: "update() in line 7, save() in line 9"."""
    described = dict.fromkeys(f"{each.operation}() in line {each.line}" for each in accesses)
    first, *others = described
    return f"{first}, and {len(others)} more" if len(others) > 1 else ", ".join(described)
