"""Runs `manage.py migrate` in processes that are killed before a given statement.

Started as a script in a project's directory. Each line of its input is `VICTIM DATABASE`: a child
of this process migrates that database and kills itself, as `kill -9` would, when it is about to
send statement number VICTIM, which is when the statements before it are done and nothing else. 0 is
for a child that lives. Each is answered by a line of JSON: how the child ended, and how many
statements it sent.

A question that follows another one finds the database as that one did, so they count as one.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any


class Mortal:
    """An `execute_wrapper` that counts statements, and lives until the one before the victim."""

    def __init__(self, victim: int) -> None:
        self.victim = victim
        self.sent = 0
        self.was_question = False

    def __call__(
        self, execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: Any
    ) -> Any:
        is_question = str(sql).lstrip().startswith("SELECT")
        if not (is_question and self.was_question):
            self.sent += 1
            if self.sent == self.victim:
                os.kill(os.getpid(), signal.SIGKILL)
        self.was_question = is_question
        return execute(sql, params, many, context)


def migrate(victim: int, database: str) -> int:
    """Migrate `database`; return how many statements that took."""
    from django.core.management import call_command
    from django.db import connection

    connection.settings_dict["NAME"] = database
    mortal = Mortal(victim)
    with connection.execute_wrapper(mortal):
        call_command("migrate", verbosity=0)
    return mortal.sent


def in_a_child(victim: int, database: str) -> dict[str, Any]:
    """Do so in a child of this process, which has no connection that they could share."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            answer: dict[str, Any] = {"sent": migrate(victim, database)}
        except BaseException:
            answer = {"error": traceback.format_exc()}
        os.write(writing, json.dumps(answer).encode())
        os._exit(0)
    os.close(writing)
    _, status = os.waitpid(child, 0)
    with os.fdopen(reading) as words:
        return {"status": os.waitstatus_to_exitcode(status), **json.loads(words.read() or "{}")}


def main() -> None:
    sys.path.insert(0, str(Path.cwd()))
    os.environ["DJANGO_SETTINGS_MODULE"] = "settings"
    import django

    django.setup()
    for line in sys.stdin:
        victim, database = line.split()
        print(json.dumps(in_a_child(int(victim), database)), flush=True)


if __name__ == "__main__":
    main()
