"""Somebody who runs `migrate`, and can be held up between two statements."""

from __future__ import annotations

from typing import Any

from django.db import OperationalError

from tests.transitions.hunt.held_up import HeldUpSession
from tests.transitions.hunt.shop import Shop
from zero_downtime.errors import Refused
from zero_downtime.postgres.errors import sqlstate

ADMIN_SHUTDOWN = "57P01"


class Migrator(HeldUpSession):
    """Takes the next step of the transition each time it is told to."""

    def __init__(self, shop: Shop) -> None:
        super().__init__(shop.url)
        self.shop = shop
        self.statements_to_go: int | None = None
        self.stops_before_lock = False
        self.has_looked_for_writers = False
        # What its last step came to, unless its backend has died.
        self.refused: Refused | None = None

    def take_step(
        self, *, stops_before: int | None = None, stops_before_lock: bool = False
    ) -> None:
        """Take it; stop before its statement of that number, unless that is in a transaction.

        Or before it locks the table to do what cannot be undone. It also stops whenever it would
        wait for writers, who are up to the leading thread.
        """
        self.statements_to_go, self.stops_before_lock = stops_before, stops_before_lock
        self._begin(self._take_step)

    def _take_step(self) -> None:
        self.connection.close_if_unusable_or_obsolete()
        self.refused = None
        try:
            self._migrate()
        except Refused as refused:
            self.refused = refused
        except OperationalError as error:
            if sqlstate(error) not in (None, ADMIN_SHUTDOWN):  # its backend has not died
                raise

    def _migrate(self) -> None:
        with (
            self.connection.execute_wrapper(self._ahead),
            self.connection.schema_editor(atomic=False) as editor,
        ):
            self.shop.migrate(editor)

    def _ahead(self, execute: Any, sql: str, *arguments: Any) -> Any:
        if self.stops_before_lock and sql.startswith("LOCK TABLE"):
            self.stop_here()
        looks_for_writers = "virtualtransaction" in sql
        if not self.connection.in_atomic_block:
            if self.statements_to_go is not None:
                self.statements_to_go -= 1
            if self.statements_to_go == -1 or (looks_for_writers and self.has_looked_for_writers):
                self.stop_here()
        self.has_looked_for_writers = looks_for_writers
        return execute(sql, *arguments)
