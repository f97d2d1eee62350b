"""`migrate` and applied migrations whose files were edited."""

from __future__ import annotations

import pytest

from tests.support.edited import NOTE, write_note
from tests.support.project import Project
from tests.support.shop import INITIAL

REPORTED = "shop.0002_note: Its file is not what was applied on "
REMEDY = "manage.py migrate --accept-edited shop 0002_note"


@pytest.fixture
def shop(edited_shop: Project) -> Project:
    return edited_shop


def reported(project: Project) -> list[str]:
    """Return what `migrate` says of edited migrations; what `--plan` says is the same."""
    plan = project.manage("migrate", "--plan").stdout
    warnings = project.manage("migrate").stderr.splitlines()
    said = [line.removeprefix("Edited after it was applied: ") for line in warnings]
    assert ("Applied, and edited since:" in plan) == bool(said)
    for line in said:
        assert f"\n  {line}\n" in plan
    return said


def test_an_edited_one_is_reported_and_nothing_else_is_done(shop: Project) -> None:
    (line,) = reported(shop)
    assert line.startswith(REPORTED)
    assert line.endswith(REMEDY)
    length = "SELECT character_maximum_length FROM information_schema.columns "
    assert shop.rows(length + "WHERE column_name = 'note'") == [(10,)]


def test_what_is_new_runs_all_the_same(shop: Project) -> None:
    shop.write_migration("0003_empty", "", [("shop", "0002_note")])
    result = shop.manage("migrate")
    assert "Applying shop.0003_empty... OK" in result.stdout
    assert REPORTED in result.stderr
    assert REPORTED in shop.manage("migrate", "shop", "0002").stderr


def test_it_is_no_more_when_the_file_is_put_back(shop: Project) -> None:
    write_note(shop, length=10)
    assert reported(shop) == []


def test_blank_lines_comments_and_ends_of_lines_do_not_count(shop: Project) -> None:
    write_note(shop, length=10)
    file = shop.directory / "shop/migrations/0002_note.py"
    source = file.read_text().replace("\n", "\n\n    # nothing to see here\n")
    file.write_bytes(source.replace("\n", "  \r\n").encode())
    assert reported(shop) == []


def test_one_that_is_not_applied_may_be_edited(shop: Project) -> None:
    write_note(shop, length=10)
    shop.manage("migrate", "shop", "0001")
    write_note(shop, length=20)
    assert shop.manage("migrate").stderr == ""
    assert reported(shop) == [], "what is applied now is what counts"


def test_nor_does_what_is_only_recorded_no_more(shop: Project) -> None:
    with shop.connect() as connection:
        connection.execute("DELETE FROM django_migrations WHERE name = '0002_note'")
    assert "Applied, and edited" not in shop.manage("migrate", "--plan").stdout


def test_one_that_was_faked_is_what_its_file_said_then(shop: Project) -> None:
    shop.manage("migrate", "--fake", "shop", "0001")
    assert "0002_note... FAKED" in shop.manage("migrate", "--fake").stdout
    assert reported(shop) == []
    write_note(shop, length=30)
    (line,) = reported(shop)
    assert line.startswith(REPORTED)


def test_replaced_ones_and_deleted_ones_are_of_no_interest(shop: Project) -> None:
    file = shop.write_migration("0001_squashed_0002_note", INITIAL + NOTE.format(10))
    replaces = '    replaces = [("shop", "0001_initial"), ("shop", "0002_note")]\n'
    file.write_text(file.read_text().replace("    atomic =", replaces + "    atomic ="))
    assert reported(shop) == []
    file.write_text(file.read_text().replace(replaces, ""))
    for name in ["0001_initial", "0002_note"]:
        (shop.directory / f"shop/migrations/{name}.py").unlink()
    assert reported(shop) == []


# --accept-edited


def test_what_is_accepted_is_not_reported_any_more(shop: Project) -> None:
    entries = "SELECT id, name, outcome, applied_at FROM zero_downtime_journalentry ORDER BY id"
    before = shop.rows(entries)
    result = shop.manage("migrate", "--accept-edited")
    assert result.stdout == "shop.0002_note is taken as it is now.\n"
    assert result.stderr == ""
    assert shop.rows(entries) == before
    assert reported(shop) == []
    result = shop.manage("migrate", "--accept-edited")
    assert result.stdout == "No applied migration has been edited.\n"


def test_only_what_is_named_is_accepted(shop: Project) -> None:
    shop.write_migration("0001_initial", INITIAL.replace("100", "200"))
    nothing = "No applied migration has been edited.\n"
    assert shop.manage("migrate", "--accept-edited", "zero_downtime").stdout == nothing
    result = shop.manage("migrate", "--accept-edited", "shop", "0002")
    assert result.stdout == "shop.0002_note is taken as it is now.\n"
    result = shop.manage("migrate", "--accept-edited", "shop")
    assert result.stdout == "shop.0001_initial is taken as it is now.\n"


def test_a_name_that_there_is_not_is_answered_with_the_closest(shop: Project) -> None:
    result = shop.manage("migrate", "--accept-edited", "shop", "0002_notes", check=False)
    assert result.returncode == 2
    assert "Did you mean '0002_note'?" in result.stderr


def test_without_our_tables_there_is_nothing_to_accept(shop: Project) -> None:
    shop.manage("migrate", "zero_downtime", "zero")
    result = shop.manage("migrate", "--accept-edited")
    assert result.stdout == "No applied migration has been edited.\n"
