"""Changes of type that are run without migration files."""

from __future__ import annotations

from django.db.backends.base.base import BaseDatabaseWrapper

from zero_downtime.backfills import registry
from zero_downtime.backfills.runner import Runner
from zero_downtime.models import Transition
from zero_downtime.transitions.filling import filling


def fill_hidden(connection: BaseDatabaseWrapper, name: str = "shop.fill") -> str:
    """Run the backfills of all transitions there are, and return the status of the last."""
    status = ""
    for transition in Transition.objects.using(connection.alias).order_by("pk"):
        own = f"{name}.{transition.pk}"
        backfill = registry.register(connection, own, transition.table, transition)
        status = Runner(connection, backfill, filling(transition)).run().status
    return status
