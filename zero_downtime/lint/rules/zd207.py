"""ZD207: a change of type that values, code or views do not survive."""

from __future__ import annotations

from collections.abc import Iterator

from django.db.migrations import AlterField

from zero_downtime.lint.findings import Finding, Hazard, Severity
from zero_downtime.lint.rule import Rule, quoted
from zero_downtime.lint.walk import Step
from zero_downtime.postgres.statements import AlterColumnType
from zero_downtime.postgres.type_changes import Conversion, conversion


class AlterTypeConvertsValues(Rule):
    """A column of another type holds other values, and running code was written for the old ones.

    Some values have no counterpart: the migration fails (`bigint` to `integer`, text to a number).
    Others are changed without a word: Django casts between kinds of fields with `USING`, which
    cuts off text that is too long and rounds numbers (`TextField` to `CharField`, decimal to
    integer, date and time to date). And running code either writes what the column does not take
    any more, or reads what it does not expect: a number that has become text, say.

    Bad (and PostgreSQL writes the whole table anew, which is ZD204):

    ```python
    class Migration(migrations.Migration):
        operations = [
            migrations.AlterField("order", "note", models.CharField(max_length=10, null=True)),
        ]
    ```

    Good: a new field, which code that knows it fills with what it wants to be there.

    ```python
    class Migration(migrations.Migration):
        atomic = False
        operations = [
            zd.AddFieldConcurrently("order", "short", models.CharField(max_length=10, null=True)),
        ]
    ```

    `ExpandAlterField` with `forward=` and `backward=` says how values are converted, keeps both
    columns while old and new code run, and reports what it cannot convert before anything is lost.

    PostgreSQL refuses to change the type of a column that a view shows, or from which another
    column is generated: drop that before, and make it again after.
    """

    code = "ZD207"
    name = "alter-type-converts-values"
    hazards = (Hazard.MAY_FAIL, Hazard.LOSES_DATA, Hazard.IRREVERSIBLE, Hazard.BREAKS_OLD_CODE)
    statements = (AlterColumnType,)

    def check(self, step: Step) -> Iterator[Finding]:
        for _, statement in step.effects_of(AlterColumnType):
            if statement.used_by:
                yield self._refused(step, statement)
            elif statement.before is not None and not _is_foreign_key(step, statement):
                known = conversion(statement.before, statement.after, cast=statement.cast)
                if hazards := list(_hazards(known)):
                    yield self._converted(step, statement, known, hazards)

    def _refused(self, step: Step, statement: AlterColumnType) -> Finding:
        return self.finding(
            step,
            f'PostgreSQL refuses to change the type of column "{statement.column}" of table '
            f'"{statement.table}": {quoted(statement.used_by)} needs it as it is.',
            hazards=[Hazard.MAY_FAIL],
            tables=[statement.table],
            remedy="Drop that before, in the same migration, and make it again after.",
        )

    def _converted(
        self, step: Step, statement: AlterColumnType, known: Conversion, hazards: list[Hazard]
    ) -> Finding:
        return self.finding(
            step,
            f'Column "{statement.column}" of table "{statement.table}" changes from '
            f"{statement.before} to {statement.after}: {'; '.join(_consequences(known))}.",
            severity=Severity.ERROR if known.breaks_old_code else Severity.WARNING,
            hazards=hazards,
            tables=[statement.table],
            remedy="Use ExpandAlterField, SwitchAlterField and ContractAlterField with forward= "
            "and backward=; or a new field of the new type.",
        )


def _is_foreign_key(step: Step, statement: AlterColumnType) -> bool:
    """Tell whether the column refers to another one: if values do not fit, its key says so."""
    if not isinstance(step.operation, AlterField):
        return False
    return statement.table != step.table or step.operation.field.is_relation


def _hazards(known: Conversion) -> Iterator[Hazard]:
    if known.may_fail or not known.possible:
        yield Hazard.MAY_FAIL
    if not known.possible:
        return
    if known.loses:
        yield Hazard.LOSES_DATA
        yield Hazard.IRREVERSIBLE
    if known.breaks_old_code or known.narrows:
        yield Hazard.BREAKS_OLD_CODE


def _consequences(known: Conversion) -> Iterator[str]:
    if not known.possible:
        yield "PostgreSQL has no cast for that, so it fails"
        return
    if known.may_fail:
        yield "it fails if there is a value that does not fit"
    if known.loses:
        yield "what does not fit is cut off or rounded without an error"
    if known.narrows:
        yield "what running code writes may not fit"
    if known.breaks_old_code:
        yield "running code writes and reads values of the former type"
