"""ZD307: rows are written, then the table altered, in one transaction."""

from __future__ import annotations

from collections.abc import Iterator

from zero_downtime.lint.findings import Finding, Hazard, Severity
from zero_downtime.lint.rule import Rule
from zero_downtime.lint.timeline import Effect
from zero_downtime.lint.walk import Step
from zero_downtime.postgres.statements import AddColumn, DropConstraint, WriteRows


class AlterAfterWrite(Rule):
    """A table is altered in the transaction that has just written its rows.

    Django's foreign keys are checked when the transaction ends. Until then every row that was
    inserted, deleted, or given another key waits for its check, and PostgreSQL refuses to alter the
    table: `cannot ALTER TABLE because it has pending trigger events`. Whether it does depends on
    whether there were such rows.

    Bad:

    ```python
    class Migration(migrations.Migration):
        operations = [
            migrations.RunSQL("DELETE FROM shop_order WHERE id = 7", migrations.RunSQL.noop),
            migrations.AddField("order", "nick", models.TextField(null=True)),
        ]
    ```

    Good, in two migrations:

    ```python
    class Migration(migrations.Migration):
        operations = [
            migrations.RunSQL("DELETE FROM shop_order WHERE id = 7", migrations.RunSQL.noop),
        ]
    ```

    ```python
    class Migration(migrations.Migration):
        operations = [
            migrations.AddField("order", "nick", models.TextField(null=True)),
        ]
    ```
    """

    code = "ZD307"
    name = "alter-after-write"
    hazards = (Hazard.MAY_FAIL,)

    def check(self, step: Step) -> Iterator[Finding]:
        for effect in step.effects:
            if table := _pending(effect, step):
                yield self.finding(
                    step,
                    f'Table "{table}" is altered in the transaction that has written its rows: '
                    "that fails while foreign keys of those rows wait for their check.",
                    severity=Severity.WARNING,
                    hazards=[Hazard.MAY_FAIL],
                    tables=[table],
                    remedy="Write rows and alter their table in two migrations; "
                    "or run SET CONSTRAINTS ALL IMMEDIATE in between.",
                )
                return


def _pending(effect: Effect, step: Step) -> str | None:
    """Return the table whose rows were written before with keys to be checked, if it is altered."""
    altered = [table for table, lock in effect.statement.locks.items() if lock.stops_reads]
    for written in effect.written:
        if written.keys and written.table in altered and not _is_checked(written, effect, step):
            return written.table
    return None


def _is_checked(written: WriteRows, effect: Effect, step: Step) -> bool:
    """Tell whether the keys that an UPDATE has set were checked meanwhile.

    Before Django drops a foreign key, and when it has added a column with one, it says
    SET CONSTRAINTS ... IMMEDIATE for that one.
    """
    checked: set[str] = set()
    for each in [*step.surroundings.before(effect), effect]:
        match each.statement:
            case DropConstraint(table=written.table, columns=columns, target=target) if target:
                checked.update(columns)
            case AddColumn(table=written.table, column=column, references=target) if target:
                checked.add(column)
    return written.verb == "UPDATE" and bool(written.columns) and checked >= set(written.columns)
