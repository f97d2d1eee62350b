"""Ways to write by the old name, and what they cost with and without triggers."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import psycopg

from benchmarks.benchmark import Options
from benchmarks.dual_write.people import (
    COLUMNS,
    OLD,
    TABLE,
    VALUES,
    Install,
    People,
    count_unequal,
    no_triggers,
    ours,
    with_usual_wrapper,
)
from benchmarks.figures import Findings, alternate
from benchmarks.laboratory import Laboratory

# Transactions of one row each: a hundredth of the rows of the others, for each waits for the disk.
TRANSACTIONS_SHARE = 100

# Writes some rows, and returns how many.
Write = Callable[[psycopg.Connection, int], int]


def single_inserts(session: psycopg.Connection, rows: int) -> int:
    count = max(1, rows // TRANSACTIONS_SHARE)
    for number in range(count):
        session.execute(
            f"INSERT INTO {TABLE} ({COLUMNS}) VALUES (%s, %s, %s, %s)",
            (number % 90, f"Person {number}", f"{number}@example.com", "Middletown"),
        )
    return count


def single_updates(session: psycopg.Connection, rows: int) -> int:
    count = max(1, rows // TRANSACTIONS_SHARE)
    for number in range(1, count + 1):
        session.execute(
            f"UPDATE {TABLE} SET {OLD} = %s WHERE id = %s", (f"renamed {number}", number)
        )
    return count


def insert_select(session: psycopg.Connection, rows: int) -> int:
    session.execute(
        f"INSERT INTO {TABLE} ({COLUMNS}) SELECT {VALUES} FROM generate_series(1, {rows}) AS i"
    )
    return rows


def copy(session: psycopg.Connection, rows: int) -> int:
    lines = "".join(
        f"{number % 90}\tPerson Number {number}\tperson.number.{number}@example.com\t"
        f"{number} Long Street, {number % 1000} Middletown\n"
        for number in range(rows)
    )
    with session.cursor().copy(f"COPY {TABLE} ({COLUMNS}) FROM STDIN") as target:
        target.write(lines)
    return rows


def unrelated_update(session: psycopg.Connection, rows: int) -> int:
    return session.execute(f"UPDATE {TABLE} SET age = age + 1").rowcount


WRITES: dict[str, Write] = {
    "single INSERTs": single_inserts,
    "single UPDATEs": single_updates,
    "INSERT ... SELECT": insert_select,
    "COPY": copy,
    "UPDATE of another column": unrelated_update,
}
TRIGGERS: dict[str, Install] = {"no triggers": no_triggers, "dual write": ours}
AT_LEAST = {
    "single INSERTs": 0.95,
    "single UPDATEs": 0.95,
    "INSERT ... SELECT": 0.65,
    "COPY": 0.65,
    "UPDATE of another column": 0.95,
}
WRAPPED = "django-pgtrigger's wrapper: INSERT ... SELECT"


def measure(laboratory: Laboratory, options: Options) -> Findings:
    """Rows per second and server CPU of writes by the old name, with triggers and without."""
    subjects = {
        f"{who}: {what}": partial(run_once, laboratory, People(options.size, install), write)
        for what, write in WRITES.items()
        for who, install in TRIGGERS.items()
    }
    subjects[WRAPPED] = partial(
        run_once, laboratory, People(options.size, with_usual_wrapper), insert_select
    )
    found = alternate(subjects, options.runs)
    for what, at_least in AT_LEAST.items():
        found.compare("rows/s", f"dual write: {what}", f"no triggers: {what}", at_least=at_least)
        found.compare("server CPU us/row", f"dual write: {what}", f"no triggers: {what}")
    found.compare("rows/s", "dual write: INSERT ... SELECT", WRAPPED, at_least=2)
    return found


def run_once(laboratory: Laboratory, people: People, write: Write) -> dict[str, float]:
    """Let `write` write to a fresh table, and return what that took."""
    with (
        laboratory.fresh_database(people, people.build) as url,
        psycopg.connect(url, autocommit=True) as session,
    ):
        with laboratory.stopwatch() as elapsed:
            rows = write(session, people.rows)
        if people.install is not no_triggers and (unequal := count_unequal(session)):
            raise RuntimeError(f"{unequal} rows are not equal on both sides.")
    return elapsed.figures(rows)
