"""ZD305 run-python-loads-whole-table."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import migrations, models

from tests.lint.judging import judge
from zero_downtime.lint.findings import Finding

CREATE_INVOICE = migrations.CreateModel("Invoice", [("id", models.BigAutoField(primary_key=True))])


def load(apps: Any, schema_editor: Any) -> None:
    print(len(apps.get_model("shop", "Order").objects.exclude(note="").order_by("pk")))


def load_all(apps: Any, schema_editor: Any) -> None:
    print(list(apps.get_model("shop", "Order").objects.all()))


def stream(apps: Any, schema_editor: Any) -> None:
    for order in apps.get_model("shop", "Order").objects.iterator():
        print(order.pk)


def load_some(apps: Any, schema_editor: Any) -> None:
    print(list(apps.get_model("shop", "Order").objects.filter(status="lost")))


def load_slice(apps: Any, schema_editor: Any) -> None:
    print(list(apps.get_model("shop", "Order").objects.all()[:100]))


def load_new_ones(apps: Any, schema_editor: Any) -> None:
    print(list(apps.get_model("shop", "Invoice").objects.all()))


def found(code: Any) -> list[Finding]:
    run = migrations.RunPython(code, migrations.RunPython.noop)
    return [each for each in judge(CREATE_INVOICE, run) if each.rule == "ZD305"]


def test_a_whole_table_in_memory_depends_on_its_size() -> None:
    [finding] = found(load_all)

    assert finding.severity == "warning"
    assert finding.hazards == ()
    assert finding.tables == ("shop_order",)
    assert f"line {load_all.__code__.co_firstlineno + 1}" in finding.message
    assert ".iterator()" in finding.remedy


@pytest.mark.parametrize("code", [stream, load_some, load_slice, load_new_ones, load])
def test_what_may_be_little_is_fine(code: Any) -> None:
    assert not found(code)
