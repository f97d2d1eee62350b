"""What the demo prints: steps, commands, their output, and one live line at the bottom."""

from __future__ import annotations

import shutil
import time
from typing import TextIO

SECONDS_BETWEEN_LOG_LINES = 5.0
PLAIN, BOLD, DIM, RED, GREEN, CYAN = "0", "1", "2", "31", "32", "36"


class Screen:
    """Writes to `stream`: colours and a live line on a terminal, plain lines in a log."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._is_terminal = stream.isatty()
        self._steps = 0
        self._live = ""
        self._next_log_line = 0.0

    def title(self, text: str) -> None:
        """Say what this is."""
        self._write(self._paint(text, BOLD))

    def step(self, text: str) -> None:
        """Begin a step of the story."""
        self._steps += 1
        self._write("")
        self._write(self._paint(f"{self._steps}. {text}", BOLD))

    def command(self, text: str) -> None:
        """Show a command as one would type it."""
        self._write(self._paint(f"  $ {text}", CYAN))

    def output(self, text: str) -> None:
        """Show a line that a command printed."""
        self._write(self._paint(f"    {text}", DIM))

    def note(self, text: str) -> None:
        """Say something about what happened."""
        self._write(f"  {text}")

    def fact(self, name: str, value: str, style: str = PLAIN) -> None:
        """Show a figure of the verdict."""
        self._write(f"  {name:<32}{self._paint(value, style)}")

    def check(self, name: str, count: int) -> None:
        """Show a figure of the verdict that has to be zero."""
        self.fact(name, f"{count:,}", RED if count else GREEN)

    def conclude(self, good: bool, text: str) -> None:
        """Show what it all comes to."""
        self._write("")
        self._write(self._paint(f"  {text}", GREEN if good else RED))

    def live(self, text: str, *, alarm: bool = False) -> None:
        """Replace the line at the bottom; in a log, write a line every few seconds."""
        if self._is_terminal:
            width = shutil.get_terminal_size().columns
            self._live = self._paint(f"  {text}"[: width - 1], RED if alarm else GREEN)
            self._stream.write(f"\r\x1b[K{self._live}")
            self._stream.flush()
        elif time.monotonic() >= self._next_log_line:
            self._write(f"  {text}")
            self._next_log_line = time.monotonic() + SECONDS_BETWEEN_LOG_LINES

    def clear_live(self) -> None:
        """Take the live line away."""
        self._live = ""
        if self._is_terminal:
            self._stream.write("\r\x1b[K")
            self._stream.flush()

    def _write(self, line: str) -> None:
        """Write `line` above the live line."""
        if self._is_terminal:
            self._stream.write(f"\r\x1b[K{line}\n{self._live}")
        else:
            self._stream.write(f"{line}\n")
        self._stream.flush()

    def _paint(self, text: str, style: str) -> str:
        return f"\x1b[{style}m{text}\x1b[0m" if self._is_terminal else text
