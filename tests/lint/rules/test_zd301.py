"""ZD301 run-python-in-one-transaction."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest
from django.db import migrations, models, transaction
from django.db.migrations import Migration
from django.db.migrations.state import ProjectState

from tests.lint.judging import SHOP, judge, migration
from zero_downtime import operations as zd
from zero_downtime.lint.findings import Finding
from zero_downtime.lint.judge import judge_ordered

NOOP = migrations.RunPython.noop
ADD_TOTAL = migrations.AddField("order", "total", models.IntegerField(null=True))
CREATE_INVOICE = migrations.CreateModel("Invoice", [("id", models.BigAutoField(primary_key=True))])


def update_orders(apps: Any, schema_editor: Any) -> None:
    apps.get_model("shop", "Order").objects.update(note="")


def save_orders(apps: Any, schema_editor: Any) -> None:
    for order in apps.get_model("shop", "Order").objects.iterator():
        order.save()


def save_orders_in_a_transaction(apps: Any, schema_editor: Any) -> None:
    with transaction.atomic():
        save_orders(apps, schema_editor)


def create_order(apps: Any, schema_editor: Any) -> None:
    apps.get_model("shop", "Order").objects.create(number=1)


def count_orders(apps: Any, schema_editor: Any) -> None:
    print(apps.get_model("shop", "Order").objects.count())


def execute(apps: Any, schema_editor: Any) -> None:
    schema_editor.execute("UPDATE shop_order SET note = ''")


def execute_something(apps: Any, schema_editor: Any) -> None:
    schema_editor.execute(os.environ["STATEMENT"])


def fill_invoices(apps: Any, schema_editor: Any) -> None:
    Invoice = apps.get_model("shop", "Invoice")
    for order in apps.get_model("shop", "Order").objects.iterator():
        Invoice.objects.create(id=order.pk)


def update_invoices(apps: Any, schema_editor: Any) -> None:
    apps.get_model("shop", "Invoice").objects.update(id=1)


def update_what_is_not_there(apps: Any, schema_editor: Any) -> None:
    apps.get_model("shop", "LegacyOrder").objects.update(note="")


def grant(apps: Any, schema_editor: Any) -> None:
    for group in apps.get_model("auth", "Group").objects.iterator():
        group.permissions.add(1)
    apps.get_model("auth", "Permission").objects.filter(codename="sell").delete()


def update_any(apps: Any, schema_editor: Any) -> None:
    for model in apps.get_models():
        model.objects.update(note="")


def found(findings: list[Finding]) -> list[Finding]:
    """Return the findings of this rule."""
    return [finding for finding in findings if finding.rule == "ZD301"]


def run(code: Callable[[Any, Any], None], *before: Any, atomic: bool = True) -> list[Finding]:
    return found(judge(*before, migrations.RunPython(code, NOOP), atomic=atomic))


@pytest.mark.parametrize("code", [update_orders, save_orders])
def test_writing_all_rows_depends_on_the_data(code: Callable[[Any, Any], None]) -> None:
    [finding] = run(code)

    assert finding.hazards == ("long-transaction",)
    assert finding.severity == "warning"
    assert finding.tables == ("shop_order",)
    assert code.__name__ in finding.message
    assert "BatchedRunPython" in finding.remedy


def test_the_message_says_where() -> None:
    [finding] = run(update_orders)

    line = update_orders.__code__.co_firstlineno + 1
    assert f'of "shop_order" in one transaction (update() in line {line})' in finding.message


@pytest.mark.parametrize("code", [create_order, count_orders])
def test_a_few_rows_or_none_are_fine(code: Callable[[Any, Any], None]) -> None:
    assert not run(code)


def test_behind_a_schema_change_everybody_waits_for_it() -> None:
    [finding] = run(update_orders, ADD_TOTAL)

    assert finding.hazards == ("long-transaction", "blocks-reads", "blocks-writes")
    assert finding.severity == "error"
    assert finding.tables == ("shop_order",)


def test_behind_a_schema_change_reading_takes_as_long() -> None:
    [finding] = run(count_orders, ADD_TOTAL)

    assert finding.hazards == ("blocks-reads", "blocks-writes")
    assert finding.severity == "error"


def test_sql_is_read_as_well() -> None:
    [finding] = run(execute)

    assert finding.hazards == ("long-transaction",)
    assert finding.tables == ("shop_order",)


def test_behind_a_schema_change_what_cannot_be_seen_is_a_warning() -> None:
    [finding] = run(execute_something, ADD_TOTAL)

    assert finding.severity == "warning"
    assert "cannot be seen" in finding.message


def test_behind_a_schema_change_a_few_rows_are_fine() -> None:
    assert not run(create_order, ADD_TOTAL)


def test_before_a_schema_change_nobody_waits() -> None:
    [finding] = found(judge(migrations.RunPython(update_orders, NOOP), ADD_TOTAL))

    assert finding.severity == "warning"


def test_without_a_transaction_every_save_commits() -> None:
    assert not run(save_orders, atomic=False)


@pytest.mark.parametrize("code", [update_orders, save_orders_in_a_transaction])
def test_without_a_transaction_there_may_be_one_all_the_same(
    code: Callable[[Any, Any], None],
) -> None:
    [finding] = run(code, atomic=False)

    assert finding.hazards == ("long-transaction",)


def test_a_transaction_of_the_operation_is_one_too() -> None:
    operation = migrations.RunPython(save_orders, NOOP, atomic=True)

    assert found(judge(operation, atomic=False))


def test_batches_are_fine() -> None:
    assert not found(judge(zd.BatchedRunPython(update_orders, "order"), atomic=False))


def test_doing_nothing_is_fine() -> None:
    assert not run(NOOP)


def test_a_table_of_the_same_migration_is_fine() -> None:
    assert not run(update_invoices, CREATE_INVOICE)


def test_filling_a_new_table_from_an_old_one_takes_long() -> None:
    [finding] = run(fill_invoices, CREATE_INVOICE)

    assert finding.hazards == ("long-transaction",)
    assert finding.tables == ()


def test_a_table_that_migrations_do_not_look_after_is_fine() -> None:
    assert not run(update_what_is_not_there)


def test_tables_that_stay_small_are_fine() -> None:
    assert not run(grant)


def test_a_proxy_has_the_table_of_its_model() -> None:
    proxy = migrations.CreateModel("Invoice", [], {"proxy": True}, bases=("shop.order",))
    [finding] = run(update_invoices, proxy)

    assert finding.tables == ("shop_order",)


def test_models_that_are_not_known_may_be_large() -> None:
    [finding] = run(update_any)

    assert finding.tables == ()


@pytest.mark.parametrize("code", [update_orders, update_any])
def test_a_plan_that_starts_with_an_empty_database_is_fine(
    code: Callable[[Any, Any], None],
) -> None:
    fill = migrations.RunPython(code, NOOP)
    plan = [migration("0001_initial", *SHOP), migration("0002_fill", fill)]

    assert not found(judge_ordered(plan, ProjectState(), judged=plan, together=True))


def test_an_app_whose_tables_are_all_new_fills_those() -> None:
    first = migration("0001_initial", *SHOP)
    operations = [CREATE_INVOICE, migrations.RunPython(update_any, NOOP)]
    seed = type("Migration", (Migration,), {"operations": operations})("0001_initial", "billing")

    assert not found(judge_ordered([first, seed], ProjectState(), judged=[seed], together=False))
