"""ZD101 add-index-blocks-writes."""

from __future__ import annotations

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models

from tests.lint.judging import judge, run_sql
from zero_downtime import operations as zd

STATUS = models.Index(fields=["status"], name="order_status_idx")


def test_building_an_index_on_an_existing_table_blocks_writes() -> None:
    [finding] = judge(migrations.AddIndex("order", STATUS))

    assert finding.rule == "ZD101"
    assert finding.hazards == ("blocks-writes",)
    assert finding.severity == "error"
    assert finding.tables == ("shop_order",)
    assert 'index "order_status_idx" reads the whole table "shop_order"' in finding.message
    assert "AddIndexConcurrently('order', ...)" in finding.remedy
    assert finding.fixable


def test_behind_another_change_in_the_same_transaction_reads_wait_too() -> None:
    priority = models.IntegerField(null=True)

    [finding] = judge(
        migrations.AddField("customer", "priority", priority), migrations.AddIndex("order", STATUS)
    )

    assert finding.hazards == ("blocks-reads", "blocks-writes")
    assert finding.tables == ("shop_order", "shop_customer")


def test_without_that_transaction_they_do_not() -> None:
    priority = models.IntegerField(null=True)

    [finding] = judge(
        migrations.AddField("customer", "priority", priority),
        migrations.AddIndex("order", STATUS),
        atomic=False,
    )

    assert finding.hazards == ("blocks-writes",)


def test_a_change_that_the_database_does_not_notice_locks_nothing() -> None:
    relabelled = models.CharField(max_length=100, verbose_name="full name", default="?")

    [finding] = judge(
        migrations.AlterField("customer", "name", relabelled), migrations.AddIndex("order", STATUS)
    )

    assert finding.hazards == ("blocks-writes",)


def test_building_it_concurrently_is_fine() -> None:
    assert not judge(zd.AddIndexConcurrently("order", STATUS), atomic=False)
    assert not judge(AddIndexConcurrently("order", STATUS), atomic=False)


def test_an_index_on_a_new_table_is_fine() -> None:
    refund = migrations.CreateModel("Refund", [("id", models.BigAutoField(primary_key=True))])

    assert not judge(
        refund, migrations.AddIndex("refund", models.Index(fields=["id"], name="refund_idx"))
    )


def test_an_index_in_the_state_only_is_fine() -> None:
    assert not judge(
        migrations.SeparateDatabaseAndState(state_operations=[migrations.AddIndex("order", STATUS)])
    )


def test_an_index_in_the_database_only_is_found() -> None:
    [finding] = judge(
        run_sql("SELECT 1"),
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.AddIndex("order", STATUS)]
        ),
    )

    assert (finding.rule, finding.operation) == ("ZD101", 1)


def test_an_unmanaged_table_is_nobodys_business() -> None:
    note = models.Index(fields=["note"], name="legacy_note_idx")

    assert not judge(migrations.AddIndex("legacyorder", note))
