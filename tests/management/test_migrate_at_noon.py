"""`migrate` applies twenty operations at noon, and clients notice nothing.

They read and write, a report runs, and somebody has forgotten a transaction. In the full form,
`-m slow`, the tables are large and the report takes 30 seconds.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass

import psycopg
import pytest

from tests.support.gate import SIGN, open_gate
from tests.support.noon import shop
from tests.support.noon.load import Noon, at_noon
from tests.support.project import Project
from tests.support.roles import client_role
from tests.support.sessions import holding
from tests.support.waiting import read_until, wait_for

# Seconds that a client may wait for longer than `migrate` waits for a lock.
ALLOWANCE = 0.05

WAITS_FOR_A_TABLE = (
    "SELECT FROM pg_locks WHERE relation = 'shop_customer'::regclass AND NOT granted"
)


@dataclass(frozen=True)
class Form:
    """How much goes on; times are seconds."""

    customers: int
    report: float
    lock_timeout: float

    @property
    def blocker_age(self) -> float:
        """What no client's transaction reaches, but the forgotten one."""
        return self.report + 1


SHORT = Form(customers=1_000, report=3, lock_timeout=0.5)
FULL = Form(customers=100_000, report=30, lock_timeout=1)


@pytest.fixture(params=[SHORT, pytest.param(FULL, marks=pytest.mark.slow)], ids=["short", "full"])
def form(request: pytest.FixtureRequest) -> Form:
    chosen: Form = request.param
    return chosen


@pytest.fixture
def clients_url(form: Form, database_url: str, pg: psycopg.Connection) -> Iterator[str]:
    """The shop's database, for those who may not be superusers, because nobody ends those."""
    shop.build(database_url, form.customers)
    with client_role(database_url, pg) as url:
        yield url


def migrate(project: Project, form: Form, *options: str) -> subprocess.CompletedProcess[str]:
    settings = {"LOCK_TIMEOUT": form.lock_timeout, "LOCK_RETRY_MAX_DELAY": form.report / 3}
    return project.manage("migrate", *options, settings=settings)


def assert_applied(project: Project) -> None:
    assert project.rows("SELECT count(*) FROM django_migrations WHERE name = '0002_twenty'") == [
        (1,)
    ]
    assert project.rows(
        "SELECT outcome, count(*) FILTER (WHERE done) FROM zero_downtime_journalentry AS entry "
        "JOIN zero_downtime_journaledoperation ON entry_id = entry.id "
        "WHERE name = '0002_twenty' GROUP BY entry.id"
    ) == [("applied", 20)]


def assert_unnoticed(noon: Noon, form: Form) -> None:
    print(
        f"{len(noon.requests)} requests, {len(noon.errors)} errors, "
        f"longest wait {noon.longest_wait:.3f} s, slowest ping {max(noon.pings):.3f} s"
    )
    assert noon.errors == []
    assert noon.report_is_done
    # A machine that is busy otherwise makes everybody wait, who asks for a lock and who does not.
    assert noon.longest_wait <= form.lock_timeout + max(ALLOWANCE, *noon.pings)


def test_what_is_in_the_way_is_waited_for(project: Project, form: Form, clients_url: str) -> None:
    shop.write_app(project.directory, concurrently=True)
    migrate(project, form, "--fake", "shop", "0001")
    with at_noon(clients_url, form.customers, form.report) as noon:
        migrate(project, form)
    assert_applied(project)
    assert_unnoticed(noon, form)


def test_the_forgotten_transaction_is_ended_if_that_is_asked_for(
    project: Project, form: Form, clients_url: str
) -> None:
    shop.write_app(project.directory, concurrently=True)
    migrate(project, form, "--fake", "shop", "0001")
    with at_noon(clients_url, form.customers, form.report, is_remembered=False) as noon:
        ending_it = ["--on-blocker", "terminate", "--blocker-age", str(form.blocker_age)]
        result = migrate(project, form, *ending_it)
    assert_applied(project)
    assert_unnoticed(noon, form)
    (terminated,) = [line for line in result.stderr.splitlines() if line.startswith("Terminated")]
    assert "forgotten, idle in transaction" in terminated


def test_one_transaction_is_tried_again_as_a_whole(
    project: Project, form: Form, clients_url: str
) -> None:
    shop.write_app(project.directory, shop.TWENTY_BRIEF, concurrently=False)
    migrate(project, form, "--fake", "shop", "0001")
    with at_noon(clients_url, form.customers, form.report) as noon:
        result = migrate(project, form)
    assert "Next try in" in result.stderr
    assert_applied(project)
    assert_unnoticed(noon, form)


GATE = """
    from django.db import migrations, models
    from tests.support import gate

    class Migration(migrations.Migration):
        atomic = {atomic}
        dependencies = [("shop", "0001_initial")]
        operations = [
            migrations.RunPython(gate.stop),
            migrations.AddField("customer", "nickname", models.TextField(null=True)),
        ]
"""


@pytest.mark.parametrize("atomic", [True, False])
def test_who_waits_behind_a_try_that_fails_does_not_wait_for_what_it_waits_for(
    project: Project, database_url: str, pg: psycopg.Connection, atomic: bool
) -> None:
    """It had nobody in its way when it began, so it queues for the lock."""
    shop.build(database_url, 10)
    shop.write_app(project.directory, concurrently=False)
    migrate(project, SHORT, "--fake", "shop", "0001")
    project.write(f"shop/migrations/{shop.TWENTY_NAME}.py", GATE.format(atomic=atomic))
    lock_timeout = 1.0
    process = project.start("migrate", settings={"LOCK_TIMEOUT": lock_timeout})
    read_until(process.stderr, SIGN)
    with holding(database_url, "TABLE shop_customer") as holder:
        open_gate(project)
        wait_for(lambda: pg.execute(WAITS_FOR_A_TABLE).fetchall(), "the try")
        pg.execute("SET statement_timeout = '10s'")
        began = time.monotonic()
        pg.execute("SELECT FROM shop_customer LIMIT 1")
        waited = time.monotonic() - began
        holder.rollback()
    assert process.wait() == 0
    assert waited <= lock_timeout + ALLOWANCE
