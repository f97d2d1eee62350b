"""Finding the place of an operation."""

from __future__ import annotations

from zero_downtime.lint.source import Place, list_operations

LISTED = b"""\
class Migration(migrations.Migration):
    dependencies = []
    operations = [
        migrations.RunSQL(
            "SELECT 1",
        ),
        migrations.RunSQL("SELECT 2"),
    ]
"""


def lines(source: bytes) -> tuple[list[int], int]:
    """Return the line of each operation, and the line to name where there is none."""
    listing = list_operations(source)
    return [place.line for place in listing.listed], listing.otherwise.line


def test_operations_that_are_listed_have_places_of_their_own() -> None:
    assert lines(LISTED) == ([4, 7], 3)
    first, second = list_operations(LISTED).listed
    assert first.lines == range(4, 7)
    assert second.lines == range(7, 8)


def test_a_place_begins_with_the_name_that_is_called() -> None:
    place = list_operations(LISTED).place(0)

    assert LISTED.decode().split("\n")[3][place.column : place.end_column] == "migrations.RunSQL"


def test_columns_are_counted_in_characters() -> None:
    source = 'class Migration(Base):\n    operations = ["größer", größer(1)]\n'.encode()

    place = list_operations(source).place(1)

    assert source.decode().split("\n")[1][place.column : place.end_column] == "größer"


def test_a_tuple_and_an_annotation_do_not_matter() -> None:
    source = b"class Migration(Base):\n    operations: Any = (\n        a,\n        b,\n    )\n"

    assert lines(source) == ([3, 4], 2)


def test_computed_operations_are_where_they_are_computed() -> None:
    assert lines(b"class Migration(Base):\n    operations = FIRST + [b]\n") == ([], 2)
    assert lines(b"class Migration(Base):\n    operations = [*FIRST, b]\n") == ([], 2)


def test_an_operation_that_was_added_later_is_with_the_list() -> None:
    assert list_operations(LISTED).place(2) == Place(3, 8, 4, len("    operations = ["))


def test_without_operations_there_is_the_class() -> None:
    assert lines(b"\nclass Migration(Base):\n    pass\n") == ([], 2)


def test_without_a_class_there_is_the_file() -> None:
    assert lines(b"Migration = make_migration()\n") == ([], 1)


def test_the_lines_of_windows_and_other_encodings_are_read() -> None:
    source = "# coding: latin-1\r\nclass Migration(Base):\r\n    operations = [größer()]\r\n"

    place = list_operations(source.encode("latin-1")).place(0)

    assert (place.line, place.column, place.end_column) == (3, 18, 24)
