"""`manage.py lintmigrations`: judge migrations, without a database."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db.migrations.loader import MigrationLoader

from zero_downtime.lint.findings import Report, Severity
from zero_downtime.lint.linter import lint
from zero_downtime.lint.registry import get_rule, select_rules
from zero_downtime.lint.reporters import github, gitlab, json, sarif, text
from zero_downtime.lint.scope import migrations_in_scope, squashed_in_scope

REPORTERS: dict[str, Callable[[Report], str]] = {
    "text": text.render,
    "json": json.render,
    "github": github.render,
    "gitlab": gitlab.render,
    "sarif": sarif.render,
}
THRESHOLDS = {"error": Severity.ERROR, "warning": Severity.WARNING, "never": None}


class Command(BaseCommand):
    """Exit with 0 when all is well, 1 with findings as severe as --fail-on, 2 on wrong usage."""

    help = "Judges what migrations would do to a busy database. Needs no database."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "app_label",
            nargs="?",
            help="Judge the migrations of this app only; default: all apps of the project itself.",
        )
        parser.add_argument(
            "migration_name", nargs="?", help="Judge this migration only; its beginning will do."
        )
        parser.add_argument("--format", choices=REPORTERS, default="text")
        parser.add_argument(
            "--fail-on",
            choices=THRESHOLDS,
            default="error",
            help="Exit with 1 when there is a finding at least that severe; default: error.",
        )
        parser.add_argument(
            "--select",
            action="extend",
            type=_names,
            default=[],
            metavar="RULE",
            help="Apply these rules only, by code or name; commas or repetition for several.",
        )
        parser.add_argument(
            "--ignore", action="extend", type=_names, default=[], metavar="RULE", help="Leave out."
        )
        parser.add_argument("--explain", metavar="RULE", help="Print what a rule is about.")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["explain"]:
            self.stdout.write(get_rule(options["explain"]).page())
            return
        rules = select_rules(options["select"], options["ignore"])
        loader = MigrationLoader(None)
        migrations = migrations_in_scope(loader, options["app_label"], options["migration_name"])
        report = lint(loader, migrations, rules)
        if not options["migration_name"]:
            squashed = squashed_in_scope(loader, options["app_label"])
            report += lint(loader, squashed, [rule for rule in rules if rule.always_fails])
        render = REPORTERS[options["format"]]
        if render is text.render and self.wants_colours(options):
            render = partial(text.render, style=self.style)
        self.stdout.write(render(report))
        if report.fails(THRESHOLDS[options["fail_on"]]):
            sys.exit(1)

    def wants_colours(self, options: dict[str, Any]) -> bool:
        """Tell whether to colour what people read; --no-color has emptied the style already."""
        if options["force_color"]:
            return True
        return self.stdout.isatty() and not os.environ.get("NO_COLOR")


def _names(value: str) -> list[str]:
    return [name.strip() for name in value.split(",") if name.strip()]
