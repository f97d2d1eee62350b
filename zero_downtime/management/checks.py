"""System checks: whose `migrate` and `makemigrations` are run, and what the linter finds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any

from django.apps import AppConfig
from django.core.checks import CheckMessage, Error, Warning
from django.core.management import get_commands, load_command_class
from django.core.management.base import CommandError

if TYPE_CHECKING:
    from zero_downtime.lint.findings import Finding

OWN_APP = TAG = "zero_downtime"


def check_commands(
    app_configs: Sequence[AppConfig] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """Warn of a command of another app that comes before ours and does not use our mixin."""
    return [
        *_check("migrate", "GuardedMigrateMixin"),
        *_check("makemigrations", "MakeMigrationsMixin"),
    ]


def _check(name: str, mixin_name: str) -> Iterator[CheckMessage]:
    app = get_commands()[name]
    if app == OWN_APP:  # as a rule; nothing has to be imported to know it
        return
    module = import_module(f"{OWN_APP}.management.commands.{name}")
    mixin = getattr(module, mixin_name)
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


def check_migrations(
    app_configs: Sequence[AppConfig] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """Check what `lintmigrations` reports about the apps of the project itself."""
    from zero_downtime.lint.linter import Request, configured_baseline, report_on

    try:
        report = report_on(Request(baseline=configured_baseline()))
    except CommandError as error:
        return [Error(str(error), id="zero_downtime.E005")]
    labels = None if app_configs is None else {app.label for app in app_configs}
    return [
        _message(finding) for finding in report.findings if labels is None or finding.app in labels
    ]


def _message(finding: Finding) -> CheckMessage:
    kind = Error if finding.severity == "error" else Warning
    place = f"{finding.path}:{finding.line}" if finding.path and finding.line else None
    return kind(
        f"{finding.name}: {finding.message}",
        hint=finding.remedy,
        obj=place or f"{finding.app}.{finding.migration}",
        id=f"zero_downtime.{kind.__name__[0]}{finding.rule.removeprefix('ZD')}",
    )
