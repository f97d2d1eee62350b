"""What is known of the database that no state tells."""

from __future__ import annotations

from zero_downtime.lint.schema import Schema
from zero_downtime.postgres.statements import (
    AddCheck,
    AlterColumnType,
    CreateIndex,
    CreateTable,
    CreateView,
    DropConstraint,
    DropIndex,
    DropTable,
    DropView,
    RenameTable,
    SetNotNull,
    Statement,
    ValidateConstraint,
)

SET = SetNotNull("book", "title")
RETYPE = AlterColumnType("book", "title", after="text")


def after(*statements: Statement, by_sql: bool = True) -> Schema:
    schema = Schema()
    for statement in statements:
        schema.learn(statement, by_sql=by_sql)
    return schema


def proves(schema: Schema, statement: SetNotNull = SET) -> bool:
    refined = schema.refined(statement)
    assert isinstance(refined, SetNotNull)
    return refined.proven


def test_a_table_that_is_made_is_new_under_whatever_name() -> None:
    schema = after(CreateTable("draft"), RenameTable("draft", "book"), RenameTable("tag", "label"))

    assert "book" in schema.new_tables
    assert "label" not in schema.new_tables


def test_only_sql_makes_tables_and_indexes_that_no_model_has() -> None:
    made = (CreateTable("book"), CreateIndex("book", "idx"))

    assert after(*made).tables == {"book"}
    assert after(*made).indexes == {"idx": "book"}
    assert after(*made, by_sql=False).tables == set()
    assert after(*made, by_sql=False).indexes == {}
    assert after(*made, DropTable("book")).tables == set()
    assert after(*made, DropIndex("", "idx")).indexes == {}


def test_a_valid_check_by_sql_proves_that_a_column_is_not_null() -> None:
    check = AddCheck("book", "c", proves_not_null="title")

    assert proves(after(check))
    assert not proves(after(check), SetNotNull("book", "subtitle"))
    assert not proves(after(check), SetNotNull("tag", "title"))
    assert not proves(after(check, DropConstraint("book", "c")))
    # Of those that the models declare, their state tells.
    assert not proves(after(check, by_sql=False))


def test_one_that_is_not_valid_proves_it_when_it_was_validated() -> None:
    check = AddCheck("book", "c", valid=False, proves_not_null="title")

    assert not proves(after(check))
    assert proves(after(check, ValidateConstraint("book", "c")))
    assert ("book", "c") in after(check, by_sql=False).unproven


def test_what_is_proven_stays_so() -> None:
    assert proves(Schema(), SetNotNull("book", "title", proven=True))


def test_views_need_the_columns_that_they_show() -> None:
    def users(schema: Schema) -> tuple[str, ...]:
        refined = schema.refined(RETYPE)
        assert isinstance(refined, AlterColumnType)
        return refined.used_by

    titles = CreateView("titles", columns=(("book", "title"),))
    all_of_it = CreateView("all_of_it", columns=(("book", "*"),))
    other = CreateView("other", columns=(("book", "subtitle"), ("tag", "title"), ("book", "")))

    assert users(after(titles, all_of_it, other)) == ("all_of_it", "titles")
    assert users(after(titles, DropView("titles"))) == ()
    assert users(Schema()) == ()


def test_an_index_belongs_to_the_schema_of_its_table() -> None:
    schema = after(CreateIndex("sales.book", "idx"))

    assert schema.has_index(CreateIndex("sales.tag", "idx"))
    assert not schema.has_index(CreateIndex("book", "idx"))
    assert not schema.has_index(CreateIndex("sales.book", "other"))
