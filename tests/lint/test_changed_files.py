"""Which files differ from those of another commit."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from django.core.management.base import CommandError

from tests.support.git import Repository
from zero_downtime.lint.changed_files import changed_since


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """A repository with files a, b and c on `main`, and a branch `work` that has left it."""
    repository = Repository(tmp_path)
    for name in "abc":
        (tmp_path / name).write_text("old")
    (tmp_path / ".gitignore").write_text("ignored\n")
    repository.commit_all()
    repository.git("switch", "--quiet", "--create", "work")
    return repository


def changed(repository: Repository, ref: str = "main") -> list[str]:
    """Return the names of the changed files."""
    return sorted(path.name for path in changed_since(ref, repository.directory))


def write(repository: Repository, *names: str) -> None:
    for name in names:
        (repository.directory / name).write_text("new")


def test_committed_staged_edited_and_unknown_files_are_changed(repository: Repository) -> None:
    write(repository, "a", "committed")
    repository.commit_all()
    write(repository, "b", "staged")
    repository.git("add", "staged")
    write(repository, "größer und neu", "ignored")

    assert changed(repository) == ["a", "b", "committed", "größer und neu", "staged"]


def test_a_name_may_be_any_bytes(repository: Repository) -> None:
    name = os.fsdecode(b"gr\xf6\xdfer")
    write(repository, name)

    assert changed(repository) == [name]


def test_what_others_did_meanwhile_is_not(repository: Repository) -> None:
    repository.git("switch", "--quiet", "main")
    write(repository, "c")
    repository.commit_all()
    repository.git("switch", "--quiet", "work")
    write(repository, "a")

    assert changed(repository) == ["a"]


def test_what_is_gone_is_not_and_what_was_renamed_is_new(repository: Repository) -> None:
    repository.git("mv", "a", "renamed")
    repository.git("rm", "--quiet", "b")
    repository.commit_all()

    assert changed(repository) == ["renamed"]


def test_any_commit_will_do_and_any_folder(repository: Repository) -> None:
    write(repository, "a")
    repository.commit_all()
    write(repository, "b")
    folder = repository.directory / "folder"
    folder.mkdir()

    assert [path.name for path in changed_since("HEAD", folder)] == ["b"]
    assert changed(repository, "HEAD~1") == ["a", "b"]


@pytest.mark.parametrize("ref", ["mian", "--help", "", "main:a"])
def test_a_ref_that_is_not_there_is_a_usage_error(repository: Repository, ref: str) -> None:
    with pytest.raises(CommandError, match="There is no commit") as raised:
        changed(repository, ref)

    assert raised.value.returncode == 2
    assert "\n" not in str(raised.value)


def test_so_is_one_that_has_nothing_in_common(repository: Repository) -> None:
    repository.git("switch", "--quiet", "--orphan", "other")
    repository.commit_all()

    with pytest.raises(CommandError, match="have nothing in common") as raised:
        changed(repository)

    assert raised.value.returncode == 2


def test_so_is_a_folder_without_a_repository(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))

    with pytest.raises(CommandError, match="There is no Git repository") as raised:
        changed_since("main", tmp_path)

    assert raised.value.returncode == 2


def test_so_is_a_machine_without_git(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")

    with pytest.raises(CommandError, match="needs Git") as raised:
        changed(repository)

    assert raised.value.returncode == 2
