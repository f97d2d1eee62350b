"""The cases of the corpus, a module for each family."""

from __future__ import annotations

import importlib
import pkgutil

from tests.corpus.case import Case


def all_cases() -> list[Case]:
    """Return all cases; names are unique."""
    cases: list[Case] = []
    for module in pkgutil.iter_modules(__path__):
        cases += importlib.import_module(f"{__name__}.{module.name}").CASES
    names = [case.name for case in cases]
    assert len(names) == len(set(names)), sorted({n for n in names if names.count(n) > 1})
    return cases
