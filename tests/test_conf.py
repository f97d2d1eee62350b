"""The ZERO_DOWNTIME dict: what it accepts, and what `manage.py check` says of the rest."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core.checks import Error, run_checks
from django.test import override_settings

from tests.support.project import Project
from zero_downtime import conf


def errors_of(zero_downtime: Any) -> list[Error]:
    with override_settings(ZERO_DOWNTIME=zero_downtime):
        return [each for each in run_checks(tags=["zero_downtime"]) if isinstance(each, Error)]


@pytest.mark.parametrize(
    ("name", "default"),
    [
        ("LOCK_TIMEOUT", 1.0),
        ("CONCURRENT_LOCK_TIMEOUT", 3600),
        ("LOCK_DEADLINE", 600),
        ("LOCK_RETRY_MAX_DELAY", 30),
        ("INLINE_BACKFILL_ROWS", 10_000),
        ("BATCH_TARGET_SECONDS", 0.5),
        ("BATCH_MIN_ROWS", 100),
        ("BATCH_MAX_ROWS", 100_000),
        ("BATCH_PAUSE", 0.0),
        ("MAX_REPLICA_LAG", 5),
        ("MAX_REPLICA_LAG_BYTES", None),
        ("MAX_SLOT_RETENTION_BYTES", 10 * 1024**3),
        ("MAX_WAL_RATE", None),
        ("MAX_LOCK_WAITERS", 5),
        ("MAX_SNAPSHOT_AGE", 3600),
        ("THROTTLE", None),
        ("THROTTLE_INTERVAL", 1.0),
        ("THROTTLE_MAX_HOLD", 600),
        ("CONTRACT_QUIET", 60),
        ("CONTRACT_SOAK", 0),
        ("MAKEMIGRATIONS", "rewrite"),
        ("MIGRATE", "refuse"),
        ("SUBSTITUTE", frozenset()),
        ("LOG_QUERIES", True),
    ],
)
def test_defaults(name: str, default: Any) -> None:
    assert conf.get(name) == default


def test_the_defaults_pass_their_own_checks() -> None:
    defaults = {name: setting.default for name, setting in conf.SETTINGS.items()}
    assert errors_of(defaults) == []


def test_without_the_dict_all_is_well() -> None:
    assert errors_of({}) == []


@pytest.mark.parametrize(
    ("written", "seconds"),
    [(2, 2.0), (0.25, 0.25), (timedelta(minutes=2, milliseconds=5), 120.005)],
)
def test_times_come_back_as_seconds(written: Any, seconds: float) -> None:
    assert errors_of({"LOCK_TIMEOUT": written}) == []
    with override_settings(ZERO_DOWNTIME={"LOCK_TIMEOUT": written}):
        value = conf.get("LOCK_TIMEOUT")
    assert value == seconds
    assert isinstance(value, float)


@pytest.mark.parametrize(
    ("typo", "meant"),
    [
        ("LOCK_TIMEOUTS", "LOCK_TIMEOUT"),
        ("lock_timeout", "LOCK_TIMEOUT"),
        ("BATCH_MAXROWS", "BATCH_MAX_ROWS"),
        ("CONTRACT_QUITE", "CONTRACT_QUIET"),
        (b"MIGRATE", "MIGRATE"),
    ],
)
def test_a_typo_is_an_error_with_a_suggestion(typo: Any, meant: str) -> None:
    (error,) = errors_of({typo: 1})
    assert error.id == "zero_downtime.E002"
    assert repr(typo) in error.msg
    assert error.hint == f"Did you mean {meant!r}?"


NAN, INFINITY = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("LOCK_TIMEOUT", 0),
        ("LOCK_TIMEOUT", -1),
        ("LOCK_TIMEOUT", "1s"),
        ("LOCK_TIMEOUT", None),
        ("LOCK_TIMEOUT", True),
        ("LOCK_TIMEOUT", NAN),
        ("LOCK_TIMEOUT", INFINITY),
        ("LOCK_TIMEOUT", timedelta(0)),
        ("LOCK_DEADLINE", timedelta(seconds=-1)),
        ("LOCK_DEADLINE", INFINITY),
        ("BATCH_PAUSE", -0.1),
        ("INLINE_BACKFILL_ROWS", -1),
        ("INLINE_BACKFILL_ROWS", 1.5),
        ("INLINE_BACKFILL_ROWS", False),
        ("BATCH_MIN_ROWS", 0),
        ("BATCH_MAX_ROWS", "100"),
        ("MAX_REPLICA_LAG", -1),
        ("MAX_REPLICA_LAG", "5s"),
        ("MAX_REPLICA_LAG_BYTES", 0.5),
        ("MAX_WAL_RATE", 0),
        ("MAX_LOCK_WAITERS", True),
        ("THROTTLE", 1),
        ("THROTTLE_INTERVAL", None),
        ("MAKEMIGRATIONS", "on"),
        ("MIGRATE", ["refuse"]),
        ("MIGRATE", None),
        ("SUBSTITUTE", "taggit"),
        ("SUBSTITUTE", [1]),
        ("LOG_QUERIES", 1),
    ],
)
def test_an_impossible_value_is_an_error_that_says_what_is_possible(name: str, value: Any) -> None:
    (error,) = errors_of({name: value})
    assert error.id == "zero_downtime.E003"
    assert f"ZERO_DOWNTIME[{name!r}] is {value!r}; it must be " in error.msg
    assert error.hint
    assert error.hint.endswith(f" default is {conf.SETTINGS[name].default!r}.")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("LOCK_DEADLINE", 0),
        ("BATCH_PAUSE", 0),
        ("INLINE_BACKFILL_ROWS", 0),
        ("MAX_REPLICA_LAG", None),
        ("MAX_REPLICA_LAG", timedelta(0)),
        ("MAX_WAL_RATE", 0.5),
        ("MAX_LOCK_WAITERS", 0),
        ("THROTTLE", print),
        ("THROTTLE", "builtins.print"),
        ("THROTTLE_INTERVAL", 0),
        ("THROTTLE_MAX_HOLD", None),
        ("CONTRACT_QUIET", timedelta(0)),
        ("MAKEMIGRATIONS", "check"),
        ("MIGRATE", "warn"),
        ("SUBSTITUTE", ["zero_downtime"]),
        ("SUBSTITUTE", ("zero_downtime",)),
        ("LOG_QUERIES", False),
    ],
)
def test_values_at_the_edge_of_what_is_possible(name: str, value: Any) -> None:
    assert errors_of({name: value}) == []


@pytest.mark.parametrize("path", ["shop.nowhere.busy", "busy", "builtins.busy", "sys.path"])
def test_a_path_where_no_callable_is_is_an_error(path: str) -> None:
    (error,) = errors_of({"THROTTLE": path})
    assert error.id == "zero_downtime.E004"
    assert f"ZERO_DOWNTIME['THROTTLE'] is {path!r}, which cannot be used: " in error.msg


def test_a_path_comes_back_as_the_callable() -> None:
    with override_settings(ZERO_DOWNTIME={"THROTTLE": "builtins.print"}):
        assert conf.get("THROTTLE") is print


def test_an_app_that_is_not_installed_is_an_error_with_a_suggestion() -> None:
    (error,) = errors_of({"SUBSTITUTE": ["zero_downtime", "zero_dwntime"]})
    assert error.id == "zero_downtime.E006"
    assert (
        error.msg == "ZERO_DOWNTIME['SUBSTITUTE'] names 'zero_dwntime', which is no installed app."
    )
    assert error.hint == "Did you mean 'zero_downtime'?"


def test_every_mistake_is_reported_at_once() -> None:
    errors = errors_of({"LOCK_TIMEOUT": 0, "MIGRAT": "warn"})
    assert [error.id for error in errors] == ["zero_downtime.E003", "zero_downtime.E002"]


@pytest.mark.parametrize("not_a_dict", [None, [], "LOCK_TIMEOUT"])
def test_anything_but_a_dict_is_an_error(not_a_dict: Any) -> None:
    (error,) = errors_of(not_a_dict)
    assert error.id == "zero_downtime.E001"


def test_no_command_runs_with_a_typo(project: Project) -> None:
    result = project.manage("migrate", check=False, settings={"LOCK_TIMEOUTS": 1})
    assert result.returncode == 1
    assert "Did you mean 'LOCK_TIMEOUT'?" in result.stderr
    assert project.rows("SELECT to_regclass('django_migrations')::text") == [(None,)]


@pytest.mark.parametrize("value", [None, ["direct"], {"default": 1}, {"default": "default"}])
def test_a_way_around_a_proxy_leads_from_one_alias_to_another(value: Any) -> None:
    (error,) = errors_of({"DIRECT": value})
    assert error.id == "zero_downtime.E003"
    assert "it must be a dict from aliases of DATABASES to other ones" in error.msg


def test_both_have_to_be_there() -> None:
    (error,) = errors_of({"DIRECT": {"default": "defalt"}})
    assert error.id == "zero_downtime.E007"
    assert error.msg == "ZERO_DOWNTIME['DIRECT'] names 'defalt', which is not in DATABASES."
    assert error.hint == "Did you mean 'default'?"
