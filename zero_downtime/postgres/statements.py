"""What the statements of a migration are, what each locks, and which ones take long.

A statement is told here by what it does, not by its text, so that an operation of Django and SQL
written by hand can be judged alike. `observed` names the cases of
`tests/postgres/observed_locks.json` that show what is said of its lock and its work; they are
replayed on every version of PostgreSQL that is tested.

Takes no lock itself: nothing here asks a server.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import ClassVar

from zero_downtime.postgres.lock_modes import Lock


@dataclass(frozen=True)
class Statement:
    """One thing that is done to a table, or to what belongs to one."""

    table: str
    """Name of the table; "" where it is not known, or there is none."""

    lock: ClassVar[Lock] = Lock.ACCESS_EXCLUSIVE
    observed: ClassVar[tuple[str, ...]] = ()

    @property
    def locks(self) -> Mapping[str, Lock]:
        """The strongest lock on each table, kept until the transaction ends."""
        return {self.table: self.lock} if self.table else {}

    @property
    def work(self) -> tuple[str, ...]:
        """The tables whose size decides how long it takes; none if it takes but an instant."""
        return ()

    @property
    def refuses_transaction(self) -> bool:
        """It fails inside a transaction."""
        return False


@dataclass(frozen=True)
class Brief(Statement):
    """Something that takes an instant and that no rule is about."""

    what: str = ""
    mode: Lock = Lock.ACCESS_EXCLUSIVE
    alone: bool = False
    """It fails inside a transaction."""

    @property
    def locks(self) -> Mapping[str, Lock]:
        return {self.table: self.mode} if self.table else {}

    @property
    def refuses_transaction(self) -> bool:
        return self.alone


# Tables


@dataclass(frozen=True)
class CreateTable(Statement):
    references: tuple[str, ...] = ()
    """Tables that foreign keys written with it point at."""
    if_not_exists: bool = False
    observed = ("CREATE TABLE plain", "CREATE TABLE with FK")

    @property
    def locks(self) -> Mapping[str, Lock]:
        return dict.fromkeys(self.references, Lock.SHARE_ROW_EXCLUSIVE)


@dataclass(frozen=True)
class DropTable(Statement):
    others: tuple[str, ...] = ()
    """Tables that share a foreign key with it."""
    if_exists: bool = False
    made_by_sql: bool = False
    """A migration before has made it, and no model knows of it."""
    observed = ("DROP TABLE child of FK", "DROP TABLE (has FK to parent)")

    @property
    def locks(self) -> Mapping[str, Lock]:
        return dict.fromkeys((self.table, *self.others), Lock.ACCESS_EXCLUSIVE)


@dataclass(frozen=True)
class RenameTable(Statement):
    new_name: str = ""
    observed = ("RENAME TABLE",)


# Columns


class Default(Enum):
    """The database default that a new column brings."""

    NONE = "none"
    CONSTANT = "constant"
    """Kept in the catalog for the rows that exist: nothing is written."""
    VOLATILE = "volatile"
    """Every row gets a value of its own: the table is written anew."""


@dataclass(frozen=True)
class AddColumn(Statement):
    column: str = ""
    type: str = ""
    not_null: bool = False
    default: Default = Default.NONE
    default_stays: bool = True
    """Rows that are inserted later get the default as well."""
    written: str = ""
    """Why every row is written anew, besides a volatile default: "stored generated" or so."""
    check: bool = False
    """A CHECK comes with it, which reads every row."""
    references: str = ""
    """The table that a validated foreign key points at."""
    unique: bool = False
    if_not_exists: bool = False
    observed = (
        "ADD COLUMN nullable",
        "ADD COLUMN default const",
        "ADD COLUMN default random()",
        "ADD COLUMN identity",
        "ADD COLUMN generated stored",
        "ADD COLUMN CHECK inline",
        "ADD COLUMN FK inline null",
        "ADD COLUMN FK inline default",
        "ADD COLUMN UNIQUE",
    )

    @property
    def rewrites(self) -> bool:
        return bool(self.written) or self.default is Default.VOLATILE

    @property
    def repeats_a_value(self) -> bool:
        """It fails if the table has two rows: both get the same value, which has to be unique."""
        return self.unique and self.default is Default.CONSTANT and not self.written

    @property
    def needs_a_value(self) -> bool:
        """It fails if the table has a row."""
        return self.not_null and self.default is Default.NONE and not self.written

    @property
    def locks(self) -> Mapping[str, Lock]:
        locks = {self.table: Lock.ACCESS_EXCLUSIVE}
        if self.references and self.references != self.table:
            locks[self.references] = Lock.SHARE_ROW_EXCLUSIVE
        return locks

    @property
    def work(self) -> tuple[str, ...]:
        validates = self.references and self.default is not Default.NONE
        if self.repeats_a_value:
            return ()
        if self.rewrites or self.check or self.unique or validates:
            return (self.table,)
        return ()


@dataclass(frozen=True)
class DropColumn(Statement):
    column: str = ""
    references: str = ""
    """The table that the column's foreign key points at."""
    generated: bool = False
    """Its values come from other columns."""
    if_exists: bool = False
    observed = ("DROP COLUMN", "DROP COLUMN with FK")

    @property
    def locks(self) -> Mapping[str, Lock]:
        return {name: self.lock for name in (self.table, self.references) if name}


@dataclass(frozen=True)
class RenameColumn(Statement):
    column: str = ""
    new_name: str = ""
    observed = ("RENAME COLUMN",)


@dataclass(frozen=True)
class AlterColumnType(Statement):
    column: str = ""
    before: str | None = None
    """The type before, if it is known."""
    after: str = ""
    cast: bool = False
    """It says USING column::type, so that text which is too long is cut off."""
    used_by: tuple[str, ...] = ()
    """Views and generated columns that need it as it is: PostgreSQL refuses to change its type."""
    rewrites: bool = True
    rereads: str = ""
    """What makes it read the table though it need not write it: a CHECK, or an index to rebuild."""
    using: bool = False
    """An expression other than the plain cast gives the values, so that it rewrites for sure."""
    observed = (
        "TYPE int->bigint",
        "TYPE text->varchar(50)",
        "TYPE varchar(10)->varchar(20) (indexed)",
        "TYPE varchar(10)->text (indexed)",
        "TYPE numeric(8,2)->numeric(12,2)",
    )

    @property
    def work(self) -> tuple[str, ...]:
        return (self.table,) if self.rewrites or self.rereads else ()


@dataclass(frozen=True)
class SetNotNull(Statement):
    column: str = ""
    proven: bool = False
    """A valid CHECK says that no row holds NULL, so none is read."""
    guarded: bool = False
    """A CHECK, be it NOT VALID, keeps NULL out of rows that are written."""
    observed = ("SET NOT NULL plain", "SET NOT NULL with valid CHECK")

    @property
    def work(self) -> tuple[str, ...]:
        return () if self.proven else (self.table,)


@dataclass(frozen=True)
class DropNotNull(Statement):
    column: str = ""
    observed = ("DROP NOT NULL",)


@dataclass(frozen=True)
class SetDefault(Statement):
    column: str = ""


@dataclass(frozen=True)
class DropDefault(Statement):
    column: str = ""


@dataclass(frozen=True)
class DropIdentity(Statement):
    column: str = ""


@dataclass(frozen=True)
class AddIdentity(Statement):
    """Numbers begin at 1, whatever the column holds."""

    column: str = ""


# Constraints


@dataclass(frozen=True)
class Constraint(Statement):
    name: str = ""
    """"" if PostgreSQL or Django chooses it."""
    columns: tuple[str, ...] = ()
    """Those it is about, as far as they are known."""


@dataclass(frozen=True)
class AddCheck(Constraint):
    valid: bool = True
    """Rows that exist are looked at: it was not added NOT VALID."""
    proves_not_null: str = ""
    """The column of which it says no more than that it is not NULL."""
    observed = ("ADD CHECK", "ADD CHECK NOT VALID")

    @property
    def work(self) -> tuple[str, ...]:
        return (self.table,) if self.valid else ()


@dataclass(frozen=True)
class AddUnique(Constraint):
    """UNIQUE or PRIMARY KEY as a constraint."""

    using_index: bool = False
    primary_key: bool = False
    implied: bool = False
    """Fewer of its columns are known to be unique already: no two rows can be alike."""
    nulls_distinct: bool = True
    observed = ("ADD UNIQUE", "ADD UNIQUE USING INDEX", "ADD PRIMARY KEY")

    @property
    def work(self) -> tuple[str, ...]:
        return () if self.using_index else (self.table,)


@dataclass(frozen=True)
class AddExclusion(Constraint):
    observed = ("ADD EXCLUDE",)

    @property
    def work(self) -> tuple[str, ...]:
        return (self.table,)


@dataclass(frozen=True)
class AddForeignKey(Constraint):
    target: str = ""
    valid: bool = True
    lock = Lock.SHARE_ROW_EXCLUSIVE
    observed = ("ADD FK", "ADD FK NOT VALID")

    @property
    def locks(self) -> Mapping[str, Lock]:
        return {name: self.lock for name in (self.table, self.target) if name}

    @property
    def work(self) -> tuple[str, ...]:
        return (self.table,) if self.valid else ()


@dataclass(frozen=True)
class ValidateConstraint(Constraint):
    target: str = ""
    """The table that a foreign key points at."""
    lock = Lock.SHARE_UPDATE_EXCLUSIVE
    observed = ("VALIDATE CHECK", "VALIDATE FK")

    @property
    def locks(self) -> Mapping[str, Lock]:
        locks = {self.table: self.lock}
        if self.target and self.target != self.table:
            locks[self.target] = Lock.ROW_SHARE
        return locks

    @property
    def work(self) -> tuple[str, ...]:
        return (self.table,)


@dataclass(frozen=True)
class DropConstraint(Constraint):
    target: str = ""
    """The table that a foreign key points at."""
    unique: bool = False
    observed = ("DROP CONSTRAINT FK", "DROP CONSTRAINT CHECK", "DROP UNIQUE/PK constraint")

    @property
    def locks(self) -> Mapping[str, Lock]:
        return {name: self.lock for name in (self.table, self.target) if name}


# Indexes


@dataclass(frozen=True)
class CreateIndex(Statement):
    name: str = ""
    unique: bool = False
    concurrently: bool = False
    only: bool = False
    """Of a partitioned table, but of none of its partitions."""
    columns: tuple[str, ...] = ()
    if_not_exists: bool = False
    implied: bool = False
    """If it is unique: fewer of its columns are so already, so that no two rows can be alike."""
    nulls_distinct: bool = True
    lock = Lock.SHARE
    observed = ("CREATE INDEX", "CREATE UNIQUE INDEX", "CREATE INDEX ON ONLY partitioned")

    @property
    def locks(self) -> Mapping[str, Lock]:
        return {self.table: Lock.SHARE_UPDATE_EXCLUSIVE if self.concurrently else self.lock}

    @property
    def work(self) -> tuple[str, ...]:
        return () if self.only else (self.table,)

    @property
    def refuses_transaction(self) -> bool:
        return self.concurrently


@dataclass(frozen=True)
class DropIndex(Statement):
    name: str = ""
    concurrently: bool = False
    unique: bool = False
    columns: tuple[str, ...] = ()
    """Those of a unique one, as far as they are known."""
    observed = ("DROP INDEX",)

    @property
    def locks(self) -> Mapping[str, Lock]:
        mode = Lock.SHARE_UPDATE_EXCLUSIVE if self.concurrently else self.lock
        return {self.table: mode} if self.table else {}

    @property
    def refuses_transaction(self) -> bool:
        return self.concurrently


# Commands that go through a whole table


@dataclass(frozen=True)
class Heavy(Statement):
    """VACUUM FULL, CLUSTER, REINDEX, REFRESH, SET UNLOGGED and the like."""

    command: str = ""
    mode: Lock = Lock.ACCESS_EXCLUSIVE
    alone: bool = False
    """It fails inside a transaction."""
    fills: bool = False
    """It writes all the rows of a view anew."""
    observed = ("CLUSTER", "REFRESH MATVIEW", "SET UNLOGGED", "REINDEX TABLE")

    @property
    def locks(self) -> Mapping[str, Lock]:
        return {self.table: self.mode} if self.table else {}

    @property
    def work(self) -> tuple[str, ...]:
        return (self.table,)

    @property
    def refuses_transaction(self) -> bool:
        return self.alone


@dataclass(frozen=True)
class LockTable(Statement):
    mode: Lock = Lock.ACCESS_EXCLUSIVE
    observed = ("LOCK TABLE default",)

    @property
    def locks(self) -> Mapping[str, Lock]:
        return {self.table: self.mode}


# Rows


@dataclass(frozen=True)
class WriteRows(Statement):
    """UPDATE, DELETE, INSERT or COPY."""

    verb: str = "UPDATE"
    bounded: bool = False
    """It is known to concern few rows, however large the table."""
    keys: bool = False
    """It may leave foreign keys to be checked when the transaction ends."""
    reads: tuple[str, ...] = ()
    """Other tables that it goes through."""
    batched: bool = False
    """Outside of a transaction it is many short ones."""
    fills_nulls: str = ""
    """It does no more than to give a value to a column where that is NULL."""
    columns: tuple[str, ...] = ()
    """Those that an UPDATE sets."""
    pinned: frozenset[str] = frozenset()
    """Columns whose values WHERE gives. If one of them is unique, it concerns few rows."""
    texts: frozenset[str] = frozenset()
    """The literals in it that are not numbers."""
    lock = Lock.ROW_EXCLUSIVE
    observed = ("UPDATE all", "DELETE")

    @property
    def work(self) -> tuple[str, ...]:
        return () if self.bounded else (self.table, *self.reads)


@dataclass(frozen=True)
class Truncate(Statement):
    others: tuple[str, ...] = ()
    observed = ("TRUNCATE",)


@dataclass(frozen=True)
class ReadRows(Statement):
    """A SELECT that goes through a table."""

    in_memory: bool = False
    """All rows are kept in memory at once."""
    line: int = 0
    """Where in the source of a function it stands; 0 in SQL."""

    lock = Lock.ACCESS_SHARE
    observed = ("SELECT",)

    @property
    def work(self) -> tuple[str, ...]:
        return (self.table,)


# What else there is


@dataclass(frozen=True)
class CreateView(Statement):
    """`table` is the view's own name."""

    columns: tuple[tuple[str, str], ...] = ()
    """(table, column) that it shows or chooses rows by.

    A column "*" stands for all of the table's columns, "" for none: it but counts rows, say.
    """
    materialized: bool = False
    replace: bool = False
    observed = ("CREATE VIEW", "CREATE MATVIEW")

    @property
    def locks(self) -> Mapping[str, Lock]:
        locks = {table: Lock.ACCESS_SHARE for table, _ in self.columns}
        if self.replace:
            locks[self.table] = Lock.ACCESS_EXCLUSIVE
        return locks

    @property
    def work(self) -> tuple[str, ...]:
        return tuple(self.locks) if self.materialized else ()


@dataclass(frozen=True)
class DropView(Statement):
    pass


@dataclass(frozen=True)
class CreateTrigger(Statement):
    name: str = ""
    lock = Lock.SHARE_ROW_EXCLUSIVE
    observed = ("CREATE TRIGGER",)


@dataclass(frozen=True)
class EnumValue(Statement):
    """ALTER TYPE ... ADD VALUE, or RENAME VALUE. It locks no table."""

    value: str = ""
    was: str = ""
    """What it is renamed from; "" if it is new."""


@dataclass(frozen=True)
class Refused(Statement):
    """Something that Django does not even try."""

    why: str = ""

    @property
    def locks(self) -> Mapping[str, Lock]:
        return {}


@dataclass(frozen=True)
class Opaque(Statement):
    """Something that cannot be looked into: a DO block, a function, SQL that does not parse."""

    why: str = ""
    alone: bool = False

    @property
    def locks(self) -> Mapping[str, Lock]:
        return {}

    @property
    def refuses_transaction(self) -> bool:
        return self.alone
