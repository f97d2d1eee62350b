"""The files of `docs/signals.md` tell people what they say."""

from __future__ import annotations

import re

import pytest
from django.dispatch import Signal

from tests.support.project import REPOSITORY, Project
from tests.support.sessions import holding
from tests.support.shop import write_shop
from zero_downtime import signals

PAGE = (REPOSITORY / "docs" / "signals.md").read_text()
FILES = dict(re.findall(r"^```python\n# (\S+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL))
IMPATIENT = {"LOCK_TIMEOUT": 0.05, "LOCK_RETRY_MAX_DELAY": 0.05, "LOCK_DEADLINE": 5}


@pytest.fixture
def shop(project: Project) -> Project:
    write_shop(project)
    project.manage("migrate")
    for path, source in FILES.items():
        project.write(path, source)
    return project


def test_all_signals_are_on_the_page() -> None:
    names = {name for name, value in vars(signals).items() if isinstance(value, Signal)}
    assert set(re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE)) == names


def test_somebody_hears_of_a_migration_that_failed(shop: Project) -> None:
    division = 'migrations.RunSQL("SELECT 1 / 0"),'
    shop.write_migration("0002_divide", division, [("shop", "0001_initial")])

    result = shop.manage("migrate", check=False)

    assert "shop.0002_divide failed on default: division by zero\n" in result.stderr


def test_somebody_hears_of_a_lock_that_is_not_to_be_had(shop: Project) -> None:
    column = 'migrations.AddField("user", "note", models.TextField(null=True)),'
    shop.write_migration("0002_note", column, [("shop", "0001_initial")])

    with holding(shop.database_url, "TABLE shop_user") as holder:
        result = shop.manage("migrate", check=False, settings=IMPATIENT)
        pid = holder.info.backend_pid

    assert result.stderr.count(f"No lock on shop_user of default: pid {pid} ") == 1
