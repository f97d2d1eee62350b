"""Runs Django's tests in this process.

    python -m devtools.django_suite.launch DIRECTORY HOW LABEL ...

It does what the `runtests.py` in the directory does with the labels. HOW is one of `Installed`.
"""

from __future__ import annotations

import importlib
import os
import sys
import tempfile
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from enum import StrEnum
from typing import Any
from unittest import mock

from django.apps import apps
from django.core import management
from django.core.management.base import BaseCommand
from django.core.management.commands import migrate

from devtools.django_suite import recording

OUR_APP = "zero_downtime"


class Installed(StrEnum):
    """How much of us is installed while the tests run."""

    EVERYTHING = "everything"
    # Our models and their tables, but Django's commands.
    APP = "app"
    NOTHING = "nothing"


def main(directory: str, installed: Installed, labels: list[str]) -> None:
    """Run the tests; what becomes of them is found by way of `recording`."""
    sys.path.insert(0, directory)
    runtests = importlib.import_module("runtests")
    with ExitStack() as stack:
        stack.enter_context(mock.patch.object(migrate.Command, "execute", execute_and_note))
        if installed != Installed.NOTHING:
            install_always(stack)
        if installed == Installed.APP:
            name = "load_command_class"
            stack.enter_context(mock.patch.object(management, name, load_of_django))
        temporary = stack.enter_context(tempfile.TemporaryDirectory(prefix="django_"))
        tempfile.tempdir = os.environ["TMPDIR"] = temporary
        runtests.django_tests(
            verbosity=1,
            interactive=False,
            failfast=False,
            keepdb=False,
            reverse=False,
            test_labels=labels,
            debug_sql=False,
            parallel=1,
            tags=None,
            exclude_tags=None,
            test_name_patterns=None,
            start_at=None,
            start_after=None,
            pdb=False,
            buffer=True,
            timing=False,
            shuffle=False,
        )


def execute_and_note(command: BaseCommand, *args: Any, **options: Any) -> Any:
    """Execute a `migrate`, and note whose it is."""
    record = recording.running[0]
    record.migrated = True
    record.migrated_by_us |= type(command).__module__.startswith(OUR_APP)
    return BaseCommand.execute(command, *args, **options)


def load_of_django(app: str, name: str, load: Any = management.load_command_class) -> BaseCommand:
    """Load Django's command where ours would be."""
    command: BaseCommand = load("django.core" if app == OUR_APP else app, name)
    return command


def install_always(stack: ExitStack) -> None:
    """Have our app installed, before all others, whichever apps a test asks for.

    Nearly all tests of migrations choose their own, by `override_settings()` or `available_apps`,
    and would be left with Django's commands. There is no setting for that.
    """
    for name in ("set_installed_apps", "set_available_apps"):
        stock: Callable[[Iterable[str]], None] = getattr(apps, name)

        def choose(chosen: Iterable[str], stock: Callable[[Iterable[str]], None] = stock) -> None:
            stock([OUR_APP, *(app for app in chosen if app != OUR_APP)])

        stack.enter_context(mock.patch.object(apps, name, choose))


if __name__ == "__main__":
    os.environ["DJANGO_SETTINGS_MODULE"] = "devtools.django_suite.settings"
    directory, installed, *labels = sys.argv[1:]
    main(directory, Installed(installed), labels)
