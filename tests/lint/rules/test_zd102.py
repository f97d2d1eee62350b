"""ZD102 set-not-null-blocks-reads."""

from __future__ import annotations

from typing import Any

from django.contrib.postgres.operations import AddConstraintNotValid, ValidateConstraint
from django.db import migrations, models
from django.db.models import Q

from tests.lint.judging import codes, judge, judge_all, migration, run_sql

NOTE_IS_SET = models.CheckConstraint(condition=Q(note__isnull=False), name="note_is_set")


def test_setting_not_null_reads_the_table_under_a_full_lock() -> None:
    [finding] = judge(migrations.AlterField("order", "note", models.TextField()))

    assert finding.rule == "ZD102"
    assert finding.hazards == ("blocks-reads", "blocks-writes", "breaks-old-code", "may-fail")
    assert finding.severity == "error"
    assert finding.tables == ("shop_order",)
    assert '"note" of table "shop_order"' in finding.message


def test_it_can_be_fixed_unless_the_column_gets_another_name_as_well() -> None:
    def is_fixable(field: models.Field[Any, Any]) -> bool:
        [finding] = judge(migrations.AlterField("order", "note", field), rule="ZD102")
        return finding.fixable

    assert is_fixable(models.TextField())
    assert is_fixable(models.CharField(max_length=10))
    assert not is_fixable(models.TextField(db_column="remark"))


def test_with_a_default_django_updates_all_rows_first() -> None:
    [finding] = judge(migrations.AlterField("order", "note", models.TextField(default="")))

    assert "long-transaction" in finding.hazards
    assert "may-fail" not in finding.hazards


def test_a_default_for_this_once_counts_as_well() -> None:
    [finding] = judge(
        migrations.AlterField("order", "note", models.TextField(default=""), preserve_default=False)
    )

    assert "long-transaction" in finding.hazards


def test_blank_is_not_a_default_here() -> None:
    [finding] = judge(migrations.AlterField("order", "note", models.TextField(blank=True)))

    assert "may-fail" in finding.hazards


def test_after_code_that_fills_the_rows_it_need_not_fail() -> None:
    findings = judge(
        run_sql("UPDATE shop_order SET note = '' WHERE note IS NULL"),
        migrations.AlterField("order", "note", models.TextField()),
    )

    assert codes(findings) == ["ZD303", "ZD102"]
    assert "may-fail" not in findings[1].hazards


def test_a_valid_check_proves_that_there_is_no_null() -> None:
    assert not judge_all(
        migration("0002_check", AddConstraintNotValid("order", NOTE_IS_SET)),
        migration("0003_validate", ValidateConstraint("order", "note_is_set")),
        migration("0004_set", migrations.AlterField("order", "note", models.TextField())),
        rule="ZD102",
    )


def test_a_check_that_was_never_validated_proves_nothing() -> None:
    findings = judge_all(
        migration("0002_check", AddConstraintNotValid("order", NOTE_IS_SET)),
        migration("0003_set", migrations.AlterField("order", "note", models.TextField())),
    )

    assert codes(findings) == ["ZD102"]


def test_a_check_on_another_field_proves_nothing() -> None:
    other = models.CheckConstraint(condition=Q(status__isnull=False), name="status_is_set")

    findings = judge(
        migrations.AddConstraint("order", other),
        migrations.AlterField("order", "note", models.TextField()),
        rule="ZD102",
    )

    assert len(findings) == 1


def test_a_default_defeats_the_check() -> None:
    findings = judge_all(
        migration("0002_check", AddConstraintNotValid("order", NOTE_IS_SET)),
        migration("0003_validate", ValidateConstraint("order", "note_is_set")),
        migration("0004_set", migrations.AlterField("order", "note", models.TextField(default=""))),
        rule="ZD102",
    )

    assert [finding.hazards for finding in findings] == [("blocks-reads", "blocks-writes")]


def test_other_changes_are_not_this_rule() -> None:
    assert not judge(
        migrations.AlterField("order", "note", models.TextField(null=True, default=""))
    )
    assert not judge(
        migrations.AlterField("order", "status", models.CharField(max_length=10, null=True))
    )


def test_an_unmanaged_table_is_nobodys_business() -> None:
    assert not judge(migrations.AlterField("legacyorder", "note", models.TextField()))
