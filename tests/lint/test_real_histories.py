"""What the histories of large open-source projects do that small examples do not."""

from __future__ import annotations

from django.db import migrations, models
from django.db.migrations.operations.base import Operation

from tests.lint.judging import codes, judge, judge_all, migration
from zero_downtime.lint.findings import Finding


def test_a_name_that_a_column_has_had_for_one_operation_breaks_nobody() -> None:
    found = judge(
        migrations.RenameField("customer", "name", "interim"),
        migrations.RenameField("customer", "interim", "full_name"),
    )

    assert [finding.operation for finding in found] == [0]


def test_a_column_that_is_dropped_and_made_anew_has_nothing_to_lose() -> None:
    found = judge(
        migrations.RemoveField("order", "note"),
        migrations.AddField("order", "note", models.JSONField(null=True)),
        migrations.RenameField("order", "note", "remark"),
    )

    assert codes(found) == ["ZD202", "ZD201"]


def test_to_field_that_names_the_primary_key_makes_no_difference() -> None:
    key = models.ForeignKey("Customer", models.CASCADE, to_field="id")

    assert not judge(migrations.AlterField("order", "customer", key))


def test_a_foreign_key_to_another_table_may_find_nothing_there() -> None:
    [finding] = judge(
        migrations.AlterField("order", "customer", models.ForeignKey("shop.Tag", models.CASCADE))
    )

    assert finding.rule == "ZD105"
    assert "and fails if one points nowhere" in finding.message


def test_what_has_been_unique_until_now_has_no_duplicates() -> None:
    together: set[tuple[str, ...]] = {("customer", "number")}
    constraint = models.UniqueConstraint(fields=["customer", "number"], name="one_number_each")
    fewer = models.UniqueConstraint(fields=["number"], name="one_number")

    *_, same, narrower = judge(
        migrations.AlterUniqueTogether("order", together),
        migrations.AlterUniqueTogether("order", set()),
        migrations.AddConstraint("order", constraint),
        migrations.AddConstraint("order", fewer),
    )

    assert codes([same, narrower]) == ["ZD103", "ZD103"]
    assert same.hazards == ("blocks-reads", "blocks-writes")
    assert "may-fail" in narrower.hazards


def test_a_constraint_that_is_declared_in_another_way_stays() -> None:
    together = migrations.AlterUniqueTogether("order", {("customer", "number")})
    constraint = models.UniqueConstraint(fields=["customer", "number"], name="one_number_each")
    other = models.UniqueConstraint(fields=["number", "status"], name="one_number_each")

    def dropped(*later: Operation) -> list[Finding]:
        found = judge_all(
            migration("0002_unique", together),
            migration("0003_other", migrations.AlterUniqueTogether("order", set()), *later),
        )
        return [finding for finding in found if finding.rule == "ZD209"]

    assert dropped()
    assert dropped(migrations.AddConstraint("order", other))
    assert not dropped(migrations.AddConstraint("order", constraint))
    assert not dropped(migrations.RemoveField("order", "number"))
    assert not dropped(migrations.DeleteModel("order"))


def test_no_upsert_of_django_uses_an_index_with_a_condition() -> None:
    constraint = models.UniqueConstraint(
        fields=["number"], condition=models.Q(status="paid"), name="one_paid"
    )
    found = judge_all(
        migration("0002_unique", migrations.AddConstraint("order", constraint)),
        migration("0003_other", migrations.RemoveConstraint("order", "one_paid")),
    )

    assert [finding.migration for finding in found] == ["0002_unique"]


def test_a_foreign_key_that_an_update_has_filled_is_checked_before_django_alters_it() -> None:
    fill = migrations.RunSQL("UPDATE shop_order SET customer_id = 7", migrations.RunSQL.noop)
    key = models.ForeignKey("shop.Customer", models.CASCADE, default=7)

    assert "ZD307" not in codes(judge(fill, migrations.AlterField("order", "customer", key)))
    assert "ZD307" in codes(judge(fill, migrations.RemoveField("order", "note")))
    assert "ZD307" not in codes(
        judge(
            migrations.AddField(
                "order", "tag", models.ForeignKey("shop.Tag", models.CASCADE, null=True)
            ),
            migrations.RunSQL("UPDATE shop_order SET tag_id = 7", migrations.RunSQL.noop),
            migrations.RemoveField("order", "note"),
        )
    )


def test_a_new_column_that_is_null_everywhere_makes_no_duplicates() -> None:
    add = migrations.AddField("order", "place", models.IntegerField(null=True))
    fill = migrations.RunSQL("UPDATE shop_order SET place = 7", migrations.RunSQL.noop)
    constraint = migrations.AddConstraint(
        "order", models.UniqueConstraint(fields=["number", "place"], name="one_place")
    )

    assert "may-fail" not in judge(add, constraint)[-1].hazards
    assert "may-fail" in judge(add, fill, constraint)[-1].hazards


def test_a_model_that_goes_locks_what_its_many_to_many_fields_point_at() -> None:
    *_, index = judge(
        migrations.DeleteModel("Order"),
        migrations.AddIndex("customer", models.Index(fields=["name"], name="customer_name")),
    )

    assert '"shop_tag"' in index.message
