"""Which transition is in which phase: the rows of `zero_downtime.Transition`.

All functions work on the database of `connection`, whatever the project's routers say, because
the phase has to commit together with the schema change it stands for.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.db import ProgrammingError
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Q, QuerySet
from django.utils import timezone

from zero_downtime.backfills import controls
from zero_downtime.errors import Refused
from zero_downtime.models import Transition
from zero_downtime.postgres import errors
from zero_downtime.transitions.pairs import ColumnPair
from zero_downtime.transitions.unused import ModelKey


@dataclass(frozen=True)
class TransitionKey:
    """What an expand and its contract have in common, by which they find each other."""

    kind: str
    app_label: str
    model_name: str
    old_name: str
    new_name: str

    @classmethod
    def of(cls, transition: Transition) -> TransitionKey:
        """Return the key of a transition."""
        return cls(
            transition.kind,
            transition.app_label,
            transition.model_name,
            transition.old_name,
            transition.new_name,
        )

    def __str__(self) -> str:
        is_rename = self.new_name not in ("", self.old_name)
        becomes = f" -> {self.new_name}" if is_rename else ""
        return f"{self.kind} of {self.app_label}.{self.model_name}: {self.old_name}{becomes}"

    @property
    def new_code(self) -> str:
        """Return words for the code that is made for the new side."""
        if self.old_name == self.new_name:
            return f"the code that works with both types of {self.new_name!r}"
        if self.new_name:
            return f"the code that uses {self.new_name!r}"
        return f"the code without {self.old_name!r}"

    @property
    def model(self) -> ModelKey:
        """Return the model whose table changes."""
        return self.app_label, self.model_name

    def lookup(self) -> dict[str, Any]:
        """Return the key as arguments of a queryset's `filter()`."""
        return {
            "kind": self.kind,
            "app_label": self.app_label,
            "model_name": self.model_name,
            "old_name": self.old_name,
            "new_name": self.new_name,
        }


@contextmanager
def _own_tables_exist() -> Iterator[None]:
    try:
        yield
    except ProgrammingError as error:
        if errors.sqlstate(error) != errors.UNDEFINED_TABLE:
            raise
        raise Refused(
            "The tables of zero_downtime do not exist in this database yet. "
            "Run: manage.py migrate zero_downtime"
        ) from error


def find(connection: BaseDatabaseWrapper, key: TransitionKey) -> Transition | None:
    """Return the transition with this key, in whatever phase, or None."""
    with _own_tables_exist():
        return _of(connection, key).first()


def is_in_phase(
    connection: BaseDatabaseWrapper, key: TransitionKey, phase: Transition.Phase
) -> bool:
    """Whether there is a transition with this key, and it is in that phase."""
    transition = find(connection, key)
    return transition is not None and transition.phase == phase


def require_expanded(
    connection: BaseDatabaseWrapper, key: TransitionKey, operation: str
) -> Transition:
    """Return the transition with this key, in whatever phase.

    Args:
        operation: the name of the one that expands it, for the message.

    Raises:
        Refused: there is none.
    """
    transition = find(connection, key)
    if transition is None:
        raise Refused(
            f"The {key} was never expanded in this database, so there is nothing to "
            f"contract. Run the migration with its {operation} first."
        )
    return transition


def find_by_new_name(
    connection: BaseDatabaseWrapper, app_label: str, model_name: str, new_name: str
) -> Transition | None:
    """Return the transition under way that fills a column for field `new_name`, or None."""
    with _own_tables_exist():
        return (
            Transition.objects.using(connection.alias)
            .filter(
                app_label=app_label,
                model_name=model_name,
                new_name=new_name,
            )
            .exclude(phase=Transition.Phase.CONTRACTED)
            .first()
        )


def find_on_column(connection: BaseDatabaseWrapper, table: str, column: str) -> Transition | None:
    """Return the transition under way that keeps a column and another one equal, or None."""
    with _own_tables_exist():
        return (
            Transition.objects.using(connection.alias)
            .filter(Q(old_column=column) | Q(new_column=column), table=table)
            .exclude(phase=Transition.Phase.CONTRACTED)
            .first()
        )


def record_expanded(
    connection: BaseDatabaseWrapper,
    key: TransitionKey,
    pair: ColumnPair,
    migration: str = "",
    details: dict[str, Any] | None = None,
    leader: Transition | None = None,
) -> None:
    """Begin the transition in the phase `expanded`, in the caller's transaction.

    An earlier one of the same key, with its backfills, was of other migrations: names may go to
    and fro.

    Args:
        migration: the one that expands it, as `app.name`.
        details: what the later phases have to know of it.
        leader: the transition that makes this one necessary.
    """
    with _own_tables_exist():
        forget(connection, key)
        Transition.objects.using(connection.alias).create(
            **key.lookup(),
            table=pair.table,
            old_column=pair.old,
            new_column=pair.new,
            migration=migration,
            details=details or {},
            leader_id=leader.pk if leader else None,
        )


def record_reopened(
    connection: BaseDatabaseWrapper,
    key: TransitionKey,
    pair: ColumnPair,
    details: dict[str, Any] | None = None,
) -> None:
    """Put a contracted transition back into the phase `expanded`, in the caller's transaction.

    Its backfills have to move every row once more.

    Args:
        details: what the later phases have to know of it.
    """
    transition = find(connection, key)
    if transition is None:
        record_expanded(connection, key, pair, details=details)
        return
    transition.phase = Transition.Phase.EXPANDED
    transition.details = details or {}
    transition.expanded_at = timezone.now()
    transition.switched_at = transition.contracted_at = None
    transition.save(using=connection.alias)
    for backfill in transition.backfills.using(connection.alias):
        controls.start_over(connection, backfill)


def record_switched(
    connection: BaseDatabaseWrapper, key: TransitionKey, details: dict[str, Any] | None = None
) -> None:
    """Put the transition into the phase `switched`, in the caller's transaction.

    From `contracted`, too: taking a contract back leads to where it came from.

    Args:
        details: what the later phases have to know of it, if that has changed.
    """
    changes: dict[str, Any] = {} if details is None else {"details": details}
    _of(connection, key).update(
        phase=Transition.Phase.SWITCHED,
        switched_at=timezone.now(),
        contracted_at=None,
        **changes,
    )


def record_switched_back(connection: BaseDatabaseWrapper, key: TransitionKey) -> None:
    """Put a switched transition back into the phase `expanded`, in the caller's transaction."""
    _of(connection, key).update(phase=Transition.Phase.EXPANDED, switched_at=None)


def record_contracted(connection: BaseDatabaseWrapper, key: TransitionKey) -> None:
    """Put the transition into the phase `contracted`, in the caller's transaction."""
    _of(connection, key).update(phase=Transition.Phase.CONTRACTED, contracted_at=timezone.now())


def forget(connection: BaseDatabaseWrapper, key: TransitionKey) -> None:
    """Remove the transition as if it had never begun, in the caller's transaction."""
    _of(connection, key).delete()


def _of(connection: BaseDatabaseWrapper, key: TransitionKey) -> QuerySet[Transition]:
    return Transition.objects.using(connection.alias).filter(**key.lookup())
