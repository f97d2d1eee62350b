"""What `migrate --plan` says of each migration: locks, sizes, and how long it may take.

From what the linter knows of statements, and sizes as PostgreSQL estimates them: pure functions.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from zero_downtime.lint.estimates import duration, many, seconds_of
from zero_downtime.lint.sizes import Sizes
from zero_downtime.lint.timeline import Effect
from zero_downtime.lint.translation import is_known
from zero_downtime.lint.walk import Step
from zero_downtime.operations.backfill_operation import BackfillOperation
from zero_downtime.postgres.lock_modes import Lock
from zero_downtime.postgres.statements import DropIndex, Opaque, Refused


@dataclass(frozen=True)
class TableForecast:
    """What an operation does to a table that exists.

    Attributes:
        rows: None if nobody knows.
        instant: the strongest lock that is held but for an instant, if there is one.
        working: the strongest lock that is held while rows are read or written, if they are.
        seconds: how long that takes; None if nobody knows.
    """

    name: str
    rows: int | None
    instant: Lock | None = None
    working: Lock | None = None
    seconds: float | None = 0.0


@dataclass(frozen=True)
class OperationForecast:
    """What an operation does.

    Attributes:
        new_tables: tables that are not there yet, so that nobody waits for them.
        unknown: why something of what it does is not known; "" if all is.
        fails: why it cannot succeed; "" if it can.
        registered: its rows are not moved by `migrate`, but by `manage.py backfill`.
    """

    description: str
    tables: tuple[TableForecast, ...] = ()
    new_tables: tuple[str, ...] = ()
    unknown: str = ""
    fails: str = ""
    registered: bool = False


@dataclass(frozen=True)
class MigrationForecast:
    """What the operations of a migration do; of those that do something to the database."""

    app_label: str
    name: str
    operations: tuple[OperationForecast, ...]


def forecast(steps: Iterable[Step], sizes: Sizes, *, inline_rows: int) -> list[MigrationForecast]:
    """Say what to expect of migrations that are applied; leave out those that do nothing.

    Args:
        steps: those of the migrations, in order.
        sizes: of the database that they are applied to.
        inline_rows: tables with fewer rows are backfilled by `migrate` itself.
    """
    return [
        MigrationForecast(migration.app_label, migration.name, tuple(operations))
        for migration, group in groupby(steps, key=lambda step: step.migration)
        if (operations := [each for step in group for each in _of_step(step, sizes, inline_rows)])
    ]


def _of_step(step: Step, sizes: Sizes, inline_rows: int) -> Iterator[OperationForecast]:
    effects = [*step.effects, *step.online]
    description = step.operation.describe()
    if not effects:
        if not is_known(step.operation):
            kind = type(step.operation).__name__
            yield OperationForecast(description, unknown=f"{kind} is no operation of Django's")
        return
    tables = tuple(_tables(effects, sizes))
    yield OperationForecast(
        description,
        tables=tables,
        new_tables=tuple(dict.fromkeys(_new_tables(effects))),
        unknown=next(_unknown(effects), ""),
        fails=next(_failures(effects), ""),
        registered=isinstance(step.operation, BackfillOperation)
        and any(each.rows is None or each.rows >= inline_rows for each in tables),
    )


def _tables(effects: Iterable[Effect], sizes: Sizes) -> Iterable[TableForecast]:
    tables: dict[str, TableForecast] = {}
    for effect in effects:
        locks = {
            table: lock
            for table, lock in effect.statement.locks.items()
            if table and table not in effect.new_tables
        }
        works = any(table not in effect.new_tables for table in effect.statement.work)
        if works:
            locks |= {table: lock for table, lock in effect.held.items() if lock.stops_writes}
        seconds = _seconds(effect, sizes)
        for name, lock in locks.items():
            table = tables.get(name) or TableForecast(name, sizes.rows.get(name))
            tables[name] = _working(table, lock, seconds) if works else _locked(table, lock)
    return tables.values()


def _locked(table: TableForecast, lock: Lock) -> TableForecast:
    return replace(table, instant=max(lock, table.instant or lock))


def _working(table: TableForecast, lock: Lock, seconds: float | None) -> TableForecast:
    known = None if seconds is None or table.seconds is None else table.seconds + seconds
    return replace(table, working=max(lock, table.working or lock), seconds=known)


def _seconds(effect: Effect, sizes: Sizes) -> float | None:
    """Return how long a statement reads and writes existing tables; None if nobody knows."""
    tables = [table for table in effect.statement.work if table not in effect.new_tables]
    if not sizes.rows.keys() >= set(tables):
        return None
    return sum(seconds_of(type(effect.statement), sizes.rows[table]) for table in tables)


def _new_tables(effects: Iterable[Effect]) -> Iterator[str]:
    for effect in effects:
        if effect.statement.table in effect.new_tables:
            yield effect.statement.table


def _unknown(effects: Iterable[Effect]) -> Iterator[str]:
    for effect in effects:
        if isinstance(effect.statement, Opaque):
            yield effect.statement.why
        elif "" in effect.statement.work:
            yield "it does not say whose rows it goes through"
        elif isinstance(effect.statement, DropIndex) and not effect.statement.table:
            yield "it does not say of which table the index is"


def _failures(effects: Iterable[Effect]) -> Iterator[str]:
    for effect in effects:
        if isinstance(effect.statement, Refused):
            yield effect.statement.why


def lines(forecasts: Sequence[MigrationForecast]) -> Iterator[str]:
    """Yield the forecast as people read it: migrations, their operations, a line per table."""
    if forecasts:
        yield "Expected:"
    for migration in forecasts:
        yield f"  {migration.app_label}.{migration.name}"
        for operation in migration.operations:
            yield f"    {operation.description}{_summary(operation)}"
            for table in operation.tables:
                yield f'      "{table.name}" ({_size(table)}): {_expected(table, operation)}'


def _summary(operation: OperationForecast) -> str:
    """Return what there is to say besides the tables, behind a colon."""
    parts = []
    if operation.new_tables:
        parts.append("new table" if len(operation.new_tables) == 1 else "new tables")
    if operation.fails:
        parts.append(f"fails, because {operation.fails}")
    if operation.unknown:
        parts.append(f"not known ({operation.unknown.rstrip('.')})")
    if not (parts or operation.tables):
        parts.append("locks no table")
    return f": {'; '.join(parts)}" if parts else ""


def _size(table: TableForecast) -> str:
    if table.rows is None:
        return "of unknown size"
    return f"about {many(table.rows)}" if table.rows else "empty"


def _expected(table: TableForecast, operation: OperationForecast) -> str:
    if operation.registered:
        return f"left to manage.py backfill, which moves the rows in {_time(table.seconds)}"
    parts = []
    if table.instant and table.instant > (table.working or 0):
        parts.append(f"{_name(table.instant)} for an instant")
    if table.working:
        others = _others(table.working)
        parts.append(f"{_name(table.working)} for {_time(table.seconds)}, {others}")
    return "; ".join(parts)


def _name(lock: Lock) -> str:
    return lock.name.replace("_", " ")


def _others(lock: Lock) -> str:
    """Say what a lock means for everybody else."""
    if lock.stops_reads:
        return "reads and writes wait"
    return "reads go on, writes wait" if lock.stops_writes else "reads and writes go on"


def _time(seconds: float | None) -> str:
    if seconds is None:
        return "a time that depends on its size"
    return duration(seconds) if seconds < 1 else f"about {duration(seconds)}"
