from __future__ import annotations

import io

from example_project.demo.screen import Screen


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_log_gets_plain_lines() -> None:
    log = io.StringIO()
    screen = Screen(log)

    screen.step("Expand")
    screen.command("python manage.py migrate")
    screen.live("400 requests/s")
    screen.live("401 requests/s")  # too soon for another line
    screen.clear_live()

    assert log.getvalue() == "\n1. Expand\n  $ python manage.py migrate\n  400 requests/s\n"


def test_a_terminal_keeps_the_live_line_at_the_bottom() -> None:
    terminal = Terminal()
    screen = Screen(terminal)

    screen.live("400 requests/s")
    screen.note("done")

    last_line = terminal.getvalue().rpartition("\n")[2]
    assert "400 requests/s" in last_line
    assert "done" not in last_line


def test_a_live_line_never_wraps() -> None:
    terminal = Terminal()

    Screen(terminal).live("x" * 1000)

    assert terminal.getvalue().count("x") < 1000
