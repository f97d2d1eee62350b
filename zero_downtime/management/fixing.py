"""What `lintmigrations --fix` and `--diff` do with a report."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Collection
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import CommandError
from django.db import DatabaseError, connections
from django.db.migrations.recorder import MigrationRecorder

from zero_downtime.lint.findings import Finding, Report
from zero_downtime.lint.fix import Fixes, plan_fixes
from zero_downtime.lint.linter import Request, report_on
from zero_downtime.lint.loading import load
from zero_downtime.lint.python_code.sources import module_at

if TYPE_CHECKING:
    from zero_downtime.lint.editing.files import Change

Say = Callable[[str], object]

NO_DATABASE = (
    "No database says which migrations are applied: keep the changes to those that are not, "
    "anywhere."
)


def fix(report: Report, request: Request, *, say: Say) -> Report:
    """Write the remedies of what was found into the files; return the report of what is left.

    `say` is told what was done, and what was not and why.
    """
    fixes, changes = _planned(report, together=request.unapplied_in is not None, say=say)
    for change in changes:
        change.write()
        say(f"{change.path}: {'written' if change.before is None else 'changed'}")
    _tell(fixes, say)
    files = {change.path.resolve() for change in changes}
    left = [
        each for each in report.findings if each not in fixes.fixed and not _is_about(each, files)
    ]
    return replace(report, findings=(*left, *_findings_in(files, request)))


def _findings_in(files: Collection[Path], request: Request) -> list[Finding]:
    """Judge what has just been written: lines, and what is around an operation, are others."""
    if not files:
        return []
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if file and Path(file).resolve() in files:
            del sys.modules[name]
    importlib.invalidate_caches()
    module_at.cache_clear()
    report = report_on(replace(request, migration_name=None))
    return [each for each in report.findings if _is_about(each, files)]


def _is_about(finding: Finding, files: Collection[Path]) -> bool:
    return finding.path is not None and Path(finding.path).resolve() in files


def diff(report: Report, *, together: bool, say: Say) -> str:
    """Return what `fix` would write, as a patch."""
    fixes, changes = _planned(report, together=together, say=say)
    _tell(fixes, say, would=True)
    return "".join(change.diff() for change in changes)


def _planned(report: Report, *, together: bool, say: Say) -> tuple[Fixes, list[Change]]:
    try:
        from zero_downtime.lint.editing.files import Editor
    except ImportError:
        raise CommandError(
            "Writing into migrations needs libcst: pip install 'django-zero-downtime[lint]'",
            returncode=2,
        ) from None
    applied = _applied()
    if applied is None:
        say(NO_DATABASE)
    loader = load(None)
    editor = Editor(loader, applied or ())
    fixes = plan_fixes(loader, report.findings, editor.why_not, together=together)
    return fixes, list(editor.changes(fixes))


def _applied() -> set[tuple[str, str]] | None:
    """Return the migrations that any database has applied; None if no database can be asked."""
    applied: set[tuple[str, str]] = set()
    asked = False
    for alias in connections:
        try:
            applied |= MigrationRecorder(connections[alias]).applied_migrations().keys()
        except (DatabaseError, ImproperlyConfigured):
            continue
        asked = True
    return applied if asked else None


def _tell(fixes: Fixes, say: Say, *, would: bool = False) -> None:
    number = len(fixes.fixed)
    say(f"{number} finding{'' if number == 1 else 's'} {'would be ' if would else ''}fixed")
    for finding, reason in fixes.by_hand:
        place = f"{finding.app}.{finding.migration}: {finding.rule}"
        say(f"{place} has to be fixed by hand: {reason}.")
