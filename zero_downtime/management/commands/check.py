"""`manage.py check`: with our tag it judges migrations, be it a deployment or not."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

from django.core.checks.registry import registry
from django.core.management.commands import check

from zero_downtime.management.checks import TAG, check_migrations


class Command(check.Command):
    """Django's command. No check is told by which tag it was asked for, so this has to look."""

    def handle(self, *app_labels: Any, **options: Any) -> None:
        """Judge migrations if our tag is named; `--deploy` does so anyway."""
        named = TAG in (options["tags"] or ()) and not options["deploy"]
        with _migrations_among_checks() if named else nullcontext():
            super().handle(*app_labels, **options)


@contextmanager
def _migrations_among_checks() -> Iterator[None]:
    before = set(registry.registered_checks)
    registry.register(check_migrations, TAG)
    try:
        yield
    finally:
        registry.registered_checks = before
