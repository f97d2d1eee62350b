"""A primary with a streaming replica, of their own."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

import psycopg

from devtools.embedded_postgres import EmbeddedPostgres
from tests.support.waiting import wait_for

PRIMARY = {"fsync": "off", "wal_level": "logical", "max_prepared_transactions": "2"}
REPLICA = {"cluster_name": "replica", "wal_receiver_status_interval": "1s"}


@dataclass(frozen=True)
class Replicated:
    """Two servers, by their URLs. What is written to one comes to the other a moment later."""

    primary_url: str
    replica_url: str

    def pause_replay(self) -> None:
        """Let the replica receive what is written, but not show it. Returns when it does so."""
        with psycopg.connect(self.replica_url, autocommit=True) as replica:
            replica.execute("SELECT pg_wal_replay_pause()")
            paused = "SELECT 1 WHERE pg_get_wal_replay_pause_state() = 'paused'"
            wait_for(lambda: replica.execute(paused).fetchone(), "replay to pause")

    def resume_replay(self) -> None:
        """Undo `pause_replay`."""
        with psycopg.connect(self.replica_url, autocommit=True) as replica:
            replica.execute("SELECT pg_wal_replay_resume()")

    def wait_until_replayed(self) -> None:
        """Wait until the primary knows that the replica has replayed what is written by now."""
        with psycopg.connect(self.primary_url, autocommit=True) as primary:
            # A last word, because the replica cannot replay up to where nothing is yet.
            primary.execute("SELECT pg_logical_emit_message(true, '', '')")
            (end,) = primary.execute("SELECT pg_current_wal_flush_lsn()").fetchone() or ("",)
            replayed = "SELECT 1 FROM pg_stat_replication WHERE replay_lsn >= %s::pg_lsn"
            wait_for(lambda: primary.execute(replayed, [end]).fetchone(), "replay to catch up")


@contextlib.contextmanager
def replicated_server() -> Iterator[Replicated]:
    """Start both, and stop them. Takes some seconds."""
    with (
        EmbeddedPostgres(config=PRIMARY) as primary,
        EmbeddedPostgres(config=REPLICA, primary=primary.url) as replica,
    ):
        replicated = Replicated(primary.url, replica.url)
        replicated.wait_until_replayed()
        yield replicated
