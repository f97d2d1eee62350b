"""What becomes of the migrations that Django's autodetector makes."""

from __future__ import annotations

import itertools
from typing import Any

from django.contrib.postgres.constraints import ExclusionConstraint
from django.db import migrations, models
from django.db.migrations import Migration
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState
from django.db.models import F, Q
from django.db.models.functions import Upper

from tests.lint.judging import SHOP, judge_all, migration
from zero_downtime.lint.judge import judge_ordered
from zero_downtime.lint.rewrite import NewMigrations

RENAME = migrations.RenameField("customer", "name", "full_name")
STATUS_INDEX = migrations.AddIndex("order", models.Index(fields=["status"], name="status_idx"))
NICKNAME = migrations.AddField("customer", "nickname", models.TextField(null=True))


def detected(*operations: Operation, name: str = "0002_auto") -> Migration:
    return migration(name, *operations, dependencies=[("shop", "0001_initial")])


def rewrite(
    *changes: Migration, shop: list[Operation] = SHOP, name: str | None = None
) -> list[Migration]:
    """Rewrite changes of the shop's models, and check what is true of all that is written."""
    before = migration("0001_initial", *shop)
    new = NewMigrations({"shop": list(changes)}, [before]).rewritten(name)["shop"]

    assert _models(before, *new) == _models(before, *changes)
    for earlier, later in itertools.pairwise(new):
        assert ("shop", earlier.name) in later.dependencies
    return new


def _models(*migrations_in_order: Migration) -> dict[Any, Any]:
    state = ProjectState()
    for each in migrations_in_order:
        state = each.mutate_state(state)
    return state.models


def contents(written: list[Migration]) -> list[tuple[str, list[str]]]:
    """Return the names of migrations and of the operations in them."""
    return [
        (each.name, [type(operation).__name__ for operation in each.operations]) for each in written
    ]


def test_a_rename_becomes_three_migrations() -> None:
    written = rewrite(detected(RENAME))

    assert contents(written) == [
        ("0002_rename_name_customer_full_name_expand", ["ExpandRenameField"]),
        ("0003_rename_name_customer_full_name_backfill", ["BackfillField"]),
        ("0004_rename_name_customer_full_name_contract", ["ContractRenameField"]),
    ]
    assert not any(each.atomic for each in written)
    assert all(("zero_downtime", "0001_initial") in each.dependencies for each in written)
    assert not judge_all(*written)


def test_a_removal_becomes_two_migrations() -> None:
    written = rewrite(detected(migrations.RemoveField("order", "note")))

    assert contents(written) == [
        ("0002_remove_order_note_expand", ["ExpandRemoveField"]),
        ("0003_remove_order_note_contract", ["ContractRemoveField"]),
    ]


def test_a_field_that_takes_the_place_of_a_removed_one_waits_for_the_contract() -> None:
    written = rewrite(
        detected(
            migrations.RemoveField("order", "note"),
            migrations.AddField("order", "note", models.IntegerField(null=True)),
        )
    )

    assert [names for _, names in contents(written)] == [
        ["ExpandRemoveField"],
        ["ContractRemoveField"],
        ["AddField"],
    ]


def test_a_field_of_a_model_that_goes_too_is_left_as_it_is() -> None:
    changes = [migrations.RemoveField("order", "note"), migrations.DeleteModel("order")]
    assert contents(rewrite(detected(*changes))) == [("0002_auto", ["RemoveField", "DeleteModel"])]


def test_an_index_is_built_concurrently_under_the_same_name() -> None:
    [written] = rewrite(detected(STATUS_INDEX))

    assert contents([written]) == [("0002_order_status_idx", ["AddIndexConcurrently"])]
    assert written.atomic is False
    assert set(written.dependencies) == {
        ("shop", "0001_initial"),
        ("zero_downtime", "0001_initial"),
    }


def test_what_has_no_remedy_is_left_as_it_is() -> None:
    change = detected(NICKNAME)

    assert rewrite(change) == [change]


def test_other_operations_come_before_what_migrate_may_hold_back() -> None:
    """New code needs the new field, and the contract waits until all code is new."""
    written = rewrite(detected(RENAME, NICKNAME, STATUS_INDEX))

    assert contents(written) == [
        ("0002_rename_name_customer_full_name_expand", ["ExpandRenameField"]),
        ("0003_customer_nickname", ["AddField"]),
        ("0004_order_status_idx", ["AddIndexConcurrently"]),
        ("0005_rename_name_customer_full_name_backfill", ["BackfillField"]),
        ("0006_rename_name_customer_full_name_contract", ["ContractRenameField"]),
    ]
    assert written[1].atomic is True


def test_renames_share_their_deploy_steps() -> None:
    written = rewrite(detected(RENAME, migrations.RenameField("order", "status", "state")))

    assert [operations for _, operations in contents(written)] == [
        ["ExpandRenameField"] * 2,
        ["BackfillField"] * 2,
        ["ContractRenameField"] * 2,
    ]


def test_what_is_created_in_the_same_change_needs_no_care() -> None:
    refund = migrations.CreateModel("Refund", [("id", models.BigAutoField(primary_key=True))])
    index = migrations.AddIndex("refund", models.Index(fields=["id"], name="refund_idx"))
    change = detected(refund, index)

    assert rewrite(change) == [change]


def test_a_rename_that_the_database_does_not_notice_is_left_as_it_is() -> None:
    for rename in (
        migrations.RenameField("customer", "email", "address"),
        migrations.RenameField("customer", "id", "number"),
        migrations.RenameField("order", "tags", "labels"),
    ):
        change = detected(rename)
        assert rewrite(change) == [change]


def test_a_change_of_the_renamed_field_waits_for_the_contract() -> None:
    """Until then the column of that name is a stand-in."""
    wider = migrations.AlterField("customer", "full_name", models.CharField(max_length=200))

    assert contents(rewrite(detected(RENAME, wider, NICKNAME))) == [
        ("0002_rename_name_customer_full_name_expand", ["ExpandRenameField"]),
        ("0003_customer_nickname", ["AddField"]),
        ("0004_rename_name_customer_full_name_backfill", ["BackfillField"]),
        ("0005_rename_name_customer_full_name_contract", ["ContractRenameField"]),
        ("0006_alter_customer_full_name", ["AlterField"]),
    ]


def test_so_does_all_that_builds_on_it() -> None:
    exclusive = ExclusionConstraint(expressions=[("full_name", "=")], name="one_of_a_name")
    waiting: list[Operation] = [
        migrations.AddConstraint("customer", exclusive),
        migrations.AddIndex("customer", models.Index(fields=["-full_name"], name="name_idx")),
        migrations.AddIndex("customer", models.Index(F("full_name").desc(), name="expr_idx")),
        migrations.AddConstraint(
            "customer", models.CheckConstraint(condition=~Q(full_name=""), name="named")
        ),
        migrations.AlterUniqueTogether("customer", {("full_name", "email")}),
        migrations.AddField(
            "customer",
            "initial",
            models.GeneratedField(
                expression=Upper("full_name"),
                output_field=models.CharField(max_length=100),
                db_persist=True,
            ),
        ),
    ]
    for operation in waiting:
        written = rewrite(detected(RENAME, operation))
        names = [names for _, names in contents(written)]
        assert names[2] == ["ContractRenameField"]
        assert len(names) == 4


def test_so_does_code_which_may_read_it_and_all_that_relies_on_the_code() -> None:
    """Until the backfill is done, the column of that name is empty."""
    for code in (
        migrations.RunPython(lambda apps, schema_editor: None),
        migrations.RunSQL("SELECT full_name FROM shop_customer"),
    ):
        assert [names for _, names in contents(rewrite(detected(RENAME, code, NICKNAME)))] == [
            ["ExpandRenameField"],
            ["BackfillField"],
            ["ContractRenameField"],
            [type(code).__name__, "AddField"],
        ]


def test_code_does_not_wait_for_the_end_of_a_field_that_it_does_not_know() -> None:
    code = migrations.RunPython(lambda apps, schema_editor: None)

    written = rewrite(detected(migrations.RemoveField("order", "note"), code))

    assert [names for _, names in contents(written)] == [
        ["ExpandRemoveField"],
        ["RunPython"],
        ["ContractRemoveField"],
    ]


def test_what_waits_has_stages_of_its_own() -> None:
    number = migrations.AlterField("customer", "full_name", models.IntegerField())

    written = rewrite(detected(RENAME, number, migrations.RemoveField("customer", "full_name")))

    assert [names for _, names in contents(written)] == [
        ["ExpandRenameField"],
        ["BackfillField"],
        ["ContractRenameField"],
        ["ExpandAlterField", "BackfillField"],
        ["SwitchAlterField"],
        ["ContractAlterField"],
        ["ExpandRemoveField"],
        ["ContractRemoveField"],
    ]


def test_a_model_is_not_renamed_under_a_transition() -> None:
    written = rewrite(
        detected(RENAME, migrations.RenameModel("customer", "person"), create("Note", "person"))
    )

    assert [names for _, names in contents(written)] == [
        ["ExpandRenameField"],
        ["BackfillField"],
        ["ContractRenameField"],
        ["RenameModel", "CreateModel"],
    ]


def create(name: str, target: str) -> migrations.CreateModel:
    key = models.ForeignKey(f"shop.{target}", models.CASCADE)
    return migrations.CreateModel(
        name, [("id", models.BigAutoField(primary_key=True)), (target, key)]
    )


def test_out_of_a_transaction_operations_need_not_be_apart() -> None:
    change = migration("0002_auto", STATUS_INDEX, NICKNAME, atomic=False)

    assert [names for _, names in contents(rewrite(change))] == [
        ["AddIndexConcurrently", "AddField"]
    ]


def test_a_waiting_index_is_built_concurrently_too() -> None:
    index = models.Index(fields=["full_name"], name="name_idx")

    *_, last = rewrite(detected(RENAME, migrations.AddIndex("customer", index)))

    assert contents([last]) == [("0005_customer_name_idx", ["AddIndexConcurrently"])]


def test_an_index_of_the_renamed_field_comes_along() -> None:
    """Django removes it and adds it again; in the database it follows its column."""
    indexed: list[Operation] = [
        *SHOP,
        migrations.AddIndex(
            "customer", models.Index(fields=["-name", "email"], include=["id"], name="name_idx")
        ),
        migrations.AddConstraint(
            "customer", models.UniqueConstraint(fields=["name"], name="name_unique")
        ),
        migrations.AlterUniqueTogether("customer", {("name", "email")}),
    ]
    written = rewrite(
        detected(
            migrations.RemoveConstraint("customer", "name_unique"),
            migrations.RemoveIndex("customer", "name_idx"),
            RENAME,
            migrations.AlterUniqueTogether("customer", {("full_name", "email")}),
            migrations.AddIndex(
                "customer",
                models.Index(fields=["-full_name", "email"], include=["id"], name="name_idx"),
            ),
            migrations.AddConstraint(
                "customer", models.UniqueConstraint(fields=["full_name"], name="name_unique")
            ),
        ),
        shop=indexed,
    )

    assert [operations for _, operations in contents(written)] == [
        ["ExpandRenameField", "SeparateDatabaseAndState"],
        ["BackfillField"],
        ["ContractRenameField"],
    ]
    [_, state_only] = written[0].operations
    assert isinstance(state_only, migrations.SeparateDatabaseAndState)
    assert len(state_only.state_operations) == 5
    assert not state_only.database_operations


def auto_named(model: str, fields: list[str]) -> models.Index:
    """Return the index as Meta.indexes has it without a name: the name depends on the fields."""
    state = ProjectState()
    for operation in SHOP:
        operation.state_forwards("shop", state)
    RENAME.state_forwards("shop", state)
    index = models.Index(fields=fields)
    index.set_name_with_model(state.apps.get_model("shop", model))
    return index


def test_an_index_that_is_named_after_the_field_is_renamed_and_comes_along() -> None:
    """Renaming an index locks no table, and it is there all the time."""
    new = auto_named("customer", ["full_name", "email"])
    old = models.Index(fields=["name", "email"], name="customer_name_123456_idx")
    written = rewrite(
        detected(
            migrations.RemoveIndex("customer", old.name),
            RENAME,
            migrations.AddIndex("customer", new),
        ),
        shop=[*SHOP, migrations.AddIndex("customer", old)],
    )

    assert [operations for _, operations in contents(written)] == [
        ["RenameIndex"],
        ["ExpandRenameField", "SeparateDatabaseAndState"],
        ["BackfillField"],
        ["ContractRenameField"],
    ]
    assert [each.atomic for each in written] == [True, False, False, False]
    [rename] = written[0].operations
    assert isinstance(rename, migrations.RenameIndex)
    assert (rename.old_name, rename.new_name) == (old.name, new.name)
    [_, state_only] = written[1].operations
    assert isinstance(state_only, migrations.SeparateDatabaseAndState)
    assert not state_only.database_operations
    before = migration("0001_initial", *SHOP, migrations.AddIndex("customer", old))
    start = before.mutate_state(ProjectState())
    assert not judge_ordered(written, start, judged=written, together=False)


def test_an_index_that_changes_as_well_is_built_anew() -> None:
    indexed = [
        *SHOP,
        migrations.AddIndex("customer", models.Index(fields=["name"], name="name_idx")),
    ]
    written = rewrite(
        detected(
            migrations.RemoveIndex("customer", "name_idx"),
            RENAME,
            migrations.AddIndex(
                "customer", models.Index(fields=["full_name", "email"], name="name_idx")
            ),
        ),
        shop=indexed,
    )

    assert [operations for _, operations in contents(written)] == [
        ["RemoveIndex"],
        ["ExpandRenameField"],
        ["BackfillField"],
        ["ContractRenameField"],
        ["AddIndexConcurrently"],
    ]


def test_later_migrations_of_the_app_are_numbered_on() -> None:
    later = migration("0003_more", NICKNAME, dependencies=[("shop", "0002_auto")])

    written = rewrite(detected(RENAME), later)

    assert [each.name for each in written][-2:] == [
        "0004_rename_name_customer_full_name_contract",
        "0005_more",
    ]


def test_other_apps_depend_on_the_models_not_on_the_contract() -> None:
    invoice = type("Migration", (Migration,), {"dependencies": [("shop", "0002_auto")]})(
        "0001_initial", "billing"
    )
    changes = {"billing": [invoice], "shop": [detected(RENAME, NICKNAME)]}

    rewritten = NewMigrations(changes, [migration("0001_initial", *SHOP)]).rewritten()

    assert rewritten["billing"][0].dependencies == [("shop", "0003_customer_nickname")]
    assert rewritten["billing"][0].name == "0001_initial"


def test_the_name_that_the_user_asked_for_is_kept() -> None:
    written = rewrite(detected(RENAME, NICKNAME, name="0002_people"), name="people")

    assert [each.name for each in written] == [
        "0002_people_expand",
        "0003_people",
        "0004_people_backfill",
        "0005_people_contract",
    ]


def test_judging_sees_what_rewriting_would_mend() -> None:
    new = NewMigrations({"shop": [detected(RENAME)]}, [migration("0001_initial", *SHOP)])

    report = new.judge()

    assert [(finding.rule, finding.path) for finding in report.findings] == [("ZD201", None)]
    assert report.migrations == 1
