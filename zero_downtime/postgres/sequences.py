"""The sequence that numbers the rows of a table, and how it goes over to another column.

That of an identity column belongs to it and cannot be moved: the other column gets one that goes on
where it stands. That of a `serial` column, which is only owned by it, can.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.db.backends.base.base import BaseDatabaseWrapper

from zero_downtime.postgres import identifiers
from zero_downtime.postgres.identifiers import quote

# What a sequence of each type can count to.
_LAST = {"smallint": 2**15 - 1, "integer": 2**31 - 1, "bigint": 2**63 - 1}


@dataclass(frozen=True)
class OwnedSequence:
    """A sequence that goes with a column. `identity` is what stands behind GENERATED, or None."""

    schema: str
    name: str
    identity: str | None
    type: str
    start: int
    increment: int
    minimum: int
    maximum: int
    cache: int
    cycles: bool
    last_value: int | None

    @property
    def options(self) -> str:
        """Return all but the name and the type as it stands in DDL; for another type."""
        maximum = "" if self.maximum == _LAST[self.type] else f" MAXVALUE {self.maximum}"
        return (
            f"START {self.start} INCREMENT {self.increment} MINVALUE {self.minimum}{maximum} "
            f"CACHE {self.cache}{' CYCLE' if self.cycles else ''}"
        )

    def fits(self, type_: str) -> bool:
        """Whether a column of a type can go on where this one stands."""
        return type_ in _LAST and (self.last_value or 0) <= _LAST[type_]


def owned_sequence(
    connection: BaseDatabaseWrapper, table: str, column: str
) -> OwnedSequence | None:
    """Return the sequence that goes with a column; None if there is none."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT nspname, sequence.relname,
                   CASE attidentity WHEN 'a' THEN 'ALWAYS' WHEN 'd' THEN 'BY DEFAULT' END,
                   format_type(seqtypid, NULL), seqstart, seqincrement, seqmin, seqmax, seqcache,
                   seqcycle, pg_sequence_last_value(seqrelid)
            FROM pg_depend
            JOIN pg_attribute ON attrelid = refobjid AND attnum = refobjsubid
            JOIN pg_sequence ON seqrelid = objid
            JOIN pg_class AS sequence ON sequence.oid = seqrelid
            JOIN pg_namespace ON pg_namespace.oid = relnamespace
            WHERE classid = 'pg_class'::regclass AND refclassid = 'pg_class'::regclass
              AND deptype IN ('a', 'i') AND refobjid = to_regclass(%s) AND attname = %s
            """,
            [quote(connection, table), column],
        )
        row = cursor.fetchone()
    return None if row is None else OwnedSequence(*row)


def hand_over(
    connection: BaseDatabaseWrapper,
    sequence: OwnedSequence,
    table: str,
    old: str,
    new: str,
    new_type: str,
) -> list[str]:
    """Return the statements after which `sequence` numbers column `new`, and not `old` any more.

    Nothing is handed out twice: with the new name, or the new owner, comes a lock on the sequence.
    Locks: ACCESS EXCLUSIVE on the table and the sequence.
    """
    alter = f"ALTER TABLE {quote(connection, table)} ALTER COLUMN"
    name = f"{quote(connection, sequence.schema)}.{quote(connection, sequence.name)}"
    if sequence.identity is None:
        return [
            f"ALTER SEQUENCE {name} AS {new_type} "
            f"OWNED BY {quote(connection, table)}.{quote(connection, new)}",
        ]
    aside = quote(connection, identifiers.fit(f"zero_downtime_aside_{sequence.name}"))
    former = f"{quote(connection, sequence.schema)}.{aside}"
    literal = name.replace("'", "''")
    return [
        f"ALTER SEQUENCE {name} RENAME TO {aside}",
        f"{alter} {quote(connection, new)} ADD GENERATED {sequence.identity} AS IDENTITY "
        f"(SEQUENCE NAME {name} {sequence.options})",
        f"SELECT setval('{literal}'::regclass, last_value, is_called) FROM {former}",
        f"{alter} {quote(connection, old)} DROP IDENTITY",
    ]
