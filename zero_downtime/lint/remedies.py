"""The safe operations that replace an unsafe one.

Every rule knows its remedy. All that changes migrations for the user takes it from there, so that
what the linter advises is what is written.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.db.migrations.operations.base import Operation

LATER_STAGES = ("backfill", "switch", "contract")
"""The suffixes of all stages but the first, in the order in which they run."""


@dataclass(frozen=True)
class Stage:
    """What one deploy step runs, in a migration of its own with `atomic = False`."""

    operations: tuple[Operation, ...]
    suffix: str
    """Ending of the migration's name; "" when one stage is all there is."""
    when: str
    """When to run it, for the person who reads the migration."""
    needed_by_others: bool = False
    """Of a later stage: the models are as the operation would have left them only after it."""


@dataclass(frozen=True)
class Unsettled:
    """A field whose column is replaced by the last stage of a remedy."""

    model_name: str
    name: str
    is_key: bool = False
    """Foreign keys can point at it."""
    is_gone: bool = False
    """No code of later migrations knows it, whatever the database still has."""


@dataclass(frozen=True)
class Remedy:
    """The stages that together do safely what one operation would have done.

    The first takes the operation's place. The others come after everything else that new code
    needs, because `migrate` may hold them back.
    """

    stages: tuple[Stage, ...]
    unsettled: Unsettled | None = None
    """What others have to wait for."""
