"""Changes of type that are run without migration files."""

from __future__ import annotations

from django.db.backends.base.base import BaseDatabaseWrapper

from zero_downtime.backfills import registry
from zero_downtime.backfills.runner import Runner
from zero_downtime.models import Transition
from zero_downtime.transitions.filling import filling


def fill_hidden(connection: BaseDatabaseWrapper, name: str = "shop.fill") -> str:
    """Run the backfill of the only transition there is, and return its status."""
    transition = Transition.objects.using(connection.alias).get()
    backfill = registry.register(connection, name, transition.table, transition)
    return Runner(connection, backfill, filling(transition)).run().status
