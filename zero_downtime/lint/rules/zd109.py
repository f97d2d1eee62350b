"""ZD109: a command that goes through a whole table while others wait."""

from __future__ import annotations

from collections.abc import Iterator

from zero_downtime.lint.findings import Finding, Hazard, Severity
from zero_downtime.lint.rule import Rule, blocking, waiting_tables, who_waits
from zero_downtime.lint.walk import Step
from zero_downtime.postgres.statements import Heavy, LockTable


class HeavyCommand(Rule):
    """`VACUUM FULL`, `CLUSTER`, `REINDEX`, `SET UNLOGGED` and the like hold strong locks for long.

    They write a table or its indexes anew. Nobody can write meanwhile, and with most of them nobody
    can read either. `LOCK TABLE` does the same to all that follows it in its transaction.

    Bad:

    ```python
    class Migration(migrations.Migration):
        operations = [
            migrations.RunSQL("REINDEX TABLE shop_order", migrations.RunSQL.noop),
        ]
    ```

    Good:

    ```python
    class Migration(migrations.Migration):
        atomic = False
        operations = [
            migrations.RunSQL("REINDEX TABLE CONCURRENTLY shop_order", migrations.RunSQL.noop),
        ]
    ```

    `REFRESH MATERIALIZED VIEW CONCURRENTLY` lets others read the view; it writes all its rows in
    one transaction all the same. For `VACUUM FULL` and `CLUSTER` there is nothing of the kind in
    PostgreSQL: the extensions pg_repack and pg_squeeze
    do it outside of migrations.

    Which table waits for `REINDEX INDEX` or for a new constraint of a domain the SQL does not
    say: hence a warning.
    """

    code = "ZD109"
    name = "heavy-command"
    hazards = (Hazard.BLOCKS_READS, Hazard.BLOCKS_WRITES, Hazard.LONG_TRANSACTION)
    statements = (Heavy, LockTable)

    def check(self, step: Step) -> Iterator[Finding]:
        for effect, statement in step.effects_of(Heavy):
            if not statement.table and statement.mode.stops_writes:
                yield self._of_unnamed_table(step, statement)
                continue
            hazards = blocking(effect)
            if not hazards:
                continue
            if statement.fills:
                hazards.append(Hazard.LONG_TRANSACTION)
            yield self.finding(
                step,
                f'{statement.command} goes through the whole of "{statement.table}".'
                + who_waits(effect),
                hazards=hazards,
                tables=waiting_tables(effect),
                effects=(effect,),
                remedy=_REMEDY,
            )

    def _of_unnamed_table(self, step: Step, statement: Heavy) -> Finding:
        hazards = [Hazard.BLOCKS_WRITES]
        if statement.mode.stops_reads:
            hazards.insert(0, Hazard.BLOCKS_READS)
        return self.finding(
            step,
            f"{statement.command} goes through whole tables, which the SQL does not name. "
            "Nobody can write them until it is done.",
            severity=Severity.WARNING,
            hazards=hazards,
            tables=[],
            remedy=_REMEDIES.get(statement.command.partition(" ")[0], _REMEDY),
        )


_REMEDY = (
    "Use its CONCURRENTLY form where there is one; "
    "otherwise do it outside of migrations, with pg_repack or pg_squeeze."
)
_REMEDIES = {"ALTER": "Leave the domain as it is, and give each of its columns a CHECK instead."}
