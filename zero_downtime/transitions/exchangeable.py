"""Whether columns can exchange their names now, found out before anything is built on them."""

from __future__ import annotations

from collections.abc import Sequence

from django.db.backends.base.base import BaseDatabaseWrapper

from zero_downtime.errors import Refused
from zero_downtime.postgres import catalog
from zero_downtime.postgres.identifiers import quote
from zero_downtime.postgres.replacements import Replacement
from zero_downtime.postgres.sequences import owned_sequence
from zero_downtime.transitions.families import Family


def require(
    connection: BaseDatabaseWrapper, family: Family, replacements: Sequence[Replacement]
) -> None:
    """Check that nobody else refers to the columns, and that their sequences can go on.

    Raises:
        Refused: says what is in the way.
    """
    require_known_references(connection, family)
    for replacement in replacements:
        for name, column in replacement.columns.items():
            require_sequence_fits(connection, replacement.table, name, column.type)


def require_sequence_fits(
    connection: BaseDatabaseWrapper, table: str, column: str, type_: str
) -> None:
    """Check that the sequence of a column, if it has one, can number one of another type.

    Raises:
        Refused: it cannot.
    """
    sequence = owned_sequence(connection, table, column)
    if sequence is not None and not sequence.fits(type_):
        raise Refused(
            f'Column "{column}" of table "{table}" cannot become {type_}: its sequence '
            f'"{sequence.name}", which has come to {sequence.last_value or 0}, could not go on.'
        )


def require_known_references(connection: BaseDatabaseWrapper, family: Family) -> None:
    """Check that no foreign key points at a column but those whose type changes with it.

    Raises:
        Refused: names one that does.
    """
    known = {(_as_printed(connection, each.table), each.column) for each in family.members}
    for member in family.members:
        references = catalog.references_to_column(connection, member.table, member.column)
        for table, column, name in references:
            if (table, column) not in known:
                raise Refused(
                    f'Foreign key "{name}" on column "{column}" of table {table} points at column '
                    f'"{member.column}" of table "{member.table}", but does not follow its change '
                    "of type: no migration knew of it at the expand. Make it known to the models "
                    "before, or drop it."
                )


def _as_printed(connection: BaseDatabaseWrapper, table: str) -> str:
    """Return the name of a table as the catalog prints it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass(%s)::text", [quote(connection, table)])
        return str(cursor.fetchone()[0])
