"""Judge the source of a migration of the shop, suppressions and all."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from textwrap import dedent, indent

from django.db import migrations, models
from django.db.migrations import Migration

from tests.lint.judging import judge_all
from zero_downtime.lint.findings import Finding, Suppressed
from zero_downtime.lint.fingerprints import identified
from zero_downtime.lint.registry import all_rules
from zero_downtime.lint.rule import Rule
from zero_downtime.lint.source import MigrationSource
from zero_downtime.lint.suppressions import suppress

ADD_INDEX = """
migrations.AddIndex(
    "order",
    models.Index(fields=["status"], name="status_idx"),
),
"""


def migration_file(directory: Path, operations: str, attributes: str = "") -> MigrationSource:
    """Write a migration of the shop with these operations, and import it."""
    source = "class Migration(migrations.Migration):\n"
    source += indent(dedent(attributes).strip("\n") + "\n", " " * 4) if attributes else ""
    source += "    operations = [\n" + indent(dedent(operations).strip("\n"), " " * 8) + "\n    ]\n"
    file = directory / "0002_change.py"
    file.write_text(source)
    namespace = {"migrations": migrations, "models": models}
    exec(source, namespace)
    made: Migration = namespace["Migration"]("0002_change", "shop")  # type: ignore[operator]
    return MigrationSource(made, file)


def lint(
    source: MigrationSource, rules: Iterable[Rule] | None = None
) -> tuple[list[Finding], list[Suppressed]]:
    """Return what is reported about the migration, and what is suppressed."""
    rules = list(all_rules() if rules is None else rules)
    codes = {rule.code for rule in rules}
    findings = [
        replace(
            each,
            path=source.path,
            line=source.line(each.operation or 0),
            place=source.place(each.operation or 0),
        )
        for each in judge_all(source.migration)
        if each.rule in codes
    ]
    return suppress(identified(findings), [source], rules)
