"""ZD102: a column becomes NOT NULL under a lock that stops everybody."""

from __future__ import annotations

from collections.abc import Iterator

from django.db.migrations import AlterField
from django.db.models import CheckConstraint, Q

from zero_downtime.lint.findings import Finding, Hazard
from zero_downtime.lint.remedies import Remedy, Stage
from zero_downtime.lint.rule import Rule
from zero_downtime.lint.walk import Step, is_stock
from zero_downtime.operations import AlterFieldConcurrently


class SetNotNullBlocksReads(Rule):
    """`SET NOT NULL` reads the whole table under an ACCESS EXCLUSIVE lock.

    Nobody can read or write the table meanwhile. The migration fails if one row holds NULL. And
    code that is still running and writes NULL gets an error from then on.

    With a `default` (or a `db_default`) Django first updates every row that holds NULL, in the
    same transaction: those rows stay locked until it ends.

    Bad:

    ```python
    class Migration(migrations.Migration):
        operations = [
            migrations.AlterField("order", "note", models.TextField()),
        ]
    ```

    Good: once running code writes no NULL any more, fill the rows that hold one, then

    ```python
    class Migration(migrations.Migration):
        atomic = False
        operations = [
            zd.AlterFieldConcurrently("order", "note", models.TextField()),
        ]
    ```

    It adds a CHECK that holds for new rows, lets PostgreSQL validate it, which blocks nobody, and
    then sets NOT NULL: the valid CHECK proves that no row holds NULL, so none is looked at. To
    fill the rows: `BackfillField("order", "note", value=..., where=Q(note__isnull=True))`. If the
    field has a default, the operation fills them itself, in batches. `makemigrations` writes it for
    you.
    """

    code = "ZD102"
    name = "set-not-null-blocks-reads"
    hazards = (
        Hazard.BLOCKS_READS,
        Hazard.BLOCKS_WRITES,
        Hazard.BREAKS_OLD_CODE,
        Hazard.MAY_FAIL,
        Hazard.LONG_TRANSACTION,
    )

    def check(self, step: Step) -> Iterator[Finding]:
        operation = step.operation
        if not (is_stock(operation, AlterField) and step.on_existing_table):
            return
        old = step.old_field(operation.name)
        # The operation's own field: the state forgets a default that is not preserved.
        new = operation.field
        if old is None or not old.null or new.null:
            return
        fills_rows = new.has_default() or new.has_db_default()
        proven = _is_known_to_hold_no_null(step, operation.name)
        if proven and not fills_rows:
            return
        yield self.finding(
            step,
            f'Making "{operation.name}" of table "{step.table}" NOT NULL reads the whole table '
            "while nobody else can use it"
            + (", after updating every row that holds NULL." if fills_rows else "."),
            hazards=self._hazards(step, fills_rows=fills_rows, proven=proven),
            tables=[step.table],
            remedy=(
                "Fill the rows that hold NULL with BackfillField, then use "
                f"AlterFieldConcurrently({operation.model_name!r}, {operation.name!r}, ...) "
                "in a migration with atomic = False."
            ),
        )

    def remedy(self, step: Step) -> Remedy | None:
        operation = step.operation
        assert isinstance(operation, AlterField)
        name, field = operation.name, operation.field
        if step.rewriting_types(name) or not step.keeps_column(name):
            return None
        has_default = field.has_default() or field.has_db_default()
        filling = "" if has_default else " Fill those that hold one before, with BackfillField."
        alter = AlterFieldConcurrently(
            operation.model_name, name, field, preserve_default=operation.preserve_default
        )
        return Remedy(
            (
                Stage(
                    (alter,),
                    suffix="",
                    when=f"Run it when no running code leaves {name} NULL in any row.{filling}",
                ),
            )
        )

    def _hazards(self, step: Step, *, fills_rows: bool, proven: bool) -> Iterator[Hazard]:
        yield Hazard.BLOCKS_READS
        yield Hazard.BLOCKS_WRITES
        if proven:  # no row to update, nobody who writes NULL
            return
        yield Hazard.BREAKS_OLD_CODE
        if fills_rows:
            yield Hazard.LONG_TRANSACTION
        elif not step.surroundings.changed_rows:
            yield Hazard.MAY_FAIL


def _is_known_to_hold_no_null(step: Step, field_name: str) -> bool:
    """Tell whether a valid CHECK says that the field is not NULL."""
    assert step.before is not None
    return any(
        isinstance(constraint, CheckConstraint)
        and constraint.condition == Q((f"{field_name}__isnull", False))
        and (step.table, constraint.name) not in step.surroundings.unproven_constraints
        for constraint in step.before.options["constraints"]
    )
