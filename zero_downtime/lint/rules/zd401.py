"""ZD401: there is no way back."""

from __future__ import annotations

from collections.abc import Iterator

from zero_downtime.lint.findings import Finding, Hazard, Severity
from zero_downtime.lint.rule import Rule
from zero_downtime.lint.walk import Step


class IrreversibleOperation(Rule):
    """An operation that Django cannot take back is in the way of every migration behind it.

    If a deploy goes wrong, `migrate app 0001` stops here, and with it the way back of everything
    that came after. `RunSQL` without `reverse_sql` and `RunPython` without `reverse_code` are
    irreversible; so is what other packages declare to be.

    Bad:

    ```python
    class Migration(migrations.Migration):
        operations = [
            migrations.RunSQL("COMMENT ON TABLE shop_order IS 'orders'"),
        ]
    ```

    Good: say what the way back is, or that there is nothing to do.

    ```python
    class Migration(migrations.Migration):
        operations = [
            migrations.RunSQL(
                "COMMENT ON TABLE shop_order IS 'orders'",
                reverse_sql=migrations.RunSQL.noop,
            ),
        ]
    ```
    """

    code = "ZD401"
    name = "irreversible-operation"
    hazards = (Hazard.IRREVERSIBLE,)
    has_remedy = False

    def check(self, step: Step) -> Iterator[Finding]:
        operation = step.operation
        if operation.reversible:
            return
        name = type(operation).__name__
        yield self.finding(
            step,
            f"{name} cannot be taken back: this migration, and all that come after it, are "
            "without a way back.",
            severity=Severity.WARNING,
            hazards=[Hazard.IRREVERSIBLE],
            tables=[],
            remedy=_REMEDIES.get(name, "Make the operation reversible."),
        )


_REMEDIES = {
    "RunSQL": "Give it reverse_sql; RunSQL.noop if there is nothing to take back.",
    "BatchedRunPython": "Give it reverse_code, which gets batches as well.",
    "RunPython": "Give it reverse_code; RunPython.noop if there is nothing to take back.",
}
