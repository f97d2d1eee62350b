"""ZD507 deleted-model-is-referenced."""

from __future__ import annotations

from django.db import migrations, models

from tests.lint.judging import in_state_only, judge, judge_all, migration


def test_a_foreign_key_that_points_at_a_deleted_model() -> None:
    [finding] = judge(migrations.DeleteModel("Customer"), rule="ZD507")

    assert finding.severity == "error"
    assert finding.hazards == ()
    assert finding.message == (
        "shop.Order.customer still points at Customer: the next migration that needs the models "
        "fails."
    )
    assert finding.remedy == "Remove shop.Order.customer in a migration before."


def test_the_key_may_go_in_the_same_migration() -> None:
    delete = migrations.DeleteModel("Customer")
    remove = migrations.RemoveField("order", "customer")

    assert not judge(remove, delete, rule="ZD507")
    assert not judge(delete, in_state_only(remove), rule="ZD507")
    assert not judge(delete, migrations.DeleteModel("Order"), rule="ZD507")


def test_in_a_migration_of_its_own_it_goes_too_late() -> None:
    findings = judge_all(
        migration("0002_delete", migrations.DeleteModel("Customer")),
        migration("0003_remove", migrations.RemoveField("order", "customer")),
        rule="ZD507",
    )

    assert [finding.migration for finding in findings] == ["0002_delete"]


def test_what_is_fine() -> None:
    key = models.ForeignKey("self", models.CASCADE, null=True)

    assert not judge(migrations.DeleteModel("Basket"), rule="ZD507")
    assert not judge(
        migrations.AddField("basket", "parent", key), migrations.DeleteModel("Basket"), rule="ZD507"
    )
