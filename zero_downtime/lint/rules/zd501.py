"""ZD501: a name that PostgreSQL cuts off."""

from __future__ import annotations

from collections.abc import Iterator

from zero_downtime.lint.findings import Finding, Severity
from zero_downtime.lint.rule import Rule
from zero_downtime.lint.walk import Step
from zero_downtime.postgres.identifiers import MAX_BYTES


class IdentifierTooLong(Rule):
    """PostgreSQL cuts names off after 63 bytes, without an error.

    The object then has another name than the migration says, and two long names can become the
    same one. Django shortens the names that it makes up; those that are given by hand it leaves.

    Bad:

    ```python
    class Migration(migrations.Migration):
        atomic = False
        operations = [
            zd.AddConstraintConcurrently(
                "order",
                models.CheckConstraint(
                    condition=Q(number__gt=0),
                    name="the_number_of_an_order_has_to_be_greater_than_zero_in_every_single_row",
                ),
            ),
        ]
    ```

    Good:

    ```python
    class Migration(migrations.Migration):
        atomic = False
        operations = [
            zd.AddConstraintConcurrently(
                "order",
                models.CheckConstraint(condition=Q(number__gt=0), name="order_number_positive"),
            ),
        ]
    ```
    """

    code = "ZD501"
    name = "identifier-too-long"
    hazards = ()
    has_remedy = False

    def check(self, step: Step) -> Iterator[Finding]:
        for name in _names(step):
            if len(name.encode()) > MAX_BYTES:
                yield self.finding(
                    step,
                    f'"{name}" has more than {MAX_BYTES} bytes: PostgreSQL cuts it off.',
                    severity=Severity.WARNING,
                    hazards=[],
                    tables=[],
                    remedy=f"Choose a name of at most {MAX_BYTES} bytes.",
                )


def _names(step: Step) -> Iterator[str]:
    """Yield the names that the operation gives by hand."""
    operation = step.operation
    for attribute in ("constraint", "index"):
        name = getattr(getattr(operation, attribute, None), "name", None)
        if isinstance(name, str):
            yield name
    column = getattr(getattr(operation, "field", None), "db_column", None)
    if isinstance(column, str):
        yield column
    if step.after is not None and (
        step.before is None or _table(step.before) != _table(step.after)
    ):
        yield _table(step.after)


def _table(model: object) -> str:
    return str(getattr(model, "options", {}).get("db_table") or "")
