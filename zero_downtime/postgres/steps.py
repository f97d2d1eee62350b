"""Making a change of `changes` true without blocking anybody.

Every step looks first whether it is done, by what things are and not only by what they are
called, so that a run that died anywhere can be repeated. What a step needs in between (a CHECK
that proves NOT NULL, an index that becomes a constraint) is finished or taken away again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import singledispatchmethod

from django.db import IntegrityError
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from zero_downtime.errors import Refused
from zero_downtime.postgres import catalog, identifiers
from zero_downtime.postgres import changes as todo
from zero_downtime.postgres.indexes import (
    build_concurrently,
    drop_concurrently,
    partition_object_name,
)
from zero_downtime.postgres.lock_modes import Lock
from zero_downtime.postgres.locks import (
    briefly,
    lock_in_turn,
    patiently,
    retry_lock_failures,
)
from zero_downtime.postgres.shapes import (
    ConstraintShape,
    IndexShape,
    TableShape,
    read_shape,
)

# Runs (table, column, SQL expression): puts the expression where the column is NULL, in batches.
Fill = Callable[[str, str, str], None]


class OnlineTable:
    """A table that is changed while it is read and written.

    Args:
        table: as Django names it.
        fill: moves rows in batches; see `Fill`.
        targets: tables that foreign keys point at, by bare name, as Django names them.
        wanted: the shape in the end; what has its name there is not taken for a remnant.
    """

    def __init__(
        self,
        schema_editor: BaseDatabaseSchemaEditor,
        table: str,
        fill: Fill,
        targets: Mapping[str, str],
        wanted: TableShape,
    ) -> None:
        self.schema_editor = schema_editor
        self.connection = schema_editor.connection
        self.table = table
        self.fill = fill
        self.targets = targets
        self.wanted = wanted

    def shape(self) -> TableShape:
        """Return what the table looks like now; empty while `sqlmigrate` only collects SQL."""
        if self.schema_editor.collect_sql:
            return TableShape()
        # PostgreSQL locks the table to print its expressions, so who holds it is to be named.
        return briefly(
            self.schema_editor,
            self.table,
            lambda: read_shape(self.connection, self.table),
            wanted=Lock.ACCESS_SHARE,
        )

    def quote(self, name: str) -> str:
        """Return `name` as it has to stand in SQL."""
        return identifiers.quote(self.connection, name)

    def alter(
        self, *actions: str, others: Sequence[str] = (), mode: Lock = Lock.ACCESS_EXCLUSIVE
    ) -> None:
        """Run ALTER TABLE for each of `actions`, all in one short transaction.

        Locks: up to ACCESS EXCLUSIVE, for as long as it takes to write the catalog; a foreign
        key also locks the table that it points at, which is to be named in `others`.

        Args:
            mode: the strongest lock that the actions need, on any of the tables.
        """
        statements = [f"ALTER TABLE {self.quote(self.table)} {action}" for action in actions]

        def attempt() -> None:
            if others and not self.schema_editor.collect_sql:
                lock_in_turn(self.schema_editor, [self.table], mode)
            self._execute(statements)

        briefly(self.schema_editor, self.table, attempt, others, mode)

    def _execute(self, statements: Sequence[str]) -> None:
        for statement in statements:
            self.schema_editor.execute(statement, params=None)

    def validate(self, name: str) -> None:
        """Let PostgreSQL check all rows against a constraint.

        Locks: SHARE UPDATE EXCLUSIVE, which lets reads and writes pass, while the table is read;
        for a foreign key also ROW SHARE on the other table.
        """
        statement = f"ALTER TABLE {self.quote(self.table)} VALIDATE CONSTRAINT {self.quote(name)}"
        retry_lock_failures(
            self.connection,
            lambda: patiently(self.schema_editor, self.table, statement),
            {self.table: None},
        )

    @singledispatchmethod
    def apply(self, change: todo.Change) -> None:
        """Make `change` true, unless it is."""
        raise NotImplementedError(type(change).__name__)

    @apply.register
    def _(self, change: todo.AddColumn) -> None:
        column = change.column
        there = self.shape().columns.get(column.name)
        if there is not None:
            if (there.type, there.collation) != (column.type, column.collation):
                raise Refused(
                    f'Table "{self.table}" has a column "{column.name}" of type {there.type} '
                    "already. Drop that one first, or give the new one another name."
                )
            return
        definition = [self.quote(column.name), column.type]
        if column.collation:
            definition.append(f"COLLATE {column.collation}")
        if column.generated:
            definition.append(f"GENERATED ALWAYS AS ({column.default}) {column.generated}")
        elif column.default is not None:
            definition.append(f"DEFAULT {column.default}")
        if column.not_null:
            definition.append("NOT NULL")
        self.alter(f"ADD COLUMN {' '.join(definition)}")

    @apply.register
    def _(self, change: todo.DropColumn) -> None:
        if self.schema_editor.collect_sql or change.name in self.shape().columns:
            self.alter(f"DROP COLUMN {self.quote(change.name)}")

    @apply.register
    def _(self, change: todo.SetType) -> None:
        """The CHECKs of the column are off for an instant: with them, every row would be read."""
        now, after = self.shape(), change.after
        column = now.columns.get(after.name)
        if column is None or (column.type, column.collation) != (after.type, after.collation):
            checks = {
                name: constraint
                for name, constraint in now.constraints.items()
                if constraint.type == "c" and after.name in constraint.columns
            }
            collation = f" COLLATE {after.collation}" if after.collation else ""
            self.alter(
                *(f"DROP CONSTRAINT {self.quote(name)}" for name in checks),
                f"ALTER COLUMN {self.quote(after.name)} TYPE {after.type}{collation}",
                *(
                    f"ADD CONSTRAINT {self.quote(name)} {check.definition} NOT VALID"
                    for name, check in checks.items()
                ),
            )
        for name, constraint in self.shape().constraints.items():
            is_check = constraint.type == "c" and after.name in constraint.columns
            if is_check and not constraint.validated:
                self.validate(name)

    @apply.register
    def _(self, change: todo.SetDefault) -> None:
        column = self.shape().columns.get(change.name)
        if column is None or column.default != change.default:
            action = "DROP DEFAULT" if change.default is None else f"SET DEFAULT {change.default}"
            self.alter(f"ALTER COLUMN {self.quote(change.name)} {action}")

    @apply.register
    def _(self, change: todo.SetComment) -> None:
        """Locks: SHARE UPDATE EXCLUSIVE, briefly."""
        column = self.shape().columns.get(change.name)
        if column is None or column.comment != change.comment:
            text = "NULL"
            if change.comment is not None:
                text = "'{}'".format(change.comment.replace("'", "''"))
            statement = (
                f"COMMENT ON COLUMN {self.quote(self.table)}.{self.quote(change.name)} IS {text}"
            )
            briefly(
                self.schema_editor,
                self.table,
                lambda: self._execute([statement]),
                wanted=Lock.SHARE_UPDATE_EXCLUSIVE,
            )

    @apply.register
    def _(self, change: todo.DropNotNull) -> None:
        column = self.shape().columns.get(change.name)
        if column is None or column.not_null:
            self.alter(f"ALTER COLUMN {self.quote(change.name)} DROP NOT NULL")

    @apply.register
    def _(self, change: todo.FillColumn) -> None:
        column = self.shape().columns.get(change.name)
        if column is None or not column.not_null:
            self.fill(self.table, change.name, change.value)

    @apply.register
    def _(self, change: todo.SetNotNull) -> None:
        """SET NOT NULL reads no row when a valid CHECK proves already that there is no NULL."""
        proof = f"zero_downtime_{identifiers.digest(self.table, change.name)}_not_null"
        column = self.quote(change.name)
        shape = self.shape()
        if change.name in shape.columns and shape.columns[change.name].not_null:
            if proof in shape.constraints:
                self.alter(f"DROP CONSTRAINT {self.quote(proof)}")
            return
        if proof not in shape.constraints:
            self.alter(f"ADD CONSTRAINT {self.quote(proof)} CHECK ({column} IS NOT NULL) NOT VALID")
        self._validate_or_drop(
            proof, f'column "{change.name}" has NULLs. Fill it first, with BackfillField'
        )
        self.alter(f"ALTER COLUMN {column} SET NOT NULL", f"DROP CONSTRAINT {self.quote(proof)}")

    @apply.register
    def _(self, change: todo.AddIndex) -> None:
        self._build(change.name, change.index, change.written_as)

    @apply.register
    def _(self, change: todo.DropIndex) -> None:
        for name in self._names_of_index(change):
            drop_concurrently(self.schema_editor, self.table, name)

    @apply.register
    def _(self, change: todo.AddConstraint) -> None:
        constraint = change.constraint
        if constraint.type == "x":
            raise Refused(
                f'Exclusion constraint "{change.name}" cannot be added to table "{self.table}" '
                "without blocking it: PostgreSQL builds its index under an exclusive lock."
            )
        there = self.shape().constraints.get(change.name)
        if there is not None and not _same_constraint(there, constraint):
            raise Refused(
                f'Table "{self.table}" has a constraint "{change.name}" with another definition. '
                "Drop that one first, or give the new one another name."
            )
        if there is None and self._is_built_from_the_leaves_up(constraint):
            self._add_to_partitions(change)
        elif constraint.index_body is not None:
            if there is None:
                self._add_unique(change.name, constraint)
        elif there is None or not there.validated:
            self._add_checked(change, is_there=there is not None)

    @apply.register
    def _(self, change: todo.DropConstraint) -> None:
        """Dropping a foreign key locks the other table as well, as briefly."""
        for name in self._names_of_constraint(change):
            others = self._targets(change.constraint)
            self.alter(f"DROP CONSTRAINT {self.quote(name)}", others=others)

    def _is_built_from_the_leaves_up(self, constraint: ConstraintShape) -> bool:
        """Whether the table is partitioned, and the constraint of a kind that needs care there.

        A partitioned table takes no constraint USING INDEX, and before PostgreSQL 18 no foreign
        key NOT VALID.
        """
        if self.schema_editor.collect_sql or constraint.type == "c":
            return False
        return catalog.partitions_of(self.connection, self.table) is not None

    def _add_to_partitions(self, change: todo.AddConstraint) -> None:
        """Add the constraint to each partition, then to the parent, which takes theirs over.

        What the partitions have proved is not looked at again, so the last step reads no row.
        """
        for partition in catalog.partitions_of(self.connection, self.table) or ():
            child = OnlineTable(self.schema_editor, partition, self.fill, self.targets, self.wanted)
            name = partition_object_name(partition, change.name)
            child.apply(todo.AddConstraint(name, change.constraint))
        self.alter(
            f"ADD CONSTRAINT {self.quote(change.name)} {self._definition(change.constraint)}"
        )

    def _add_unique(self, name: str, constraint: ConstraintShape) -> None:
        assert constraint.index_body is not None
        index = IndexShape(unique=True, body=constraint.index_body)
        self._build(name, index)
        kind = "PRIMARY KEY" if constraint.type == "p" else "UNIQUE"
        self.alter(
            f"ADD CONSTRAINT {self.quote(name)} {kind} USING INDEX {self.quote(name)} "
            f"{constraint.deferral}".rstrip()
        )

    def _add_checked(self, change: todo.AddConstraint, *, is_there: bool) -> None:
        """NOT VALID and VALIDATE in two transactions: in one they block like a plain ADD."""
        name = change.name
        if not is_there:
            definition = f"CONSTRAINT {self.quote(name)} {self._definition(change.constraint)}"
            others = self._targets(change.constraint)
            self.alter(
                f"ADD {change.written_as or definition} NOT VALID",
                others=others,
                mode=Lock.SHARE_ROW_EXCLUSIVE if others else Lock.ACCESS_EXCLUSIVE,
            )
        self._validate_or_drop(
            name, f'there are rows that violate constraint "{name}". Mend them first'
        )

    def _build(self, name: str, index: IndexShape, written_as: str | None = None) -> None:
        try:
            build_concurrently(self.schema_editor, self.table, name, index, written_as)
        except IntegrityError as error:
            problem = f'there are rows that unique index "{name}" forbids. Mend them first'
            raise self._refused(problem, error) from error

    def _validate_or_drop(self, name: str, problem: str) -> None:
        try:
            self.validate(name)
        except IntegrityError as error:
            self.alter(f"DROP CONSTRAINT {self.quote(name)}")
            raise self._refused(problem, error) from error

    def _refused(self, problem: str, error: IntegrityError) -> Refused:
        return Refused(
            f'Table "{self.table}": {problem}; then run the same command again. '
            f"PostgreSQL says: {str(error).strip()}"
        )

    def _targets(self, constraint: ConstraintShape) -> list[str]:
        """Return the table that a foreign key points at, as Django names it; none for others."""
        target = constraint.target
        return [] if target is None else [self.targets.get(target.table, target.table)]

    def _definition(self, constraint: ConstraintShape) -> str:
        target = constraint.target
        if target is None:
            return constraint.definition
        columns = ", ".join(map(self.quote, constraint.columns))
        target_table = self.quote(*self._targets(constraint))
        target_columns = ", ".join(map(self.quote, target.columns))
        return (
            f"FOREIGN KEY ({columns}) REFERENCES {target_table} ({target_columns}) "
            f"{target.tail} {constraint.deferral}"
        ).replace("  ", " ")

    def _names_of_index(self, change: todo.DropIndex) -> list[str]:
        if self.schema_editor.collect_sql:
            return [change.name]
        indexes = self.shape().indexes
        if change.name in indexes:
            wanted = self.wanted.indexes.get(change.name)
            return [] if indexes[change.name] == wanted else [change.name]
        same = (change.index.unique, change.index.body)
        return self._the_only_one(
            name for name, index in indexes.items() if (index.unique, index.body) == same
        )

    def _names_of_constraint(self, change: todo.DropConstraint) -> list[str]:
        if self.schema_editor.collect_sql:
            return [change.name]
        constraints = self.shape().constraints
        if change.name in constraints:
            wanted = self.wanted.constraints.get(change.name)
            is_new = wanted is not None and _same_constraint(constraints[change.name], wanted)
            return [] if is_new else [change.name]
        return self._the_only_one(
            name
            for name, constraint in constraints.items()
            if _same_constraint(constraint, change.constraint)
        )

    def _the_only_one(self, names: Iterable[str]) -> list[str]:
        """Return the one thing that is what has to go under another name; none if in doubt.

        Names differ where a table was not made by the migrations of today.
        """
        alike = [
            name
            for name in names
            if name not in self.wanted.indexes and name not in self.wanted.constraints
        ]
        return alike if len(alike) == 1 else []


def _same_constraint(one: ConstraintShape, other: ConstraintShape) -> bool:
    return (one.type, one.definition, one.columns, one.target, one.deferral) == (
        other.type,
        other.definition,
        other.columns,
        other.target,
        other.deferral,
    )
