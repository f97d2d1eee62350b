"""System check: whose `migrate` and `makemigrations` are run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from django.apps import AppConfig
from django.core.checks import CheckMessage, Warning
from django.core.management import get_commands, load_command_class


def check_commands(
    app_configs: Sequence[AppConfig] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """Warn of a command of another app that comes before ours and does not use our mixin."""
    # Not before the check runs: every process of the project imports this module.
    from zero_downtime.management.commands.makemigrations import MakeMigrationsMixin
    from zero_downtime.management.commands.migrate import GuardedMigrateMixin

    return [
        *_check("migrate", GuardedMigrateMixin),
        *_check("makemigrations", MakeMigrationsMixin),
    ]


def _check(name: str, mixin: type) -> Iterator[CheckMessage]:
    app = get_commands()[name]
    command = load_command_class(app, name)
    if not isinstance(command, mixin):
        yield Warning(
            f"`manage.py {name}` is that of {app!r}, which comes before 'zero_downtime' in "
            "INSTALLED_APPS: zero_downtime has no part in it.",
            hint=(
                f"Put 'zero_downtime' above {app!r} in INSTALLED_APPS. To have both, write a "
                f"command `{name}` in an app of yours that comes first: "
                f"class Command({mixin.__name__}, {type(command).__module__}.Command), "
                f"with {mixin.__name__} from {mixin.__module__}."
            ),
            id="zero_downtime.W001",
        )
