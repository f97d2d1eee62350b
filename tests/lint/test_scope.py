"""Which migrations are judged."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import pytest
from django.apps import AppConfig, apps
from django.core.management.base import CommandError
from django.db.migrations.graph import MigrationGraph
from django.db.migrations.loader import MigrationLoader

from tests.lint.judging import migration
from zero_downtime.errors import UnknownName
from zero_downtime.lint.scope import first_party, migrations_in_scope, squashed_in_scope


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/home/me/project/shop", True),
        ("/usr/src/app/shop", True),
        ("/home/me/project/.venv/lib/python3.13/site-packages/taggit", False),
        ("/usr/lib/python3/dist-packages/django/contrib/auth", False),
    ],
)
def test_installed_packages_are_not_the_project(path: str, expected: bool) -> None:
    app = cast(AppConfig, SimpleNamespace(path=path))

    assert first_party(app) is expected


def test_neither_are_we_ourselves() -> None:
    assert not first_party(apps.get_app_config("zero_downtime"))


def loader() -> MigrationLoader:
    """A loader that has found three migrations of `shop`, one of them squashed."""
    loader = MigrationLoader(None, load=False)
    loader.graph = MigrationGraph()
    loader.migrated_apps = {"shop"}
    for each in (
        migration("0001_initial"),
        migration("0002_squashed_0009", replaces=[("shop", "0002_a"), ("shop", "0009_b")]),
        migration("0010_index"),
    ):
        loader.graph.add_node(("shop", each.name), each)
    return loader


def test_squashed_migrations_are_run_by_nobody() -> None:
    names = [each.name for each in migrations_in_scope(loader(), "shop")]

    assert names == ["0001_initial", "0010_index"]


def test_they_can_be_had_apart() -> None:
    names = [each.name for each in squashed_in_scope(loader(), "shop")]

    assert names == ["0002_squashed_0009"]


def test_unless_they_are_asked_for() -> None:
    [each] = migrations_in_scope(loader(), "shop", "0002")

    assert each.name == "0002_squashed_0009"


def test_wrong_names_are_usage_errors() -> None:
    with pytest.raises(UnknownName, match="Did you mean 'shop'"):
        migrations_in_scope(loader(), "shpo")
    with pytest.raises(UnknownName, match="Did you mean '0010_index'"):
        migrations_in_scope(loader(), "shop", "0010_idx")
    with pytest.raises(CommandError, match="begin with '00'") as raised:
        migrations_in_scope(loader(), "shop", "00")
    assert raised.value.returncode == 2
