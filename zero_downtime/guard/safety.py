"""Refusing unapplied migrations that would be noticed, and a deploy without those it needs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from django.db.backends.base.base import BaseDatabaseWrapper

from zero_downtime import conf
from zero_downtime.errors import Refused
from zero_downtime.guard.phase import Phase
from zero_downtime.guard.plan import HoldBack, Refuse
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


def let_deploy(held_back: Iterable[HoldBack]) -> None:
    """Keep whoever has asked for all that belongs before the deploy from going on without it.

    Raises:
        Refused: some of it is held back, because it waits for what belongs after a deploy.
    """
    waiting = [each for each in held_back if each.phase is Phase.EXPAND]
    if waiting:
        raise Refused(
            "Do not deploy yet. New code may need what could not run:\n"
            + "".join(f"  {each}\n" for each in waiting)
            + "Finish the deploy before, when its old code is stopped, with: manage.py migrate "
            "--phase contract; then run the same command again. A migration that new code can do "
            'without belongs after the deploy: say phase = "contract" in it.'
        )
