"""The examples of `docs/linting.md` are true."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.db import migrations, models
from django.db.migrations import Migration
from django.db.migrations.state import ProjectState

from tests.support.project import REPOSITORY
from zero_downtime.lint.judge import judge_ordered

PAGE = (REPOSITORY / "docs" / "linting.md").read_text()
EXAMPLES = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


def example(part: str) -> dict[str, Any]:
    """Return the names that the only example with this part in it defines."""
    [source] = [each for each in EXAMPLES if part in each]
    names: dict[str, Any] = {"migrations": migrations, "models": models, "__name__": __name__}
    exec(source, names)
    return names


@pytest.mark.parametrize("app_label", ["audit", "shop"])
def test_the_rule_is_met_where_it_says(app_label: str) -> None:
    rule = example("class KeepAuditTables")["KeepAuditTables"]()

    class Create(Migration):
        operations = [migrations.CreateModel("Entry", [("id", models.AutoField(primary_key=True))])]

    class Delete(Migration):
        operations = [migrations.DeleteModel("Entry")]

    delete = Delete("0002_delete", app_label)
    found = judge_ordered(
        [Create("0001_initial", app_label), delete],
        ProjectState(),
        judged=[delete],
        rules=[rule],
        together=False,
    )

    expected = ['Table "audit_entry" is dropped, which we must keep.']
    assert [finding.message for finding in found] == (expected if app_label == "audit" else [])
