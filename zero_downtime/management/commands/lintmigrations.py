"""`manage.py lintmigrations`: judge migrations, without a database."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DEFAULT_DB_ALIAS

from zero_downtime.lint.baseline import Baseline
from zero_downtime.lint.collector import collector_paused
from zero_downtime.lint.findings import THRESHOLDS, Report
from zero_downtime.lint.linter import Request, baseline_file, report_on
from zero_downtime.lint.registry import get_rule, select_rules
from zero_downtime.lint.reporters import github, gitlab, json, sarif, text
from zero_downtime.lint.sizes import Sizes
from zero_downtime.management import fixing

ASK_DATABASE = Path()

REPORTERS: dict[str, Callable[[Report], str]] = {
    "text": text.render,
    "json": json.render,
    "github": github.render,
    "gitlab": gitlab.render,
    "sarif": sarif.render,
}


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
        parser.add_argument(
            "--all",
            action="store_true",
            dest="third_party",
            help="Judge the migrations of installed packages as well.",
        )
        parser.add_argument(
            "--since",
            metavar="GIT_REF",
            help="Judge only what is new or changed since the branch left this commit.",
        )
        parser.add_argument(
            "--unapplied",
            action="store_true",
            help="Judge only what the database has not applied, as one plan.",
        )
        parser.add_argument(
            "--database",
            default=DEFAULT_DB_ALIAS,
            help="The database that --unapplied and the like ask, and whose journal tells which "
            'migrations were edited after they were applied; default: "%(default)s".',
        )
        parser.add_argument(
            "--sizes",
            nargs="?",
            type=Path,
            const=ASK_DATABASE,
            metavar="FILE",
            help="Say how long things take, and be silent about small tables; "
            "without FILE, ask the database how large they are.",
        )
        parser.add_argument(
            "--export-sizes",
            action="store_true",
            help="Write how large the tables of the database are, for --sizes elsewhere.",
        )
        parser.add_argument("--format", choices=REPORTERS, default="text")
        parser.add_argument(
            "--output", type=Path, metavar="FILE", help="Write the report into this file."
        )
        parser.add_argument(
            "--baseline",
            type=Path,
            metavar="FILE",
            help="Do not report what is in this file; default: LINT_BASELINE of the settings.",
        )
        parser.add_argument(
            "--update-baseline",
            action="store_true",
            help="Write what is found into that file, instead of reporting it.",
        )
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
        parser.add_argument(
            "--fix",
            action="store_true",
            help="Write the remedies into the files of unapplied migrations; report what is left.",
        )
        parser.add_argument(
            "--diff", action="store_true", help="Print what --fix would write, and write nothing."
        )
        parser.add_argument("--explain", metavar="RULE", help="Print what a rule is about.")

    @collector_paused()
    def handle(self, *args: Any, **options: Any) -> None:
        if options["explain"]:
            self.stdout.write(get_rule(options["explain"]).page())
            return
        if options["export_sizes"]:
            self.export_sizes(options)
            return
        file = options["baseline"] or baseline_file()
        if options["update_baseline"]:
            self.update_baseline(file, options)
            return
        request = _request(options, Baseline.read(file) if file else Baseline())
        report = report_on(request)
        if options["diff"]:
            patch = fixing.diff(report, together=options["unapplied"], say=self.stderr.write)
            self.stdout.write(patch, ending="")
        else:
            if options["fix"]:
                say = self.stdout.write if options["format"] == "text" else self.stderr.write
                report = fixing.fix(report, request, say=say)
            self.show(report, options)
        if report.outdated:
            self.stderr.write(
                f"{len(report.outdated)} in {file} are found no more. "
                "Take them out with --update-baseline."
            )
        if report.fails(THRESHOLDS[options["fail_on"]]):
            sys.exit(1)

    def export_sizes(self, options: dict[str, Any]) -> None:
        """Print the sizes of the tables, or write them into a file."""
        sizes = Sizes.of_database(options["database"])
        file: Path | None = options["output"]
        if file is None:
            self.stdout.write(sizes.as_json())
            return
        _writing(file, lambda: file.write_text(sizes.as_json() + "\n", "utf-8"))
        self.stdout.write(f"{file} has the sizes of {len(sizes.rows)} tables.")

    def update_baseline(self, file: Path | None, options: dict[str, Any]) -> None:
        """Write the baseline with what is found now."""
        if file is None:
            raise CommandError(
                "--update-baseline needs --baseline FILE, or LINT_BASELINE in the settings.",
                returncode=2,
            )
        before = Baseline.read(file) if file.exists() else Baseline()
        report = report_on(_request(options, before))
        after = before.updated(report)
        _writing(file, lambda: after.write(file))
        self.stdout.write(
            f"{file} has {len(after.entries)} findings: {len(report.findings)} new, "
            f"{len(report.outdated)} taken out."
        )

    def show(self, report: Report, options: dict[str, Any]) -> None:
        """Print the report, or write it into a file and print the sum of it."""
        file: Path | None = options["output"]
        render = REPORTERS[options["format"]]
        if file is not None:
            _writing(file, lambda: file.write_text(render(report) + "\n", "utf-8"))
            self.stdout.write(text.summary(report))
            return
        if render is text.render and self.wants_colours(options):
            render = partial(text.render, style=self.style)
        if rendered := render(report):
            self.stdout.write(rendered)

    def wants_colours(self, options: dict[str, Any]) -> bool:
        """Tell whether to colour what people read; --no-color has emptied the style already."""
        if options["force_color"]:
            return True
        return self.stdout.isatty() and not os.environ.get("NO_COLOR")


def _request(options: dict[str, Any], baseline: Baseline) -> Request:
    return Request(
        app_labels=[options["app_label"]] if options["app_label"] else [],
        migration_name=options["migration_name"],
        third_party=options["third_party"],
        since=options["since"],
        unapplied_in=options["database"] if options["unapplied"] else None,
        journal_of=None if options["unapplied"] else options["database"],
        rules=select_rules(options["select"], options["ignore"]),
        baseline=baseline,
        sizes=_sizes(options),
    )


def _sizes(options: dict[str, Any]) -> Sizes | None:
    file: Path | None = options["sizes"]
    if file == ASK_DATABASE:
        return Sizes.of_database(options["database"])
    return Sizes.read(file) if file else None


def _names(value: str) -> list[str]:
    return [name.strip() for name in value.split(",") if name.strip()]


def _writing(file: Path, write: Callable[[], object]) -> None:
    try:
        write()
    except OSError as error:
        raise CommandError(f"{file} cannot be written: {error.strerror}.", returncode=2) from error
