"""Old and new code, each a process with models of its own, serve requests in all phases.

Another transition is another `Change` in the list.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.project import Project
from tests.support.releases import Change, Release, copy_of
from tests.support.shop import INITIAL, USER, applied, insert_users

SETTINGS = {"INLINE_BACKFILL_ROWS": 100, "CONTRACT_QUIET": 0, "BATCH_MAX_ROWS": 200}
ROWS = 5000

CHANGES = [
    Change(
        "rename",
        INITIAL,
        old=Release(USER.format(name="name"), "name"),
        new=Release(USER.format(name="full_name"), "full_name"),
        operations=[
            'zd.ExpandRenameField("user", "name", "full_name")',
            'zd.BackfillField("user", "full_name")',
            'zd.ContractRenameField("user", "name", "full_name")',
        ],
    )
]


def assert_kept(project: Project, field: str, written: dict[int, Any]) -> None:
    """Fail unless the rows hold what was written to them last; of the others none is lost."""
    in_database = dict(project.rows(f'SELECT id, "{field}" FROM shop_user'))
    assert {key: in_database[key] for key in written} == written
    assert sum(key <= ROWS for key in in_database) == ROWS
    assert None not in in_database.values()


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.id)
def test_there_and_back_nobody_fails_and_nothing_is_lost(
    project: Project, tmp_path: Path, change: Change
) -> None:
    change.write_old(project)
    project.manage("migrate")
    insert_users(project, ROWS)
    old_release = copy_of(project, tmp_path / "old_release")
    old_code = change.old.run(project, old_release)

    # Expand.
    change.write_new(project)
    project.manage("migrate", settings=SETTINGS)
    assert applied(project)[-1] == change.before_contract
    old_code.serve_some_more()

    # Backfill; new code is let loose on rows of its own before that.
    new_code = change.new.run(project, project.directory)
    new_code.serve_some_more()
    project.manage("backfill", settings=SETTINGS)
    assert project.manage("backfill", "--verify").returncode == 0
    old_code.serve_some_more()
    new_code.serve_some_more()

    # Contract.
    written = old_code.stop()
    project.manage("migrate", settings=SETTINGS)
    assert applied(project)[-1] > change.before_contract
    new_code.serve_some_more()
    assert_kept(project, change.new.field, written)

    # Back from the contract.
    project.manage("migrate", "shop", change.before_contract, settings=SETTINGS)
    new_code.serve_some_more()
    project.manage("backfill", settings=SETTINGS)
    old_code = change.old.run(project, old_release)
    old_code.serve_some_more()
    new_code.serve_some_more()

    # Back from the expand.
    written |= new_code.stop()
    project.manage("migrate", "shop", "0001", settings=SETTINGS)
    old_code.serve_some_more()
    written |= old_code.stop()
    assert_kept(project, change.old.field, written)
    assert project.rows("SELECT tgname FROM pg_trigger WHERE NOT tgisinternal") == []
    assert project.rows("SELECT proname FROM pg_proc WHERE proname LIKE '%zero_downtime%'") == []
