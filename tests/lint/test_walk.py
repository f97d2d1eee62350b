"""What each step of the pass knows."""

from __future__ import annotations

import pytest
from django.core.management.base import CommandError
from django.db import migrations, models
from django.db.migrations import Migration
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState

from tests.lint.judging import SHOP, codes, in_state_only, judge, judge_all, migration
from zero_downtime.lint.walk import Step, walk


def steps(*operations: Operation) -> list[Step]:
    change = migration("0002_change", *operations)
    return list(
        walk(
            [migration("0001_initial", *SHOP), change],
            ProjectState(),
            judged=[change],
            together=False,
        )
    )


def create(name: str) -> migrations.CreateModel:
    return migrations.CreateModel(name, [("id", models.BigAutoField(primary_key=True))])


def add_index(model: str) -> migrations.AddIndex:
    return migrations.AddIndex(model, models.Index(fields=["id"], name=f"{model}_idx"))


def test_a_step_has_the_states_before_and_after_it() -> None:
    added, renamed = steps(
        migrations.AddField("order", "total", models.IntegerField(null=True)),
        migrations.RenameField("order", "total", "sum"),
    )

    assert added.before is not None
    assert added.after is not None
    assert "total" not in added.before.fields
    assert "total" in added.after.fields
    assert renamed.old_field("total") is renamed.new_field("sum")
    assert renamed.new_field("total") is None


def test_operations_on_the_database_only_do_not_change_the_state_that_follows() -> None:
    dropped, added = steps(
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RemoveField("order", "note")]
        ),
        migrations.AddField("order", "total", models.IntegerField(null=True)),
    )

    assert dropped.new_field("note") is None
    assert added.old_field("note") is not None


def test_nested_operations_bear_the_index_of_the_outermost_one() -> None:
    [_, first, second] = steps(
        migrations.RunSQL("SELECT 1"),
        migrations.SeparateDatabaseAndState(
            database_operations=[
                add_index("order"),
                migrations.SeparateDatabaseAndState(database_operations=[add_index("tag")]),
            ]
        ),
    )

    assert [first.index, second.index] == [1, 1]
    assert [first.table, second.table] == ["shop_order", "shop_tag"]


def test_the_table_is_the_one_the_database_has() -> None:
    [_, by_option, renamed] = steps(
        migrations.AlterModelTable("order", "purchases"),
        add_index("order"),
        migrations.RenameModel("Order", "Purchase"),
    )

    assert by_option.table == "purchases"
    assert renamed.old_field("status") is not None
    assert renamed.new_field("status") is not None


def test_a_new_table_stays_new_under_another_name() -> None:
    assert not judge(
        create("Refund"),
        migrations.RenameModel("Refund", "Repayment"),
        migrations.AlterModelTable("Repayment", "repayments"),
        add_index("repayment"),
    )


def test_a_model_that_enters_the_state_only_is_no_new_table() -> None:
    findings = judge(
        migrations.SeparateDatabaseAndState(state_operations=[create("Refund")]),
        add_index("refund"),
    )

    assert codes(findings) == ["ZD101"]


def two_migrations() -> tuple[Migration, Migration]:
    return migration("0002_refund", create("Refund")), migration("0003_idx", add_index("refund"))


def test_what_one_migration_creates_is_old_to_the_next() -> None:
    assert codes(judge_all(*two_migrations())) == ["ZD101"]


def test_unless_both_belong_to_one_plan() -> None:
    assert not judge_all(*two_migrations(), together=True)


def test_initial_migrations_of_an_app_belong_together() -> None:
    assert not judge_all(
        migration("0002_refund", create("Refund"), initial=True),
        migration("0003_refund_idx", add_index("refund"), initial=True),
    )


def test_our_own_operations_of_the_same_name_are_not_taken_for_djangos() -> None:
    class AddIndexSomehow(migrations.AddIndex):
        def database_forwards(self, *args: object) -> None:
            """Whatever it does, it is not what Django does."""

    index = models.Index(fields=["status"], name="status_idx")

    assert codes(judge(migrations.AddIndex("order", index))) == ["ZD101"]
    assert not judge(AddIndexSomehow("order", index))


@pytest.mark.parametrize(
    ("operation", "reason"),
    [
        (migrations.RemoveField("ordre", "note"), r"raises KeyError: \('shop', 'ordre'\)"),
        (migrations.RemoveField("order", "notes"), "raises KeyError: 'notes'"),
        (in_state_only(migrations.RenameField("order", "notes", "note")), "FieldDoesNotExist"),
    ],
)
def test_an_operation_that_does_not_fit_the_models_is_named(
    operation: Operation, reason: str
) -> None:
    with pytest.raises(CommandError, match=reason) as refused:
        steps(operation)

    assert str(refused.value).startswith("shop.0002_change cannot be judged: <")
    assert refused.value.returncode == 2
