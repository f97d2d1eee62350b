"""What the operations of a transition have in common: the key by which they find each other."""

from __future__ import annotations

from django.db.migrations.operations.base import Operation

from zero_downtime.operations.base import Repeatable, migration_holding
from zero_downtime.transitions.phases import TransitionKey


class TransitionStep(Repeatable):
    """An operation that takes a transition from one phase to the next."""

    def transition_key(self, app_label: str) -> TransitionKey:
        """Return what the steps of a transition find each other by."""
        raise NotImplementedError

    def reduce(self, operation: Operation, app_label: str) -> bool | list[Operation]:
        """Never merge with neighbours: what is between the steps is the point of having several."""
        key = self.transition_key(app_label)
        return not any(
            operation.references_field(key.model_name, name, app_label)
            for name in (key.old_name, key.new_name)
            if name
        )

    def migration_name(self, app_label: str) -> str:
        """Return the migration that the operation stands in, as `app.name`; "" if in no file."""
        migration = migration_holding(self, app_label)
        return "" if migration is None else f"{migration.app_label}.{migration.name}"


class Expand(TransitionStep):
    """Begins a transition."""


class Switch(TransitionStep):
    """Makes the new side the one that code uses, behind the gate; the old one is kept true."""


class Contract(TransitionStep):
    """Ends a transition, behind the gate."""
