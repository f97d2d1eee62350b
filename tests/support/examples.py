"""Which random examples tests are given: always the same, or with HYPOTHESIS_PROFILE=long new ones.

What turns an ordinary run red is the change that was made, and not the luck of the day.
"""

from __future__ import annotations

import os

from hypothesis import settings

_PROFILE = os.environ.get("HYPOTHESIS_PROFILE", "short")

settings.register_profile("short", derandomize=True)
settings.register_profile("long")


def load_profile() -> None:
    """Have all tests of properties take the examples of the profile that is asked for."""
    settings.load_profile(_PROFILE)


def how_many(*, short: int, long: int) -> int:
    """Return the number of examples in the profile that is asked for."""
    return {"short": short, "long": long}[_PROFILE]
