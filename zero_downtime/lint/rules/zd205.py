"""ZD205: a table is renamed under the feet of running code."""

from __future__ import annotations

from collections.abc import Iterator

from zero_downtime.lint.findings import Finding, Hazard
from zero_downtime.lint.rule import Rule
from zero_downtime.lint.timeline import Effect
from zero_downtime.lint.walk import Step
from zero_downtime.postgres.statements import CreateView, RenameTable


class RenameTableBreaksOldCode(Rule):
    """`RenameModel` and `AlterModelTable` rename the table at once.

    Code is deployed process by process: what knows the old name fails in every query as soon as
    the migration has run, what knows the new one fails until then. The tables of many-to-many
    fields are named after their model and their field, and are renamed with them. Foreign keys to
    a renamed model are dropped and added again by Django: see ZD105.

    Bad:

    ```python
    class Migration(migrations.Migration):
        operations = [
            migrations.AlterModelTable("tag", "shop_label"),
        ]
    ```

    Good: the table keeps its name. If only the name in Python matters, that is all there is to do.

    ```python
    class Migration(migrations.Migration):
        operations = [
            migrations.AlterModelTable("tag", "shop_tag"),
        ]
    ```

    With `db_table` given, `RenameModel` does not touch the table, but it does touch the foreign
    keys that point at it, in the database. To rename a model in Python only, put the
    operation into the `state_operations` of a `SeparateDatabaseAndState`.
    """

    code = "ZD205"
    name = "rename-table-breaks-old-code"
    hazards = (Hazard.BREAKS_OLD_CODE,)
    statements = (RenameTable,)

    def check(self, step: Step) -> Iterator[Finding]:
        for effect, statement in step.effects_of(RenameTable):
            if any(
                _is_view_of_that_name(each, statement) for each in step.surroundings.after(effect)
            ):
                continue
            if not step.surroundings.old_code.knows_table(statement.table):
                continue
            yield self.finding(
                step,
                f'Renaming table "{statement.table}" to "{statement.new_name}" breaks running '
                "code, which uses the old name.",
                hazards=[Hazard.BREAKS_OLD_CODE],
                tables=[statement.table],
                remedy=f"Keep the table: give the model (or the many-to-many field) "
                f"db_table={statement.table!r}, and let SeparateDatabaseAndState tell the state.",
            )


def _is_view_of_that_name(effect: Effect, renamed: RenameTable) -> bool:
    """Tell whether a view takes the table's place for running code."""
    return isinstance(effect.statement, CreateView) and effect.statement.table == renamed.table
