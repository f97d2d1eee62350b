"""ZD304: a data migration uses the models of the code."""

from __future__ import annotations

from collections.abc import Iterator

from zero_downtime.lint.data_migrations import function_name, python_code
from zero_downtime.lint.findings import Finding, Severity
from zero_downtime.lint.python_code import Access
from zero_downtime.lint.rule import Rule
from zero_downtime.lint.walk import Step

DJANGOS_OWN = frozenset(
    ["admin", "auth", "contenttypes", "flatpages", "redirects", "sessions", "sites"]
)
"""Apps whose tables hardly ever change, and whose models many import for their managers."""


class RunPythonImportsModels(Rule):
    """A data migration has to use the models of its own time, not those of today.

    An imported model has the fields that the code has today. The table has those of the migration.
    So the function works until somebody adds a field to the model; from then on it fails on every
    database that has not run it yet, with `column ... does not exist`: a new developer's, that of
    the tests, a customer's. What it does is also changed by whatever `save()`, managers and signals
    do later on. It is no hazard to a database that runs it today: hence a warning, without a
    hazard.

    Models of Django's own apps are not reported.

    Bad:

    ```python
    def forwards(apps, schema_editor):
        from shop.models import Order

        Order.objects.get_or_create(number=1)


    class Migration(migrations.Migration):
        operations = [
            migrations.RunPython(forwards, migrations.RunPython.noop),
        ]
    ```

    Good:

    ```python
    def forwards(apps, schema_editor):
        Order = apps.get_model("shop", "Order")
        Order.objects.get_or_create(number=1)


    class Migration(migrations.Migration):
        operations = [
            migrations.RunPython(forwards, migrations.RunPython.noop),
        ]
    ```

    Methods and managers of the model are not there, then: copy what is needed into the migration.
    """

    code = "ZD304"
    name = "run-python-imports-models"
    hazards = ()

    def check(self, step: Step) -> Iterator[Finding]:
        code = python_code(step.operation)
        imported = [each for each in code.accesses if _is_of_today(each)] if code else []
        models = sorted({".".join(each.model) for each in imported if each.model})
        if not models:
            return
        app_label, _, model = models[0].partition(".")
        yield self.finding(
            step,
            f"{function_name(step.operation)} uses {', '.join(models)} as the code has it today "
            f"(line {imported[0].line}): it fails on new databases once the model has changed.",
            severity=Severity.WARNING,
            hazards=[],
            tables=[],
            remedy=f'Use apps.get_model("{app_label}", "{model}").',
        )


def _is_of_today(access: Access) -> bool:
    return access.imported and access.model is not None and access.model[0] not in DJANGOS_OWN
