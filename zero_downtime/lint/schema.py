"""What the migrations so far have put into the database that no model's state tells."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from zero_downtime.postgres.lock_modes import Lock
from zero_downtime.postgres.statements import (
    AddCheck,
    AddColumn,
    AlterColumnType,
    Brief,
    CreateIndex,
    CreateTable,
    CreateView,
    DropColumn,
    DropConstraint,
    DropIndex,
    DropTable,
    DropView,
    RenameTable,
    SetNotNull,
    Statement,
    ValidateConstraint,
)


@dataclass
class Schema:
    """Is told of every statement, in the order in which they run."""

    new_tables: set[str] = field(default_factory=set)
    """Tables that did not exist before this migration, or before the plan it is part of."""
    unproven: set[tuple[str, str]] = field(default_factory=set)
    """(table, constraint) of constraints that were added NOT VALID and never validated."""
    not_null_checks: dict[tuple[str, str], str] = field(default_factory=dict)
    """Column that a CHECK made by SQL says is not NULL, by (table, constraint)."""
    views: dict[str, frozenset[tuple[str, str]]] = field(default_factory=dict)
    """(table, column) that each view made by SQL shows."""
    indexes: dict[str, str] = field(default_factory=dict)
    """Tables of the indexes made by SQL."""
    tables: set[str] = field(default_factory=set)
    """Those that SQL has made, and none of the models has."""
    columns: set[tuple[str, str]] = field(default_factory=set)
    """(table, column) of those that SQL has made."""
    filled: set[tuple[str, str, str]] = field(default_factory=set)
    """(app label, model, field) whose transition an earlier migration has a backfill for."""

    def learn(self, statement: Statement, *, by_sql: bool) -> None:
        """Take in what a statement has changed; `by_sql` says that no state tells it."""
        match statement:
            case CreateTable(table=table):
                self.new_tables.add(table)
                if by_sql:
                    self.tables.add(table)
            case RenameTable(table=table, new_name=new_name):
                if table in self.new_tables:
                    self.new_tables.add(new_name)
            case DropTable(table=table):
                self.tables.discard(table)
            case AddColumn(table=table, column=column) if by_sql:
                self.columns.add((table, column))
            case DropColumn(table=table, column=column):
                self.columns.discard((table, column))
            case AddCheck(table=table, name=name, valid=valid, proves_not_null=column):
                if not valid:
                    self.unproven.add((table, name))
                if column and by_sql:
                    self.not_null_checks[table, name] = column
            case ValidateConstraint(table=table, name=name):
                self.unproven.discard((table, name))
            case DropConstraint(table=table, name=name):
                self.not_null_checks.pop((table, name), None)
            case CreateView(table=view, columns=columns):
                self.views[view] = frozenset(columns)
            case DropView(table=view):
                self.views.pop(view, None)
            case CreateIndex(table=table, name=name) if by_sql:
                self.indexes[name] = table
            case DropIndex(name=name):
                self.indexes.pop(name, None)

    def refined(self, statement: Statement) -> Statement:
        """Return the statement with what is known of the table that it does not say itself."""
        if isinstance(statement, DropTable):
            return replace(statement, made_by_sql=statement.table in self.tables)
        if isinstance(statement, SetNotNull) and not statement.proven:
            checks = self.not_null_checks_of(statement.table, statement.column)
            return replace(
                statement,
                proven=any(check not in self.unproven for check in checks),
                guarded=statement.guarded or bool(checks),
            )
        if (
            isinstance(statement, CreateIndex)
            and statement.if_not_exists
            and self.has_index(statement)
        ):
            return Brief(statement.table, "CREATE INDEX IF NOT EXISTS", Lock.SHARE)
        if isinstance(statement, AlterColumnType):
            views = self.views_of(statement.table, statement.column)
            return replace(statement, used_by=(*statement.used_by, *views)) if views else statement
        return statement

    def has_index(self, statement: CreateIndex) -> bool:
        """Tell whether SQL has made an index of that name, in the schema of the table."""
        table = self.indexes.get(statement.name)
        return table is not None and (
            table.rpartition(".")[0] == statement.table.rpartition(".")[0]
        )

    def not_null_checks_of(self, table: str, column: str) -> list[tuple[str, str]]:
        """Return (table, constraint) of the CHECKs made by SQL that keep NULL out of the column."""
        return [
            key
            for key, checked in self.not_null_checks.items()
            if key[0] == table and checked == column
        ]

    def views_of(self, table: str, column: str) -> list[str]:
        """Return the views made by SQL that show the column."""
        return sorted(
            view
            for view, shown in self.views.items()
            if (table, column) in shown or (table, "*") in shown
        )
