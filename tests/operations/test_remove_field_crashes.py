"""`migrate` dies while it removes a field; run again, it ends well.

The short form is a foreign key and every seventh statement. The long form, `-m slow`, is the rest.
"""

from __future__ import annotations

import pytest

from tests.operations.test_remove_field import (
    FOREIGN_KEY,
    NO_WAITING,
    columns,
    schema,
    write_removal,
    write_shop,
)
from tests.support.project import Project
from tests.support.shop import applied

# The process kills itself after so many statements that change something.
DEADLY = """
    import os
    import signal

    from django.db.backends.signals import connection_created

    CHANGES = ("ALTER", "CREATE", "DROP", "INSERT", "UPDATE", "DELETE", "COMMENT", "GRANT")
    left = int(os.environ.get("STATEMENTS_TO_LIVE", 10**9))

    def count(execute, sql, params, many, context):
        global left
        result = execute(sql, params, many, context)
        if str(sql).lstrip().startswith(CHANGES) and "pg_temp" not in str(sql):
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
        return result

    connection_created.connect(
        lambda connection, **kwargs: connection.execute_wrappers.append(count), weak=False
    )
"""


def migrate_dying(
    project: Project, monkeypatch: pytest.MonkeyPatch, arguments: list[str], step: int
) -> int:
    """Run `migrate` until it survives, each time a little longer; return how often it died."""
    for deaths in range(1000):
        monkeypatch.setenv("STATEMENTS_TO_LIVE", str(1 + deaths * step))
        ended = project.manage("migrate", *arguments, settings=NO_WAITING, check=False)
        if ended.returncode == 0:
            return deaths
        assert ended.returncode == -9, ended.stderr
    raise AssertionError("it never survives")


UNIQUE = "models.CharField(max_length=50, unique=True)"
WITH_DEFAULT = "models.CharField(max_length=50, default='none', db_index=True)"


@pytest.mark.parametrize(
    ("field", "value", "step"),
    [
        (FOREIGN_KEY, "1", 7),
        pytest.param(FOREIGN_KEY, "1", 1, marks=pytest.mark.slow),
        pytest.param(UNIQUE, "'a'", 1, marks=pytest.mark.slow),
        pytest.param(WITH_DEFAULT, "'a'", 1, marks=pytest.mark.slow),
    ],
)
def test_wherever_it_dies_the_next_run_ends_well(
    project: Project, monkeypatch: pytest.MonkeyPatch, field: str, value: str, step: int
) -> None:
    project.add_settings(DEADLY)
    write_shop(project, field)
    project.manage("migrate")
    before = schema(project)
    connection = project.connect()
    connection.execute("INSERT INTO shop_customer VALUES (1)")
    connection.execute(f"INSERT INTO shop_order VALUES (1, 1, {value})")
    write_removal(project, ", archive=True")

    assert migrate_dying(project, monkeypatch, ["shop", "0002"], step)
    connection.execute("INSERT INTO shop_order (id, total) VALUES (2, 1)")
    connection.execute("DELETE FROM shop_order WHERE id = 2")
    assert migrate_dying(project, monkeypatch, ["shop", "0003"], step)
    assert columns(project) == ["id", "total"]

    assert migrate_dying(project, monkeypatch, ["shop", "0002"], step)
    assert migrate_dying(project, monkeypatch, ["shop", "0001"], step)
    assert applied(project) == ["0001"]
    assert schema(project) == before
    going = columns(project)[-1]
    assert project.rows(f"SELECT count(*) FROM shop_order WHERE {going} = {value}") == [(1,)]
