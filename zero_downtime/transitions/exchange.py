"""The switch of a change of type, there and back: two columns exchange their names.

Both ways are the same: the hidden column gets what the field is to have, every row is compared,
and one short transaction does the rest. A column and the foreign keys that point at it go together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from functools import partial
from itertools import cycle

from django.db import OperationalError, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from zero_downtime import conf
from zero_downtime.backfills.verification import compare
from zero_downtime.errors import Refused
from zero_downtime.models import Transition
from zero_downtime.postgres import catalog
from zero_downtime.postgres.exchanges import Exchange, drop_foreign_keys, relax
from zero_downtime.postgres.locks import (
    briefly,
    lock_in_turn,
    lock_timeout,
    wait_for_writers,
)
from zero_downtime.postgres.replacements import Replacement, build
from zero_downtime.transitions import converting, evidence, exchangeable, gates, phases
from zero_downtime.transitions.conversions import Conversion
from zero_downtime.transitions.families import Family
from zero_downtime.transitions.phases import TransitionKey
from zero_downtime.transitions.retyping import FieldAlteration, FillHidden, Phase, Retyping

# Where the transition's details keep what the old column had.
FORMER = "former"


def exchange(
    schema_editor: BaseDatabaseSchemaEditor,
    family: Family,
    transition: Transition,
    replacements: Sequence[Replacement],
) -> None:
    """Let the hidden columns take the names, and keep the other ones true from then on.

    Locks: ACCESS SHARE while comparing; SHARE UPDATE EXCLUSIVE while building, on one table at a
    time; then ACCESS EXCLUSIVE on all tables of the family, and on those that their foreign keys
    point at, briefly.

    Args:
        transition: that of the leader.

    Raises:
        Refused: rows differ or do not convert, or stand in the way of a constraint; or a
            transaction that has written the table does not end within `LOCK_DEADLINE`.
    """
    connection = schema_editor.connection
    tables = list(family.by_table)
    # A foreign key is checked after its row was written, but a customer comes before the order:
    # whichever way clients go, every second try goes with them.
    orders = cycle([tables, tables[::-1]])
    pairs = [member.pair(connection) for member in family.members]
    exchangeable.require(connection, family, replacements)

    def unconverted_writes() -> list[int]:
        return [evidence.unconverted_writes(connection, pair) for pair in pairs]

    def compare_all() -> list[int]:
        failures = unconverted_writes()
        # Some of those may be of transactions whose rows cannot be seen, and compared, before.
        for table in tables:
            wait_for_writers(connection, table)
        for member in family.members:
            _require_agreement(connection, member)
        return failures

    def attempt(failures: list[int], planned: Sequence[Exchange]) -> bool:
        """Exchange, unless a value that does not convert was written since the comparison."""
        lock_in_turn(schema_editor, next(orders))
        if unconverted_writes() != failures:
            return False
        former = _exchange(schema_editor, planned)
        for member in family.members:
            pair, way = member.pair(connection), ways[member.key]
            converting.convert(schema_editor, member.model, pair, way)
        _record(connection, family, transition, former)
        return True

    failures = compare_all()
    ways = _ways_back(connection, family)
    referenced = [table for each in replacements for table in each.referenced_tables]
    first, *others = dict.fromkeys([*tables, *referenced])
    try:
        build(schema_editor, replacements)
        planned = [Exchange(connection, each) for each in replacements]
        while not briefly(schema_editor, first, partial(attempt, failures, planned), others):
            failures = compare_all()
    except BaseException:  # Ctrl-C among them
        _give_way(schema_editor, tables, replacements)
        raise


def print_exchange(
    schema_editor: BaseDatabaseSchemaEditor,
    family: Family,
    conversions: Mapping[TransitionKey, Conversion],
    replacements: Sequence[Replacement],
) -> None:
    """Let `sqlmigrate` print what an exchange would run. `conversions` are those of triggers."""
    connection = schema_editor.connection
    build(schema_editor, replacements)
    _exchange(schema_editor, [Exchange(connection, each) for each in replacements])
    for member in family.members:
        pair = member.pair(connection)
        converting.convert(schema_editor, member.model, pair, conversions[member.key])


def _exchange(
    schema_editor: BaseDatabaseSchemaEditor, planned: Sequence[Exchange]
) -> list[Replacement]:
    """Let the columns exchange their names and belongings; return what the former have had."""
    connection = schema_editor.connection
    _run(schema_editor, [statement for each in planned for statement in each.columns()])
    former = [
        _standing(connection, each.replacement, is_hidden=not schema_editor.collect_sql)
        for each in planned
    ]
    statements = [statement for each in former for statement in drop_foreign_keys(connection, each)]
    for exchange, its_former in zip(planned, former, strict=True):
        statements += exchange.belongings(its_former)
    _run(schema_editor, statements)
    return former


def _standing(
    connection: BaseDatabaseWrapper, replacement: Replacement, *, is_hidden: bool = True
) -> Replacement:
    """Return what the columns have that are hidden, or that are not, as it stands now."""
    names = replacement.hidden_names
    known_as = names if is_hidden else {name: name for name in names}
    return Replacement.by(connection, replacement.table, known_as, replacement.targets)


def _ways_back(connection: BaseDatabaseWrapper, family: Family) -> dict[TransitionKey, Conversion]:
    """Return what converts the columns that are visible after the exchange, by member."""
    ways = {}
    for member in family.members:
        transition = phases.require_expanded(connection, member.key, "ExpandAlterField")
        is_switch = transition.phase == Phase.EXPANDED
        later = Phase.SWITCHED if is_switch else Phase.EXPANDED
        ways[member.key] = Retyping.of(transition).from_visible(later)
    return ways


def _record(
    connection: BaseDatabaseWrapper,
    family: Family,
    transition: Transition,
    former: Sequence[Replacement],
) -> None:
    if transition.phase != Phase.EXPANDED:
        for member in family.members:
            phases.record_switched_back(connection, member.key)
        return
    for member in family.members:
        phases.record_switched(connection, member.key)
    details = {**transition.details, FORMER: [asdict(each) for each in former]}
    phases.record_switched(connection, family.leader.key, details)


def former_of(transition: Transition) -> list[Replacement]:
    """Return what the old columns had when they were switched, to be given back to them."""
    return [Replacement.from_json(each) for each in transition.details[FORMER]]


def _require_agreement(connection: BaseDatabaseWrapper, member: FieldAlteration) -> None:
    transition = phases.require_expanded(connection, member.key, "ExpandAlterField")
    comparison = compare(connection, FillHidden(transition))
    if not comparison.equal:
        hidden_type = Retyping.of(transition).hidden_type(transition.phase)
        raise Refused(
            f'Column "{member.column}" of table "{member.table}" has values that are not '
            f"there as {hidden_type}: {comparison}. Nothing was changed. Mend those that do not "
            f"convert, by an UPDATE. {gates.how_to_repair(connection, transition)}"
        )


def _give_way(
    schema_editor: BaseDatabaseSchemaEditor,
    tables: Sequence[str],
    replacements: Sequence[Replacement],
) -> None:
    """Let clients write again what does not convert. If the tables are in use, do without."""
    connection = schema_editor.connection
    if not connection.is_usable():
        return
    with (
        suppress(OperationalError),
        transaction.atomic(using=connection.alias),
        lock_timeout(connection, conf.get("LOCK_TIMEOUT")),
    ):
        lock_in_turn(schema_editor, tables)
        built = [_standing(connection, each) for each in replacements]
        for each in built:
            _run(schema_editor, drop_foreign_keys(connection, each))
        for each in built:
            schema = catalog.schema_of(connection, each.table)
            _run(schema_editor, relax(connection, each, schema))


def _run(schema_editor: BaseDatabaseSchemaEditor, statements: Sequence[str]) -> None:
    """Run the statements in one go: each by itself would take its time while others wait."""
    if schema_editor.collect_sql:
        for statement in statements:
            schema_editor.execute(statement, params=None)
    elif statements:
        schema_editor.execute(";\n".join(statements), params=None)
