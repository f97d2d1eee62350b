"""The gate knows when old code last wrote."""

from __future__ import annotations

import pytest

from tests.support.project import Project
from tests.support.shop import applied, insert_users, write_rename, write_shop

ONE_HOUR = {"CONTRACT_QUIET": 3600}


@pytest.mark.parametrize(
    "old_style_write",
    [
        "INSERT INTO shop_user (name, age) VALUES ('old code', 1)",
        "UPDATE shop_user SET name = 'old code' WHERE id = 1",
    ],
)
def test_a_write_by_old_code_holds_the_contract_back(
    project: Project, old_style_write: str
) -> None:
    write_shop(project)
    project.manage("migrate")
    insert_users(project, 3)
    write_rename(project)
    project.manage("migrate", settings=ONE_HOUR)
    with project.connect() as connection:
        connection.execute(old_style_write)

    held = project.manage("migrate", settings=ONE_HOUR)

    assert applied(project)[-1] == "0003"
    assert "old code last wrote 'name'" in held.stdout
    project.manage("migrate", settings={"CONTRACT_QUIET": 0})
    assert applied(project)[-1] == "0004"


def test_new_code_and_the_backfill_are_no_evidence(project: Project) -> None:
    write_shop(project)
    project.manage("migrate")
    insert_users(project, 3)
    write_rename(project)
    project.manage("migrate", settings=ONE_HOUR)
    with project.connect() as connection:
        connection.execute("INSERT INTO shop_user (full_name, age) VALUES ('new code', 1)")
        connection.execute("UPDATE shop_user SET full_name = 'new code' WHERE id = 1")

    project.manage("migrate", settings=ONE_HOUR)

    assert applied(project)[-1] == "0004"


def test_every_transaction_leaves_a_trace_even_one_that_is_undone(project: Project) -> None:
    write_shop(project)
    project.manage("migrate")
    insert_users(project, 3)
    write_rename(project)
    project.manage("migrate", "shop", "0002")
    ((sequence,),) = project.rows(
        "SELECT relname FROM pg_class WHERE relname LIKE 'zero_downtime_%_old_write'"
    )
    session = project.connect()

    def leaves_a_trace(*statements: str) -> bool:
        session.execute(f"SELECT setval('{sequence}', 1)")
        for statement in statements:
            session.execute(statement)
        return bool(project.rows(f"SELECT last_value > 1 FROM {sequence}")[0][0])

    write = "UPDATE shop_user SET name = name || '!'"
    assert leaves_a_trace(write)
    assert leaves_a_trace(write)
    assert leaves_a_trace("BEGIN", write, "ROLLBACK")
    assert leaves_a_trace("BEGIN", "SAVEPOINT a", write, "ROLLBACK TO a", write, "COMMIT")
    assert not leaves_a_trace("UPDATE shop_user SET age = 1")
