"""ZD601: an applied migration was edited."""

from __future__ import annotations

from collections.abc import Iterator

from zero_downtime.lint.edited import Edited
from zero_downtime.lint.findings import Finding, Severity
from zero_downtime.lint.rule import Rule
from zero_downtime.lint.source import MigrationSource
from zero_downtime.lint.walk import Step


class AppliedMigrationWasEdited(Rule):
    """The file of a migration is not what it was when the database applied it.

    The database has what the old file says, and never runs the new one: other databases get
    another schema, and nobody is told. `migrate` writes a checksum of each file into its journal;
    this compares it with the file. Blank lines, lines of comment and `zero_downtime_ignore` do not
    count. A migration that was faked was not run, but taken to say what the database has: it counts
    as applied.

    Bad, when the database has applied it with `max_length=10`:

    ```python
    class Migration(migrations.Migration):
        operations = [
            migrations.AddField("order", "code", models.CharField(max_length=20, null=True)),
        ]
    ```

    Good: the file as it was, and a migration after it.

    ```python
    class Migration(migrations.Migration):
        operations = [
            migrations.AddField("order", "code", models.CharField(max_length=10, null=True)),
        ]
    ```

    ```python
    class Migration(migrations.Migration):
        operations = [
            migrations.AlterField("order", "code", models.CharField(max_length=20, null=True)),
        ]
    ```

    An edit that changes nothing in the database (a formatter, another name in `dependencies`, no
    more `replaces` in what was squashed) is taken as it is, on each database, with
    `manage.py migrate --accept-edited`. To suppress it for all of them, write the comment above
    the class.

    It is not known without a database: nothing is reported if `--database` is not PostgreSQL, does
    not answer within 2 seconds, or has no journal; nor with `--unapplied`, in the system check and
    in the pytest fixture, which do not look at what is applied.
    """

    code = "ZD601"
    name = "applied-migration-was-edited"
    hazards = ()
    asks_journal = True
    has_remedy = False

    def check(self, step: Step) -> Iterator[Finding]:
        return iter(())

    def check_edited(self, edited: Edited) -> Iterator[Finding]:
        source = MigrationSource(edited.migration)
        yield Finding(
            rule=self.code,
            name=self.name,
            severity=Severity.WARNING,
            hazards=(),
            app=edited.migration.app_label,
            migration=edited.migration.name,
            operation=None,
            path=source.path,
            line=source.first_line,
            tables=(),
            message=edited.message,
            remedy=edited.remedy,
            fixable=False,
            docs=f"rules/{self.code}.md",
        )
