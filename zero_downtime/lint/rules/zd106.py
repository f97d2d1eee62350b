"""ZD106: an exclusion constraint, for which there is no way that blocks nobody."""

from __future__ import annotations

from collections.abc import Iterator

from zero_downtime.lint.findings import Finding, Hazard
from zero_downtime.lint.rule import Rule, blocking, waiting_tables, who_waits
from zero_downtime.lint.walk import Step
from zero_downtime.postgres.statements import AddExclusion


class AddExclusionBlocksReads(Rule):
    """`ADD CONSTRAINT ... EXCLUDE` builds its index under an ACCESS EXCLUSIVE lock.

    Nobody can read or write the table meanwhile, and it fails if two rows exclude each other.
    PostgreSQL can neither build that index concurrently nor add the constraint NOT VALID.

    Bad:

    ```python
    class Migration(migrations.Migration):
        operations = [
            migrations.AddConstraint(
                "order", ExclusionConstraint(expressions=[("number", "=")], name="one_each")
            ),
        ]
    ```

    Good: exclusion constraints are declared with the table that they are for.

    ```python
    class Migration(migrations.Migration):
        operations = [
            migrations.CreateModel("Booking", [("id", models.BigAutoField(primary_key=True))]),
            migrations.AddConstraint(
                "booking", ExclusionConstraint(expressions=[("id", "=")], name="one_each")
            ),
        ]
    ```

    For a table that is large already: a trigger that refuses what the constraint would, or a new
    table with the constraint into which the rows are moved. If all that it excludes is equal
    values, a `UniqueConstraint` does the same, and there is `AddConstraintConcurrently` for it.
    """

    code = "ZD106"
    name = "add-exclusion-blocks-reads"
    hazards = (Hazard.BLOCKS_READS, Hazard.BLOCKS_WRITES, Hazard.MAY_FAIL, Hazard.BREAKS_OLD_CODE)
    statements = (AddExclusion,)

    def check(self, step: Step) -> Iterator[Finding]:
        for effect, statement in step.effects_of(AddExclusion):
            yield self.finding(
                step,
                f'Exclusion constraint "{statement.name}" reads the whole table '
                f'"{statement.table}", and fails if two rows exclude each other.'
                + who_waits(effect),
                hazards=[*blocking(effect), Hazard.MAY_FAIL, Hazard.BREAKS_OLD_CODE],
                tables=waiting_tables(effect),
                effects=(effect,),
                only_if_written=True,
                remedy="PostgreSQL has no way that blocks nobody. Do it while the table is small, "
                "or use a trigger; where only equal values exclude each other, use a "
                "UniqueConstraint and AddConstraintConcurrently.",
            )
