"""ZD102: a column becomes NOT NULL under a lock that stops everybody."""

from __future__ import annotations

from collections.abc import Iterator

from django.db.migrations import AlterField

from zero_downtime.lint.findings import Finding, Hazard
from zero_downtime.lint.rule import Rule, blocking, waiting_tables, who_waits
from zero_downtime.lint.timeline import Effect
from zero_downtime.lint.walk import Step
from zero_downtime.postgres.statements import AddCheck, Opaque, SetNotNull, WriteRows


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
    statements = (SetNotNull,)

    def check(self, step: Step) -> Iterator[Finding]:
        for effect, statement in step.effects_of(SetNotNull):
            fills = [
                filling
                for filling, update in step.effects_of(WriteRows)
                if update.fills_nulls == statement.column
            ]
            hazards = [*blocking(effect, *fills), *_others(step, statement, effect, fills)]
            if not hazards:
                continue
            yield self.finding(
                step,
                f'Making "{statement.column}" of table "{statement.table}" NOT NULL '
                f"{_what_it_takes(statement, fills)}.{who_waits(effect, *fills)}",
                hazards=hazards,
                tables=waiting_tables(effect, *fills),
                effects=(
                    effect,
                    *fills,
                ),
                remedy=_remedy(step),
            )


def _what_it_takes(statement: SetNotNull, fills: list[Effect]) -> str:
    if fills:
        return "looks at every row, and updates those that hold NULL"
    if statement.proven:
        return "makes the INSERTs of running code that leave it NULL fail"
    return "reads the whole table, and fails if one row holds NULL"


def _others(
    step: Step, statement: SetNotNull, effect: Effect, fills: list[Effect]
) -> Iterator[Hazard]:
    """Yield the hazards besides locks."""
    from_before = not _has_just_been_checked(step, statement)
    if not (statement.guarded and from_before):
        yield Hazard.BREAKS_OLD_CODE
    if statement.proven and from_before:  # no row to update
        return
    if fills:
        yield Hazard.LONG_TRANSACTION
    elif not _may_have_been_filled(step, effect):
        yield Hazard.MAY_FAIL


def _has_just_been_checked(step: Step, statement: SetNotNull) -> bool:
    """Tell whether it is this migration that has added the CHECK which keeps NULL out."""
    return any(
        isinstance(each.statement, AddCheck) and each.statement.table == statement.table
        for each in step.surroundings.effects
    )


def _may_have_been_filled(step: Step, effect: Effect) -> bool:
    """Tell whether the migration has written rows that may be just those that held NULL."""
    return any(
        isinstance(each.statement, WriteRows | Opaque)
        and each.statement.table in ("", effect.statement.table)
        for each in step.surroundings.before(effect)
    )


def _remedy(step: Step) -> str:
    operation = step.operation
    if isinstance(operation, AlterField):
        return (
            "Fill the rows that hold NULL with BackfillField, then use "
            f"AlterFieldConcurrently({operation.model_name!r}, {operation.name!r}, ...) "
            "in a migration with atomic = False."
        )
    return (
        "Fill the rows that hold NULL, add CHECK (... IS NOT NULL) NOT VALID, VALIDATE it in "
        "another transaction, then SET NOT NULL; AlterFieldConcurrently does all that."
    )
