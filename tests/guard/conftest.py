from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.db import migrations, models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.state import ProjectState
from django.test import override_settings

from tests.support.django_database import create_own_tables
from tests.support.running import migration

USER = migrations.CreateModel("User", [("id", models.BigAutoField(primary_key=True))])


@pytest.fixture
def state(connection: BaseDatabaseWrapper) -> Iterator[ProjectState]:
    """A database with a table `shop_user`, and the state that goes with it."""
    create_own_tables(connection)
    state = ProjectState()
    with connection.schema_editor() as editor:
        state = migration([USER]).apply(state, editor)
    with override_settings(ZERO_DOWNTIME={"LOCK_TIMEOUT": 0.05}):
        yield state
