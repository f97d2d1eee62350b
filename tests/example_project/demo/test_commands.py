from __future__ import annotations

from collections.abc import Iterator

import pytest

from example_project.demo.commands import Command
from example_project.demo.releases import Release
from tests.support.waiting import wait_for


@pytest.fixture
def endless(release: Release) -> Iterator[Command]:
    code = "import time; print('ready'); time.sleep(600)"
    with Command(release, "shell", "-v0", "-c", code) as command:
        yield command


def finish(command: Command) -> list[str]:
    wait_for(lambda: command.ended, f"{command} to end")
    return list(command.take_lines())


def test_it_is_written_as_one_types_it(endless: Command) -> None:
    assert str(endless).startswith("python manage.py shell -v0 -c")


def test_its_lines_can_be_taken_while_it_runs(endless: Command) -> None:
    assert wait_for(lambda: list(endless.take_lines()), "a line") == ["ready"]
    assert not endless.ended
    assert list(endless.take_lines()) == []


def test_a_killed_one_has_ended(endless: Command) -> None:
    endless.kill()

    finish(endless)
    assert endless.status < 0


def test_a_failure_has_a_status(release: Release) -> None:
    with Command(release, "no-such-command") as command:
        [line, *_] = finish(command)

        assert "no-such-command" in line
        assert command.status != 0


def test_a_question_is_answered_and_both_are_shown(release: Release) -> None:
    release.rename_customer_field("name", "full_name")

    with Command(release, "makemigrations", "--dry-run", "shop", answer="y") as command:
        [question, *others] = finish(command)

    assert question.endswith("[y/N] y")
    assert others[0] == "Migrations for 'shop':"
    assert any("full_name" in line for line in others)
