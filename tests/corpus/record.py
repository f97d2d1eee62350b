"""What is kept of an observation, in observed.json."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import django

from tests.corpus.bookshop import INITIAL
from tests.corpus.case import Case, migrations_of
from tests.corpus.deriving import hazards_of, held_during_work, irreversible
from tests.corpus.observing import Observation, Observer
from tests.corpus.verdict import Verdict, asked

FILE = Path(__file__).with_name("observed.json")

Record = dict[str, Any]


def record_of(case: Case, observer: Observer) -> Record:
    """Observe a case and return what is kept of it."""
    seen = observer.observe(migrations_of(case, INITIAL))
    hazards, tolerated = hazards_of(seen)
    record = {
        "hazards": sorted(hazards),
        "tolerated": sorted(tolerated),
        "fails": _failure(seen),
        "held": _held(seen),
        "broken": sorted({kind for kind, _ in seen.ordinary.broken}),
        "irreversible": sorted({*irreversible(seen.ordinary), *_awkward_losses(seen)}),
        "sql": seen.ordinary.trace.sql,
    }
    return {name: value for name, value in record.items() if value or name == "hazards"}


def verdict_of(case: Case, record: Record) -> Verdict:
    """Return what ought to be reported of a case."""
    return Verdict(
        case=case.name,
        what=case.what,
        hazards=asked(record["hazards"]),
        tolerated=asked(record.get("tolerated", [])),
        fails_always=record.get("fails", "").startswith("always"),
        sql=tuple(record.get("sql", [])),
    )


def read() -> dict[str, Record]:
    """Return the records of all cases by name."""
    cases: dict[str, Record] = json.loads(FILE.read_text("utf-8"))["cases"]
    return cases


def write(records: dict[str, Record], postgres: int) -> None:
    """Write the records of all cases, a line for each; `postgres` is the server's version."""
    versions = {"django": django.get_version(), "postgres": postgres}
    head = [f"{json.dumps(name)}: {json.dumps(value)}" for name, value in versions.items()]
    lines = [f"{json.dumps(name)}: {json.dumps(records[name])}" for name in sorted(records)]
    cases = ",\n".join(lines)
    FILE.write_text("{\n" + ",\n".join(head) + f',\n"cases": {{\n{cases}\n}}\n}}\n', "utf-8")


def _failure(seen: Observation) -> str:
    if seen.ordinary.error:
        return f"{'always' if seen.fails_on_empty else 'with rows'}: {seen.ordinary.error}"
    if seen.awkward and seen.awkward.error:
        return f"with some rows: {seen.awkward.error}"
    return ""


def _held(seen: Observation) -> dict[str, str]:
    held = held_during_work(seen.ordinary)
    return {seen.ordinary.before.tables[oid]: mode for oid, mode in sorted(held.items())}


def _awkward_losses(seen: Observation) -> list[str]:
    return irreversible(seen.awkward) if seen.awkward else []
