"""Whether a column can be replaced by another one, found out before anything is put up."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import DatabaseError
from django.db.backends.base.base import BaseDatabaseWrapper

from zero_downtime.backfills.keys import Key
from zero_downtime.errors import Refused
from zero_downtime.postgres import catalog, errors
from zero_downtime.postgres.shapes import TableShape, read_shape
from zero_downtime.transitions import exchangeable, phases
from zero_downtime.transitions.families import Family
from zero_downtime.transitions.retyping import FieldAlteration, Retyping


def require(
    connection: BaseDatabaseWrapper,
    family: Family,
    alteration: FieldAlteration,
    retyping: Retyping,
    known: TableShape,
) -> None:
    """Check that the column can be replaced, and its values converted.

    Args:
        family: what the column belongs to.
        known: what the migrations know of the table.

    Raises:
        Refused: it cannot; says what is in the way.
    """
    table, name = alteration.table, alteration.column
    column = catalog.get_column(connection, table, name)
    if column is None:
        raise Refused(f'Table "{table}" has no column "{name}" whose type could be changed.')
    is_key = column.in_primary_key or (alteration == family.leader and len(family.members) > 1)
    if is_key and catalog.partitions_of(connection, table) is not None:
        raise Refused(
            f'Table "{table}" is partitioned, and the type of its key cannot be changed this way: '
            "PostgreSQL would block the table to build the key of another column."
        )
    _require_no_other_transition(connection, alteration)
    if catalog.get_column(connection, table, alteration.hidden) is not None:
        raise Refused(
            f'Table "{table}" has a column "{alteration.hidden}" already, which is not of a '
            "change of type that is under way. Drop it first."
        )
    Key.of(connection, table)  # or else the hidden column could never be filled
    exchangeable.require_sequence_fits(connection, table, name, retyping.new.type)
    require_nothing_lost(connection, alteration, known)
    _require_conversions(connection, alteration, retyping)


def require_nothing_lost(
    connection: BaseDatabaseWrapper, alteration: FieldAlteration, known: TableShape
) -> None:
    """Check that nothing would stay with the column when another one takes its place.

    Args:
        known: what the migrations know of the table.

    Raises:
        Refused: something would; names it.
    """
    _require_nothing_tied(connection, alteration)
    _require_nothing_marked(connection, alteration)
    _require_nothing_unknown(connection, alteration, known)


def _require_no_other_transition(
    connection: BaseDatabaseWrapper, alteration: FieldAlteration
) -> None:
    other = phases.find_on_column(connection, alteration.table, alteration.column)
    if other is not None:
        raise Refused(
            f"The {alteration.key} cannot begin while {other} is under way on the same column. "
            "Contract that one first, in a migration before."
        )


def _require_nothing_tied(connection: BaseDatabaseWrapper, alteration: FieldAlteration) -> None:
    """What names a column by its number would go on with the old one, and go with it."""
    tied = catalog.dependents_of_column(
        connection, alteration.table, alteration.column, replaced=True
    )
    advice = "Drop that in a migration before, and create it again after the switch."
    _require_none(alteration, tied, advice)


def _require_nothing_marked(connection: BaseDatabaseWrapper, alteration: FieldAlteration) -> None:
    """What marks the column or its index cannot be seen in either, and would be lost."""
    marks = catalog.marks_of_column(connection, alteration.table, alteration.column)
    _require_none(alteration, marks, "Take that back, and do it again after the switch.")


def _require_none(alteration: FieldAlteration, staying: Sequence[str], advice: str) -> None:
    if staying:
        raise Refused(
            f'Column "{alteration.column}" of table "{alteration.table}" cannot be replaced by '
            f"another one: {'; '.join(staying)} would stay with the old one. {advice}"
        )


def _require_nothing_unknown(
    connection: BaseDatabaseWrapper, alteration: FieldAlteration, known: TableShape
) -> None:
    """An index or constraint that no migration made would be lost."""
    now = read_shape(connection, alteration.table)
    exclusions = []
    unknown = []
    for name in catalog.built_on_column(connection, alteration.table, alteration.column):
        constraint, index = now.constraints.get(name), now.indexes.get(name)
        if constraint is not None and constraint.type == "x":
            exclusions.append(name)
        elif name in known.constraints or name in known.indexes:
            continue
        elif constraint not in known.constraints.values() and index not in known.indexes.values():
            unknown.append(name)
    if exclusions:
        raise Refused(
            f'Table "{alteration.table}": exclusion constraint {", ".join(exclusions)} cannot be '
            "built for another column without blocking the table. Remove it in a migration "
            "before, and add it again after the contract."
        )
    if unknown:
        raise Refused(
            f'Table "{alteration.table}": {", ".join(unknown)} on column "{alteration.column}" is '
            "known to no migration and would be lost. Drop it, or make it known to the model's "
            "Meta."
        )


def _require_conversions(
    connection: BaseDatabaseWrapper, alteration: FieldAlteration, retyping: Retyping
) -> None:
    """Let PostgreSQL say whether the types go together; NULL is a value of every type."""
    ways = [
        ("forward", retyping.old, retyping.forward, retyping.new),
        ("backward", retyping.new, retyping.backward, retyping.old),
    ]
    for name, source, way, target in ways:
        converted = way.of(f"NULL::{source.type}")
        try:
            with connection.cursor() as cursor:
                cursor.execute(f"SELECT {converted} IS DISTINCT FROM NULL::{target.type}")
        except DatabaseError as error:
            if not errors.is_misfit(error):
                raise
            raise Refused(
                f"The {alteration.key} from {source} to {target}: PostgreSQL says: "
                f"{errors.message(error)}. Give it {name}=, an expression over "
                f"F({alteration.key.old_name!r}) that makes a value of type {target}."
            ) from error
