"""ZD308: SQL that nobody can look into."""

from __future__ import annotations

from collections.abc import Iterator

from django.db.migrations import RunSQL

from zero_downtime.lint.findings import Finding, Severity
from zero_downtime.lint.rule import Rule
from zero_downtime.lint.walk import Step
from zero_downtime.postgres.statements import Opaque


class OpaqueSql(Rule):
    """A function, a procedure, SQL that a `DO` block composes, or that does not parse: who knows.

    What cannot be looked into cannot be judged, so it says nothing about hazards: read it
    yourself, and suppress this with the reason why it is fine.

    Bad:

    ```python
    class Migration(migrations.Migration):
        operations = [
            migrations.RunSQL("SELECT tidy_up_orders()", migrations.RunSQL.noop),
        ]
    ```

    Good:

    ```python
    class Migration(migrations.Migration):
        atomic = False
        operations = [
            migrations.RunSQL("VACUUM shop_order", migrations.RunSQL.noop),
        ]
    ```
    """

    code = "ZD308"
    name = "opaque-sql"
    hazards = ()
    has_remedy = False

    def check(self, step: Step) -> Iterator[Finding]:
        if not isinstance(step.operation, RunSQL):
            return
        reasons = [
            effect.statement.why for effect in step.effects if isinstance(effect.statement, Opaque)
        ]
        if reasons:
            yield self.finding(
                step,
                f"What this SQL does is not known: {'; '.join(dict.fromkeys(reasons))}.",
                severity=Severity.WARNING,
                hazards=[],
                tables=[],
                remedy="Write it as plain statements; or read it, and suppress this with a reason.",
            )
