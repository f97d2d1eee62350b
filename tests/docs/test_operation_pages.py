"""The example of an operation's page is a migration that runs, and the page shows its SQL."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.project import Project
from tests.support.shop import write_shop
from zero_downtime import operations

PAGES = Path(__file__).resolve().parents[2] / "docs" / "operations"

IMPORTS = """\
from django.db import migrations, models
from django.db.models import Q
from zero_downtime import operations as zd


"""

BIG_AGE = '"user", "age", models.BigIntegerField(default=0)'

# Migrations of the shop that examples depend on: file name and operation.
BEFORE = {
    "ContractRemoveField": [("0002_remove_age_expand", 'zd.ExpandRemoveField("user", "age"),')],
    "ContractRenameField": [
        ("0002_rename_name_expand", 'zd.ExpandRenameField("user", "name", "full_name"),'),
        ("0003_rename_name_backfill", 'zd.BackfillField("user", "full_name"),'),
    ],
    "SwitchAlterField": [
        ("0002_alter_age_expand", f"zd.ExpandAlterField({BIG_AGE}),"),
        ("0003_alter_age_backfill", 'zd.BackfillField("user", "age"),'),
    ],
    "ContractAlterField": [
        ("0002_alter_age_expand", f"zd.ExpandAlterField({BIG_AGE}),"),
        ("0003_alter_age_backfill", 'zd.BackfillField("user", "age"),'),
        ("0004_alter_age_switch", f"zd.SwitchAlterField({BIG_AGE}),"),
    ],
    "RemoveIndexConcurrently": [
        (
            "0002_user_age_idx",
            'zd.AddIndexConcurrently("user", models.Index(fields=["age"], name="user_age_idx")),',
        ),
    ],
}


@pytest.mark.parametrize("name", operations.__all__)
def test_the_example_runs_and_the_page_shows_its_sql(project: Project, name: str) -> None:
    page = (PAGES / f"{name}.md").read_text()
    write_shop(project)
    previous = "0001_initial"
    for migration, operation in BEFORE.get(name, []):
        project.write_migration(migration, operation, [("shop", previous)], atomic=False)
        previous = migration
    project.write("shop/migrations/0009_example.py", IMPORTS + first_example(page))

    project.manage("migrate", "shop", previous)
    printed = project.manage("sqlmigrate", "shop", "0009").stdout
    project.manage("migrate")

    sql = "\n".join(line for line in printed.splitlines() if not line.startswith("--"))
    assert one_line(sql) in one_line(page)


def first_example(page: str) -> str:
    return page.partition("```python\n")[2].partition("```")[0]


def one_line(text: str) -> str:
    return " ".join(text.split())
