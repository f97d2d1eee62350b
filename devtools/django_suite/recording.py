"""A runner for Django's tests that saves what became of each of them."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from traceback import extract_tb
from typing import Any
from unittest import TextTestResult

from django.test.runner import DiscoverRunner

#: Names the file to save to.
RESULTS_VARIABLE = "DJANGO_SUITE_RESULTS"


@dataclass
class Record:
    """What became of a test.

    Args:
        error: the traceback, if it has failed.
        failed_at: the kind of error, and the line of the test.
        migrated: whether it has called `migrate`.
        migrated_by_us: whether that was our `migrate`, once at least.
    """

    error: str = ""
    failed_at: str = ""
    skipped: bool = False
    migrated: bool = False
    migrated_by_us: bool = False


#: By the ids of the tests.
records: dict[str, Record] = {}
#: That of the test which is running; before the first one, the databases are created.
running = [Record()]


class RecordingResult(TextTestResult):
    """Keeps a record of every test."""

    def startTest(self, test: Any) -> None:
        super().startTest(test)
        running[0] = records[test.id()] = Record()

    def addSkip(self, test: Any, reason: str) -> None:
        super().addSkip(test, reason)
        _record(test).skipped = True

    def addError(self, test: Any, err: Any) -> None:
        super().addError(test, err)
        self._note(test, err)

    def addFailure(self, test: Any, err: Any) -> None:
        super().addFailure(test, err)
        self._note(test, err)

    def addSubTest(self, test: Any, subtest: Any, err: Any) -> None:
        super().addSubTest(test, subtest, err)
        if err is not None:
            self._note(test, err)

    def addUnexpectedSuccess(self, test: Any) -> None:
        super().addUnexpectedSuccess(test)
        _record(test).error = "It was expected to fail, and has not."

    def _note(self, test: Any, err: Any) -> None:
        kind, _, trace = err
        record = _record(test)
        record.error = self._exc_info_to_string(err, test)  # type: ignore[attr-defined]
        module = sys.modules[type(test).__module__].__file__
        lines = [frame.lineno for frame in extract_tb(trace) if frame.filename == module]
        record.failed_at = f"{kind.__name__} in line {lines[-1:]}"


def _record(test: Any) -> Record:
    # What fails before a test begins, as `setUpClass` may, has an id but no beginning.
    return records.setdefault(test.id(), Record())


class RecordingRunner(DiscoverRunner):
    """Django's runner, as `TEST_RUNNER` in the settings."""

    def get_resultclass(self) -> type[TextTestResult]:
        return RecordingResult

    def run_suite(self, suite: Any, **kwargs: Any) -> Any:
        result = super().run_suite(suite, **kwargs)
        document = {test: asdict(record) for test, record in records.items()}
        Path(os.environ[RESULTS_VARIABLE]).write_text(json.dumps(document))
        return result
