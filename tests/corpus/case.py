"""One migration of the corpus."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db.migrations import Migration
from django.db.migrations.operations.base import Operation

APP = "store"


@dataclass(frozen=True)
class Case:
    """A migration on the bookshop whose hazards are observed and judged."""

    name: str
    what: str
    operations: Sequence[Operation]
    setup: Sequence[Operation] = ()
    """What was migrated long before, each operation in a migration of its own."""
    atomic: bool = True
    since: tuple[int, int] = (0, 0)
    """The first version of Django that does what was observed."""
    attributes: Mapping[str, Any] = field(default_factory=dict)
    """Further attributes of the Migration class."""
    explained: Mapping[str, str] = field(default_factory=dict)
    """Why the linter and the server disagree about a hazard, by hazard."""


def migrations_of(case: Case, initial: Sequence[Operation]) -> list[Migration]:
    """Return the migrations up to the case's own, which is the last one."""
    names = ["0001_initial", *(f"{number:04}_setup" for number, _ in enumerate(case.setup, 2))]
    made = [
        _migration(name, operations, atomic=not _is_concurrent(operations))
        for name, operations in zip(names, [initial, *([each] for each in case.setup)], strict=True)
    ]
    own = f"{len(made) + 1:04}_{case.name}"
    made.append(_migration(own, case.operations, atomic=case.atomic, **case.attributes))
    for earlier, later in itertools.pairwise(made):
        type(later).dependencies = [(APP, earlier.name)]
    return made


def _is_concurrent(operations: Sequence[Operation]) -> bool:
    return any(each.atomic is False or "Concurrently" in type(each).__name__ for each in operations)


def _migration(name: str, operations: Sequence[Operation], **attributes: Any) -> Migration:
    attributes["operations"] = list(operations)
    made: type[Migration] = type("Migration", (Migration,), attributes)
    return made(name, APP)
