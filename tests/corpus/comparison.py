"""The linter's findings against what was observed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from django.db.migrations import Migration
from django.db.migrations.state import ProjectState

from tests.corpus.bookshop import INITIAL, SMALL_TABLES
from tests.corpus.case import migrations_of
from tests.corpus.cases import all_cases
from tests.corpus.contents import BIG
from tests.corpus.record import read, verdict_of
from tests.corpus.verdict import ASKED, Verdict, asked
from zero_downtime.lint.estimates import with_sizes
from zero_downtime.lint.findings import Finding, Hazard
from zero_downtime.lint.judge import judge_ordered


@dataclass(frozen=True)
class Judged:
    """A case, and what the linter found in it."""

    verdict: Verdict
    findings: tuple[Finding, ...]
    explained: Mapping[str, str] = field(default_factory=dict)
    """Why the linter is content to disagree about a hazard, by hazard."""

    @property
    def reported(self) -> frozenset[Hazard]:
        return asked([hazard for finding in self.findings for hazard in finding.hazards])

    @property
    def missed(self) -> frozenset[Hazard]:
        """Hazards that were observed and are not reported."""
        if self.verdict.fails_always and self.findings:
            return frozenset()
        return self.verdict.hazards - self.reported - self.verdict.tolerated

    @property
    def false(self) -> frozenset[Hazard]:
        """Hazards that are reported and were not observed."""
        if self.verdict.fails_always:
            return frozenset()
        return self.reported - self.verdict.hazards - self.verdict.tolerated

    @property
    def right(self) -> frozenset[Hazard]:
        return self.verdict.hazards - self.missed - self.verdict.tolerated

    @property
    def wrong(self) -> frozenset[Hazard]:
        return self.missed | self.false

    @property
    def unexplained(self) -> frozenset[Hazard]:
        """Hazards that are disagreed about without a reason, or have one without need."""
        return self.wrong ^ asked(list(self.explained))


@dataclass(frozen=True)
class Score:
    """How often the linter is right about one hazard."""

    hazard: Hazard
    right: int
    false: int
    missed: int

    @property
    def recall(self) -> float:
        return self.right / (self.right + self.missed) if self.missed else 1.0

    @property
    def precision(self) -> float:
        return self.right / (self.right + self.false) if self.false else 1.0


def lint(migrations: Sequence[Migration], judged: Migration) -> tuple[Finding, ...]:
    """Return what the linter finds in one of the migrations, which are in order."""
    return tuple(judge_ordered(migrations, ProjectState(), judged=[judged], together=False))


def lint_case(migrations: Sequence[Migration]) -> tuple[Finding, ...]:
    """Return what the linter finds in the last migration, told which of the tables are small."""
    return tuple(with_sizes(lint(migrations, migrations[-1]), SMALL_TABLES, small=BIG))


def judge_corpus() -> Iterator[Judged]:
    """Let the linter judge all cases of the tests' corpus that were observed."""
    records = read()
    for case in all_cases():
        if case.name in records:
            migrations = migrations_of(case, INITIAL)
            verdict = verdict_of(case, records[case.name])
            yield Judged(verdict, lint_case(migrations), case.explained)


def scores(cases: Iterable[Judged]) -> list[Score]:
    """Count, for each hazard, how often the linter is right."""
    cases = list(cases)
    return [
        Score(
            hazard,
            right=sum(hazard in case.right for case in cases),
            false=sum(hazard in case.false for case in cases),
            missed=sum(hazard in case.missed for case in cases),
        )
        for hazard in ASKED
    ]


def table(cases: Sequence[Judged]) -> str:
    """Return the scores as a table."""
    lines = [f"{'hazard':18}{'right':>7}{'false':>7}{'missed':>8}{'recall':>9}{'precision':>11}"]
    lines += [
        f"{score.hazard:18}{score.right:7}{score.false:7}{score.missed:8}"
        f"{score.recall:9.3f}{score.precision:11.3f}"
        for score in scores(cases)
    ]
    agree = sum(not case.wrong for case in cases)
    return "\n".join([*lines, f"{agree} of {len(cases)} cases agree"])


def disagreement(case: Judged) -> str:
    """Return what the case's verdict and the linter disagree about, with the SQL."""
    lines = [f"{case.verdict.case}: {case.verdict.what}"]
    lines += [f"    missed  {hazard}" for hazard in sorted(case.missed)]
    lines += [
        f"    false   {hazard}  by {', '.join(_codes(case, hazard))}"
        for hazard in sorted(case.false)
    ]
    if case.right:
        lines.append(f"    right   {', '.join(sorted(case.right))}")
    lines += [f"        {_shortened(sql)}" for sql in case.verdict.sql]
    return "\n".join(lines)


def _codes(case: Judged, hazard: Hazard) -> list[str]:
    return sorted({each.rule for each in case.findings if hazard in asked(each.hazards)})


def _reason(case: Judged, hazard: Hazard) -> str:
    return f"  ({case.explained[hazard]})" if hazard in case.explained else ""


def _shortened(sql: str, width: int = 160) -> str:
    line = " ".join(sql.split())
    return line if len(line) <= width else f"{line[: width - 3]}..."
