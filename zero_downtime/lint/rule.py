"""What all rules have in common."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from typing import ClassVar

from zero_downtime.lint.findings import Finding, Hazard, Severity
from zero_downtime.lint.remedies import Remedy
from zero_downtime.lint.walk import Step


class Rule(ABC):
    """One thing the linter knows. The docstring of a rule is its page in the documentation."""

    code: ClassVar[str]
    name: ClassVar[str]
    hazards: ClassVar[tuple[Hazard, ...]]
    """All the hazards that findings of this rule can have."""
    always_fails: ClassVar[bool] = False
    """What it finds fails on any database, even on one without rows."""

    @abstractmethod
    def check(self, step: Step) -> Iterator[Finding]:
        """Yield what is wrong with the operation of `step`."""

    def remedy(self, step: Step) -> Remedy | None:
        """Return what can be written instead of the operation without asking anybody."""
        return None

    @classmethod
    def page(cls) -> str:
        """Return the rule's page of documentation, in Markdown."""
        hazards = ", ".join(f"`{hazard}`" for hazard in cls.hazards) or "none"
        text = inspect.cleandoc(cls.__doc__ or "")
        return f"# {cls.code} {cls.name}\n\nHazards: {hazards}\n\n{text}\n"

    def finding(
        self,
        step: Step,
        message: str,
        *,
        remedy: str,
        hazards: Iterable[Hazard],
        tables: Iterable[str],
        severity: Severity = Severity.ERROR,
    ) -> Finding:
        return Finding(
            rule=self.code,
            name=self.name,
            severity=severity,
            hazards=tuple(hazards),
            app=step.app_label,
            migration=step.migration.name,
            operation=step.index,
            path=step.source.path,
            line=step.source.line(step.index),
            tables=tuple(tables),
            message=message,
            remedy=remedy,
            fixable=self.remedy(step) is not None,
            docs=f"rules/{self.code}.md",
            subject=step.operation,
        )
