"""The garbage collector pauses, and goes on as it was."""

from __future__ import annotations

import gc
import sys

import pytest

from zero_downtime.lint.collector import collector_paused


def test_it_pauses_and_goes_on_even_after_an_error() -> None:
    assert gc.isenabled()
    with collector_paused():
        assert not gc.isenabled()
    assert gc.isenabled()
    with pytest.raises(SystemExit), collector_paused():
        sys.exit()
    assert gc.isenabled()


def test_who_has_turned_it_off_keeps_it_off() -> None:
    gc.disable()
    try:
        with collector_paused():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
