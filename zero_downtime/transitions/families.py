"""The columns whose types change together: that of a field, and those that have to follow it.

A foreign key has the type of what it points at. So with a primary key, or a unique field, change
the foreign keys to it, of many-to-many fields and of child models as well, and those to these.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import ForeignKey, Model

from zero_downtime.models import Transition
from zero_downtime.transitions import phases
from zero_downtime.transitions.phases import TransitionKey
from zero_downtime.transitions.retyping import KIND, FieldAlteration

Owns = Callable[[type[Model]], bool]


@dataclass(frozen=True)
class Family:
    """A change of a field's type with those that follow from it; the leader comes first."""

    members: tuple[FieldAlteration, ...]

    @classmethod
    def of(cls, model: type[Model], name: str, owns: Owns) -> Family:
        """Return the family of a field.

        Args:
            owns: whether migrations, in this database, look after the table of a model.
        """
        found: dict[TransitionKey, FieldAlteration] = {}
        fields: list[Any] = [model._meta.get_field(name)]
        for field in fields:
            member = _alteration(field)
            if member.key not in found:
                found[member.key] = member
                fields += [each for each in _references(field) if owns(each.model)]
        return cls(tuple(found.values()))

    @property
    def leader(self) -> FieldAlteration:
        """Return the change that the operations name."""
        return self.members[0]

    @property
    def by_table(self) -> dict[str, list[FieldAlteration]]:
        """Return the members of each table.

        Tables that refer come before those that they refer to, which is the order in which a
        client that inserts a row locks them.
        """
        tables: dict[str, list[FieldAlteration]] = {}
        for member in reversed(self.members):
            tables.setdefault(member.table, []).append(member)
        return tables

    def begun(self, connection: BaseDatabaseWrapper) -> Family:
        """Return the family without those that came into being when it had been expanded."""
        return Family(tuple(each for each in self.members if phases.find(connection, each.key)))

    def absent(self, connection: BaseDatabaseWrapper) -> list[tuple[TransitionKey, str]]:
        """Return the keys, and the columns, of those that follow the leader and are not members."""
        leader = phases.find(connection, self.leader.key)
        if leader is None:
            return []
        members = {each.key for each in self.members}
        followers = leader.followers.using(connection.alias).order_by("pk")
        found = [(TransitionKey.of(each), each.old_column) for each in followers]
        return [(key, column) for key, column in found if key not in members]

    def with_members(self, more: Iterable[FieldAlteration]) -> Family:
        """Return the family with further members."""
        return Family((*self.members, *more))

    def in_phase(
        self, connection: BaseDatabaseWrapper, phase: Transition.Phase
    ) -> list[FieldAlteration]:
        """Return the members that are in a phase, those that follow before those that lead."""
        return [
            each
            for each in reversed(self.members)
            if phases.is_in_phase(connection, each.key, phase)
        ]


def _alteration(field: Any) -> FieldAlteration:
    options = field.model._meta
    key = TransitionKey(KIND, options.app_label, options.model_name, field.name, field.name)
    return FieldAlteration(key, field.model, field.column)


def _references(field: Any) -> list[Any]:
    """Return the foreign keys that point at a field, in an order that does not change."""
    references = {
        relation.field
        for relation in field.model._meta.get_fields(include_hidden=True)
        if relation.auto_created
        and not relation.concrete
        and isinstance(relation.field, ForeignKey)
        and relation.field.target_field == field
    }
    return sorted(references, key=lambda each: (each.model._meta.label_lower, each.name))
