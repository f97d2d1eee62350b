"""ZD208 drop-default-breaks-old-code."""

from __future__ import annotations

from django.db import migrations, models

from tests.lint.judging import (
    create_refund,
    in_database_only,
    in_state_only,
    judge,
    judge_all,
    migration,
    run_sql,
)

WITH_DEFAULT = migration(
    "0002_slot", migrations.AddField("order", "slot", models.IntegerField(db_default=1))
)
DROP = migrations.AlterField("order", "slot", models.IntegerField())


def test_code_that_leaves_the_value_to_the_database_fails() -> None:
    [finding] = judge_all(WITH_DEFAULT, migration("0003_drop", DROP))

    assert finding.rule == "ZD208"
    assert finding.hazards == ("breaks-old-code",)
    assert finding.severity == "error"
    assert finding.tables == ("shop_order",)
    assert finding.message == (
        'Column "slot" of table "shop_order" loses its default, which the INSERTs of running code '
        "rely on."
    )
    assert "SeparateDatabaseAndState" in finding.remedy


def test_another_default_is_one_as_well() -> None:
    other = migrations.AlterField("order", "slot", models.IntegerField(db_default=2))

    assert not judge_all(WITH_DEFAULT, migration("0003_other", other))


def test_where_null_is_allowed_nothing_fails() -> None:
    nullable = migrations.AddField("order", "slot", models.IntegerField(db_default=1, null=True))
    drop = migrations.AlterField("order", "slot", models.IntegerField(null=True))

    assert not judge_all(migration("0002_slot", nullable), migration("0003_drop", drop))


def test_a_key_that_is_not_numbered_any_more() -> None:
    [finding] = judge(
        migrations.AlterField("basket", "id", models.BigIntegerField(primary_key=True))
    )

    assert finding.rule == "ZD208"
    assert 'Column "id" of table "shop_basket" loses its identity' in finding.message


def test_a_key_that_becomes_numbered_starts_at_one() -> None:
    number = models.BigIntegerField(primary_key=True)
    numbered = models.BigAutoField(primary_key=True)
    refund = migrations.CreateModel("Refund", [("id", number)])

    [finding] = judge_all(
        migration("0002_refund", refund),
        migration("0003_numbered", migrations.AlterField("refund", "id", numbered)),
    )

    assert finding.rule == "ZD208"
    assert finding.message == (
        'The identity of column "id" of table "shop_refund" begins at 1: INSERTs collide with the '
        "rows there are."
    )


def test_by_sql() -> None:
    sql = run_sql("ALTER TABLE shop_order ALTER slot DROP DEFAULT")
    nested = in_database_only(DROP)

    [by_sql] = judge_all(WITH_DEFAULT, migration("0003_drop", sql))
    [by_nested] = judge_all(WITH_DEFAULT, migration("0003_drop", nested))

    assert by_sql.rule == by_nested.rule == "ZD208"


def test_the_default_of_a_column_that_running_code_does_not_know() -> None:
    """It is what makes its INSERTs work: ZD203 tells of that."""
    findings = judge(
        run_sql("ALTER TABLE shop_order ADD slot integer NOT NULL DEFAULT 1"),
        run_sql("ALTER TABLE shop_order ALTER slot DROP DEFAULT"),
    )

    assert [finding.rule for finding in findings] == ["ZD203"]


def test_what_is_fine() -> None:
    assert not judge(
        create_refund(slot=models.IntegerField(db_default=1)),
        migrations.AlterField("refund", "slot", models.IntegerField()),
    )
    assert not judge_all(WITH_DEFAULT, migration("0003_drop", in_state_only(DROP)))
