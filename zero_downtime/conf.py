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
from os import PathLike
from typing import Any

from django.apps import AppConfig, apps
from django.conf import settings
from django.core.checks import CheckMessage, Error
from django.db import connections
from django.utils.module_loading import import_string

from zero_downtime.errors import did_you_mean


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


def _or_none(kind: Kind, meaning_of_none: str) -> Kind:
    return Kind(
        f"{kind.description}, or None for {meaning_of_none}",
        lambda value: value is None or kind.accepts(value),
        lambda value: None if value is None else kind.convert(value),
    )


def _to_callable(value: Any) -> Any:
    function = import_string(value) if isinstance(value, str) else value
    if not callable(function):
        raise ImportError(f"{value} is not callable")
    return function


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
BYTES = Kind("a whole number of bytes, not negative", _is_count)
SESSIONS = Kind("a whole number of sessions, not negative", _is_count)
BYTES_PER_SECOND = Kind(
    "a number of bytes a second, greater than zero", lambda value: _is_number(value) and value > 0
)
CALLABLE = Kind(
    "a callable or the dotted path of one",
    lambda value: callable(value) or isinstance(value, str),
    _to_callable,
)

APP_LABELS = Kind(
    "a list of app labels",
    lambda value: (
        isinstance(value, list | tuple | set | frozenset)
        and all(isinstance(label, str) for label in value)
    ),
    frozenset,
)

ALIASES = Kind(
    "a dict from aliases of DATABASES to other ones",
    lambda value: (
        isinstance(value, dict)
        and all(isinstance(alias, str) for pair in value.items() for alias in pair)
        and all(alias != other for alias, other in value.items())
    ),
)

PATH = Kind("the path of a file", lambda value: isinstance(value, str | PathLike))

GIBIBYTE = 1024**3


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
    "DATA_STATEMENT_TIMEOUT": Setting(
        300,
        POSITIVE_SECONDS,
        "longest time of a statement of RunPython or RunSQL in a transaction",
    ),
    "DATA_IDLE_TIMEOUT": Setting(
        60,
        POSITIVE_SECONDS,
        "longest time that the code of RunPython may take between two statements in a transaction",
    ),
    "ON_BLOCKER": Setting(
        "wait",
        _one_of("wait", "cancel", "terminate"),
        "what `migrate` does with sessions that are in its way: wait, cancel what they run, or "
        "terminate them",
    ),
    "BLOCKER_AGE": Setting(
        60, SECONDS, "`ON_BLOCKER` is done only to transactions that have lasted longer"
    ),
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
    "TASK_SECONDS": Setting(
        30, POSITIVE_SECONDS, "how long a task of Celery or Django moves rows before the next does"
    ),
    "VACUUM_ROWS": Setting(
        100_000,
        ROWS,
        "vacuum the table after so many rows, or a twentieth of it if that is more; 0 for never",
    ),
    "MAX_REPLICA_LAG": Setting(
        5, _or_none(SECONDS, "no limit"), "a backfill waits while a replica is further behind"
    ),
    "MAX_REPLICA_LAG_BYTES": Setting(
        None, _or_none(BYTES, "no limit"), "the same, in WAL that a replica has not replayed"
    ),
    "MAX_SLOT_RETENTION_BYTES": Setting(
        10 * GIBIBYTE,
        _or_none(BYTES, "no limit"),
        "a backfill waits while a replication slot keeps more WAL than this on the disk",
    ),
    "MAX_WAL_RATE": Setting(
        None,
        _or_none(BYTES_PER_SECOND, "no limit"),
        "a backfill waits while the server, all its clients included, writes more WAL",
    ),
    "MAX_LOCK_WAITERS": Setting(
        5,
        _or_none(SESSIONS, "no limit"),
        "a backfill waits while more sessions wait for locks on its table or behind its workers",
    ),
    "MAX_SNAPSHOT_AGE": Setting(
        3600,
        _or_none(SECONDS, "no limit"),
        "a backfill waits while an older snapshot keeps dead rows from being removed",
    ),
    "THROTTLE": Setting(
        None,
        _or_none(CALLABLE, "none"),
        "called with the connection and the table; a backfill waits while it returns a reason",
    ),
    "THROTTLE_INTERVAL": Setting(1.0, SECONDS, "time between two looks at the throttles"),
    "THROTTLE_MAX_HOLD": Setting(
        600,
        _or_none(SECONDS, "no limit"),
        "a throttle that has held for longer is ignored until it has released",
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
    "MIGRATE_WAIT": Setting(
        3600, SECONDS, "how long `migrate` waits while another one is at the same database"
    ),
    "POOL_MODE": Setting(
        "transaction",
        _one_of("transaction", "session"),
        "how a proxy before the server, such as PgBouncer, pools; without one it says nothing",
    ),
    "SUBSTITUTE": Setting(
        [],
        APP_LABELS,
        "apps whose migrations cannot be edited: `migrate` runs safe operations instead of theirs",
    ),
    "DIRECT": Setting(
        {},
        ALIASES,
        "by which alias to go around the proxy before a database: {'default': 'direct'}",
    ),
    "LINT_BASELINE": Setting(
        None,
        _or_none(PATH, "none"),
        "file of the findings that `lintmigrations` does not report, because they are known",
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
        return [
            *_cannot_be_imported(name, value),
            *_not_installed(name, value),
            *_no_such_aliases(name, value),
        ]
    return [
        Error(
            f"ZERO_DOWNTIME[{name!r}] is {value!r}; it must be {setting.kind.description}.",
            hint=f"{name}: {setting.meaning}. The default is {setting.default!r}.",
            id="zero_downtime.E003",
        )
    ]


def _cannot_be_imported(name: str, value: Any) -> list[CheckMessage]:
    try:
        SETTINGS[name].kind.convert(value)
    except ImportError as error:
        return [
            Error(
                f"ZERO_DOWNTIME[{name!r}] is {value!r}, which cannot be used: {error}.",
                hint="Give the path of a function as you would import it: 'package.module.name'.",
                id="zero_downtime.E004",
            )
        ]
    return []


def _not_installed(name: str, value: Any) -> list[CheckMessage]:
    if SETTINGS[name].kind is not APP_LABELS:
        return []
    installed = [app.label for app in apps.get_app_configs()]
    return [
        Error(
            f"ZERO_DOWNTIME[{name!r}] names {label!r}, which is no installed app.",
            hint=did_you_mean(label, installed) or "Give the label of an app, without its package.",
            id="zero_downtime.E006",
        )
        for label in value
        if label not in installed
    ]


def _no_such_aliases(name: str, value: Any) -> list[CheckMessage]:
    if SETTINGS[name].kind is not ALIASES:
        return []
    return [
        Error(
            f"ZERO_DOWNTIME[{name!r}] names {alias!r}, which is not in DATABASES.",
            hint=did_you_mean(alias, connections) or "Give it an entry there.",
            id="zero_downtime.E007",
        )
        for pair in value.items()
        for alias in pair
        if alias not in connections
    ]
