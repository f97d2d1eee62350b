"""SQL written by hand, told by what it does: PostgreSQL's own parser reads it.

The parser comes with `pip install django-zero-downtime[lint]`. It is imported when there is SQL
to read, because that takes a tenth of a second. Nothing here asks a server.
"""

from __future__ import annotations

from dataclasses import dataclass

from zero_downtime.postgres.parsing.placeholders import without_placeholders
from zero_downtime.postgres.statements import Opaque, Statement


@dataclass(frozen=True)
class Parsed:
    """One SQL statement of a text."""

    statements: tuple[Statement, ...]
    """What it does; an ALTER TABLE may do several things."""
    text: str
    """Without the comments around it."""
    offset: int
    """Where it begins in the whole text, in characters."""


def parse(sql: str, *, has_params: bool = False) -> list[Parsed]:
    """Tell what each statement of the text does.

    `has_params` says that it is run with parameters, so that `%s` and the like stand for values.
    Raises nothing: what cannot be parsed is one `Opaque`, which says why.
    """
    try:
        from zero_downtime.postgres.parsing.parser import parsed
    except ModuleNotFoundError as error:
        if error.name != "postgast":
            raise
        why = "install django-zero-downtime[lint] to have SQL looked into"
        return [Parsed((Opaque("", why),), sql.strip(), 0)]
    return parsed(sql, without_placeholders(sql) if has_params else sql)
