"""ZD901: a suppression suppresses nothing."""

from __future__ import annotations

from zero_downtime.lint.suppressions import Suppression, SuppressionRule


class UnusedSuppression(SuppressionRule):
    """A suppression is left although the rule finds nothing there (any more).

    It would hide what the next change of the migration brings. It may also stand where it reaches
    nothing: a comment is about the operation on its line, or, on a line of its own, about the one
    that comes next; `zero_downtime_ignore` on the class is about the whole migration.

    Bad:

    ```python
    class Migration(migrations.Migration):
        operations = [
            # zero-downtime: ignore[ZD101] the table has 40 rows
            migrations.AddField("order", "paid_on", models.DateField(null=True)),
        ]
    ```

    Good:

    ```python
    class Migration(migrations.Migration):
        operations = [
            migrations.AddField("order", "paid_on", models.DateField(null=True)),
            # zero-downtime: ignore[ZD101] the table has 40 rows
            migrations.AddIndex("order", models.Index(fields=["status"], name="status_idx")),
        ]
    ```

    Suppressions of rules that `--select` or `--ignore` leave out are not reported.
    """

    code = "ZD901"
    name = "unused-suppression"

    def complaint(self, suppression: Suppression, *, needed: bool) -> tuple[str, str] | None:
        if suppression.problem or needed:
            return None
        return (
            f"{suppression.written} is ignored here, but there is nothing to ignore.",
            "Remove it, or put it on the operation that it is about.",
        )
