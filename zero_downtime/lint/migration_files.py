"""Adding to a migration's file what Django's writer leaves out."""

from __future__ import annotations

import textwrap
from pathlib import Path

from zero_downtime.lint.source import assignment, migration_class

INDENT = " " * 4
WIDTH = 79


def complete(path: str | Path, *, when: tuple[str, ...], atomic: bool) -> None:
    """Write the docstring `when` and, unless there, `atomic = False` into the Migration class.

    Django before 6.1 does not write `atomic`.
    """
    file = Path(path)
    file.write_text(completed(file.read_text("utf-8"), when=when, atomic=atomic), "utf-8")


def completed(source: str, *, when: tuple[str, ...], atomic: bool) -> str:
    """Return the source of a migration with both.

    One that has to be ported by hand is left as it is: Django writes where its functions come from,
    which is not Python where the name of a migration's file begins with a digit.
    """
    try:
        migration = migration_class(source)
    except SyntaxError:
        return source
    assert migration is not None, "Django's writer names the class so"
    block = [_docstring(when)] if when else []
    if not atomic and assignment(migration, "atomic") is None:
        block.append(f"{INDENT}atomic = False\n")
    if not block:
        return source
    lines = source.split("\n")
    first = migration.body[0].lineno - 1
    header = "\n".join(lines[:first]).rstrip()
    return "\n".join([header, *block, *lines[first:]])


def _docstring(sentences: tuple[str, ...]) -> str:
    quotes = '"""'
    text = "\n".join(
        textwrap.fill(
            sentence, WIDTH - len(quotes), initial_indent=INDENT, subsequent_indent=INDENT
        )
        for sentence in sentences
    ).strip()
    end = f"\n{INDENT}{quotes}" if "\n" in text else quotes
    return f"{INDENT}{quotes}{text}{end}\n"
