"""ZD507: a model is deleted that another still points at."""

from __future__ import annotations

from collections.abc import Iterator

from django.db.migrations import DeleteModel

from zero_downtime.lint.columns import relations_to
from zero_downtime.lint.findings import Finding
from zero_downtime.lint.rule import Rule
from zero_downtime.lint.walk import Step


class DeletedModelIsReferenced(Rule):
    """A foreign key points at a model that no migration knows any more.

    The table goes, with `CASCADE`, and so does the constraint of the key. The key's own field
    stays, and points at nothing: the next operation that needs the models fails with `ValueError`,
    lazy reference.

    Bad (and the table should not go at once, ZD206):

    ```python
    class Migration(migrations.Migration):
        operations = [
            migrations.DeleteModel("Customer"),
        ]
    ```

    Good: first take the foreign key out of the code, and the state.

    ```python
    class Migration(migrations.Migration):
        atomic = False
        operations = [
            zd.ExpandRemoveField("order", "customer"),
        ]
    ```
    """

    code = "ZD507"
    name = "deleted-model-is-referenced"
    hazards = ()

    def check(self, step: Step) -> Iterator[Finding]:
        operation = step.operation
        if not isinstance(operation, DeleteModel):
            return
        state = step.surroundings.old_code.state
        model = step.app_label, operation.name_lower
        if model in state.models:
            return
        for other, name, _ in relations_to(model, state):
            yield self.finding(
                step,
                f"{other.app_label}.{other.name}.{name} still points at {operation.name}: the next "
                "migration that needs the models fails.",
                hazards=[],
                tables=[],
                remedy=f"Remove {other.app_label}.{other.name}.{name} in a migration before.",
            )
