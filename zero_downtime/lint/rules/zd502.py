"""ZD502: something of that name is there already."""

from __future__ import annotations

from collections.abc import Iterator

from zero_downtime.lint.findings import Finding, Hazard
from zero_downtime.lint.rule import Rule
from zero_downtime.lint.walk import Step
from zero_downtime.postgres.statements import AddColumn, CreateIndex, CreateTable, Statement


class NameIsTaken(Rule):
    """A table, a column or an index gets the name of one that an earlier migration has made.

    Indexes share one name space in a schema, whatever their tables. PostgreSQL refuses the second
    one, and with `IF NOT EXISTS` it keeps the first one without a look at its definition.

    Bad:

    ```python
    class Migration(migrations.Migration):
        operations = [
            migrations.CreateModel(
                "Label",
                [("id", models.BigAutoField(primary_key=True))],
                options={"db_table": "shop_tag"},
            ),
        ]
    ```

    Good: another name; or, for a table that is there and shall be used, the state only.

    ```python
    class Migration(migrations.Migration):
        operations = [
            migrations.SeparateDatabaseAndState(
                state_operations=[
                    migrations.CreateModel(
                        "Label",
                        [("id", models.BigAutoField(primary_key=True))],
                        options={"db_table": "shop_tag"},
                    ),
                ]
            ),
        ]
    ```
    """

    code = "ZD502"
    name = "name-is-taken"
    hazards = (Hazard.MAY_FAIL,)
    has_remedy = False

    def check(self, step: Step) -> Iterator[Finding]:
        for statement in step.taken:
            what, name = _named(statement)
            yield self.finding(
                step,
                f'There is {what} "{name}" already: an earlier migration has made it.',
                hazards=[Hazard.MAY_FAIL],
                # Whatever the tables are like: so it is refused by `migrate` on any database.
                tables=[],
                remedy="Choose another name; or let SeparateDatabaseAndState tell the state only.",
            )


def _named(statement: Statement) -> tuple[str, str]:
    if isinstance(statement, CreateIndex):
        return "an index", statement.name
    if isinstance(statement, AddColumn):
        return "a column", statement.column
    assert isinstance(statement, CreateTable)
    return "a table", statement.table
