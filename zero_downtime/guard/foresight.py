"""What can be told of migrations before they run.

It takes all of the linter, whose import takes longer than applying a few hundred migrations to an
empty database. So it is imported only where there is something to be told.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations import Migration
from django.db.migrations.loader import MigrationLoader

from zero_downtime import conf
from zero_downtime.guard import forecast, rights
from zero_downtime.guard.survey import Survey
from zero_downtime.guard.walked import steps_of
from zero_downtime.lint.sizes import Sizes


def expected(
    connection: BaseDatabaseWrapper,
    loader: MigrationLoader,
    migrations: Sequence[Migration],
    survey: Survey | None,
) -> Iterator[str]:
    """Yield lines that say which locks to expect of each operation, and for how long.

    Args:
        survey: what is known of the migrations already; None if nobody has looked.
    """
    steps = survey.on(connection) if survey else steps_of(loader, migrations, connection.alias)
    sizes = Sizes.of_database(connection.alias)
    small = conf.get("INLINE_BACKFILL_ROWS")
    yield from forecast.lines(forecast.forecast(steps, sizes, inline_rows=small))


def needs_of_way_back(
    connection: BaseDatabaseWrapper, loader: MigrationLoader, migrations: Sequence[Migration]
) -> rights.Needs:
    """Return what rights it takes to unapply `migrations`."""
    return rights.needs_of_way_back(steps_of(loader, migrations, connection.alias))
