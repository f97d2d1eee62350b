"""Saying what a right is missing for, before anything runs.

Which rights migrations need follows from their statements alone; then the server is asked, in two
or three questions for all of them, what the role of the session may do.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from django.apps import apps
from django.contrib.postgres.operations import CreateExtension
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.recorder import MigrationRecorder
from django.db.models import Model

from zero_downtime.errors import Refused
from zero_downtime.lint.model_states import has_table, many_to_many_tables, table_name
from zero_downtime.lint.timeline import Effect
from zero_downtime.lint.walk import Step
from zero_downtime.operations.alter_field_step import AlterFieldStep
from zero_downtime.operations.online import OnlineChange
from zero_downtime.postgres import privileges
from zero_downtime.postgres import statements as sql
from zero_downtime.postgres.identifiers import quote, requoted
from zero_downtime.postgres.privileges import OWNER

THE_COMMAND = "migrate"
"""Who needs what no migration needs, but the record of them."""

_FOR_OWNERS = (
    sql.AddColumn,
    sql.DropColumn,
    sql.RenameColumn,
    sql.AlterColumnType,
    sql.SetNotNull,
    sql.DropNotNull,
    sql.SetDefault,
    sql.DropDefault,
    sql.DropIdentity,
    sql.AddIdentity,
    sql.Constraint,
    sql.CreateIndex,
    sql.DropIndex,
    sql.DropTable,
    sql.RenameTable,
)
_CREATING = (
    sql.CreateTable,
    sql.CreateView,
    sql.RenameTable,
    sql.CreateIndex,
    sql.AddUnique,
    sql.AddExclusion,
    sql.CreateTrigger,
)
"""Statements that put something into the schema of their table; of a trigger it is the function."""
_OF_RECORD = ("SELECT", "INSERT", "DELETE")
_OF_OUR_OWN = (*_OF_RECORD, "UPDATE")

TablePrivilege = tuple[str, tuple[str, ...]]
"""A table, as the linter names it, and the privileges on it any of which will do."""


@dataclass
class Needs:
    """What rights are needed, and by which migration first."""

    on_tables: dict[TablePrivilege, str] = field(default_factory=dict)
    """On tables, as far as they exist."""
    creating: dict[str, str] = field(default_factory=dict)
    """Tables in whose schemas something is created, be it the table."""
    temporary: str = ""
    """The first one that tries operations out on temporary tables; "" if none does."""
    extensions: dict[str, str] = field(default_factory=dict)

    def require(self, connection: BaseDatabaseWrapper) -> None:
        """Check that the role of the session has the rights.

        Raises:
            Refused: it lacks some; says which, for which migrations, and how to grant them.
        """
        missing = list(_Check(connection, self).missing())
        if not missing:
            return
        problems = "".join(f"\n  {each.problem}" for each in missing)
        grants = "".join(f"\n  {grant};" for grant in dict.fromkeys(each.grant for each in missing))
        raise Refused(
            f"The role that runs migrate lacks rights. Nothing was changed.{problems}\n"
            f"Let somebody run who may:{grants}\n"
            "Or run migrate as a role that has the rights, or try it all the same with: "
            'manage.py migrate --unsafe "REASON"'
        )


def needs_of(steps: Iterable[Step]) -> Needs:
    """Return what rights it takes to apply the migrations of `steps`, and to keep record."""
    needs = _needs_of_record()
    for step in steps:
        who = _migration(step)
        operation = step.operation
        for effect in [*step.effects, *step.online]:
            for need in _on_tables(effect):
                needs.on_tables.setdefault(need, who)
            if isinstance(effect.statement, _CREATING):
                needs.creating.setdefault(effect.statement.table, who)
        if isinstance(operation, OnlineChange | AlterFieldStep):
            needs.temporary = needs.temporary or who
        if isinstance(operation, CreateExtension):
            needs.extensions.setdefault(operation.name, who)
    return needs


def needs_of_way_back(steps: Iterable[Step]) -> Needs:
    """Return what rights it takes to unapply the migrations: the tables of their models."""
    needs = _needs_of_record()
    for step in steps:
        if not (step.effects or step.online):
            continue
        for model in (step.before, step.after):
            if model is not None and has_table(model):
                for table in (table_name(model), *many_to_many_tables(model)):
                    needs.on_tables.setdefault((table, (OWNER,)), _migration(step))
    return needs


def _needs_of_record() -> Needs:
    """Return what it takes to record migrations, as Django does and as we do."""
    needs = Needs()
    record: type[Model] = MigrationRecorder.Migration
    own = apps.get_app_config("zero_downtime").get_models()
    wanted = {record: _OF_RECORD, **dict.fromkeys(own, _OF_OUR_OWN)}
    for model, kinds in wanted.items():
        for kind in kinds:
            needs.on_tables[model._meta.db_table, (kind,)] = THE_COMMAND
    return needs


def _migration(step: Step) -> str:
    return f"{step.app_label}.{step.migration.name}"


def _on_tables(effect: Effect) -> Iterator[TablePrivilege]:
    """Yield what a statement needs on tables that the migrations do not make themselves."""
    statement = effect.statement
    if statement.table and effect.existing:
        if isinstance(statement, _FOR_OWNERS):
            yield statement.table, (OWNER,)
        match statement:
            case sql.CreateTrigger():
                yield statement.table, ("TRIGGER",)
            case sql.Truncate():
                yield statement.table, ("TRUNCATE",)
            case sql.ReadRows():
                yield statement.table, ("SELECT",)
            case sql.WriteRows():
                # Of Python code it is not known which of them it does.
                yield statement.table, ("INSERT", "UPDATE", "DELETE")
    for table in _referenced(statement):
        if table and table not in effect.new_tables:
            yield table, ("REFERENCES",)


def _referenced(statement: sql.Statement) -> tuple[str, ...]:
    match statement:
        case sql.AddForeignKey(target=target):
            return (target,)
        case sql.AddColumn(references=target):
            return (target,)
        case sql.CreateTable(references=targets):
            return targets
    return ()


@dataclass(frozen=True)
class _Missing:
    problem: str
    grant: str
    """The statement after which it would be none."""


class _Check:
    """What is needed, beside what the server says of it."""

    def __init__(self, connection: BaseDatabaseWrapper, needs: Needs) -> None:
        self.connection = connection
        self.needs = needs
        names = {table for table, _ in needs.on_tables} | needs.creating.keys()
        found = privileges.of_tables(connection, [requoted(name) for name in names])
        self.tables = {name: found[requoted(name)] for name in names if requoted(name) in found}
        schemas = {self._schema(table) for table in needs.creating}
        self.session = privileges.of_session(connection, schemas)
        self.role = self._quoted(self.session.role)
        self.database = self._quoted(self.session.database)

    def missing(self) -> Iterator[_Missing]:
        yield from self._on_tables()
        yield from self._in_schemas()
        yield from self._temporary()
        if self.needs.extensions:
            yield from self._extensions()

    def _quoted(self, name: str) -> str:
        return quote(self.connection, name)

    def _schema(self, table: str) -> str:
        """Return the schema of a table; "" for that in which it would be created."""
        known = self.tables.get(table)
        return known.schema if known else table.rpartition(".")[0]

    def _on_tables(self) -> Iterator[_Missing]:
        for (table, any_of), who in self.needs.on_tables.items():
            known = self.tables.get(table)
            if known is None or known.may.intersection(any_of):
                continue
            name, owner = self._quoted(requoted(table)), self._quoted(known.owner)
            if any_of == (OWNER,):
                yield _Missing(
                    f"{who} changes table {name}, which only its owner may: {owner}, "
                    f"not {self.role}.",
                    f"GRANT {owner} TO {self.role}",
                )
            elif (table, (OWNER,)) not in self.needs.on_tables:  # which would do for this, too
                yield _Missing(
                    f"{who} needs {' or '.join(any_of)} on table {name} of {owner}, which "
                    f"{self.role} does not have.",
                    f"GRANT {', '.join(any_of)} ON {name} TO {self.role}",
                )

    def _in_schemas(self) -> Iterator[_Missing]:
        first: dict[str | None, str] = {}
        for table, who in self.needs.creating.items():
            first.setdefault(self._schema(table) or self.session.schema, who)
        for schema, who in first.items():
            if schema is None:
                yield _Missing(
                    f"{who} creates something, but {self.role} may use no schema of its "
                    "search_path.",
                    f"GRANT USAGE, CREATE ON SCHEMA public TO {self.role}",
                )
            elif schema in self.session.closed_schemas:
                name = self._quoted(schema)
                yield _Missing(
                    f"{who} creates something in schema {name}, which {self.role} may not.",
                    f"GRANT USAGE, CREATE ON SCHEMA {name} TO {self.role}",
                )

    def _temporary(self) -> Iterator[_Missing]:
        if self.needs.temporary and not self.session.may_make_temporary:
            yield _Missing(
                f"{self.needs.temporary} tries its operations out on temporary tables, which "
                f"{self.role} may not make in database {self.database}.",
                f"GRANT TEMPORARY ON DATABASE {self.database} TO {self.role}",
            )

    def _extensions(self) -> Iterator[_Missing]:
        names = self.needs.extensions
        forbidden = privileges.forbidden_extensions(self.connection, names.keys())
        for name, is_trusted in forbidden.items():
            problem = f"{names[name]} creates extension {self._quoted(name)}, which "
            if is_trusted:
                yield _Missing(
                    f"{problem}takes CREATE on database {self.database}.",
                    f"GRANT CREATE ON DATABASE {self.database} TO {self.role}",
                )
            else:
                yield _Missing(
                    f"{problem}only a superuser may.", f"CREATE EXTENSION {self._quoted(name)}"
                )
