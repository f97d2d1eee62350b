"""ZD206 drop-table-breaks-old-code."""

from __future__ import annotations

from django.db import migrations

from tests.lint.judging import (
    create_refund,
    in_database_only,
    in_state_only,
    judge,
    judge_all,
    migration,
    run_sql,
)


def test_dropping_a_table_breaks_running_code() -> None:
    [finding] = judge(migrations.DeleteModel("Basket"))

    assert finding.rule == "ZD206"
    assert finding.hazards == ("breaks-old-code", "loses-data", "irreversible")
    assert finding.severity == "error"
    assert finding.tables == ("shop_basket",)
    assert finding.message == (
        'Dropping table "shop_basket" breaks running code, which still uses it, and its data is '
        "lost."
    )
    assert "SeparateDatabaseAndState" in finding.remedy
    assert not finding.fixable


def test_the_tables_of_its_many_to_many_fields_go_too() -> None:
    tables = [each.tables for each in judge(migrations.DeleteModel("Order"), rule="ZD206")]

    assert tables == [("shop_order_tags",), ("shop_order",)]


def test_a_many_to_many_field_is_a_table() -> None:
    [finding] = judge(migrations.RemoveField("order", "tags"))

    assert finding.rule == "ZD206"
    assert finding.tables == ("shop_order_tags",)


def test_by_sql_and_nested() -> None:
    [sql] = judge(run_sql("DROP TABLE IF EXISTS shop_basket CASCADE"))
    [nested] = judge(in_database_only(migrations.DeleteModel("Basket")))

    assert sql.hazards == nested.hazards == ("breaks-old-code", "loses-data", "irreversible")


def test_in_the_plan_that_takes_it_out_of_the_state_it_breaks_code_all_the_same() -> None:
    leave = in_state_only(migrations.DeleteModel("Basket"))

    [finding] = judge(leave, run_sql("DROP TABLE shop_basket"))
    [plan] = judge_all(
        migration("0002_leave", leave),
        migration("0003_drop", run_sql("DROP TABLE shop_basket")),
        together=True,
    )

    assert "breaks-old-code" in finding.hazards
    assert "breaks-old-code" in plan.hazards


def test_when_no_code_has_it_any_more_its_data_is_lost_still() -> None:
    [finding] = judge_all(
        migration("0002_leave", in_state_only(migrations.DeleteModel("Basket"))),
        migration("0003_drop", run_sql("DROP TABLE shop_basket")),
    )

    assert finding.severity == "warning"
    assert finding.hazards == ("loses-data", "irreversible")
    assert finding.message == 'Dropping table "shop_basket" means that its data is lost.'
    assert "keep a copy" in finding.remedy


def test_truncate_keeps_but_the_table() -> None:
    [finding] = judge(run_sql("TRUNCATE shop_basket"))

    assert finding.rule == "ZD206"
    assert finding.severity == "error"
    assert finding.hazards == ("loses-data", "irreversible")
    assert finding.message == 'TRUNCATE empties table "shop_basket": its data is lost.'


def test_what_is_fine() -> None:
    assert not judge(create_refund(), migrations.DeleteModel("Refund"))
    assert not judge(create_refund(), run_sql("TRUNCATE shop_refund"))
    assert not judge(in_state_only(migrations.DeleteModel("Basket")))
    assert not judge(migrations.DeleteModel("LegacyOrder"))


def test_a_table_that_takes_the_place_of_another_is_new_only_from_then_on() -> None:
    replaced = (
        "CREATE TABLE n (id bigint)",
        "DROP TABLE shop_basket",
        "ALTER TABLE n RENAME TO shop_basket",
    )

    [finding] = judge(run_sql(*replaced, "ALTER TABLE shop_basket ADD CHECK (id > 0)"))

    assert (finding.rule, finding.tables) == ("ZD206", ("shop_basket",))


def test_if_not_exists_makes_no_table_new_that_is_there() -> None:
    create = run_sql("CREATE TABLE IF NOT EXISTS shop_basket (id bigint)")

    assert [finding.rule for finding in judge(create, migrations.DeleteModel("Basket"))] == [
        "ZD206"
    ]


def test_a_view_that_a_model_reads_is_a_table_to_running_code() -> None:
    [finding] = judge(run_sql("DROP VIEW shop_legacyorder"))

    assert finding.rule == "ZD206"
    assert finding.severity == "error"
    assert finding.hazards == ("breaks-old-code",)
    assert finding.message == (
        'Dropping view "shop_legacyorder" breaks running code, which still uses it.'
    )


def test_a_view_that_comes_back_or_that_no_model_reads_is_fine() -> None:
    again = "CREATE VIEW shop_legacyorder AS SELECT id, note FROM shop_order"

    assert not judge(run_sql("DROP VIEW shop_legacyorder", again))
    assert not judge(run_sql("DROP VIEW IF EXISTS shop_legacyorder"), run_sql(again))
    assert not judge(run_sql("DROP VIEW totals"))
