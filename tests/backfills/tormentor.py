"""A shop under backfill, with all that can go wrong: workers that die, a server that crashes.

What happens is drawn from one seed; when it hits is up to the machine.
"""

from __future__ import annotations

import contextlib
import random
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import psycopg

from devtools.embedded_postgres import EmbeddedPostgres
from tests.support.project import Project
from tests.support.waiting import wait_for

MOST_COMMANDS = 3
SETTINGS: Mapping[str, Any] = {"INLINE_BACKFILL_ROWS": 0, "LOCK_TIMEOUT": 0.5}
DEADLINE_SECONDS = 900.0

INITIAL = """
    migrations.CreateModel(
        "Item",
        fields=[
            ("id", models.BigAutoField(primary_key=True)),
            ("name", models.CharField(max_length=100)),
            ("counted", models.IntegerField(default=0)),
            ("called", models.IntegerField(default=0)),
            ("visits", models.IntegerField(default=0)),
        ],
    ),
"""
# What is done twice shows in the value itself, not in the witness alone.
BACKFILLS = {
    "0003_copy": 'zd.BackfillField("item", "title"),',
    "0004_count": 'zd.BackfillField("item", "counted", value=F("counted") + 1),',
    "0005_call": 'zd.BatchedRunPython(call, "item"),',
}
CALL = """

def call(apps, queryset):
    items = list(queryset.only("pk", "called").select_for_update().order_by("pk"))
    for item in items:
        item.called += 1
    queryset.model.objects.bulk_update(items, ["called"])
"""
# A worker's batch takes a while, so that whatever happens mostly hits one; and it is put on record
# in the transaction that moves the rows. The workers' sessions are known by their names, and the
# process that is in a batch by an advisory lock.
WITNESS = """
    CREATE TABLE witness (field text, id bigint, by_worker boolean);
    CREATE TABLE tempo (seconds float8);
    INSERT INTO tempo VALUES (0);

    CREATE FUNCTION witness() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO witness VALUES (TG_ARGV[0], NEW.id,
            current_setting('application_name') LIKE 'zero_downtime backfill %');
        RETURN NULL;
    END $$;
    CREATE TRIGGER witness_title AFTER UPDATE OF title ON shop_item
        FOR EACH ROW EXECUTE FUNCTION witness('title');
    CREATE TRIGGER witness_counted AFTER UPDATE OF counted ON shop_item
        FOR EACH ROW EXECUTE FUNCTION witness('counted');
    CREATE TRIGGER witness_called AFTER UPDATE OF called ON shop_item
        FOR EACH ROW EXECUTE FUNCTION witness('called');

    CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF current_setting('application_name') LIKE 'zero_downtime backfill %' THEN
            PERFORM pg_advisory_xact_lock_shared(current_setting('shop.process')::int);
            PERFORM pg_sleep(seconds) FROM tempo;
        END IF;
        RETURN NULL;
    END $$;
    CREATE TRIGGER dawdle AFTER UPDATE ON shop_item
        FOR EACH STATEMENT EXECUTE FUNCTION dawdle();
"""


def write_shop(project: Project) -> None:
    """Write migrations that add a mirrored column, and three kinds of backfill."""
    project.add_settings(
        'DATABASES["default"]["OPTIONS"]["options"] = f"-c shop.process={os.getpid()}"'
    )
    project.write_migration("0001_initial", INITIAL)
    previous = "0001_initial"
    migrations = {"0002_expand": 'zd.ExpandRenameField("item", "name", "title"),', **BACKFILLS}
    for name, operation in migrations.items():
        path = project.write_migration(name, operation, [("shop", previous)], atomic=False)
        if "call" in operation:
            path.write_text(path.read_text().replace("\n\nclass ", f"{CALL}\n\nclass "))
        previous = name


def fill_shop(project: Project, rows: int) -> None:
    """Insert items by the old name before the expand, and register the backfills after it."""
    project.manage("migrate", "shop", "0001")
    project.manage("migrate", "zero_downtime")
    with project.connect() as connection:
        connection.execute(
            "INSERT INTO shop_item (name, counted, called, visits) "
            "SELECT 'name ' || n, 0, 0, 0 FROM generate_series(1, %s) AS n",
            [rows],
        )
        connection.execute("VACUUM ANALYZE shop_item")
    project.manage("migrate", settings=SETTINGS)
    with project.connect() as connection:
        connection.execute(WITNESS)


WRITES = {
    "old side": "UPDATE shop_item SET name = %(value)s WHERE id = %(id)s",
    "new side": "UPDATE shop_item SET title = %(value)s WHERE id = %(id)s",
    "visits": "UPDATE shop_item SET visits = visits + 1 WHERE id = %(id)s",
    "inserts": "INSERT INTO shop_item (name, counted, called, visits) VALUES (%(value)s, 0, 0, 0)",
    "deletes": "DELETE FROM shop_item WHERE id = %(id)s",
}


@dataclass
class Client:
    """Writes both sides, visits, inserts and deletes until it is stopped, whatever the server does.

    What the server acknowledged, and what it may or may not have done, is counted.
    """

    url: str
    rows: int
    rng: random.Random
    acknowledged: Counter[str] = field(default_factory=Counter)
    uncertain: Counter[str] = field(default_factory=Counter)
    stop: threading.Event = field(default_factory=threading.Event)
    inserts: bool = False
    deletes: bool = True

    def run(self) -> None:
        """Write until `stop` is set."""
        while not self.stop.is_set():
            with (
                contextlib.suppress(psycopg.OperationalError),
                psycopg.connect(self.url, autocommit=True) as connection,
            ):
                self._write_on(connection)
            self.stop.wait(0.05)

    def _write_on(self, connection: psycopg.Connection) -> None:
        while not self.stop.is_set():
            kind = self.rng.choice(list(WRITES))
            if (kind == "inserts" and not self.inserts) or (kind == "deletes" and not self.deletes):
                continue
            values = {"id": self._row_for(kind), "value": f"written {self.rng.random()}"}
            self.uncertain[kind] += 1
            done = connection.execute(WRITES[kind].encode(), values).rowcount
            self.uncertain[kind] -= 1
            self.acknowledged[kind] += done
            self.stop.wait(self.rng.uniform(0, 0.01))

    def _row_for(self, kind: str) -> int:
        """Every tenth key is there to be deleted; visits are counted where none is."""
        key = self.rng.randrange(self.rows // 10) * 10
        return key + 10 if kind == "deletes" else key + self.rng.randrange(1, 10)


@contextlib.contextmanager
def clients(url: str, rows: int, rng: random.Random, count: int) -> Iterator[list[Client]]:
    """Let `count` clients write while in the block."""
    found = [Client(url, rows, random.Random(rng.random())) for _ in range(count)]
    # One after the other, or new keys would appear in ranges whose rows have been counted.
    found[0].inserts = True
    threads = [threading.Thread(target=client.run) for client in found]
    for thread in threads:
        thread.start()
    try:
        yield found
    finally:
        for client in found:
            client.stop.set()
        for thread in threads:
            thread.join()


@dataclass
class Tormentor:
    """Runs backfills with one to four workers, and hits them until each blow was dealt its number.

    `dealt` counts the blows of all backfills, `ends` how the commands ended that were not killed.
    """

    server: EmbeddedPostgres
    project: Project
    rng: random.Random
    seconds_per_batch: float
    seconds_between_blows: float
    rows_per_batch: int
    dealt: Counter[str] = field(default_factory=Counter)
    ends: Counter[str] = field(default_factory=Counter)
    commands: list[subprocess.Popen[str]] = field(default_factory=list)
    been_at_work: set[int] = field(default_factory=set)

    def run(self, name: str, blows: Mapping[str, int]) -> None:
        """Run the backfill to its end, dealing at least that many blows of each kind."""
        self._set_tempo(self.seconds_per_batch)
        left = Counter(blows)
        actions: dict[str, Callable[[str], int]] = {
            "kills": self._kill_a_worker,
            "restarts": self._restart_the_server,
            "terminations": self._terminate_a_backend,
        }
        deadline = time.monotonic() + DEADLINE_SECONDS
        while +left and not self._has_succeeded(name):
            assert time.monotonic() < deadline, f"{name}: these blows are left: {left}"
            self._keep_workers(name)
            self.been_at_work |= {pid for (pid,) in self.project.rows(self._IN_A_BATCH)}
            (kind,) = self.rng.choices(list(left), [max(0, count) for count in left.values()])
            dealt = actions[kind](name)
            left[kind] -= dealt
            self.dealt[kind] += dealt
            time.sleep(self.rng.uniform(0, 2 * self.seconds_between_blows))
        self._set_tempo(0)
        wait_for(lambda: self._is_over(name), f"{name} to succeed", DEADLINE_SECONDS)

    def _is_over(self, name: str) -> bool:
        if not self._has_succeeded(name):
            self._keep_workers(name)
            return False
        return not self._bury()

    def _keep_workers(self, name: str) -> None:
        """One to four of them, in one to three commands."""
        alive = self._bury()
        if not alive or (len(alive) < MOST_COMMANDS and self.rng.random() < 0.5):
            workers = 1 if alive else self.rng.randint(1, 2)
            command = ["backfill", name, "--workers", str(workers)]
            command += ["--batch-size", str(self.rows_per_batch)]
            self.commands.append(self.project.start(*command, settings=SETTINGS))

    def _bury(self) -> list[subprocess.Popen[str]]:
        """Return the commands that are alive; take note of how the others ended."""
        for command in [each for each in self.commands if each.poll() is not None]:
            _, stderr = command.communicate()
            self.commands.remove(command)
            if command.returncode != -9:
                last = stderr.strip().splitlines()[-1:] if command.returncode else ["succeeded"]
                self.ends["".join(last)] += 1
        return list(self.commands)

    def _kill_a_worker(self, name: str) -> int:
        victims = [each for each in self.commands if each.pid in self.been_at_work]
        if not victims:
            return 0
        self.rng.choice(victims).kill()
        return 1

    def _terminate_a_backend(self, name: str) -> int:
        sessions = self._ask(self._SESSIONS, name)
        if not sessions:
            return 0
        ((done,),) = self._ask("SELECT pg_terminate_backend(%s)", self.rng.choice(sessions)[0])
        return int(done)

    def _restart_the_server(self, name: str) -> int:
        self.server.restart()
        return 1

    _IN_A_BATCH = """
        SELECT DISTINCT objid::int FROM pg_locks
        WHERE locktype = 'advisory' AND granted AND objsubid = 1 AND classid = 0
    """
    _SESSIONS = """
        SELECT activity.pid FROM pg_stat_activity AS activity
        JOIN zero_downtime_backfill AS backfill
            ON application_name = 'zero_downtime backfill ' || backfill.id
        WHERE backfill.name = %s AND activity.datname = current_database() ORDER BY 1
    """

    def _has_succeeded(self, name: str) -> bool:
        sql = "SELECT status = 'succeeded' FROM zero_downtime_backfill WHERE name = %s"
        return self._ask(sql, name) == [(True,)]

    def _set_tempo(self, seconds: float) -> None:
        self._ask("UPDATE tempo SET seconds = %s RETURNING seconds", seconds)

    def _ask(self, sql: str, value: object) -> list[tuple[Any, ...]]:
        return self.project.rows(sql, [value])
