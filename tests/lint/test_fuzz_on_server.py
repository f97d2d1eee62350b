"""Random changes of random models: what is written instead ends in the same schema.

25 examples, or 150 with HYPOTHESIS_PROFILE=long.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from django.db import DatabaseError, migrations, models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.operations.base import Operation
from hypothesis import HealthCheck, Phase, assume, example, given, note, settings
from hypothesis import strategies as st
from pytest_django import DjangoDbBlocker

from tests.lint.judging import SHOP, migration
from tests.lint.random_operations import random_change
from tests.lint.random_project import RandomProject, differences, one_each, own_schema
from tests.lint.test_fuzz import left_over, state_of
from tests.support.databases import empty
from tests.support.django_database import django_connected_to
from tests.support.examples import how_many
from zero_downtime.lint.rewrite import NewMigrations

EXAMPLES = how_many(short=25, long=150)
MANAGED = [each for each in SHOP if getattr(each, "options", {}).get("managed") is not False]

FILL = """
    INSERT INTO shop_customer (name, mail) VALUES ('Ann', 'a@example.org'), ('Bob', 'b@x.org');
    INSERT INTO shop_tag DEFAULT VALUES;
    INSERT INTO shop_order (customer_id, number, status, note)
        VALUES (1, 1, 'new', NULL), (2, 2, 'paid', 'soon');
    INSERT INTO shop_order_tags (order_id, tag_id) VALUES (1, 1);
"""


@st.composite
def changes(draw: Any) -> list[Operation]:
    return random_change(draw, state_of(migration("0001_initial", *MANAGED)), most=9)


AN_INDEX_THAT_IS_NEW_AND_GOES = [
    migrations.AddField("Order", "size", models.IntegerField(null=True, db_index=True)),
    migrations.AddIndex("Order", models.Index(fields=["size"], name="by_size")),
    migrations.AlterField("Order", "size", models.BigIntegerField(null=True, unique=True)),
]


@pytest.fixture
def directory() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # to shrink them takes too long
    suppress_health_check=list(HealthCheck),
)
@example(operations=AN_INDEX_THAT_IS_NEW_AND_GOES, with_rows=False)
@given(operations=changes(), with_rows=st.booleans())
def test_what_is_written_ends_in_the_schema_of_the_stock_migrations(
    database_url: str,
    django_db_blocker: DjangoDbBlocker,
    directory: Path,
    operations: list[Operation],
    with_rows: bool,
) -> None:
    before = migration("0001_initial", *MANAGED, initial=True)
    dependencies = [("shop", "0001_initial")]
    change = migration("0002_change", *operations, dependencies=dependencies)
    rewritten = NewMigrations({"shop": [change]}, [before]).rewritten()["shop"]
    note("\n".join(map(str, operations)))

    @contextmanager
    def empty_database() -> Iterator[BaseDatabaseWrapper]:
        empty(database_url)
        with django_db_blocker.unblock(), django_connected_to(database_url) as connection:
            yield connection

    def schema_of(project: RandomProject) -> list[tuple[Any, ...]]:
        with empty_database() as connection:
            project.migrate("0001")
            if with_rows:
                with connection.cursor() as cursor:
                    cursor.execute(FILL)
            project.migrate()
            return own_schema(connection)

    @cache
    def left_behind() -> list[str]:
        """Return what Django drops as well, if each operation has a migration of its own.

        It builds the index of a new field when the migration ends. An operation before that which
        should drop it finds none.
        """
        with RandomProject(directory, [before, *one_each(change)]).installed() as apart:
            return differences(wanted, schema_of(apart))

    def unlike_stock(found: list[tuple[Any, ...]]) -> list[str]:
        return [each for each in differences(wanted, found) if each not in left_behind()]

    with RandomProject(directory, [before, change]).installed() as stock:
        try:
            wanted = schema_of(stock)
        except (DatabaseError, ValueError) as error:
            note(f"Django cannot do that: {error}")
            assume(False)
    with RandomProject(directory, [before, *rewritten]).installed() as made:
        note(_sources(made))
        assert unlike_stock(schema_of(made)) == []
        assert left_over(made.findings(), operations) == []
    with RandomProject(directory, [before, change]).installed() as fixed:
        with empty_database():
            note(fixed.fix())
        note(_sources(fixed))
        assert unlike_stock(schema_of(fixed)) == []


def _sources(project: RandomProject) -> str:
    return "\n".join(
        f"# {name}\n{source}" for name, source in project.sources().items() if name[:4] != "0001"
    )
