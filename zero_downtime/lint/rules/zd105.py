"""ZD105: a foreign key is validated while two tables cannot be written."""

from __future__ import annotations

from collections.abc import Iterator

from django.db.migrations import AddField, AlterField

from zero_downtime.lint.findings import Finding, Hazard
from zero_downtime.lint.rule import Rule, blocking, waiting_tables, who_waits
from zero_downtime.lint.timeline import Effect
from zero_downtime.lint.walk import Step
from zero_downtime.postgres.statements import (
    AddColumn,
    AddForeignKey,
    AlterColumnType,
    Default,
    DropConstraint,
)


class AddForeignKeyBlocksWrites(Rule):
    """A foreign key locks two tables, and reads one of them whole to see that every row is right.

    `ADD FOREIGN KEY` takes a SHARE ROW EXCLUSIVE lock on both: nobody can write either of them
    until the last row has been looked up. If Django dropped a constraint first, in the same
    transaction, it is an ACCESS EXCLUSIVE lock, and reads wait as well: any change of a
    `ForeignKey` that the database gets to know of does so (`null`, a default, an index, its name,
    the name of the model that it points at).

    A nullable foreign key that comes with its column needs no look at the rows, and is fine.

    Bad:

    ```python
    class Migration(migrations.Migration):
        operations = [
            migrations.AlterField(
                "order",
                "customer",
                models.ForeignKey("shop.Customer", models.CASCADE, null=True),
            ),
        ]
    ```

    Good:

    ```python
    class Migration(migrations.Migration):
        atomic = False
        operations = [
            zd.AlterFieldConcurrently(
                "order",
                "customer",
                models.ForeignKey("shop.Customer", models.CASCADE, null=True),
            ),
        ]
    ```

    It leaves a constraint alone that need not change; one that has to be made is added NOT VALID,
    and validated under locks that block nobody. `makemigrations` writes it for you.
    """

    code = "ZD105"
    name = "add-foreign-key-blocks-writes"
    hazards = (Hazard.BLOCKS_READS, Hazard.BLOCKS_WRITES, Hazard.MAY_FAIL, Hazard.BREAKS_OLD_CODE)
    statements = (AddForeignKey, DropConstraint)

    def check(self, step: Step) -> Iterator[Finding]:
        effects = list(_validating(step))
        if not effects:
            return
        hazards = blocking(*effects)
        fails = any(_may_fail(effect, step) for effect in effects)
        if fails:
            hazards.append(Hazard.MAY_FAIL)
        if fails and not _points_elsewhere(step):  # what fails for any row breaks nobody
            hazards.append(Hazard.BREAKS_OLD_CODE)
        statement = effects[0].statement
        assert isinstance(statement, AddForeignKey | AddColumn)
        target = statement.target if isinstance(statement, AddForeignKey) else statement.references
        yield self.finding(
            step,
            f'A foreign key from table "{statement.table}" to "{target}" is validated row by row'
            + (", and fails if one points nowhere." if fails or _is_moved(step) else ".")
            + who_waits(*effects),
            hazards=hazards,
            tables=waiting_tables(*effects),
            effects=effects,
            only_if_written=True,
            remedy=_remedy(step),
        )


def _validating(step: Step) -> Iterator[Effect]:
    for effect in step.effects:
        if not effect.works:
            continue
        match effect.statement:
            case AddForeignKey(valid=True):
                yield effect
            case AddColumn(references=target, default=default) if (
                target and default is not Default.NONE
            ):
                yield effect


def _may_fail(effect: Effect, step: Step) -> bool:
    """Tell whether a row may point nowhere: not if a foreign key has stood there until now.

    Where that pointed at another table, its rows have been seen to by whoever lets it point here;
    the message tells what happens if not.
    """
    statement = effect.statement
    if not isinstance(statement, AddForeignKey):
        return False
    if isinstance(step.operation, AlterField) and step.operation.field.many_to_many:
        return _is_moved(step)  # nobody can have seen to the rows of the table between before
    if step.surroundings.holds_but_null(effect, statement):
        return False
    dropped = any(
        each.table == statement.table and each.target for _, each in step.effects_of(DropConstraint)
    )
    retyped = [each for _, each in step.effects_of(AlterColumnType)]
    only_the_key = retyped and all(each.table == statement.table for each in retyped)
    return not dropped or (bool(only_the_key) and _points_elsewhere(step))


def _is_moved(step: Step) -> bool:
    """Tell whether the foreign key points at another table than before."""
    before = {each.target for _, each in step.effects_of(DropConstraint) if each.target}
    after = {each.target for _, each in step.effects_of(AddForeignKey)}
    return bool(before) and before != after


def _points_elsewhere(step: Step) -> bool:
    """Tell whether the foreign key refers to another field of the same model than before."""
    if not isinstance(step.operation, AlterField):
        return False
    old, new = step.old_field(step.operation.name), step.operation.field
    if old is None or old.remote_field is None or new.remote_field is None:
        return False
    before, after = (getattr(each.remote_field, "field_name", None) for each in (old, new))
    return before != after


def _remedy(step: Step) -> str:
    if isinstance(step.operation, AddField | AlterField):
        name = type(step.operation).__name__
        return f"Use {name}Concurrently in a migration with atomic = False."
    return (
        "Add it NOT VALID, and VALIDATE CONSTRAINT in a transaction of its own; "
        "AddFieldConcurrently and AlterFieldConcurrently do both."
    )
