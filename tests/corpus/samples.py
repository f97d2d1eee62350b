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

from tests.corpus.comparison import Judged, lint
from tests.corpus.verdict import Verdict, asked


def judge(directory: Path) -> Iterator[Judged]:
    """Let the linter judge all cases of a corpus."""
    for case in json.loads((directory / "observed.json").read_text("utf-8")):
        verdict = _verdict(case)
        try:
            migrations = read_migrations(directory, verdict.case)
        except TypeError as error:  # Django itself refuses the arguments of an operation
            print(f"{verdict.case} cannot be imported: {error}", file=sys.stderr)
            continue
        [own] = [each for each in migrations if each.name == case["migration"]]
        yield Judged(verdict, lint(migrations, own))


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
