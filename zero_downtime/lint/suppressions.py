"""Findings that the author of a migration decided to live with, and said why.

Either in a comment at an operation, or for all of a migration on its class:

    # zero-downtime: ignore[add-index-blocks-writes] the table has 40 rows
    zero_downtime_ignore = {"ZD101": "the table has 40 rows"}
"""

from __future__ import annotations

import io
import re
import tokenize
from abc import abstractmethod
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from zero_downtime.errors import UnknownName
from zero_downtime.lint.findings import Finding, Severity, Suppressed
from zero_downtime.lint.registry import get_rule
from zero_downtime.lint.rule import Rule
from zero_downtime.lint.source import (
    IGNORE_ATTRIBUTE,
    MigrationSource,
    assignment,
    migration_class,
)
from zero_downtime.lint.walk import Step

_MARK = b"zero-downtime:"
# Applied to the text of one comment each, which the tokenizer has found.
_COMMENT = re.compile(r"#\s*zero-downtime:\s*(?P<request>.*)")
_IGNORE = re.compile(r"ignore\[(?P<rules>[^\]]*)\]\s*(?P<reason>[^#\s].*)?")


@dataclass(frozen=True)
class Suppression:
    """One rule that is not to be reported, as it was written."""

    source: MigrationSource
    written: str
    """The rule as its author called it, or what cannot be understood."""
    line: int | None
    """Where it is written."""
    lines: range | None
    """The lines it is about; None for all of the migration."""
    reason: str = ""
    rule: Rule | None = None
    problem: str = ""
    """Why it suppresses nothing."""

    def covers(self, finding: Finding) -> bool:
        if self.problem or self.rule is None or finding.rule != self.rule.code:
            return False
        return self.lines is None or any(line in self.lines for line in self._lines_of(finding))

    def _lines_of(self, finding: Finding) -> Iterator[int]:
        if finding.line is not None:
            yield finding.line
        if finding.operation is not None and (line := self.source.line(finding.operation)):
            yield line


class SuppressionRule(Rule):
    """A rule about suppressions. It meets no operations: `suppress` asks it, after all others."""

    hazards = ()

    def check(self, step: Step) -> Iterator[Finding]:
        return iter(())

    @abstractmethod
    def complaint(self, suppression: Suppression, *, needed: bool) -> tuple[str, str] | None:
        """Return what is wrong with the suppression and what to do about it, if there is.

        `needed` says that it suppresses something, or would if its rule had been asked for.
        """

    def findings(self, suppression: Suppression, *, needed: bool) -> Iterator[Finding]:
        complaint = self.complaint(suppression, needed=needed)
        if complaint is None:
            return
        message, remedy = complaint
        migration = suppression.source.migration
        yield Finding(
            rule=self.code,
            name=self.name,
            severity=Severity.WARNING,
            hazards=(),
            app=migration.app_label,
            migration=migration.name,
            operation=None,
            path=suppression.source.path,
            line=suppression.line,
            tables=(),
            message=message,
            remedy=remedy,
            fixable=False,
            docs=f"rules/{self.code}.md",
        )


def suppress(
    findings: Iterable[Finding], sources: Iterable[MigrationSource], rules: Iterable[Rule] = ()
) -> tuple[list[Finding], list[Suppressed]]:
    """Tell findings that are to be reported from those that are not.

    Args:
        findings: what was found in the migrations of `sources`.
        sources: all migrations that were judged; those without findings may have suppressions.
        rules: all rules that were asked for. Those about suppressions add their own findings.
    """
    by_migration = defaultdict(list)
    for finding in findings:
        by_migration[finding.app, finding.migration].append(finding)
    reported: list[Finding] = []
    suppressed: list[Suppressed] = []
    judge = _SuppressionJudge(rules)
    for source in sources:
        written = list(find_suppressions(source))
        used = set()
        for finding in by_migration[source.migration.app_label, source.migration.name]:
            match = next((each for each in written if each.covers(finding)), None)
            if match is None:
                reported.append(finding)
            else:
                used.add(match)
                suppressed.append(Suppressed(finding, match.reason))
        for suppression in written:
            reported += judge.findings(suppression, used=suppression in used)
    return reported, suppressed


class _SuppressionJudge:
    """Asks the rules about suppressions among those that were asked for."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        chosen = list(rules)
        self._rules = [rule for rule in chosen if isinstance(rule, SuppressionRule)]
        self._codes = {rule.code for rule in chosen if not rule.asks_journal}

    def findings(self, suppression: Suppression, *, used: bool) -> Iterator[Finding]:
        rule = suppression.rule
        needed = used or (rule is not None and rule.code not in self._codes)
        for each in self._rules:
            yield from each.findings(suppression, needed=needed)


def find_suppressions(source: MigrationSource) -> Iterator[Suppression]:
    """Yield the suppressions of a migration, good and bad ones."""
    yield from _on_class(source)
    if _MARK in source.content:  # to look for it is much cheaper than to tokenize
        yield from _in_comments(source)


def _on_class(source: MigrationSource) -> Iterator[Suppression]:
    ignored = getattr(source.migration, IGNORE_ATTRIBUTE, None)
    if ignored is None:
        return
    start = Suppression(source, IGNORE_ATTRIBUTE, _line_of_attribute(source), lines=None)
    if not isinstance(ignored, dict):
        yield replace(start, problem=f"{IGNORE_ATTRIBUTE} is no dict.")
        return
    for name, reason in ignored.items():
        yield _resolved(replace(start, written=str(name), reason=str(reason or "").strip()))


def _line_of_attribute(source: MigrationSource) -> int | None:
    if source.listing is None:
        return None
    migration = migration_class(source.content)
    written = migration and assignment(migration, IGNORE_ATTRIBUTE)
    return written.lineno if written else source.listing.otherwise.line


def _in_comments(source: MigrationSource) -> Iterator[Suppression]:
    tokens = list(tokenize.tokenize(io.BytesIO(source.content).readline))
    comments = [token for token in tokens if token.type == tokenize.COMMENT]
    alone = {token.start[0] for token in comments if not token.line[: token.start[1]].strip()}
    for comment in comments:
        match = _COMMENT.search(comment.string)
        if match is None:
            continue
        line = comment.start[0]
        start = Suppression(source, match["request"], line, _lines_meant(line, alone, source))
        ignore = _IGNORE.match(match["request"])
        if ignore is None:
            yield replace(start, problem=f"{match['request']!r} is not understood.")
            continue
        for name in ignore["rules"].split(","):
            yield _resolved(
                replace(start, written=name.strip(), reason=(ignore["reason"] or "").strip())
            )


def _lines_meant(line: int, alone: set[int], source: MigrationSource) -> range:
    """Return the lines that a comment is about: all those of an operation, or its own.

    `alone` are the lines that hold nothing but a comment, which is about what comes next.
    """
    while line in alone:
        line += 1
    listing = source.listing
    assert listing is not None, "there is a comment, so there is a source"
    for place in listing.listed or [listing.otherwise]:
        if line in place.lines:
            return place.lines
    return range(line, line + 1)


def _resolved(suppression: Suppression) -> Suppression:
    """Return the suppression with its rule, or with what is wrong with it."""
    try:
        rule = get_rule(suppression.written)
    except UnknownName as error:
        return replace(suppression, problem=str(error))
    if not suppression.reason:
        return replace(suppression, rule=rule, problem=f"It gives no reason to ignore {rule.name}.")
    return replace(suppression, rule=rule)
