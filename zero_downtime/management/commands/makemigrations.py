"""`manage.py makemigrations`: what Django writes, rewritten into operations nobody notices."""

from __future__ import annotations

from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.core.management.base import CommandError, CommandParser
from django.core.management.commands import makemigrations
from django.db.migrations import Migration
from django.db.migrations.writer import MigrationWriter

from zero_downtime import conf

if TYPE_CHECKING:
    from zero_downtime.lint.findings import Report

Changes = dict[str, list[Migration]]


class MakeMigrationsMixin(makemigrations.Command):
    """Goes before the `Command` of any package that has a `makemigrations` of its own:

    class Command(MakeMigrationsMixin, other_package.Command): ...
    """

    stock = False

    def add_arguments(self, parser: CommandParser) -> None:
        """Add ours to Django's options."""
        super().add_arguments(parser)
        parser.add_argument(
            "--stock",
            action="store_true",
            help="Write the migrations as Django does, whatever they do to a busy database.",
        )

    def handle(self, *app_labels: Any, **options: Any) -> str | None:
        """Keep our option to ourselves."""
        self.stock = options.pop("stock", False)
        return super().handle(*app_labels, **options)

    def write_migration_files(
        self, changes: Changes, update_previous_migration_paths: dict[str, str] | None = None
    ) -> None:
        """Rewrite or refuse the migrations, as `ZERO_DOWNTIME["MAKEMIGRATIONS"]` says."""
        mode = "off" if self.stock else conf.get("MAKEMIGRATIONS")
        if mode == "off":
            super().write_migration_files(changes, update_previous_migration_paths)
            return
        # Not before there is something to write: Django's checks import this module as well.
        from zero_downtime.lint.rewrite import NewMigrations

        updated = update_previous_migration_paths or {}
        replaced = [(label, Path(path).stem) for label, path in updated.items()]
        new = NewMigrations.on_disk(changes, replaced)
        if mode == "check":
            self._refuse_errors(new.judge())
        else:
            changes = new.rewritten(self.migration_name)
        if updated:
            # Django deletes the updated file once for each file that it writes with this argument.
            first = {label: migrations[:1] for label, migrations in changes.items()}
            super().write_migration_files(first, updated)
            rest = {label: migrations[1:] for label, migrations in changes.items()}
            super().write_migration_files({k: v for k, v in rest.items() if v})
        else:
            super().write_migration_files(changes)
        self._complete(changes)

    def _refuse_errors(self, report: Report) -> None:
        from zero_downtime.lint.findings import Severity
        from zero_downtime.lint.reporters import text

        if report.fails(Severity.ERROR):
            self.stderr.write(text.render(report))
            raise CommandError(
                "No migration was written. Change the models as advised, "
                "or pass --stock to write Django's operations all the same."
            )

    def _complete(self, changes: Changes) -> None:
        """Finish the files, and say when to run what stages there are."""
        from zero_downtime.lint.migration_files import complete
        from zero_downtime.lint.rewrite import StageMigration

        for migration in chain.from_iterable(changes.values()):
            when = migration.when if isinstance(migration, StageMigration) else ()
            if not self.dry_run:
                complete(MigrationWriter(migration).path, when=when, atomic=migration.atomic)
            if when and self.verbosity >= 1:
                self.log(f"{self.style.MIGRATE_LABEL(str(migration))}: {' '.join(when)}")


class Command(MakeMigrationsMixin):
    """Django's command with `MakeMigrationsMixin`."""
