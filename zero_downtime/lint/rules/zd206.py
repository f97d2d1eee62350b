"""ZD206: a table is dropped while running code still uses it."""

from __future__ import annotations

from collections.abc import Iterator

from zero_downtime.lint.findings import Finding, Hazard, Severity
from zero_downtime.lint.rule import Rule
from zero_downtime.lint.timeline import Effect
from zero_downtime.lint.walk import Step
from zero_downtime.postgres.statements import (
    CreateTable,
    CreateView,
    DropTable,
    DropView,
    RenameTable,
    Truncate,
)


class DropTableBreaksOldCode(Rule):
    """`DeleteModel` drops the table and what is in it, at once and for good.

    Running code that knows the model fails from then on, and so does a foreign key of another model
    that still points at it: `DROP TABLE ... CASCADE` removes its constraint without a word.
    Migrating back makes an empty table.

    Bad:

    ```python
    class Migration(migrations.Migration):
        operations = [
            migrations.DeleteModel("Tag"),
        ]
    ```

    Good, in two deploys. First the model leaves the code, and the state; its table stays.

    ```python
    class Migration(migrations.Migration):
        operations = [
            migrations.SeparateDatabaseAndState(state_operations=[migrations.DeleteModel("Tag")]),
        ]
    ```

    When no running code has the model any more, and the data is not needed or is kept elsewhere,
    drop the table with `RunSQL`. That its data is lost is a warning still.

    A view that a model reads is a table to running code; it has no data of its own to lose.
    """

    code = "ZD206"
    name = "drop-table-breaks-old-code"
    hazards = (Hazard.BREAKS_OLD_CODE, Hazard.LOSES_DATA, Hazard.IRREVERSIBLE)
    statements = (DropTable, Truncate)

    def check(self, step: Step) -> Iterator[Finding]:
        for _, statement in step.effects_of(DropTable):
            table = statement.table
            known = step.surroundings.old_code.knows_table(table)
            if statement.if_exists and not (known or statement.made_by_sql):
                continue  # there is likely nothing of that name
            yield self.finding(
                step,
                f'Dropping table "{table}" '
                + ("breaks running code, which still uses it, and " if known else "means that ")
                + "its data is lost.",
                severity=Severity.ERROR if known else Severity.WARNING,
                hazards=self.hazards if known else (Hazard.LOSES_DATA, Hazard.IRREVERSIBLE),
                tables=[table],
                remedy=(
                    "Take the model out of the code and, with SeparateDatabaseAndState, out of "
                    "the state first; drop the table in a later deploy."
                )
                if known
                else "Make sure that nobody needs the data, or keep a copy.",
            )
        for effect, view in step.effects_of(DropView):
            if step.surroundings.old_code.knows_table(view.table) and not _comes_back(effect, step):
                yield self.finding(
                    step,
                    f'Dropping view "{view.table}" breaks running code, which still uses it.',
                    hazards=[Hazard.BREAKS_OLD_CODE],
                    tables=[view.table],
                    remedy="Take the model out of the code first; drop the view in a later deploy.",
                )
        for _, emptied in step.effects_of(Truncate):
            yield self.finding(
                step,
                f'TRUNCATE empties table "{emptied.table}": its data is lost.',
                hazards=[Hazard.LOSES_DATA, Hazard.IRREVERSIBLE],
                tables=[emptied.table],
                remedy="Delete in batches what is not needed, and keep a copy of the rest.",
            )


def _comes_back(dropped: Effect, step: Step) -> bool:
    """Tell whether the migration makes something of the same name afterwards."""
    for later in step.surroundings.after(dropped):
        match later.statement:
            case CreateView(table=name) | CreateTable(table=name) | RenameTable(new_name=name):
                if name == dropped.statement.table:
                    return True
    return False
