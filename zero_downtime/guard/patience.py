"""Lock discipline for whatever runs under `migrate`: stock operations, RunSQL, RunPython."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg.pq import TransactionStatus
from psycopg.sql import Composable

from zero_downtime import conf
from zero_downtime.postgres.locks import concurrent_limits, retry_lock_failures
from zero_downtime.postgres.sessions import is_in_transaction, milliseconds
from zero_downtime.postgres.words import ends_transaction, opens_transaction, words_of

CONCURRENT_VERBS = {"CREATE", "DROP", "REFRESH"}
# CREATE UNIQUE INDEX CONCURRENTLY
FIRST_WORDS = 4


class StatementPatience:
    """An `execute_wrapper`: gives each statement the lock timeout and the retries it may have.

    A statement in a transaction is left alone: it cannot be repeated without the others, so the
    transaction is retried as a whole, by whoever began it. So is a text that begins or ends one
    itself: some of it may be committed.
    """

    def __init__(self, connection: BaseDatabaseWrapper) -> None:
        self.connection = connection

    def __call__(
        self,
        execute: Callable[[Any, Any, bool, dict[str, Any]], Any],
        sql: Any,
        params: Any,
        many: bool,
        context: dict[str, Any],
    ) -> Any:
        """Execute the statement."""
        if is_in_transaction(self.connection) or _writes_transaction(_text(sql)):
            return execute(sql, params, many, context)
        if is_concurrent(sql):
            # A short timeout would kill it while it waits for old snapshots, which blocks
            # nobody; and it cannot be repeated, because it leaves an INVALID index behind.
            with concurrent_limits(self.connection):
                return execute(sql, params, many, context)
        return retry_lock_failures(self.connection, lambda: execute(sql, params, many, context))


class TransactionPatience:
    """An `execute_wrapper`: gives each transaction the lock timeout that its session has not got.

    Psycopg begins a transaction with its first statement. The setting goes before that one, and
    ends with the transaction.
    """

    def __init__(self, connection: BaseDatabaseWrapper) -> None:
        self.connection = connection

    def __call__(
        self,
        execute: Callable[[Any, Any, bool, dict[str, Any]], Any],
        sql: Any,
        params: Any,
        many: bool,
        context: dict[str, Any],
    ) -> Any:
        """Execute the statement."""
        session = self.connection.connection
        begins = session.info.transaction_status == TransactionStatus.IDLE
        if begins and self.connection.in_atomic_block:
            timeout = milliseconds(conf.get("LOCK_TIMEOUT"))
            with self.connection.wrap_database_errors:
                # Not by a query: SET TRANSACTION would have to come before that.
                session.execute(f"SET LOCAL lock_timeout = {timeout}")
        return execute(sql, params, many, context)


def is_concurrent(sql: Any) -> bool:
    """Whether the word CONCURRENTLY stands where it means something.

    That is near the beginning, anywhere in REINDEX, which has options before it, or at the end of
    DETACH PARTITION. Elsewhere it is a comment, a text or a name, and the long timeout would make
    others wait.
    """
    text = _text(sql)
    if "CONCURRENTLY" not in text.upper():  # looking closer takes a hundred times as long
        return False
    words = [word.upper() for word in words_of(text) if word != ";"]
    if words[:1] == ["ALTER"]:
        return "DETACH" in words and words[-1] == "CONCURRENTLY"
    if words[:1] == ["REINDEX"]:
        return "CONCURRENTLY" in words
    return not CONCURRENT_VERBS.isdisjoint(words[:1]) and "CONCURRENTLY" in words[:FIRST_WORDS]


def _writes_transaction(text: str) -> bool:
    return opens_transaction(text) or ends_transaction(text)


def _text(sql: Any) -> str:
    return sql.as_string(None) if isinstance(sql, Composable) else str(sql)
