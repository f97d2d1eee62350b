"""Refusing unapplied migrations that would be noticed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from django.db.backends.base.base import BaseDatabaseWrapper

from zero_downtime import conf
from zero_downtime.errors import Refused
from zero_downtime.guard.plan import Refuse
from zero_downtime.postgres import catalog
from zero_downtime.postgres.identifiers import requoted

if TYPE_CHECKING:
    from zero_downtime.lint.findings import Finding

HOW_TO_GO_ON = 'Change them, or apply them as they are with: manage.py migrate --unsafe "REASON"'


class Users:
    """Those who would notice: a table that is not there yet, or empty, has none.

    Args:
        former_names: of tables that are there under another name yet.
    """

    def __init__(self, connection: BaseDatabaseWrapper, former_names: Mapping[str, str]) -> None:
        self._connection = connection
        self._former_names = former_names
        self._have: dict[str, bool] = {}

    def notice(self, finding: Finding) -> bool:
        """Tell whether a table of the finding is in use, or it is about none in particular."""
        return not finding.tables or any(map(self.have, finding.tables))

    def have(self, table: str) -> bool:
        """Tell whether a table has rows."""
        if table not in self._have:
            # A table of no schema may have a dot in its name, too.
            self._have[table] = any(
                catalog.table_exists(self._connection, name)
                and catalog.has_rows(self._connection, name)
                for name in {table, requoted(table), self._former_names.get(table, table)}
            )
        return self._have[table]


def describe(findings: Iterable[Finding]) -> str:
    """Name each finding and what to do instead."""
    return "\n".join(
        f"  {finding.app}.{finding.migration}: {finding.rule} {finding.name}: "
        f"{finding.message}\n    {finding.remedy}"
        for finding in findings
    )


def refusal(refused: Iterable[Refuse]) -> Refused:
    """Return the error that names each finding and the ways to go on."""
    steps = list(refused)
    findings = [finding for step in steps for finding in step.findings]
    lines = ["Unsafe migrations are not applied:", describe(findings)]
    return Refused("\n".join([*lines, *how_to_go_on(steps)]))


def how_to_go_on(refused: Iterable[Refuse]) -> Iterator[str]:
    """Yield what can be done about steps that are refused."""
    substituted = sorted({step.key[0] for step in refused} & set(conf.get("SUBSTITUTE")))
    if substituted:
        yield (
            f"Of {', '.join(substituted)} (SUBSTITUTE), only what can be done safely within one "
            "deploy is substituted."
        )
    yield HOW_TO_GO_ON
