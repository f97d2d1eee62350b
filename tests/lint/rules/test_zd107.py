"""ZD107 add-column-rewrites-table."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.postgres.functions import RandomUUID
from django.db import migrations, models
from django.db.models.functions import Now, Random

from tests.lint.judging import create_refund, in_database_only, in_state_only, judge, run_sql
from zero_downtime import operations as zd

TOKEN = models.UUIDField(db_default=RandomUUID())
DOUBLE = models.GeneratedField(
    expression=models.F("number") * 2, output_field=models.BigIntegerField(), db_persist=True
)


def test_a_default_that_differs_from_row_to_row_is_written_into_every_row() -> None:
    [finding] = judge(migrations.AddField("order", "token", TOKEN))

    assert finding.rule == "ZD107"
    assert finding.hazards == ("blocks-reads", "blocks-writes")
    assert finding.severity == "error"
    assert finding.tables == ("shop_order",)
    assert finding.message == (
        'New column "token" is written into every row of table "shop_order": its default differs '
        'from row to row. Nobody can read or write "shop_order" until it is done.'
    )
    assert finding.remedy == "Use AddFieldConcurrently in a migration with atomic = False."
    assert finding.fixable


def test_a_stored_generated_column_is_too() -> None:
    [finding] = judge(migrations.AddField("order", "double", DOUBLE))

    assert finding.rule == "ZD107"
    assert "it is generated and stored" in finding.message
    assert "db_persist=False" in finding.remedy
    assert not finding.fixable


@pytest.mark.parametrize(
    "field",
    [
        models.FloatField(db_default=Random()),
        models.FloatField(db_default=Random() * 2, null=True),
    ],
    ids=["Random", "an expression of it"],
)
def test_so_are_these(field: models.Field[Any, Any]) -> None:
    assert len(judge(migrations.AddField("order", "extra", field), rule="ZD107")) == 1


@pytest.mark.parametrize(
    "field",
    [
        models.IntegerField(null=True),
        models.IntegerField(db_default=7),
        models.DateTimeField(db_default=Now()),
    ],
    ids=["nothing", "a constant", "now"],
)
def test_what_the_catalog_keeps_is_fine(field: models.Field[Any, Any]) -> None:
    assert not judge(migrations.AddField("order", "extra", field))


@pytest.mark.parametrize(
    "column",
    [
        "token uuid DEFAULT gen_random_uuid()",
        "place bigint GENERATED ALWAYS AS IDENTITY",
        "place bigserial",
        "double bigint GENERATED ALWAYS AS (number * 2) STORED",
    ],
)
def test_by_sql(column: str) -> None:
    [finding] = judge(run_sql(f"ALTER TABLE shop_order ADD COLUMN {column}"), rule="ZD107")

    assert finding.hazards == ("blocks-reads", "blocks-writes")


def test_a_default_for_rows_to_come_is_fine() -> None:
    assert not judge(
        run_sql(
            "ALTER TABLE shop_order ADD COLUMN token uuid",
            "ALTER TABLE shop_order ALTER COLUMN token SET DEFAULT gen_random_uuid()",
        )
    )


def test_what_is_fine() -> None:
    add = migrations.AddField("order", "token", TOKEN)

    assert not judge(zd.AddFieldConcurrently("order", "token", TOKEN), atomic=False)
    assert not judge(create_refund(), migrations.AddField("refund", "token", TOKEN))
    assert not judge(in_state_only(add))
    assert len(judge(in_database_only(add))) == 1
    assert not judge(migrations.AddField("legacyorder", "token", TOKEN))
