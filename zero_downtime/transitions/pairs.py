"""The two columns of a transition, and the name that everything put up for them shares."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.backends.base.base import BaseDatabaseWrapper

from zero_downtime.postgres import catalog, identifiers
from zero_downtime.postgres.comparisons import differ


@dataclass(frozen=True)
class ColumnPair:
    """Two columns of one table that are kept equal. `table` is named as Django names it.

    One of them is the original; the other is its mirror, which is NULL in every row until it is
    filled, and has no default. That is the new one, until a contract has been taken back.
    A pair is `exact` if equal values of the original are the same: see `catalog.Column`.
    """

    schema: str
    table: str
    old: str
    new: str
    nullable: bool = True
    mirrors_new: bool = False
    exact: bool = True

    @classmethod
    def of(
        cls,
        connection: BaseDatabaseWrapper,
        table: str,
        old: str,
        new: str,
        *,
        mirrors_new: bool = False,
    ) -> ColumnPair:
        """Return the pair, with the schema in which `table` is found."""
        original = catalog.get_column(connection, table, new if mirrors_new else old)
        nullable = original is None or not original.not_null
        exact = original is None or original.exact
        schema = catalog.schema_of(connection, table)
        return cls(schema, table, old, new, nullable, mirrors_new, exact)

    def differ(self, one: str, other: str) -> str:
        """Return the SQL condition that two values of the original's type are not the same."""
        return differ(one, other, exact=self.exact)

    @property
    def original(self) -> str:
        """Return the column that has always held the values."""
        return self.new if self.mirrors_new else self.old

    @property
    def mirror(self) -> str:
        """Return the column that was added to hold the same."""
        return self.old if self.mirrors_new else self.new

    @property
    def quoted_schema(self) -> str:
        """Return the schema's name as it has to stand in SQL."""
        return '"{}"'.format(self.schema.replace('"', '""'))

    @property
    def identity(self) -> str:
        """Return a fingerprint that tells this pair from all others."""
        return identifiers.digest(self.schema, self.table, self.old, self.new)
