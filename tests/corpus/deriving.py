"""From what was seen to what ought to be reported."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any

from tests.corpus.contents import BIG, Contents
from tests.corpus.observing import Observation, Run
from tests.corpus.old_code import ALWAYS
from tests.corpus.tracing import Span
from tests.corpus.verdict import ASKED
from tests.support.witness import LOCK_MODES, stronger
from zero_downtime.lint.findings import Hazard

#: Rows in one transaction; a batch of a backfill has fewer.
MANY = 5 * BIG


def hazards_of(seen: Observation) -> tuple[set[Hazard], set[Hazard]]:
    """Return the hazards of a migration, and those that are a matter of taste."""
    if seen.fails_on_empty:
        return {Hazard.MAY_FAIL}, set()
    hazards: set[Hazard] = set()
    tolerated: set[Hazard] = set()
    if seen.ordinary.error or (seen.awkward and seen.awkward.error):
        hazards.add(Hazard.MAY_FAIL)
    for run in (seen.ordinary, seen.awkward):
        if run is not None:
            _add_blocking(run, hazards, tolerated)
            _add_long_transactions(run, hazards, tolerated)
            _add_irreversible(run, hazards, tolerated)
    _add_old_code(seen.ordinary, hazards, tolerated)
    if _fails_on_values(seen.ordinary):
        # With other values it would have gone on.
        tolerated |= set(ASKED)
    return hazards, tolerated - hazards


def _fails_on_values(run: Run) -> bool:
    """Tell whether the rows' values do not convert, or refer to nothing."""
    state = run.sqlstate if run.error else None
    return state is not None and (state.startswith("22") or state == "23503")


def held_during_work(run: Run) -> dict[int, str]:
    """Return the tables that were strongly locked while something took its time, by oid."""
    held = _held(run)
    return {oid: mode for oid, mode in held.items() if oid in run.before.tables}


def _held(run: Run) -> dict[int, str]:
    """Return the relations of before that were, indexes too, with the strongest mode of each."""
    held: dict[int, str] = {}
    for spans in _transactions(run.trace.spans):
        work: dict[tuple[int, str], int] = defaultdict(int)
        for span in spans:
            for oid, mode in span.locks.items():
                if oid in run.before.tables or oid in run.before.indexes:
                    # A stronger lock was held as a weaker one before.
                    for weaker in LOCK_MODES[: LOCK_MODES.index(mode) + 1]:
                        work[oid, weaker] += _units(span)
        for (oid, mode), units in work.items():
            if units >= BIG:
                held[oid] = stronger(held.get(oid, mode), mode)
    return {oid: mode for oid, mode in held.items() if LOCK_MODES.index(mode) >= _SHARE}


_SHARE = LOCK_MODES.index("Share")


def _units(span: Span) -> int:
    return span.rows_read + sum(span.written.values()) + (BIG if span.rewritten else 0)


def _transactions(spans: Iterable[Span]) -> Iterable[list[Span]]:
    found: dict[int, list[Span]] = defaultdict(list)
    for span in spans:
        found[span.transaction].append(span)
    return found.values()


def _add_blocking(run: Run, hazards: set[Hazard], tolerated: set[Hazard]) -> None:
    for oid, mode in _held(run).items():
        if oid in run.before.tables:
            to = hazards if oid in run.before.big else tolerated
            to.add(Hazard.BLOCKS_WRITES)
            if mode == "AccessExclusive":
                to.add(Hazard.BLOCKS_READS)
        elif mode == "AccessExclusive" and run.before.indexes[oid] in run.before.big:
            # No plan is made for the table meanwhile, unless the session has one.
            tolerated.add(Hazard.BLOCKS_READS)


def _add_long_transactions(run: Run, hazards: set[Hazard], tolerated: set[Hazard]) -> None:
    for spans in _transactions(run.trace.spans):
        written = sum((Counter(span.written) for span in spans), Counter[int]())
        known = sum(number for oid, number in written.items() if oid in run.before.tables)
        locking = any(run.before.big.intersection(span.locks) for span in spans)
        if known >= MANY:
            hazards.add(Hazard.LONG_TRANSACTION)
        elif written.total() >= MANY or (written and locking):
            tolerated.add(Hazard.LONG_TRANSACTION)


def irreversible(run: Run) -> list[str]:
    """Return what the way back does not bring back; not the rows that were changed on purpose."""
    if run.after is None:
        return []
    reasons = _dropped(run.before, run.after)
    if run.back_error is not None:
        reasons.append(f"way back: {run.back_error}")
    elif run.back is not None and not _wrote_rows(run):
        reasons += [f"changed: {each}" for each in _changed(run.before, run.back)]
    return reasons


def _add_irreversible(run: Run, hazards: set[Hazard], tolerated: set[Hazard]) -> None:
    if irreversible(run):
        hazards.add(Hazard.IRREVERSIBLE)
    elif run.back is not None and _changed(run.before, run.back):
        tolerated.add(Hazard.IRREVERSIBLE)


def _dropped(before: Contents, after: Contents) -> list[str]:
    gone = [name for oid, name in before.tables.items() if oid not in after.tables]
    columns = [
        f"column {column.table}.{column.name}"
        for key, column in before.columns.items()
        if key not in after.columns and key[0] in after.tables and not column.generated
    ]
    return [f"dropped: {each}" for each in gone + columns]


def _changed(before: Contents, back: Contents) -> list[str]:
    return [
        f"{column.table}.{column.name}"
        for key, column in before.columns.items()
        if key in back.columns
        and back.columns[key].digest != column.digest
        and not column.generated
    ]


def _wrote_rows(run: Run) -> bool:
    return run.trace.touches_few_rows or any(span.written for span in run.trace.spans)


def _add_old_code(run: Run, hazards: set[Hazard], tolerated: set[Hazard]) -> None:
    kinds = {kind for kind, _ in run.broken}
    if ALWAYS in kinds:
        hazards.add(Hazard.BREAKS_OLD_CODE)
    elif kinds or new_references(run) or new_demands(run):
        tolerated.add(Hazard.BREAKS_OLD_CODE)


def new_references(run: Run) -> set[Any]:
    """Return the foreign keys that now keep old code from deleting rows it knows."""
    if run.after is None:
        return set()
    return {
        each
        for each in run.after.references - run.before.references
        if each[2] in run.before.tables
    }


def new_demands(run: Run) -> set[Any]:
    """Return what rows have to fulfil now: old code may write others, if not those tried here."""
    if run.after is None:
        return set()
    return {each for each in run.after.demands - run.before.demands if each[0] in run.before.tables}
