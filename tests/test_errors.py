from __future__ import annotations

import pytest
from django.core.management.base import CommandError

from zero_downtime.errors import Refused, UnknownName


@pytest.mark.parametrize(
    ("known", "hint"),
    [
        (["shop", "blog"], "Did you mean 'shop'?"),
        (["accounts", "blog"], "There is: accounts, blog."),
        ([], "There is none."),
    ],
)
def test_an_unknown_name_comes_with_the_closest_one_or_with_all(
    known: list[str], hint: str
) -> None:
    error = UnknownName("app", "shpo", known)
    assert str(error) == f"There is no app 'shpo'. {hint}"
    assert error.returncode == 2


def test_a_refusal_is_printed_by_every_command() -> None:
    assert isinstance(Refused("not now"), CommandError)
    assert Refused("not now").returncode == 1
