"""What fields an expression is about, and what it says more than another."""

from __future__ import annotations

import pytest
from django.db.models import F, Q
from django.db.models.functions import Lower, Now

from zero_downtime.lint.expressions import field_not_null, implies, mentions


@pytest.mark.parametrize(
    "expression",
    [
        Q(number=1),
        ~Q(number__gt=1),
        Q(status="new") | Q(number__in=[1]),
        Q(status=F("number")),
        F("number"),
        Lower("number"),
        Lower(F("number") + 1),
    ],
)
def test_a_field_is_mentioned(expression: object) -> None:
    assert mentions(expression, "number")
    assert not mentions(expression, "num")


def test_a_field_that_it_leads_to_is_mentioned() -> None:
    assert mentions(Q(customer__name="x"), "customer")


@pytest.mark.parametrize(
    ("stricter", "other"),
    [
        (Q(number__gt=0), Q(number__gt=-1)),
        (Q(number__gt=0), Q(number__gt=0)),
        (Q(number__gt=0), Q(number__gte=0)),
        (Q(number__gte=1), Q(number__gt=0)),
        (Q(number__lt=5), Q(number__lte=5)),
        (Q(number__lte=4), Q(number__lt=5)),
        (Q(number__lte=4), Q(number__lte=5)),
        (Q(status__in=["new"]), Q(status__in=["new", "paid"])),
        (Q(note__isnull=False), Q(note__isnull=False)),
    ],
)
def test_one_bound_implies_another(stricter: Q, other: Q) -> None:
    assert implies(stricter, other)
    assert implies(other, stricter) == (stricter == other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (Q(number__gt=0), Q(total__gt=-1)),
        (Q(number__gt=0), Q(number__lt=5)),
        (~Q(number__gt=0), ~Q(number__gt=-1)),
        (Q(number__gt=0, total__gt=0), Q(number__gt=-1)),
        (Q(number__gt=F("total")), Q(number__gt=0)),
        (Q(placed__gt=Now()), Q(placed__gt=0)),
        (Q(Q(number__gt=0)), None),
        (None, Q(number__gt=0)),
    ],
)
def test_of_others_it_is_not_known(one: Q, other: Q) -> None:
    assert not implies(one, other)


@pytest.mark.parametrize("condition", [Q(number__isnull=False), ~Q(number__isnull=True)])
def test_a_condition_may_say_no_more_than_not_null(condition: Q) -> None:
    assert field_not_null(condition) == "number"


@pytest.mark.parametrize(
    "condition",
    [
        Q(number__isnull=True),
        ~Q(number__isnull=False),
        Q(number=1),
        Q(number__isnull=False, status="new"),
        ~(~Q(number__isnull=True)),
        Lower("number"),
    ],
)
def test_or_something_else(condition: object) -> None:
    assert field_not_null(condition) == ""
