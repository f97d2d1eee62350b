"""A client of the shop: one transaction at a time, and what it should lead to."""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg import IsolationLevel

from tests.transitions.hunt.expected import Transaction, Value
from tests.transitions.hunt.sessions import Session
from tests.transitions.hunt.shop import Shop
from tests.transitions.hunt.statements import Rules, Statement


class Client(Session):
    """Old or new code: runs statements in transactions, and knows what is to come of them.

    Args:
        committed: what all rows hold, kept up to date by `commit`.
    """

    def __init__(self, shop: Shop, committed: dict[int, Value]) -> None:
        super().__init__()
        self.shop = shop
        self.committed = committed
        self.connection: psycopg.Connection | None = None
        self.transaction: Transaction | None = None
        self.statement: Statement | None = None
        self.commits_at_once = False

    @property
    def pid(self) -> int | None:
        """The process id of its backend."""
        return self.connection.info.backend_pid if self.connection else None

    @property
    def has_an_outcome(self) -> bool:
        """Whether its statement has ended, and nobody has looked at how."""
        return self.statement is not None and not self.is_busy

    @property
    def is_free(self) -> bool:
        """Whether it can be told to do something."""
        return self.statement is None

    def begin(self, isolation: IsolationLevel = IsolationLevel.READ_COMMITTED) -> None:
        """Begin a transaction, unless it is in one."""
        if self.transaction is not None:
            return
        if self.connection is None:
            self.connection = self._do(self._connect)
        self.connection.isolation_level = isolation
        self.transaction = Transaction(self.committed)

    def run(self, statement: Statement, *, commits_at_once: bool) -> None:
        """Begin to run a statement in the transaction, which may have to wait for others."""
        self.statement, self.commits_at_once = statement, commits_at_once
        self._begin(self._execute, statement)

    def take_note(self, rules: Rules) -> None:
        """Look at the outcome of the statement, which has ended.

        Args:
            rules: those that were in force when it did.
        """
        statement, transaction = self.statement, self.transaction
        assert statement
        assert transaction
        self.statement = None
        try:
            keys = self._result()
        except self.shop.may_happen:
            self._recover(transaction)
            return
        for key in keys:
            statement.effect(transaction, key, rules)
        if self.commits_at_once:
            self.commit()

    def read(self, key: int) -> tuple[Value, ...] | None:
        """Return what columns of a row hold as the transaction sees it; None without row."""
        columns = ", ".join(f"{column}::text" for column in self.shop.columns)
        return self._query(f"SELECT {columns} FROM shop_user WHERE id = %s", [key])

    def commit(self) -> None:
        """Commit the transaction, if there is one."""
        if self.connection and self.transaction:
            self._do(self.connection.commit)
            self.transaction.commit()
            self.transaction = None

    def rollback(self) -> None:
        """Undo the transaction, if there is one."""
        self.transaction = None
        if self.connection:
            self._do(self.connection.rollback)

    def savepoint(self) -> None:
        """Begin an `atomic()` within the transaction."""
        assert self.transaction
        self._query("SAVEPOINT inner_block")
        self.transaction.savepoint()

    def rollback_to_savepoint(self) -> None:
        """Let the innermost `atomic()` fail."""
        assert self.transaction
        self._query("ROLLBACK TO SAVEPOINT inner_block")
        self._query("RELEASE SAVEPOINT inner_block")
        self.transaction.rollback_to_savepoint()

    def lose_connection(self) -> None:
        """Take note that the backend is gone, and with it the transaction."""
        self.transaction = self.statement = None
        if self.connection:
            self._do(self.connection.close)
            self.connection = None

    def _connect(self) -> psycopg.Connection:
        return psycopg.connect(self.shop.url, prepare_threshold=None)

    def _disconnect(self) -> None:
        self.lose_connection()

    def _recover(self, transaction: Transaction) -> None:
        if self.connection is None or self.connection.broken:
            self.lose_connection()
        elif transaction.savepoints:
            self.rollback_to_savepoint()
        else:
            self.rollback()

    def _execute(self, statement: Statement) -> list[int]:
        assert self.connection
        with self.connection.cursor() as cursor:
            if statement.copied:
                with cursor.copy(statement.sql.encode()) as copy:
                    for row in statement.copied:
                        copy.write_row(row)
                return [row[0] for row in statement.copied]
            return [key for (key,) in cursor.execute(statement.sql.encode(), statement.params)]

    def _query(self, sql: str, params: list[Any] | None = None) -> tuple[Any, ...] | None:
        def query(connection: psycopg.Connection) -> tuple[Any, ...] | None:
            cursor = connection.execute(sql.encode(), params)
            return cursor.fetchone() if cursor.description else None

        assert self.connection
        return self._do(query, self.connection)
