"""What is logged about locks that others hold."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from zero_downtime.postgres.blockers import logger


class Reports(logging.Handler):
    """What was logged of tries that failed; calls `then` at the first."""

    def __init__(self, then: Callable[[], object]) -> None:
        super().__init__()
        self.then = then
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(record.getMessage())
        if len(self.messages) == 1:
            self.then()


@contextmanager
def reports(then: Callable[[], object] = lambda: None) -> Iterator[list[str]]:
    handler = Reports(then)
    logger.addHandler(handler)
    try:
        yield handler.messages
    finally:
        logger.removeHandler(handler)
