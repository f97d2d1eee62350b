"""ZD902: a suppression that cannot be followed."""

from __future__ import annotations

from zero_downtime.lint.suppressions import Suppression, SuppressionRule


class BadSuppression(SuppressionRule):
    """A suppression names a rule that does not exist, gives no reason, or is misspelt.

    It suppresses nothing. The reason is for those who read the migration later, and have to tell
    whether it still holds.

    Bad:

    ```python
    class Migration(migrations.Migration):
        zero_downtime_ignore = {"ZD101": "the table has 40 rows", "ZD1O2": "it is small"}
        operations = [
            migrations.AddIndex("order", models.Index(fields=["status"], name="status_idx")),
        ]
    ```

    Good, at the operation, by the name or the code of the rule; several with commas between them:

    ```python
    class Migration(migrations.Migration):
        operations = [
            # zero-downtime: ignore[add-index-blocks-writes] the table has 40 rows
            migrations.AddIndex("order", models.Index(fields=["status"], name="status_idx")),
        ]
    ```

    Or for all operations of the migration:

    ```python
    class Migration(migrations.Migration):
        zero_downtime_ignore = {"ZD101": "the table has 40 rows"}
        operations = [
            migrations.AddIndex("order", models.Index(fields=["number"], name="number_idx")),
        ]
    ```
    """

    code = "ZD902"
    name = "bad-suppression"

    def complaint(self, suppression: Suppression, *, needed: bool) -> tuple[str, str] | None:
        if not suppression.problem:
            return None
        return (
            f"This suppresses nothing. {suppression.problem}",
            "Write `# zero-downtime: ignore[RULE] REASON` at the operation, or "
            'zero_downtime_ignore = {"RULE": "REASON"} on the Migration class.',
        )
