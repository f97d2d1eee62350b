"""A corpus of migration files: a directory for each case, with an app `shop` in it.

`observed.json` beside the directories lists them, with what was observed.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.db.migrations import Migration
from django.db.migrations.loader import MigrationLoader
from django.test import override_settings

from tests.corpus.verdict import Verdict, asked


def read_verdicts(directory: Path) -> list[tuple[Verdict, str]]:
    """Return the verdicts of a corpus, each with the name of the migration it is about."""
    cases = json.loads((directory / "observed.json").read_text("utf-8"))
    return [(_verdict(case), case["migration"]) for case in cases]


def read_migrations(directory: Path, case: str) -> list[Migration]:
    """Return the case's migrations of the app `shop`, in the order in which they run.

    The directories are read as one package, so that the modules of the cases do not meet.
    """
    if str(directory.parent) not in sys.path:
        sys.path.insert(0, str(directory.parent))
    package = f"{directory.name}.{case}.shop.migrations"
    with override_settings(MIGRATION_MODULES={"shop": package}):
        graph = MigrationLoader(None).graph
    return list(_in_order(graph))


def _in_order(graph: Any) -> Iterator[Migration]:
    for leaf in graph.leaf_nodes("shop"):
        for key in graph.forwards_plan(leaf):
            yield graph.nodes[key]


def _verdict(case: dict[str, Any]) -> Verdict:
    return Verdict(
        case=case["id"],
        what=case["what"],
        hazards=asked(case["hazards"]),
        tolerated=asked(case["tolerated"]),
        fails_always=case["fails_always"],
        sql=tuple(case["observed"]["sql"]),
    )
