"""The `ZERO_DOWNTIME` dict of the Django settings: every key, its unit, its default, its check.

Read a setting as `conf.get("LOCK_TIMEOUT")`. Times come back as seconds (float), whether the
project wrote a number or a `timedelta`.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error


@dataclass(frozen=True)
class Kind:
    """What values a setting accepts, in words for people and as a test."""

    description: str
    accepts: Callable[[Any], bool]
    convert: Callable[[Any], Any] = lambda value: value


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _is_duration(value: Any) -> bool:
    return (_is_number(value) and value >= 0) or (
        isinstance(value, timedelta) and value >= timedelta(0)
    )


def _to_seconds(value: float | timedelta) -> float:
    return value.total_seconds() if isinstance(value, timedelta) else float(value)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _one_of(*choices: str) -> Kind:
    return Kind("one of " + ", ".join(map(repr, choices)), lambda value: value in choices)


SECONDS = Kind("a number of seconds or a timedelta, not negative", _is_duration, _to_seconds)
POSITIVE_SECONDS = Kind(
    "a number of seconds or a timedelta, greater than zero",
    lambda value: _is_duration(value) and _to_seconds(value) > 0,
    _to_seconds,
)
ROWS = Kind("a whole number of rows, not negative", _is_count)
POSITIVE_ROWS = Kind(
    "a whole number of rows, greater than zero", lambda value: _is_count(value) and value > 0
)


@dataclass(frozen=True)
class Setting:
    """One key of `ZERO_DOWNTIME`."""

    default: Any
    kind: Kind
    meaning: str


SETTINGS: dict[str, Setting] = {
    "LOCK_TIMEOUT": Setting(1.0, POSITIVE_SECONDS, "longest wait for a lock that blocks others"),
    "CONCURRENT_LOCK_TIMEOUT": Setting(
        3600, POSITIVE_SECONDS, "longest wait of a CONCURRENTLY statement, which blocks nobody"
    ),
    "LOCK_DEADLINE": Setting(600, SECONDS, "give up on an operation after retrying this long"),
    "LOCK_RETRY_MAX_DELAY": Setting(30, POSITIVE_SECONDS, "longest pause between two tries"),
    "INLINE_BACKFILL_ROWS": Setting(
        10_000, ROWS, "tables with fewer rows are backfilled inside `migrate`"
    ),
    "BATCH_TARGET_SECONDS": Setting(0.5, POSITIVE_SECONDS, "how long a batch should take"),
    "BATCH_MIN_ROWS": Setting(100, POSITIVE_ROWS, "smallest batch"),
    "BATCH_MAX_ROWS": Setting(100_000, POSITIVE_ROWS, "largest batch"),
    "BATCH_PAUSE": Setting(0.0, SECONDS, "pause between two batches"),
    "BATCH_MAX_FAILURES": Setting(
        100, POSITIVE_ROWS, "give up on a backfill when this many rows cannot be moved"
    ),
    "VACUUM_ROWS": Setting(
        250_000,
        ROWS,
        "vacuum the table after so many rows, or a tenth of it if that is more; 0 for never",
    ),
    "CONTRACT_QUIET": Setting(60, SECONDS, "no old-style write for this long before a contract"),
    "CONTRACT_SOAK": Setting(0, SECONDS, "time between an expand and its contract"),
    "MAKEMIGRATIONS": Setting(
        "rewrite",
        _one_of("rewrite", "check", "off"),
        "what `makemigrations` does with unsafe operations it was about to write",
    ),
    "MIGRATE": Setting(
        "refuse",
        _one_of("refuse", "warn", "off"),
        "what `migrate` does with unsafe unapplied migrations",
    ),
    "LOG_QUERIES": Setting(
        True,
        Kind("True or False", lambda value: isinstance(value, bool)),
        "show the query text of sessions that block a migration",
    ),
}


def get(name: str) -> Any:
    """Return the project's value of setting `name`, or its default; times in seconds."""
    setting = SETTINGS[name]
    return setting.kind.convert(_configured().get(name, setting.default))


def _configured() -> dict[str, Any]:
    configured: dict[str, Any] = getattr(settings, "ZERO_DOWNTIME", {})
    return configured


def check_settings(
    app_configs: Sequence[AppConfig] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """System check: unknown keys and impossible values of `ZERO_DOWNTIME` are errors."""
    configured = _configured()
    if not isinstance(configured, dict):
        return [Error("ZERO_DOWNTIME must be a dict of settings.", id="zero_downtime.E001")]
    return [
        error
        for name, value in configured.items()
        for error in (_unknown_key(name) if name not in SETTINGS else _bad_value(name, value))
    ]


def _unknown_key(name: str) -> list[CheckMessage]:
    closest = difflib.get_close_matches(str(name).upper(), SETTINGS, n=1, cutoff=0.0)[0]
    return [
        Error(
            f"ZERO_DOWNTIME has no setting {name!r}.",
            hint=f"Did you mean {closest!r}?",
            id="zero_downtime.E002",
        )
    ]


def _bad_value(name: str, value: Any) -> list[CheckMessage]:
    setting = SETTINGS[name]
    if setting.kind.accepts(value):
        return []
    return [
        Error(
            f"ZERO_DOWNTIME[{name!r}] is {value!r}; it must be {setting.kind.description}.",
            hint=f"{name}: {setting.meaning}. The default is {setting.default!r}.",
            id="zero_downtime.E003",
        )
    ]
