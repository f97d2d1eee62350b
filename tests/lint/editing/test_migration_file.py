"""What editing keeps of a file, and what it takes along into another one."""

from __future__ import annotations

from textwrap import dedent
from typing import Any

import pytest
from django.db import migrations
from django.db.migrations import Migration

from zero_downtime import operations as zd
from zero_downtime.lint.editing.migration_file import MigrationFile
from zero_downtime.lint.fix import NewPart
from zero_downtime.lint.rewrite import part_of
from zero_downtime.lint.split import Part


def loaded(source: str) -> Migration:
    """Return the migration that a source makes."""
    namespace: dict[str, Any] = {}
    exec(source, namespace)
    made: Migration = namespace["Migration"]("0002_change", "shop")
    return made


def cut(source: str, *parts: list[int]) -> list[str]:
    """Cut a source into parts, each with these operations; indexes are built concurrently."""
    source = dedent(source).lstrip("\n")
    migration = loaded(source)
    new: list[NewPart] = []
    for number, indexes in enumerate(parts, start=2):
        part = Part()
        for operation in (migration.operations[index] for index in indexes):
            if isinstance(operation, migrations.AddIndex):
                part.suffix = ""
                part.add(
                    [zd.AddIndexConcurrently(operation.model_name, operation.index)], operation
                )
            else:
                part.add([operation], operation)
        name = f"{number:04}_change"
        dependencies = (
            migration.dependencies if number == 2 else [("shop", f"{number - 1:04}_change")]
        )
        new.append(NewPart(part, part_of(migration, part, name, dependencies)))
    sources = MigrationFile(source).cut(migration, new, {})
    for each, made in zip(new, sources, strict=True):
        assert [type(o) for o in loaded(made).operations] == [
            type(o) for o in each.migration.operations
        ]
    return sources


def test_a_call_keeps_its_arguments_as_they_are_written() -> None:
    [source] = cut(
        """
        from django.db import migrations, models

        class Migration(migrations.Migration):
            dependencies = []
            operations = [
                migrations.AddIndex('order', models.Index(fields=[
                    'status',  # the newest first
                ], name='status' '_idx')),
            ]
        """,
        [0],
    )

    assert "zd.AddIndexConcurrently('order', models.Index(fields=[\n" in source
    assert "'status',  # the newest first\n" in source
    assert "name='status' '_idx'" in source


def test_what_comes_from_a_function_is_written_out_in_the_quotes_of_the_file() -> None:
    [source] = cut(
        """
        from django.db import migrations, models

        def index(name):
            return migrations.AddIndex(name, models.Index(fields=["status"], name="status_idx"))

        class Migration(migrations.Migration):
            dependencies = [("shop", "0001_initial")]
            operations = [index("order")]
        """,
        [0],
    )

    assert 'index=models.Index(fields=["status"], name="status_idx"),' in source
    assert "def index" not in source


def test_a_file_that_names_our_operations_in_full_goes_on_doing_so() -> None:
    [source] = cut(
        """
        import zero_downtime.operations
        from django.db import migrations, models

        class Migration(migrations.Migration):
            atomic = False
            dependencies = [('shop', '0001_initial')]
            operations = [
                zero_downtime.operations.BackfillField('order', 'note', value=''),
                migrations.AddIndex('order', models.Index(fields=['status'], name='status_idx')),
            ]
        """,
        [0, 1],
    )

    assert "        zero_downtime.operations.AddIndexConcurrently('order', " in source
    assert "zd" not in source


def test_only_what_the_moved_operations_used_goes_with_them() -> None:
    first, second = cut(
        """
        import os
        import unused
        from django.db import migrations, models
        from json import dumps, loads

        A, B = 1, 2
        TEXT = dumps({})
        OTHER = loads(TEXT)


        def help():
            return OTHER


        def forwards(apps, schema_editor):
            help()


        class Migration(migrations.Migration):
            dependencies = []
            operations = [
                migrations.AddIndex("order", models.Index(fields=["status"], name="status_idx")),
                migrations.RunPython(forwards, migrations.RunPython.noop),
            ]
        """.replace("import unused\n", "import unittest as unused\n"),
        [0],
        [1],
    )

    assert "import os\nimport unittest as unused\n" in first
    assert "A, B = 1, 2" in first
    for name in ("json", "TEXT", "OTHER", "help", "forwards"):
        assert name not in first
        assert name in second
    assert "os" not in second
    assert "A, B" not in second
    assert "from django.db import migrations\n" in second


@pytest.mark.parametrize(
    ("operations", "reason"),
    [
        ("[*MORE]", "its operations are not a plain list"),
        ("MORE", "its operations are not a plain list"),
        ("[] + MORE", "its operations are not a plain list"),
        ("[migrations.RunSQL('')]", None),
        ("(migrations.RunSQL(''),)", None),
    ],
)
def test_operations_have_to_be_written_down_one_by_one(operations: str, reason: str | None) -> None:
    source = (
        "from django.db import migrations\n"
        "MORE = [migrations.RunSQL('')]\n"
        "class Migration(migrations.Migration):\n"
        f"    operations = {operations}\n"
    )

    assert MigrationFile(source).why_not_editable(loaded(source)) == reason


def test_docstrings_stay_and_transactions_go() -> None:
    [source] = cut(
        """
        from django.db import migrations, models

        class Migration(migrations.Migration):
            '''Search.'''
            atomic = True
            operations = [
                migrations.AddIndex("order", models.Index(fields=["id"], name="idx")),
            ]
        """,
        [0],
    )

    assert "    '''Search.'''\n    atomic = False\n" in source
    assert "Run it" not in source
    assert '        ("zero_downtime", "0001_initial"),\n' in source


def test_comments_stay_with_the_operations_that_they_are_about() -> None:
    first, second = cut(
        """
        from django.db import migrations, models

        class Migration(migrations.Migration):
            operations = [  # the beginning
                # one
                migrations.AddIndex("order", models.Index(fields=["id"], name="idx")),  # 1
                # two

                # and a half
                migrations.RunSQL("SELECT 2")  # 2
                # the end
            ]
        """,
        [0],
        [1],
    )

    assert "# the beginning\n        # one\n" in first
    assert "# 1\n        # the end\n" in first
    assert "# two\n\n        # and a half\n" in second
    assert 'migrations.RunSQL("SELECT 2"),  # 2\n    ]' in second


def test_dependencies_point_elsewhere_and_nothing_else_changes() -> None:
    source = dedent(
        """
        class Migration(migrations.Migration):
            dependencies = [
                # why
                ("shop", "0001_initial"),
                migrations.swappable_dependency(settings.AUTH_USER_MODEL),
            ]
            operations = [ migrations.RunSQL('') ]
        """
    )
    file = MigrationFile(source)

    assert file.depends_plainly_on(("shop", "0001_initial"))
    assert not file.depends_plainly_on(("shop", "0002_more"))
    moved = {("shop", "0001_initial"): ("shop", "0002_more")}
    assert file.with_dependencies(moved) == source.replace("0001_initial", "0002_more")
