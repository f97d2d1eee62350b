"""Safe operations in the place of those that stand in migrations which cannot be edited."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from django.db.migrations.operations.base import Operation

if TYPE_CHECKING:
    from zero_downtime.lint.findings import Finding


def can_be_substituted(finding: Finding) -> bool:
    """Tell whether there are operations that do without what was found, in the same deploy.

    The later stages of other remedies need a migration of their own each.
    """
    return finding.instead is not None and len(finding.instead.stages) == 1


def substitutes(findings: Iterable[Finding]) -> dict[int, Sequence[Operation]]:
    """Return what to run instead of the operations of a migration, by their indexes."""
    return {
        finding.operation: finding.instead.stages[0].operations
        for finding in findings
        if finding.operation is not None
        and finding.instead is not None
        and can_be_substituted(finding)
    }
