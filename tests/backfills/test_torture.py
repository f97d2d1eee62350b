"""Workers are killed, the server crashes, connections break, clients write: every row, once.

The long version, for which the seed and the numbers are printed:

    python3 dev.py test -m slow -n 0 -s tests/backfills/test_torture.py
"""

from __future__ import annotations

import os
import random
import time
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from devtools.embedded_postgres import EmbeddedPostgres
from tests.backfills.tormentor import (
    BACKFILLS,
    Client,
    Tormentor,
    clients,
    fill_shop,
    write_shop,
)
from tests.support.project import Project


@dataclass(frozen=True)
class Plan:
    """How much of everything; blows are those of all backfills together."""

    rows: int
    rows_per_batch: int
    seconds_per_batch: float
    seconds_between_blows: float
    blows: dict[str, int]


# What it counts is exact.
WITHOUT_DELETES = "0004_count"
SHORT = Plan(3_000, 50, 0.1, 0.05, {"kills": 3, "restarts": 3, "terminations": 3})
LONG = Plan(500_000, 500, 0.2, 0.1, {"kills": 210, "restarts": 21, "terminations": 210})


@pytest.mark.parametrize(
    "plan", [pytest.param(SHORT, id="short"), pytest.param(LONG, id="long", marks=pytest.mark.slow)]
)
def test_every_row_is_moved_once_whatever_happens(plan: Plan, tmp_path: Path) -> None:
    seed = int(os.environ.get("TORTURE_SEED") or random.randrange(2**32))
    print(f"\nTORTURE_SEED={seed}")
    rng = random.Random(seed)
    started = time.monotonic()
    with EmbeddedPostgres() as server, Project(tmp_path / "project", server.url) as project:
        assert setting(server, "fsync") == setting(server, "synchronous_commit") == "on"
        write_shop(project)
        fill_shop(project, plan.rows)
        tormentor = Tormentor(
            server,
            project,
            rng,
            plan.seconds_per_batch,
            plan.seconds_between_blows,
            plan.rows_per_batch,
        )
        each = {kind: -(-count // len(BACKFILLS)) for kind, count in plan.blows.items()}
        with clients(server.url, plan.rows, rng, count=2) as writers:
            for migration in BACKFILLS:
                for writer in writers:
                    writer.deletes = migration != WITHOUT_DELETES
                tormentor.run(f"shop.{migration}", each)
        print(f"{dict(tormentor.dealt)} in {time.monotonic() - started:.0f} s")
        print(f"ends of commands: {dict(tormentor.ends)}")
        for writer in writers:
            print(f"a client: {dict(writer.acknowledged)}")
        with psycopg.connect(server.url, autocommit=True) as pg:
            assert_all_is_right(pg, plan.rows)
            assert_progress_was_right(pg, assert_no_write_was_lost(pg, plan.rows, writers))
    assert all(tormentor.dealt[kind] >= count for kind, count in plan.blows.items())


def assert_all_is_right(pg: psycopg.Connection, rows: int) -> None:
    backfills = pg.execute(
        "SELECT name, status, failed_batches, error, throttled_by FROM zero_downtime_backfill"
    ).fetchall()
    assert sorted(backfills) == [
        (f"shop.{migration}", "succeeded", 0, "", "") for migration in BACKFILLS
    ]
    assert ask(pg, "SELECT count(*) FROM zero_downtime_backfillrange") == 0
    assert ask(pg, "SELECT count(*) FROM shop_item WHERE name IS DISTINCT FROM title") == 0
    for field in ("counted", "called"):
        # Those that clients inserted meanwhile may have been too late.
        lost = f"SELECT count(*) FROM shop_item WHERE {field} = 0 AND id <= {rows}"
        twice = f"SELECT count(*) FROM shop_item WHERE {field} > 1"
        assert (ask(pg, lost), ask(pg, twice)) == (0, 0)
    witnessed_twice = """
        SELECT field, id FROM witness WHERE by_worker GROUP BY field, id HAVING count(*) > 1
    """
    assert pg.execute(witnessed_twice).fetchall() == []


def assert_progress_was_right(pg: psycopg.Connection, deleted: int) -> None:
    """A row that is deleted between being handed out and being moved has been counted."""
    moved: dict[str, int] = dict(
        pg.execute("SELECT field, count(*) FROM witness WHERE by_worker GROUP BY 1").fetchall()
    )
    done: dict[str, int] = dict(
        pg.execute("SELECT name, rows_done FROM zero_downtime_backfill").fetchall()
    )
    assert done["shop.0004_count"] == moved["counted"]
    assert 0 <= done["shop.0005_call"] - moved["called"] <= deleted
    present = """
        SELECT count(*) FROM shop_item WHERE id <=
            (SELECT last_key::bigint FROM zero_downtime_backfill WHERE name = 'shop.0003_copy')
    """
    assert 0 <= done["shop.0003_copy"] - int(str(ask(pg, present))) <= deleted


def assert_no_write_was_lost(pg: psycopg.Connection, rows: int, writers: list[Client]) -> int:
    """What was acknowledged is there; what was not may be."""
    found = {
        "visits": "SELECT sum(visits) FROM shop_item",
        "inserts": f"SELECT count(*) FROM shop_item WHERE id > {rows}",
        "deletes": f"SELECT {rows} - count(*) FROM shop_item WHERE id <= {rows}",
    }
    for kind, sql in found.items():
        least = sum(writer.acknowledged[kind] for writer in writers)
        most = least + sum(writer.uncertain[kind] for writer in writers)
        assert least <= int(str(ask(pg, sql))) <= most, kind
    return most


def setting(server: EmbeddedPostgres, name: str) -> str:
    with psycopg.connect(server.url) as pg:
        return str(ask(pg, f"SHOW {name}"))


def ask(pg: psycopg.Connection, sql: str) -> object:
    row = pg.execute(sql.encode()).fetchone()
    assert row is not None
    return row[0]
