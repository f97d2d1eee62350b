"""Which operations get safe ones in their place. No database is asked."""

from __future__ import annotations

from django.db import migrations, models
from django.db.migrations.operations.base import Operation

from tests.lint.judging import create_refund, judge, run_sql
from zero_downtime.guard.substitution import can_be_substituted, substitutes


def instead(*operations: Operation) -> dict[int, list[str]]:
    """Return the names of the safe operations, by the index of those that they replace."""
    return {
        index: [type(operation).__name__ for operation in safe]
        for index, safe in substitutes(judge(*operations)).items()
    }


def index_on(model: str, field: str) -> Operation:
    return migrations.AddIndex(model, models.Index(fields=[field], name=f"{model}_{field}_idx"))


def test_operations_that_need_one_deploy_only() -> None:
    foreign_key = models.ForeignKey("shop.Customer", models.CASCADE, null=True)
    check = models.CheckConstraint(condition=models.Q(number__gt=0), name="positive")
    assert instead(
        index_on("order", "status"),
        migrations.AddConstraint("order", check),
        migrations.AddField("order", "payer", foreign_key),
        migrations.AlterField("order", "status", models.CharField(max_length=10, unique=True)),
    ) == {
        0: ["AddIndexConcurrently"],
        1: ["AddConstraintConcurrently"],
        2: ["AddFieldConcurrently"],
        3: ["AlterFieldConcurrently"],
    }


def test_what_nobody_would_notice_stays_as_it_is() -> None:
    assert instead(
        migrations.AddField("order", "age", models.IntegerField(null=True)),
        create_refund(note=models.TextField(null=True)),
        index_on("refund", "note"),
        index_on("order", "status"),
    ) == {3: ["AddIndexConcurrently"]}


def test_what_needs_several_deploys_is_left_to_its_author() -> None:
    findings = judge(
        migrations.RenameField("customer", "name", "full_name"),
        migrations.RemoveField("order", "note"),
        migrations.AlterField("order", "number", models.BigIntegerField()),
        run_sql("CREATE INDEX ON shop_order (status)"),
    )
    assert {finding.operation for finding in findings} == {0, 1, 2, 3}
    assert not any(map(can_be_substituted, findings))
    assert substitutes(findings) == {}


def test_operations_in_others_stay_where_somebody_has_put_them() -> None:
    nested = migrations.SeparateDatabaseAndState([index_on("order", "status")])
    assert instead(nested) == {}
