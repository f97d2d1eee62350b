"""Changing the type of a column while it is read and written.

Expand adds a hidden column of the new type, which triggers keep true to the visible one, and the
backfill fills it. Switch builds on it what the field is to have, compares every row, and lets the
two columns exchange their names; from then on the hidden column is the one of the old type, and
is kept true as far as it can hold what is written. So the way back is the same as the way there.
Contract drops the hidden column.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from zero_downtime.backfills import controls
from zero_downtime.errors import Refused
from zero_downtime.models import Transition
from zero_downtime.postgres.identifiers import quote
from zero_downtime.postgres.locks import briefly
from zero_downtime.postgres.replacements import Replacement
from zero_downtime.postgres.shapes import read_shape
from zero_downtime.transitions import converting, gates, phases
from zero_downtime.transitions.exchange import exchange, former_of, print_exchange
from zero_downtime.transitions.retyping import FieldAlteration, Phase, Retyping


def expand(
    schema_editor: BaseDatabaseSchemaEditor,
    alteration: FieldAlteration,
    retyping: Retyping,
    migration: str = "",
) -> None:
    """Add the hidden column, and keep it true from now on. `migration` is the one that does it.

    Locks: ACCESS EXCLUSIVE on the table, briefly.
    """
    connection = schema_editor.connection

    def put_up() -> None:
        _put_up_hidden(schema_editor, alteration, retyping, Phase.EXPANDED)
        if not schema_editor.collect_sql:
            pair = alteration.pair(connection)
            phases.record_expanded(connection, alteration.key, pair, migration, asdict(retyping))

    briefly(schema_editor, alteration.table, put_up)


def revert_expand(schema_editor: BaseDatabaseSchemaEditor, alteration: FieldAlteration) -> None:
    """Take down what `expand` put up, and what a switch has built that never came.

    Locks: ACCESS EXCLUSIVE on the table, briefly.
    """
    connection = schema_editor.connection
    if not schema_editor.collect_sql and phases.find(connection, alteration.key) is None:
        return

    def take_down() -> None:
        _drop_hidden(schema_editor, alteration)
        if not schema_editor.collect_sql:
            phases.forget(connection, alteration.key)

    briefly(schema_editor, alteration.table, take_down)


def switch(
    schema_editor: BaseDatabaseSchemaEditor,
    alteration: FieldAlteration,
    replacement: Replacement,
    retyping: Retyping,
) -> None:
    """Let the hidden column take the name, when it has all that belongs to the field.

    Locks: as `exchange`.

    Args:
        retyping: what to print; what is run is what the expand has kept.

    Raises:
        Refused: the gate is closed, or rows differ or do not convert.
    """
    if schema_editor.collect_sql:
        print_exchange(schema_editor, alteration, retyping.backward, replacement)
        return
    transition = _require(schema_editor, alteration, "switched", Phase.EXPANDED, Phase.SWITCHED)
    if transition.phase == Phase.EXPANDED:
        gates.require_open(schema_editor.connection, transition, alteration.key, "switched")
        exchange(schema_editor, alteration, transition, replacement)


def with_unknown_default(
    connection: BaseDatabaseWrapper,
    alteration: FieldAlteration,
    replacement: Replacement,
    retyping: Retyping,
) -> Replacement:
    """Return `replacement` with the default that the database has, and no migration knows of."""
    now = read_shape(connection, alteration.table).columns.get(alteration.column)
    if now is None or now.default is None:
        return replacement
    default = retyping.forward.of(f"({now.default})")
    return replace(replacement, column=replace(replacement.column, default=default))


def revert_switch(schema_editor: BaseDatabaseSchemaEditor, alteration: FieldAlteration) -> None:
    """Let the column of the old type have its name back, and all that it had. Locks: as `switch`.

    Raises:
        Refused: rows have values that the old type cannot hold.
    """
    connection = schema_editor.connection
    transition = phases.find(connection, alteration.key)
    if transition is None or transition.phase != Phase.SWITCHED:
        return
    former = former_of(transition)
    if schema_editor.collect_sql:
        forward = Retyping.of(transition).forward
        print_exchange(schema_editor, alteration, forward, former)
    else:
        exchange(schema_editor, alteration, transition, former)


def contract(schema_editor: BaseDatabaseSchemaEditor, alteration: FieldAlteration) -> None:
    """Drop the hidden column.

    Locks: ACCESS EXCLUSIVE on the table, briefly.

    Raises:
        Refused: the gate is closed, or the transition was never switched.
    """
    connection = schema_editor.connection
    if not schema_editor.collect_sql:
        transition = _require(
            schema_editor, alteration, "contracted", Phase.SWITCHED, Phase.CONTRACTED
        )
        if transition.phase == Phase.CONTRACTED:
            return
        gates.require_open(schema_editor.connection, transition, alteration.key, "contracted")

    def finish() -> None:
        _drop_hidden(schema_editor, alteration)
        if not schema_editor.collect_sql:
            phases.record_contracted(connection, alteration.key)

    briefly(schema_editor, alteration.table, finish)


def revert_contract(
    schema_editor: BaseDatabaseSchemaEditor,
    alteration: FieldAlteration,
    fill: Callable[[Transition], None],
) -> None:
    """Add a hidden column of the old type again. It has to be filled before one can go on.

    Locks: ACCESS EXCLUSIVE on the table, briefly.

    Args:
        fill: called with the transition when there is something to fill.
    """
    connection = schema_editor.connection
    transition = _require(schema_editor, alteration, "reopened", Phase.CONTRACTED, Phase.SWITCHED)

    def go_back() -> None:
        _put_up_hidden(schema_editor, alteration, Retyping.of(transition), Phase.SWITCHED)
        phases.record_switched(connection, alteration.key)
        for backfill in transition.backfills.using(connection.alias):
            controls.start_over(connection, backfill)

    if transition.phase == Phase.CONTRACTED:
        briefly(schema_editor, alteration.table, go_back)
        transition.refresh_from_db(using=connection.alias)
    fill(transition)


def _require(
    schema_editor: BaseDatabaseSchemaEditor, alteration: FieldAlteration, what: str, *there: Phase
) -> Transition:
    transition = phases.find(schema_editor.connection, alteration.key)
    if transition is None or transition.phase not in there:
        phase = "never expanded in this database" if transition is None else transition.phase
        raise Refused(
            f"The {alteration.key} cannot be {what}: it was {phase}. Run its migrations in the "
            "order ExpandAlterField, BackfillField, SwitchAlterField, ContractAlterField."
        )
    return transition


def _put_up_hidden(
    schema_editor: BaseDatabaseSchemaEditor,
    alteration: FieldAlteration,
    retyping: Retyping,
    phase: Phase,
) -> None:
    connection = schema_editor.connection
    schema_editor.execute(
        f"ALTER TABLE {quote(connection, alteration.table)} "
        f"ADD COLUMN {quote(connection, alteration.hidden)} {retyping.hidden_type(phase)}",
        params=None,
    )
    pair = alteration.pair(connection)
    converting.prepare(
        schema_editor,
        pair,
        types=(retyping.old.type, retyping.new.type),
        conversions=(retyping.forward, retyping.backward),
    )
    converting.convert(schema_editor, alteration.model, pair, retyping.from_visible(phase))


def _drop_hidden(schema_editor: BaseDatabaseSchemaEditor, alteration: FieldAlteration) -> None:
    connection = schema_editor.connection
    converting.stop(schema_editor, alteration.pair(connection))
    schema_editor.execute(
        f"ALTER TABLE {quote(connection, alteration.table)} "
        f"DROP COLUMN {quote(connection, alteration.hidden)}",
        params=None,
    )
