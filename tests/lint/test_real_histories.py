"""What the histories of large open-source projects do that small examples do not."""

from __future__ import annotations

from django.db import migrations, models

from tests.lint.judging import codes, judge


def test_a_name_that_a_column_has_had_for_one_operation_breaks_nobody() -> None:
    found = judge(
        migrations.RenameField("customer", "name", "interim"),
        migrations.RenameField("customer", "interim", "full_name"),
    )

    assert [finding.operation for finding in found] == [0]


def test_a_column_that_is_dropped_and_made_anew_was_known() -> None:
    found = judge(
        migrations.RemoveField("order", "note"),
        migrations.AddField("order", "note", models.JSONField(null=True)),
        migrations.RemoveField("order", "note"),
    )

    assert [finding.severity for finding in found] == ["error", "error"]


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
