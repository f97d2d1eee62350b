"""The switch of a change of type, there and back: two columns exchange their names.

Both ways are the same: the hidden column gets what the field is to have, every row is compared,
and one short transaction does the rest.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from functools import partial

from django.db import OperationalError, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from zero_downtime import conf
from zero_downtime.backfills.verification import compare
from zero_downtime.errors import Refused
from zero_downtime.models import Transition
from zero_downtime.postgres import exchanges, replacements
from zero_downtime.postgres.identifiers import quote
from zero_downtime.postgres.locks import briefly, lock_timeout, wait_for_writers
from zero_downtime.postgres.replacements import Replacement
from zero_downtime.transitions import converting, evidence, gates, phases
from zero_downtime.transitions.conversions import Conversion
from zero_downtime.transitions.retyping import FieldAlteration, FillHidden, Phase, Retyping

# Where the transition's details keep what the old column had.
FORMER = "former"


def exchange(
    schema_editor: BaseDatabaseSchemaEditor,
    alteration: FieldAlteration,
    transition: Transition,
    replacement: Replacement,
) -> None:
    """Let the hidden column take the name, and keep the other one true from then on.

    Locks: ACCESS SHARE while comparing; SHARE UPDATE EXCLUSIVE while building; then ACCESS
    EXCLUSIVE on the table, and on those that its foreign keys point at, briefly.

    Raises:
        Refused: rows differ or do not convert, or stand in the way of a constraint; or a
            transaction that has written the table does not end within `LOCK_DEADLINE`.
    """
    connection = schema_editor.connection
    table, pair = alteration.table, alteration.pair(connection)

    def compare_all() -> int:
        failures = evidence.unconverted_writes(connection, pair)
        # Some of those may be of transactions whose rows cannot be seen, and compared, before.
        wait_for_writers(connection, table)
        _require_agreement(connection, alteration, transition)
        return failures

    def attempt(failures: int) -> bool:
        """Exchange, unless a value that does not convert was written since the comparison."""
        _run(schema_editor, [f"LOCK TABLE {quote(connection, table)} IN ACCESS EXCLUSIVE MODE"])
        if evidence.unconverted_writes(connection, pair) != failures:
            return False
        _exchange(schema_editor, alteration, transition, replacement)
        return True

    failures = compare_all()
    others = replacement.referenced_tables
    try:
        replacements.build(schema_editor, replacement)
        while not briefly(schema_editor, table, partial(attempt, failures), others):
            failures = compare_all()
    except Exception:
        _give_way(connection, alteration)
        raise


def print_exchange(
    schema_editor: BaseDatabaseSchemaEditor,
    alteration: FieldAlteration,
    conversion: Conversion,
    replacement: Replacement,
) -> None:
    """Let `sqlmigrate` print what an exchange would run. `conversion` is that of the triggers."""
    connection = schema_editor.connection
    replacements.build(schema_editor, replacement)
    _run(schema_editor, exchanges.exchange_columns(connection, replacement))
    belongings = exchanges.exchange_belongings(connection, replacement, is_exchanged=False)
    _run(schema_editor, belongings)
    converting.convert(schema_editor, alteration.model, alteration.pair(connection), conversion)


def _exchange(
    schema_editor: BaseDatabaseSchemaEditor,
    alteration: FieldAlteration,
    transition: Transition,
    replacement: Replacement,
) -> None:
    connection = schema_editor.connection
    table, column = alteration.table, alteration.column
    is_switch = transition.phase == Phase.EXPANDED
    _run(schema_editor, exchanges.exchange_columns(connection, replacement))
    former = Replacement.by(connection, table, column, replacement.targets)
    _run(schema_editor, exchanges.exchange_belongings(connection, replacement))
    conversion = Retyping.of(transition).from_visible(
        Phase.SWITCHED if is_switch else Phase.EXPANDED
    )
    converting.convert(schema_editor, alteration.model, alteration.pair(connection), conversion)
    if is_switch:
        details = {**transition.details, FORMER: asdict(former)}
        phases.record_switched(connection, alteration.key, details)
    else:
        phases.record_switched_back(connection, alteration.key)


def former_of(transition: Transition) -> Replacement:
    """Return what the old column had when it was switched, to be given back to it."""
    return Replacement.from_json(transition.details[FORMER])


def _require_agreement(
    connection: BaseDatabaseWrapper, alteration: FieldAlteration, transition: Transition
) -> None:
    comparison = compare(connection, FillHidden(transition))
    if not comparison.equal:
        hidden_type = Retyping.of(transition).hidden_type(transition.phase)
        raise Refused(
            f'Column "{alteration.column}" of table "{alteration.table}" has values that are not '
            f"there as {hidden_type}: {comparison}. Nothing was changed. Mend those that do not "
            f"convert, by an UPDATE. {gates.how_to_repair(connection, transition)}"
        )


def _give_way(connection: BaseDatabaseWrapper, alteration: FieldAlteration) -> None:
    """Let clients write again what does not convert. If the table is in use, do without."""
    if not connection.is_usable():
        return
    with (
        suppress(OperationalError),
        transaction.atomic(using=connection.alias),
        lock_timeout(connection, conf.get("LOCK_TIMEOUT")),
        connection.cursor() as cursor,
    ):
        for statement in exchanges.relax(connection, alteration.table, alteration.hidden):
            cursor.execute(statement)


def _run(schema_editor: BaseDatabaseSchemaEditor, statements: Sequence[str]) -> None:
    for statement in statements:
        schema_editor.execute(statement, params=None)
