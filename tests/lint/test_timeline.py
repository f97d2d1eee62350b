"""Who waits for which statement."""

from __future__ import annotations

from zero_downtime.lint.schema import Schema
from zero_downtime.lint.timeline import Effect, Timeline
from zero_downtime.postgres.statements import (
    AddCheck,
    AddColumn,
    AddForeignKey,
    AlterColumnType,
    CreateIndex,
    CreateTable,
    DropTable,
    RenameTable,
    SetNotNull,
    Statement,
    WriteRows,
)

INDEX = CreateIndex("book")
COLUMN = AddColumn("author", "born", "date")


def run(*statements: Statement, atomic: bool = True) -> list[Effect]:
    """Run each statement for itself."""
    return Timeline(atomic=atomic).run([[each] for each in statements], Schema())


def test_what_takes_long_makes_others_wait_by_its_lock() -> None:
    [index] = run(INDEX)
    [not_null] = run(SetNotNull("book", "title"))
    [concurrent] = run(CreateIndex("book", concurrently=True), atomic=False)

    assert (index.stops_reads, index.stops_writes) == ((), ("book",))
    assert (not_null.stops_reads, not_null.stops_writes) == (("book",), ("book",))
    assert (concurrent.stops_reads, concurrent.stops_writes) == ((), ())
    assert index.works
    assert concurrent.works


def test_nobody_waits_long_for_what_takes_an_instant() -> None:
    [effect] = run(COLUMN)

    assert (effect.stops_reads, effect.stops_writes) == ((), ())
    assert not effect.works


def test_a_lock_stays_until_the_transaction_ends() -> None:
    _, behind = run(COLUMN, INDEX)
    before, _ = run(INDEX, COLUMN)
    _, in_another = run(COLUMN, INDEX, atomic=False)

    assert behind.stops_reads == ("author",)
    assert behind.stops_writes == ("author", "book")
    assert behind.altered == ("author",)
    assert before.stops_reads == in_another.stops_reads == ()
    assert in_another.altered == ()


def test_statements_that_are_sent_together_are_one_transaction() -> None:
    timeline = Timeline(atomic=False)

    _, behind, next_one = timeline.run([[COLUMN, INDEX], [INDEX]], Schema())

    assert behind.stops_reads == ("author",)
    assert behind.in_transaction
    assert next_one.stops_reads == ()
    assert not next_one.in_transaction


def test_so_are_those_of_an_operation_that_is_atomic_by_itself() -> None:
    timeline = Timeline(atomic=False)

    _, behind = timeline.run([[COLUMN], [INDEX]], Schema(), together=True)
    [next_one] = timeline.run([[INDEX]], Schema(), together=True)

    assert behind.stops_reads == ("author",)
    assert behind.in_transaction
    assert next_one.stops_reads == ()


def test_the_strongest_lock_counts() -> None:
    _, _, effect = run(AddColumn("book", "pages", "integer"), INDEX, INDEX)

    assert effect.stops_reads == ("book",)


def test_a_foreign_key_locks_two_tables() -> None:
    [effect] = run(AddForeignKey("book", target="author"))

    assert effect.stops_writes == ("book", "author")
    assert effect.stops_reads == ()


def test_a_new_table_is_nobodys_concern() -> None:
    effects = run(CreateTable("book"), SetNotNull("book", "title"), DropTable("book"))

    assert [effect.existing for effect in effects] == [False, False, False]
    assert not any(effect.stops_writes or effect.altered or effect.works for effect in effects)


def test_it_is_new_from_the_statement_on_that_makes_it() -> None:
    dropped, created, checked = run(DropTable("book"), CreateTable("book"), AddCheck("book"))

    assert dropped.existing
    assert not created.existing
    assert not checked.works


def test_a_foreign_key_of_a_new_table_still_locks_its_target() -> None:
    *_, behind = run(
        CreateTable("book"), AddForeignKey("book", target="author"), CreateIndex("tag")
    )

    assert behind.stops_writes == ("author", "tag")


def test_a_lock_goes_by_the_new_name_of_its_table() -> None:
    _, effect = run(RenameTable("book", "novel"), CreateIndex("novel"))

    assert effect.stops_reads == ("novel",)


def test_what_was_written_before_in_the_transaction() -> None:
    write = WriteRows("book", "DELETE", keys=True)

    _, effect = run(write, COLUMN)
    _, in_another = run(write, COLUMN, atomic=False)

    assert effect.written == (write,)
    assert in_another.written == ()


def test_the_schema_completes_a_statement_and_is_told_of_it() -> None:
    schema = Schema()
    timeline = Timeline(atomic=True)
    check = AddCheck("book", "title_set", proves_not_null="title")

    _, proven = timeline.run([[check], [SetNotNull("book", "title")]], schema, by_sql=True)

    assert proven.statement == SetNotNull("book", "title", proven=True, guarded=True)
    assert not proven.works
    assert schema.not_null_checks == {("book", "title_set"): "title"}


def test_a_change_of_type_reads_what_it_need_not_write() -> None:
    rereads = AlterColumnType("book", "title", rewrites=False, rereads="a CHECK")

    assert run(rereads)[0].stops_reads == ("book",)
    assert run(AlterColumnType("book", "title", rewrites=False))[0].stops_reads == ()
