"""`sqlmigrate` prints what would run, and who runs it by hand gets the same schema.

The short form runs a few operations. The long form, `-m slow`, runs the whole matrix.
"""

from __future__ import annotations

import pytest
from django.db.backends.base.base import BaseDatabaseWrapper

from tests.operations.matrix import CASES, Case, start
from tests.operations.test_crash_matrix import ROWS, SHORT
from tests.operations.test_refusals import create_shop
from tests.operations.test_same_schema import forwards, state_after, without_kept_defaults
from tests.support.project import Project
from tests.support.schema import read_schema
from zero_downtime.errors import Refused


def collected(connection: BaseDatabaseWrapper, case: Case, *, is_forwards: bool) -> list[str]:
    """Return the statements that `sqlmigrate` prints."""
    state = state_after(start())
    operation = case.make(False)
    after = state.clone()
    operation.state_forwards("shop", after)
    with connection.schema_editor(collect_sql=True, atomic=False) as editor:
        if is_forwards:
            operation.database_forwards("shop", editor, state, after)
        else:
            operation.database_backwards("shop", editor, after, state)
    return [sql for sql in editor.collected_sql if not sql.startswith("--")]


def assert_by_hand_as_by_migrate(connection: BaseDatabaseWrapper, case: Case) -> None:
    if connection.pg_version // 10000 < case.minimum_version:  # type: ignore[attr-defined]
        pytest.skip(f"needs PostgreSQL {case.minimum_version}")
    # There are no tables yet: nothing may depend on what is in the database.
    statements = collected(connection, case, is_forwards=True)
    if case.one_way:
        with pytest.raises(Refused, match="ExpandAlterField"):
            collected(connection, case, is_forwards=False)
    else:
        assert bool(collected(connection, case, is_forwards=False)) == bool(statements)
    assert read_schema(connection) == []
    schemas = []
    for by_hand in (True, False):
        with connection.cursor() as cursor:
            cursor.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
        state = create_shop(connection)
        with connection.cursor() as cursor:
            cursor.execute(ROWS)
            for statement in statements if by_hand else []:
                cursor.execute(statement)
        if not by_hand:
            forwards(connection, case.make(False), state)
        schemas.append(read_schema(connection))
    assert without_kept_defaults(schemas[0], case) == without_kept_defaults(schemas[1], case)


@pytest.mark.parametrize("case", [case for case in CASES if case.id in SHORT], ids=lambda c: c.id)
def test_by_hand_as_by_migrate(connection: BaseDatabaseWrapper, case: Case) -> None:
    assert_by_hand_as_by_migrate(connection, case)


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_the_whole_matrix_by_hand_as_by_migrate(
    connection: BaseDatabaseWrapper, case: Case
) -> None:
    assert_by_hand_as_by_migrate(connection, case)


def test_no_transaction_around_concurrently(project: Project) -> None:
    project.write_migration(
        "0001_initial",
        'migrations.CreateModel("Book", [("id", models.BigAutoField(primary_key=True))]),',
    )
    project.write_migration(
        "0002_title",
        """
        zd.AddFieldConcurrently("book", "title", models.TextField(null=True, db_index=True)),
        zd.AddFieldConcurrently("book", "pages", models.IntegerField(default=1)),
        zd.AddConstraintConcurrently(
            "book", models.CheckConstraint(condition=models.Q(pages__gt=0), name="has_pages")
        ),
        """,
        dependencies=[("shop", "0001_initial")],
        atomic=False,
    )
    assert statements_of(project.manage("sqlmigrate", "shop", "0002").stdout) == [
        'ALTER TABLE "shop_book" ADD COLUMN "title" text;',
        'CREATE INDEX CONCURRENTLY "shop_book_title_1f19d72a" ON "shop_book" USING btree (title);',
        'CREATE INDEX CONCURRENTLY "shop_book_title_1f19d72a_like" ON "shop_book" '
        "USING btree (title text_pattern_ops);",
        'ALTER TABLE "shop_book" ADD COLUMN "pages" integer DEFAULT 1 NOT NULL;',
        'ALTER TABLE "shop_book" ADD CONSTRAINT "has_pages" CHECK ("pages" > 0) NOT VALID;',
        'ALTER TABLE "shop_book" VALIDATE CONSTRAINT "has_pages";',
    ]
    assert statements_of(project.manage("sqlmigrate", "shop", "0002", "--backwards").stdout) == [
        'ALTER TABLE "shop_book" DROP CONSTRAINT "has_pages";',
        'ALTER TABLE "shop_book" DROP COLUMN "pages";',
        'DROP INDEX CONCURRENTLY "shop_book_title_1f19d72a";',
        'DROP INDEX CONCURRENTLY "shop_book_title_1f19d72a_like";',
        'ALTER TABLE "shop_book" DROP COLUMN "title";',
    ]


def statements_of(output: str) -> list[str]:
    return [line for line in output.splitlines() if line and not line.startswith("--")]
