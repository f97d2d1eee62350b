"""ZD101: an index is built while writes wait."""

from __future__ import annotations

from collections.abc import Iterator

from django.db.migrations import AddIndex

from zero_downtime.lint.findings import Finding, Hazard
from zero_downtime.lint.rule import Rule, blocking, quoted, waiting_tables, who_waits
from zero_downtime.lint.walk import Step
from zero_downtime.postgres.statements import CreateIndex


class AddIndexBlocksWrites(Rule):
    """`CREATE INDEX` reads the whole table under a SHARE lock.

    Reads go on, but every INSERT, UPDATE and DELETE waits until the index is built: seconds for
    a million rows, minutes for a hundred million. Behind another schema change in the same
    atomic migration it is worse: that change's ACCESS EXCLUSIVE lock is still held, so that reads
    wait as well. `db_index=True` is an index, too; so is every `ForeignKey` and `SlugField`; and
    a text column gets a second one for `LIKE`. Added together with its column, the index is built
    behind the column's own lock, be the column empty or not.

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
    a failure, `AddIndexConcurrently` repairs the invalid index that the failure left. For indexes
    that come with fields there are `AddFieldConcurrently` and `AlterFieldConcurrently`.
    `makemigrations` writes them for you.
    """

    code = "ZD101"
    name = "add-index-blocks-writes"
    hazards = (Hazard.BLOCKS_READS, Hazard.BLOCKS_WRITES)
    statements = (CreateIndex,)

    def check(self, step: Step) -> Iterator[Finding]:
        effects = [
            effect
            for effect, statement in step.effects_of(CreateIndex)
            if effect.works and not (statement.unique or statement.concurrently)
        ]
        if not effects:
            return
        first = effects[0].statement
        assert isinstance(first, CreateIndex)
        what = f'index "{first.name}"' if first.name else f"an index on {quoted(first.columns)}"
        yield self.finding(
            step,
            f'Building {what} reads the whole table "{first.table}".{who_waits(*effects)}',
            hazards=blocking(*effects),
            tables=waiting_tables(*effects),
            effects=effects,
            remedy=_remedy(step),
        )


def _remedy(step: Step) -> str:
    operation = step.operation
    if isinstance(operation, AddIndex):
        return (
            f"Use AddIndexConcurrently({operation.model_name!r}, ...) "
            "in a migration of its own with atomic = False."
        )
    name = type(operation).__name__
    if name in ("AddField", "AlterField"):
        return f"Use {name}Concurrently in a migration with atomic = False."
    return "Use CREATE INDEX CONCURRENTLY, better AddIndexConcurrently, with atomic = False."
