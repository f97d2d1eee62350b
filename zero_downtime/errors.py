"""Refusals that people read: what happened, to which table or migration, what to type next."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from django.core.management.base import CommandError


class Refused(CommandError):
    """Something must not be done now. The message says what to do instead.

    A `CommandError`, so that every management command prints it as one line and exits with 1.
    """


class UnknownName(CommandError):
    """A name that does not exist, with the closest one that does. Commands exit with 2."""

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        candidates = sorted(known)
        hint = did_you_mean(name, candidates)
        if not hint and candidates:
            hint = "There is: " + ", ".join(candidates) + "."
        super().__init__(f"There is no {kind} {name!r}. {hint or 'There is none.'}", returncode=2)


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return a question that names the closest of the `known` names; "" if none is close."""
    closest = difflib.get_close_matches(name, sorted(known), n=1, cutoff=0.3)
    return f"Did you mean {closest[0]!r}?" if closest else ""
