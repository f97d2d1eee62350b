"""Changing the type of a column while it is read and written.

Expand adds a hidden column of the new type, which triggers keep true to the visible one, and the
backfill fills it. Switch builds on it what the field is to have, compares every row, and lets the
two columns exchange their names; from then on the hidden column is the one of the old type, and
is kept true as far as it can hold what is written. So the way back is the same as the way there.
Contract drops the hidden column.

With the type of a column change those of the foreign keys that point at it. Each of them has a
transition of its own, which follows the one of that column; all are switched in one transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from functools import partial

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from zero_downtime.backfills import controls
from zero_downtime.errors import Refused
from zero_downtime.models import Transition
from zero_downtime.postgres.identifiers import quote
from zero_downtime.postgres.locks import briefly
from zero_downtime.postgres.replacements import Replacement
from zero_downtime.postgres.shapes import ColumnShape, read_shape
from zero_downtime.transitions import converting, gates, phases
from zero_downtime.transitions.exchange import exchange, former_of, print_exchange
from zero_downtime.transitions.families import Family
from zero_downtime.transitions.phases import TransitionKey
from zero_downtime.transitions.retyping import FieldAlteration, Phase, Retyping

Retypings = Mapping[TransitionKey, Retyping]


def expand(
    schema_editor: BaseDatabaseSchemaEditor,
    members: Sequence[FieldAlteration],
    retypings: Retypings,
    leader: TransitionKey,
    migration: str = "",
) -> None:
    """Add hidden columns, and keep them true from now on, one after the other.

    Locks: ACCESS EXCLUSIVE on each table by itself, briefly.

    Args:
        members: those of the family that have not begun yet.
        leader: the key of the one that the others follow.
        migration: the one that does it.
    """
    connection = schema_editor.connection

    def put_up(member: FieldAlteration) -> None:
        retyping = retypings[member.key]
        _put_up_hidden(schema_editor, member, retyping, Phase.EXPANDED)
        if not schema_editor.collect_sql:
            phases.record_expanded(
                connection,
                member.key,
                member.pair(connection),
                migration,
                asdict(retyping),
                None if member.key == leader else phases.find(connection, leader),
            )

    for member in members:
        briefly(schema_editor, member.table, partial(put_up, member))


def revert_expand(schema_editor: BaseDatabaseSchemaEditor, family: Family) -> None:
    """Take down what `expand` put up, and what a switch has built that never came.

    Locks: ACCESS EXCLUSIVE on each table by itself, briefly.
    """
    connection = schema_editor.connection
    if not schema_editor.collect_sql:
        family = family.begun(connection)

    def take_down(member: FieldAlteration) -> None:
        _drop_hidden(schema_editor, member)
        if not schema_editor.collect_sql:
            phases.forget(connection, member.key)

    for member in reversed(family.members):
        briefly(schema_editor, member.table, partial(take_down, member))


def switch(
    schema_editor: BaseDatabaseSchemaEditor,
    family: Family,
    replacements: Sequence[Replacement],
    retypings: Retypings,
) -> None:
    """Let the hidden columns take the names, when they have all that belongs to the fields.

    Locks: as `exchange`.

    Args:
        retypings: what to print; what is run is what the expand has kept.

    Raises:
        Refused: the gate is closed, or rows differ or do not convert.
    """
    if schema_editor.collect_sql:
        ways = {key: retyping.backward for key, retyping in retypings.items()}
        print_exchange(schema_editor, family, ways, replacements)
        return
    leader = family.leader
    transition = _require(schema_editor, leader, "switched", Phase.EXPANDED, Phase.SWITCHED)
    if transition.phase == Phase.EXPANDED:
        _require_all_begun(schema_editor.connection, family)
        gates.require_open(schema_editor.connection, transition, leader.key, "switched")
        exchange(schema_editor, family, transition, replacements)


def with_unknown_default(
    connection: BaseDatabaseWrapper,
    member: FieldAlteration,
    column: ColumnShape,
    retyping: Retyping,
) -> ColumnShape:
    """Return `column` with the default that the database has, and no migration knows of."""
    now = read_shape(connection, member.table).columns.get(member.column)
    if now is None or now.default is None:
        return column
    return replace(column, default=retyping.forward.of(f"({now.default})"))


def revert_switch(schema_editor: BaseDatabaseSchemaEditor, family: Family) -> None:
    """Let the columns of the old types have their names back, and all that they had.

    Locks: as `switch`.

    Raises:
        Refused: rows have values that the old type cannot hold.
    """
    connection = schema_editor.connection
    transition = phases.find(connection, family.leader.key)
    if transition is None or transition.phase != Phase.SWITCHED:
        return
    family = family.begun(connection)
    if family.in_phase(connection, Phase.CONTRACTED):
        raise Refused(
            f"The {family.leader.key} cannot go back in the middle of its contract, which has "
            "dropped some columns already. Finish that first: manage.py migrate. "
            "Then migrate backwards."
        )
    former = former_of(transition)
    if schema_editor.collect_sql:
        transitions = {each.key: phases.find(connection, each.key) for each in family.members}
        ways = {key: Retyping.of(each).forward for key, each in transitions.items() if each}
        print_exchange(schema_editor, family, ways, former)
    else:
        exchange(schema_editor, family, transition, former)


def contract(schema_editor: BaseDatabaseSchemaEditor, family: Family) -> None:
    """Drop the hidden columns.

    Locks: ACCESS EXCLUSIVE on each table by itself, briefly.

    Raises:
        Refused: the gate is closed, or the transition was never switched.
    """
    connection = schema_editor.connection
    members: Sequence[FieldAlteration] = family.members
    if not schema_editor.collect_sql:
        leader = family.leader
        transition = _require(schema_editor, leader, "contracted", Phase.SWITCHED, Phase.CONTRACTED)
        if transition.phase == Phase.CONTRACTED:
            return
        gates.require_open(connection, transition, leader.key, "contracted")
        members = family.in_phase(connection, Phase.SWITCHED)

    def finish(member: FieldAlteration) -> None:
        _drop_hidden(schema_editor, member)
        if not schema_editor.collect_sql:
            phases.record_contracted(connection, member.key)

    for member in members:
        briefly(schema_editor, member.table, partial(finish, member))


def revert_contract(
    schema_editor: BaseDatabaseSchemaEditor,
    family: Family,
    fill: Callable[[TransitionKey, Transition], None],
) -> None:
    """Add hidden columns of the old types again. They have to be filled before one can go on.

    Locks: ACCESS EXCLUSIVE on each table by itself, briefly.

    Args:
        fill: called with each transition, and its key, when there is something to fill.
    """
    connection = schema_editor.connection
    _require(schema_editor, family.leader, "reopened", Phase.CONTRACTED, Phase.SWITCHED)

    def go_back(member: FieldAlteration) -> None:
        transition = phases.find(connection, member.key)
        assert transition is not None
        _put_up_hidden(schema_editor, member, Retyping.of(transition), Phase.SWITCHED)
        phases.record_switched(connection, member.key)
        for backfill in transition.backfills.using(connection.alias):
            controls.start_over(connection, backfill)

    for member in family.in_phase(connection, Phase.CONTRACTED):
        briefly(schema_editor, member.table, partial(go_back, member))
    for member in family.begun(connection).members:
        transition = phases.find(connection, member.key)
        assert transition is not None
        fill(member.key, transition)


def _require_all_begun(connection: BaseDatabaseWrapper, family: Family) -> None:
    begun = family.begun(connection).members
    late = [str(each) for each in family.members if each not in begun]
    if late:
        raise Refused(
            f"The {family.leader.key} cannot be switched: {', '.join(late)} came to follow it "
            "after its expand. Migrate back to before the ExpandAlterField, then forwards again."
        )


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
