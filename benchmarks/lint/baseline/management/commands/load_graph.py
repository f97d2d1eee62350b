"""`manage.py load_graph`: no more than what everything that reads migrations has to do."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand
from django.db.migrations.loader import MigrationLoader


class Command(BaseCommand):
    """Load the graph of all migrations, without a database."""

    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        loader = MigrationLoader(None)
        self.stdout.write(f"{len(loader.graph.nodes)} migrations")
