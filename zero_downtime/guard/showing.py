"""The plan in words, for `migrate --plan`."""

from __future__ import annotations

from collections.abc import Iterator

from django.db.migrations.loader import MigrationLoader

from zero_downtime.guard.plan import HoldBack, Refuse, Run, Step, Substitute


def describe_step(step: Step, loader: MigrationLoader) -> Iterator[str]:
    """Yield the lines that say what becomes of a migration: one, and indented ones about it."""
    app_label, name = step.key
    yield f"{app_label}.{name} ({step.phase}): {_what_becomes_of_it(step)}"
    if isinstance(step, Substitute):
        originals = loader.disk_migrations[step.key].operations
        for index, operations in sorted(step.operations.items()):
            instead = ", ".join(type(operation).__name__ for operation in operations)
            yield f"  {originals[index].describe()}: by {instead}"
    if not isinstance(step, HoldBack):
        for finding in step.findings:
            yield f"  {finding.rule} {finding.name}: {finding.message}"
            yield f"    {finding.remedy}"


def _what_becomes_of_it(step: Step) -> str:
    match step:
        case Run(findings=findings):
            return "runs, unsafe as it is" if findings else "runs"
        case Substitute():
            return "runs, with safe operations in the place of its own"
        case HoldBack(reason=reason):
            return f"held back: {reason}"
        case Refuse():
            return "refused, and so is all the rest"
