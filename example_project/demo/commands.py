"""Running a management command and reading what it prints, while other things go on."""

from __future__ import annotations

import queue
import subprocess
import threading
from collections.abc import Iterator
from types import TracebackType
from typing import Self

from example_project.demo.releases import Release

PROMPT = "[y/N] "


class Command:
    """A management command at work; leaving the context kills it if it still runs.

    `answer` is typed when it asks something.
    """

    def __init__(self, release: Release, *arguments: str, answer: str = "") -> None:
        self.arguments = arguments
        self.answer = answer
        self._process = release.start_management_command(
            *arguments,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __str__(self) -> str:
        return " ".join(["python manage.py", *self.arguments])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.kill()
        self._reader.join()

    def kill(self) -> None:
        """End it by SIGKILL, which it can neither see coming nor clean up after."""
        self._process.kill()
        self._process.wait()

    @property
    def ended(self) -> bool:
        """Whether it ended and everything it printed can be taken."""
        return not self._reader.is_alive()

    @property
    def status(self) -> int:
        """Its exit status, once it ended."""
        return self._process.wait()

    def take_lines(self) -> Iterator[str]:
        """Yield what it printed since the last call."""
        while not self._lines.empty():
            yield self._lines.get()

    def _read(self) -> None:
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        if self.answer:
            process.stdin.write(self.answer + "\n")
        process.stdin.close()
        with process.stdout:
            for line in process.stdout:
                # A terminal would have shown the answer and its line break.
                question, prompt, rest = line.rstrip().partition(PROMPT)
                self._lines.put(question + prompt + (self.answer if prompt else ""))
                if rest:
                    self._lines.put(rest)
