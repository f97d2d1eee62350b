"""Sessions that can be held up in the middle of what they do."""

from __future__ import annotations

from contextlib import ExitStack
from threading import Event

from tests.support.django_database import django_connected_to
from tests.transitions.hunt.sessions import Session


class HeldUpSession(Session):
    """Works by Django's connection, and stops at a certain point if it is told to."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self._end = ExitStack()
        self.connection = self._do(self._end.enter_context, django_connected_to(url))
        self._has_stopped = Event()
        self._may_go_on = Event()

    @property
    def pid(self) -> int | None:
        """The process id of its backend."""
        connection = self.connection.connection
        return connection.info.backend_pid if connection else None

    @property
    def is_busy(self) -> bool:
        """Whether it is at work, and not held up."""
        return super().is_busy and not self.is_held_up

    @property
    def is_held_up(self) -> bool:
        """Whether it has stopped, and waits to be let go on."""
        return self._has_stopped.is_set()

    def go_on(self) -> None:
        """Let it go on."""
        self._has_stopped.clear()
        self._may_go_on.set()

    def stop_here(self) -> None:
        """Stop until it may go on; called by what it does, in its thread."""
        self._may_go_on.clear()
        self._has_stopped.set()
        self._may_go_on.wait()

    def raise_what_went_wrong(self) -> None:
        """Raise what its last step raised, if that is over."""
        if self.doing is not None and self.doing.done():
            self._result()

    def _disconnect(self) -> None:
        self.go_on()
        self._do(self._end.close)
