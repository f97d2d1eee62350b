"""Finding the line of an operation."""

from __future__ import annotations

from zero_downtime.lint.source import operation_lines

LISTED = """\
class Migration(migrations.Migration):
    dependencies = []
    operations = [
        migrations.RunSQL(
            "SELECT 1",
        ),
        migrations.RunSQL("SELECT 2"),
    ]
"""


def test_operations_that_are_listed_have_lines_of_their_own() -> None:
    assert operation_lines(LISTED) == ([4, 7], 3)


def test_a_tuple_and_an_annotation_do_not_matter() -> None:
    source = "class Migration(Base):\n    operations: Any = (\n        a,\n        b,\n    )\n"

    assert operation_lines(source) == ([3, 4], 2)


def test_computed_operations_are_where_they_are_computed() -> None:
    assert operation_lines("class Migration(Base):\n    operations = FIRST + [b]\n") == ([], 2)
    assert operation_lines("class Migration(Base):\n    operations = [*FIRST, b]\n") == ([], 2)


def test_without_operations_there_is_the_class() -> None:
    assert operation_lines("\nclass Migration(Base):\n    pass\n") == ([], 2)


def test_without_a_class_there_is_the_file() -> None:
    assert operation_lines("Migration = make_migration()\n") == ([], 1)
