from __future__ import annotations

import pytest
from django.db.migrations.loader import MigrationLoader

from zero_downtime.errors import Refused, UnknownName
from zero_downtime.guard.targets import find_targets


@pytest.fixture(scope="module")
def loader() -> MigrationLoader:
    return MigrationLoader(None)


def test_everything(loader: MigrationLoader) -> None:
    assert ("zero_downtime", "0001_initial") in find_targets(loader, None, None)
    assert find_targets(loader, None, None) == loader.graph.leaf_nodes()


def test_an_app(loader: MigrationLoader) -> None:
    assert find_targets(loader, "zero_downtime", None) == [("zero_downtime", "0001_initial")]


def test_an_app_down_to_nothing(loader: MigrationLoader) -> None:
    assert find_targets(loader, "zero_downtime", "zero") == [("zero_downtime", None)]


@pytest.mark.parametrize("name", ["0001_initial", "0001", "0"])
def test_a_migration_by_the_beginning_of_its_name(loader: MigrationLoader, name: str) -> None:
    assert find_targets(loader, "zero_downtime", name) == [("zero_downtime", "0001_initial")]


def test_an_unknown_app(loader: MigrationLoader) -> None:
    with pytest.raises(UnknownName) as unknown:
        find_targets(loader, "zero_dwntime", None)
    assert unknown.value.returncode == 2
    assert str(unknown.value) == (
        "There is no app with migrations 'zero_dwntime'. Did you mean 'zero_downtime'?"
    )


def test_an_unknown_migration(loader: MigrationLoader) -> None:
    with pytest.raises(UnknownName) as unknown:
        find_targets(loader, "zero_downtime", "0001_intial")
    assert unknown.value.returncode == 2
    assert str(unknown.value) == (
        "There is no migration in app 'zero_downtime' '0001_intial'. Did you mean '0001_initial'?"
    )


def test_the_beginning_of_several_names() -> None:
    loader = MigrationLoader(None)
    loader.disk_migrations["zero_downtime", "0001_other"] = loader.disk_migrations[
        "zero_downtime", "0001_initial"
    ]
    with pytest.raises(Refused, match="Write more of the name") as refused:
        find_targets(loader, "zero_downtime", "0001")
    assert refused.value.returncode == 2
