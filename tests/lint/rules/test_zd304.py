"""ZD304 run-python-imports-models."""

from __future__ import annotations

from typing import Any

from django.db import migrations

from example_project.shop.models import Customer, Order
from tests.lint.judging import judge
from zero_downtime.lint.findings import Finding


def create(apps: Any, schema_editor: Any) -> None:
    Order.objects.get_or_create(status="new", customer=Customer.objects.get(pk=1))


def create_historical(apps: Any, schema_editor: Any) -> None:
    apps.get_model("shop", "Order").objects.get_or_create(status=Order.Status.PLACED)


def use_a_model_of_django(apps: Any, schema_editor: Any) -> None:
    from django.contrib.contenttypes.models import ContentType

    ContentType.objects.get_for_model(apps.get_model("shop", "Order"))


def found(code: Any) -> list[Finding]:
    findings = judge(migrations.RunPython(code, migrations.RunPython.noop))
    return [finding for finding in findings if finding.rule == "ZD304"]


def test_the_models_are_named() -> None:
    [finding] = found(create)

    assert finding.severity == "warning"
    assert finding.hazards == ()
    assert "shop.customer, shop.order" in finding.message
    assert 'apps.get_model("shop", "customer")' in finding.remedy


def test_constants_of_an_imported_model_are_fine() -> None:
    assert not found(create_historical)


def test_models_of_django_are_fine() -> None:
    assert not found(use_a_model_of_django)
