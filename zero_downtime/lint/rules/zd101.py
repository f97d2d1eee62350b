"""ZD101: an index is built while writes wait."""

from __future__ import annotations

from collections.abc import Iterator

from django.db.migrations import AddIndex

from zero_downtime.lint.findings import Finding, Hazard
from zero_downtime.lint.remedies import Remedy, Stage
from zero_downtime.lint.rule import Rule
from zero_downtime.lint.walk import Step, is_stock
from zero_downtime.operations import AddIndexConcurrently


class AddIndexBlocksWrites(Rule):
    """`AddIndex` runs `CREATE INDEX`, which reads the whole table under a SHARE lock.

    Reads go on, but every INSERT, UPDATE and DELETE waits until the index is built: seconds for
    a million rows, minutes for a hundred million. Behind another schema change in the same
    atomic migration it is worse: that change's ACCESS EXCLUSIVE lock is still held, so that reads
    wait as well.

    Bad:

    ```python
    class Migration(migrations.Migration):
        operations = [
            migrations.AddIndex("order", models.Index(fields=["status"], name="status_idx")),
        ]
    ```

    Good, in a migration of its own:

    ```python
    class Migration(migrations.Migration):
        atomic = False
        operations = [
            zd.AddIndexConcurrently("order", models.Index(fields=["status"], name="status_idx")),
        ]
    ```

    `CREATE INDEX CONCURRENTLY` takes about twice as long, and nobody waits for it. Run again after
    a failure, `AddIndexConcurrently` repairs the invalid index that the failure left.
    `makemigrations` writes it for you.
    """

    code = "ZD101"
    name = "add-index-blocks-writes"
    hazards = (Hazard.BLOCKS_WRITES, Hazard.BLOCKS_READS)

    def check(self, step: Step) -> Iterator[Finding]:
        operation = step.operation
        if not (is_stock(operation, AddIndex) and step.on_existing_table):
            return
        index = operation.index
        message = (
            f'Building index "{index.name}" on table "{step.table}" '
            "makes every INSERT, UPDATE and DELETE on it wait."
        )
        hazards = [Hazard.BLOCKS_WRITES]
        locked = sorted(step.surroundings.locked_tables)
        if locked:
            hazards.append(Hazard.BLOCKS_READS)
            names = ", ".join(f'"{table}"' for table in locked)
            message += f" Reads of {names} wait as well: this transaction has altered it before."
        yield self.finding(
            step,
            message,
            hazards=hazards,
            tables=dict.fromkeys([step.table, *locked]),
            remedy=(
                f"Use AddIndexConcurrently({operation.model_name!r}, ...) "
                "in a migration of its own with atomic = False."
            ),
        )

    def remedy(self, step: Step) -> Remedy | None:
        assert isinstance(step.operation, AddIndex)
        operation = AddIndexConcurrently(step.operation.model_name, step.operation.index)
        return Remedy(
            (
                Stage(
                    (operation,),
                    suffix="",
                    when="Run it at any time: it blocks neither reads nor writes.",
                ),
            )
        )
