"""ZD503: a contract that cannot do what it is for."""

from __future__ import annotations

from collections.abc import Iterator

from django.db.migrations.operations.base import Operation

from zero_downtime.lint.findings import Finding, Hazard
from zero_downtime.lint.rule import Rule
from zero_downtime.lint.walk import Step, model_names
from zero_downtime.operations import (
    ContractAlterField,
    ContractRemoveField,
    ContractRenameField,
    ExpandAlterField,
    ExpandRemoveField,
    ExpandRenameField,
    SwitchAlterField,
)

_PAIRS: dict[type[Operation], type[Operation]] = {
    ContractAlterField: ExpandAlterField,
    SwitchAlterField: ExpandAlterField,
    ContractRemoveField: ExpandRemoveField,
    ContractRenameField: ExpandRenameField,
}


class ContractWithExpand(Rule):
    """The contract stands in the migration of its expand, so that no deploy fits between them.

    An expand makes old and new code run side by side; the contract ends that. In one migration they
    run at once, and the code that is still running breaks as if there had been no expand.

    Bad:

    ```python
    class Migration(migrations.Migration):
        atomic = False
        operations = [
            zd.ExpandRemoveField("order", "note"),
            zd.ContractRemoveField("order", "note"),
        ]
    ```

    Good, in two migrations:

    ```python
    class Migration(migrations.Migration):
        atomic = False
        operations = [
            zd.ExpandRemoveField("order", "note"),
        ]
    ```

    ```python
    class Migration(migrations.Migration):
        atomic = False
        operations = [
            zd.ContractRemoveField("order", "note"),
        ]
    ```

    `makemigrations` writes them so.
    """

    code = "ZD503"
    name = "contract-with-expand"
    hazards = (Hazard.BREAKS_OLD_CODE,)

    def check(self, step: Step) -> Iterator[Finding]:
        pair = _PAIRS.get(type(step.operation))
        if pair is None:
            return
        for earlier in step.migration.operations[: step.index]:
            if isinstance(earlier, pair) and _field(earlier) == _field(step.operation):
                name = type(step.operation).__name__
                yield self.finding(
                    step,
                    f"{name} stands in the migration of {pair.__name__}: running code has no time "
                    "to be replaced in between.",
                    hazards=[Hazard.BREAKS_OLD_CODE],
                    tables=[],
                    remedy=f"Put {name} into a migration of its own, for a later deploy.",
                )


def _field(operation: Operation) -> tuple[str, str]:
    name: str = getattr(operation, "new_name", "") or getattr(operation, "name", "")
    return model_names(operation)[0], name
