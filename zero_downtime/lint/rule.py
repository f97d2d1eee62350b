"""What all rules have in common."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from typing import ClassVar

from zero_downtime.lint.catalogue import remedy_for
from zero_downtime.lint.edited import Edited
from zero_downtime.lint.findings import Finding, Hazard, Severity
from zero_downtime.lint.remedies import Remedy
from zero_downtime.lint.timeline import Effect
from zero_downtime.lint.walk import Step
from zero_downtime.postgres.statements import Statement


class Rule(ABC):
    """One thing the linter knows. The docstring of a rule is its page in the documentation."""

    code: ClassVar[str]
    name: ClassVar[str]
    hazards: ClassVar[tuple[Hazard, ...]]
    """All the hazards that findings of this rule can have."""
    statements: ClassVar[tuple[type[Statement], ...]] = ()
    """The statements it is about, whose observed cases show what it says of locks."""
    always_fails: ClassVar[bool] = False
    """What it finds fails on any database, even on one without rows."""

    asks_journal: ClassVar[bool] = False
    """What it finds differs between databases: not to find it in one means nothing."""

    has_remedy: ClassVar[bool] = True
    """Operations of the catalogue do without what it finds."""

    @abstractmethod
    def check(self, step: Step) -> Iterator[Finding]:
        """Yield what is wrong with the operation of `step`."""

    def check_edited(self, edited: Edited) -> Iterator[Finding]:
        """Yield what is wrong with a migration whose file was changed after it was applied."""
        return iter(())

    def remedy(self, step: Step) -> Remedy | None:
        """Return what can be written instead of the operation without asking anybody."""
        return remedy_for(step) if self.has_remedy else None

    @classmethod
    def page(cls) -> str:
        """Return the rule's page of documentation, in Markdown."""
        hazards = ", ".join(f"`{hazard}`" for hazard in cls.hazards) or "none"
        text = inspect.cleandoc(cls.__doc__ or "")
        return f"# {cls.code} {cls.name}\n\nHazards: {hazards}\n\n{text}\n{cls._observed()}"

    @classmethod
    def _observed(cls) -> str:
        """Return what shows the locks that the page speaks of."""
        cases = dict.fromkeys(case for kind in cls.statements for case in kind.observed)
        if not cases:
            return ""
        names = ", ".join(f"`{case}`" for case in cases)
        return f"\nObserved, on every supported version of PostgreSQL: {names}.\n"

    def finding(
        self,
        step: Step,
        message: str,
        *,
        remedy: str,
        hazards: Iterable[Hazard],
        tables: Iterable[str],
        severity: Severity = Severity.ERROR,
        effects: Iterable[Effect] = (),
        only_if_written: bool = False,
    ) -> Finding:
        """Return what to say of the step.

        `effects` are those that take long on large tables; `only_if_written` says that running
        code breaks only if it writes what is forbidden now.
        """
        instead = self.remedy(step) if step.is_outermost else None
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
            fixable=instead is not None,
            docs=f"rules/{self.code}.md",
            work=tuple(
                (type(effect.statement), table)
                for effect in effects
                for table in effect.statement.work
            ),
            instead=instead,
            place=step.source.place(step.index),
            only_if_written=only_if_written,
            subject=step.operation,
        )


def blocking(*effects: Effect) -> list[Hazard]:
    """Return whom the effects stop, as hazards."""
    hazards = []
    if any(effect.stops_reads for effect in effects):
        hazards.append(Hazard.BLOCKS_READS)
    if any(effect.stops_writes for effect in effects):
        hazards.append(Hazard.BLOCKS_WRITES)
    return hazards


def who_waits(*effects: Effect) -> str:
    """Say in a sentence, with a space before it, whom the effects stop; "" if nobody."""
    unread = dict.fromkeys(table for effect in effects for table in effect.stops_reads)
    unwritten = dict.fromkeys(
        table for effect in effects for table in effect.stops_writes if table not in unread
    )
    sentences = []
    if unread:
        sentences.append(f" Nobody can read or write {quoted(unread)} until it is done.")
    if unwritten:
        sentences.append(f" Nobody can write {quoted(unwritten)} until it is done.")
    return "".join(sentences)


def waiting_tables(*effects: Effect) -> list[str]:
    """Return the tables of which somebody waits, each once; those of the statements first."""
    own = [effect.statement.table for effect in effects if effect.statement.table]
    others = [table for effect in effects for table in effect.stops_writes]
    return list(dict.fromkeys([*own, *others]))


def quoted(names: Iterable[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)
