"""The two columns of a transition, and the name that everything put up for them shares."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.backends.base.base import BaseDatabaseWrapper

from zero_downtime.postgres import catalog, identifiers


@dataclass(frozen=True)
class ColumnPair:
    """Two columns of one table that are kept equal. `table` is named as Django names it."""

    schema: str
    table: str
    old: str
    new: str
    nullable: bool = True

    @classmethod
    def of(cls, connection: BaseDatabaseWrapper, table: str, old: str, new: str) -> ColumnPair:
        """Return the pair, with the schema in which `table` is found."""
        original = catalog.get_column(connection, table, old)
        nullable = original is None or not original.not_null
        return cls(catalog.schema_of(connection, table), table, old, new, nullable)

    @property
    def quoted_schema(self) -> str:
        """Return the schema's name as it has to stand in SQL."""
        return '"{}"'.format(self.schema.replace('"', '""'))

    @property
    def identity(self) -> str:
        """Return a fingerprint that tells this pair from all others."""
        return identifiers.digest(self.schema, self.table, self.old, self.new)
