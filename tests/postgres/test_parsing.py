"""SQL written by hand, told by what it does."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zero_downtime.postgres.lock_modes import Lock
from zero_downtime.postgres.parsing import Parsed, parse
from zero_downtime.postgres.statements import (
    AddCheck,
    AddColumn,
    AddExclusion,
    AddForeignKey,
    AddIdentity,
    AddUnique,
    AlterColumnType,
    Brief,
    CreateIndex,
    CreateTable,
    CreateTrigger,
    CreateView,
    Default,
    DropColumn,
    DropConstraint,
    DropDefault,
    DropIdentity,
    DropIndex,
    DropNotNull,
    DropTable,
    DropView,
    EnumValue,
    Heavy,
    LockTable,
    Opaque,
    ReadRows,
    RenameColumn,
    RenameTable,
    SetDefault,
    SetNotNull,
    Statement,
    Truncate,
    ValidateConstraint,
    WriteRows,
)

BIG = "alter table big "


def told(sql: str, *, has_params: bool = False) -> list[Statement]:
    """Return what all the SQL does, without regard to which of it does what."""
    return [
        statement for each in parse(sql, has_params=has_params) for statement in each.statements
    ]


# Tables


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("create table new (id int primary key)", [CreateTable("new")]),
        (
            "create table new (a int references x, b int, foreign key (b) references s.y)",
            [CreateTable("new", references=("s.y", "x"))],
        ),
        ("create table new (parent int references new)", [CreateTable("new")]),
        (
            "create table p1 partition of big for values in (1)",
            [CreateTable("p1"), Brief("big", "PARTITION OF")],
        ),
        (
            "create table new (like big including all)",
            [CreateTable("new"), Brief("big", "LIKE", Lock.ACCESS_SHARE)],
        ),
        ("create table new as select * from big", [CreateTable("new"), ReadRows("big")]),
        ("select * into new from big", [CreateTable("new"), ReadRows("big")]),
        (
            "drop table if exists a, s.b cascade",
            [DropTable("a", if_exists=True), DropTable("s.b", if_exists=True)],
        ),
        (BIG + "rename to huge", [RenameTable("big", "huge")]),
        ("alter table s.big rename to huge", [RenameTable("s.big", "s.huge")]),
        (BIG + "set schema archive", [RenameTable("big", "archive.big")]),
        (BIG + "rename a to b", [RenameColumn("big", "a", "b")]),
        ("truncate a, b", [Truncate("a"), Truncate("b")]),
    ],
)
def test_tables(sql: str, expected: list[Statement]) -> None:
    assert told(sql) == expected


def test_a_name_keeps_its_case_if_quoted_and_its_schema_unless_public() -> None:
    assert told('drop table Shop, "Shop", public.shop, Sales."Shop"') == [
        DropTable("shop"),
        DropTable("Shop"),
        DropTable("shop"),
        DropTable("sales.Shop"),
    ]


# Columns


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        ("c int", AddColumn("big", "c", "integer")),
        ("c int not null", AddColumn("big", "c", "integer", not_null=True)),
        ("if not exists c int", AddColumn("big", "c", "integer", if_not_exists=True)),
        ("c int default 5", AddColumn("big", "c", "integer", default=Default.CONSTANT)),
        ("c int default null::int", AddColumn("big", "c", "integer")),
        (
            "c timestamptz default now()",
            AddColumn("big", "c", "timestamp with time zone", default=Default.CONSTANT),
        ),
        (
            "c date default current_date",
            AddColumn("big", "c", "date", default=Default.CONSTANT),
        ),
        (
            "c uuid default gen_random_uuid()",
            AddColumn("big", "c", "uuid", default=Default.VOLATILE),
        ),
        (
            "c float default 1 + random()",
            AddColumn("big", "c", "double precision", default=Default.VOLATILE),
        ),
        (
            "c int default somebodys_own(1)",
            AddColumn("big", "c", "integer", default=Default.VOLATILE),
        ),
        (
            "c bigserial",
            AddColumn("big", "c", "bigint", not_null=True, default=Default.VOLATILE),
        ),
        (
            "c int generated always as identity",
            AddColumn("big", "c", "integer", not_null=True, written="identity"),
        ),
        (
            "c int generated always as (a + 1) stored",
            AddColumn("big", "c", "integer", written="stored generated"),
        ),
        ("c int generated always as (a + 1) virtual", AddColumn("big", "c", "integer")),
        ("c int check (c > 0)", AddColumn("big", "c", "integer", check=True)),
        ("c int check (c > 0) not enforced", AddColumn("big", "c", "integer")),
        ("c int unique", AddColumn("big", "c", "integer", unique=True)),
        (
            "c int primary key",
            AddColumn("big", "c", "integer", not_null=True, unique=True),
        ),
        (
            "c int null constraint fk references x (id) deferrable initially deferred",
            AddColumn("big", "c", "integer", references="x"),
        ),
    ],
)
def test_add_column(column: str, expected: AddColumn) -> None:
    assert told(BIG + "add column " + column) == [expected]


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("int", "integer"),
        ("int8", "bigint"),
        ("smallint", "smallint"),
        ("float", "double precision"),
        ("varchar(20)", "varchar(20)"),
        ("character varying", "varchar"),
        ("char(3)", "char(3)"),
        ("decimal(10,2)", "numeric(10, 2)"),
        ("timestamptz", "timestamp with time zone"),
        ("timestamp(3) with time zone", "timestamp(3) with time zone"),
        ("timestamp", "timestamp"),
        ("interval", "interval"),
        ("interval(3)", "interval(3)"),
        ("varchar(5)[]", "varchar(5)[]"),
        ("int[3][4]", "integer[]"),
        ("bool", "boolean"),
        ("citext", "citext"),
        ("gis.geometry(Point, 4326)", "gis.geometry(point, 4326)"),
    ],
)
def test_types_are_named_as_fields_of_django_do(written: str, name: str) -> None:
    assert told(BIG + f"alter c type {written}") == [
        AlterColumnType("big", "c", after=name, cast=False)
    ]


@pytest.mark.parametrize(
    ("using", "is_other_expression"),
    [("c", False), ("c::text", False), ("c::int::text", True), ("lower(c)", True), ("d", True)],
)
def test_using(using: str, is_other_expression: bool) -> None:
    (statement,) = told(BIG + f"alter c type text using {using}")

    assert isinstance(statement, AlterColumnType)
    assert statement.using is is_other_expression


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("drop column c", DropColumn("big", "c")),
        ("drop if exists c cascade", DropColumn("big", "c", if_exists=True)),
        ("alter c set not null", SetNotNull("big", "c")),
        ("alter c drop not null", DropNotNull("big", "c")),
        ("alter c set default 1", SetDefault("big", "c")),
        ("alter c drop default", DropDefault("big", "c")),
        ("alter c add generated always as identity", AddIdentity("big", "c")),
        ("alter c drop identity", DropIdentity("big", "c")),
        ("set logged", Heavy("big", "SET LOGGED")),
        ("enable row level security", Brief("big", "ENABLE ROW LEVEL SECURITY")),
        ("set (fillfactor = 80)", Brief("big", "SET (...)", Lock.SHARE_UPDATE_EXCLUSIVE)),
    ],
)
def test_alter_table(command: str, expected: Statement) -> None:
    assert told(BIG + command) == [expected]


def test_what_one_command_drops_is_dropped_first() -> None:
    """The CHECK that is dropped cannot spare SET NOT NULL its scan."""
    assert told(BIG + "alter c set not null, drop constraint c_not_null") == [
        DropConstraint("big", "c_not_null"),
        SetNotNull("big", "c"),
    ]


def test_partitions() -> None:
    assert told(BIG + "attach partition part for values in (1)") == [
        Brief("big", "ATTACH PARTITION", Lock.SHARE_UPDATE_EXCLUSIVE),
        Heavy("part", "ATTACH PARTITION"),
    ]
    assert all(each.refuses_transaction for each in told(BIG + "detach partition p concurrently"))


# Constraints


@pytest.mark.parametrize(
    ("constraint", "expected"),
    [
        ("check (a > b)", AddCheck("big", "x", ("a", "b"))),
        (
            "check (a is not null) not valid",
            AddCheck("big", "x", ("a",), valid=False, proves_not_null="a"),
        ),
        ("check (a > 0) not enforced", AddCheck("big", "x", ("a",), valid=False)),
        ("not null a", SetNotNull("big", "a")),
        (
            "not null a not valid",
            AddCheck("big", "x", ("a",), valid=False, proves_not_null="a"),
        ),
        ("unique (a, b)", AddUnique("big", "x", ("a", "b"))),
        ("unique using index i", AddUnique("big", "x", using_index=True)),
        ("primary key (a)", AddUnique("big", "x", ("a",), primary_key=True)),
        ("exclude using gist (a with &&)", AddExclusion("big", "x")),
        ("foreign key (a) references o", AddForeignKey("big", "x", ("a",), target="o")),
        (
            "foreign key (a) references o (id) not valid",
            AddForeignKey("big", "x", ("a",), target="o", valid=False),
        ),
    ],
)
def test_add_constraint(constraint: str, expected: Statement) -> None:
    assert told(BIG + "add constraint x " + constraint) == [expected]


def test_validate_constraint() -> None:
    assert told(BIG + "validate constraint x") == [ValidateConstraint("big", "x")]


# Indexes


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("create index on big (a)", CreateIndex("big", columns=("a",))),
        (
            "create unique index concurrently if not exists i on big (lower(a), b)",
            CreateIndex(
                "big", "i", unique=True, concurrently=True, columns=("a", "b"), if_not_exists=True
            ),
        ),
        ("create index i on only big (a)", CreateIndex("big", "i", only=True, columns=("a",))),
        ("drop index concurrently s.i", DropIndex("", "s.i", concurrently=True)),
        ("reindex table big", Heavy("big", "REINDEX TABLE", Lock.SHARE)),
        (
            "reindex index concurrently i",
            Heavy("", "REINDEX INDEX CONCURRENTLY", Lock.SHARE_UPDATE_EXCLUSIVE, alone=True),
        ),
    ],
)
def test_indexes(sql: str, expected: Statement) -> None:
    assert told(sql) == [expected]


# Commands


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("vacuum full big", Heavy("big", "VACUUM FULL", alone=True)),
        ("vacuum (full false) big", Heavy("big", "VACUUM", Lock.SHARE_UPDATE_EXCLUSIVE, True)),
        ("analyze big", Brief("big", "ANALYZE", Lock.SHARE_UPDATE_EXCLUSIVE)),
        ("cluster big using i", Heavy("big", "CLUSTER")),
        ("refresh materialized view v", Heavy("v", "REFRESH MATERIALIZED VIEW", fills=True)),
        (
            "refresh materialized view concurrently v",
            Heavy("v", "REFRESH MATERIALIZED VIEW CONCURRENTLY", Lock.EXCLUSIVE, fills=True),
        ),
        ("lock table big", LockTable("big")),
        ("lock big in share mode", LockTable("big", Lock.SHARE)),
        ("set local lock_timeout = '1s'", Brief("", "SET lock_timeout")),
        ("commit", Brief("", "COMMIT")),
        ("create database other", Brief("", "CREATE DATABASE", alone=True)),
        ("create trigger x after insert on big execute function f()", CreateTrigger("big", "x")),
        ("drop trigger x on s.big", Brief("s.big", "DROP TRIGGER")),
        (BIG + "rename constraint x to y", Brief("big", "RENAME CONSTRAINT")),
        ("alter type mood add value 'odd'", EnumValue("", "odd")),
        ("alter type mood rename value 'odd' to 'even'", EnumValue("", "even", "odd")),
        (
            "create or replace function f() returns int language sql return 1",
            Brief("", "CREATE FUNCTION"),
        ),
        (
            "drop type mood cascade",
            Opaque("", "DROP TYPE ... CASCADE drops the columns that need it"),
        ),
        (
            "drop sequence numbers cascade",
            Opaque("", "DROP SEQUENCE ... CASCADE drops the defaults that need it"),
        ),
        ("drop sequence numbers", Brief("", "DROP SEQUENCE")),
        (
            "drop database other",
            Opaque("", "DROP DATABASE drops all that is in it", alone=True),
        ),
        ("call f()", Opaque("", "f is called, and may do anything")),
    ],
)
def test_commands(sql: str, expected: Statement) -> None:
    assert told(sql) == [expected]


# Views


@pytest.mark.parametrize(
    ("query", "columns"),
    [
        ("select a, b from big", (("big", "a"), ("big", "b"))),
        ("select * from big", (("big", "*"),)),
        (
            "select x.a from big x join s.o on o.id = x.o_id",
            (("big", "a"), ("s.o", "id"), ("big", "o_id")),
        ),
        ("select a from big, o", (("big", "a"), ("o", "a"))),
        ("select count(*) from big", (("big", ""),)),
        ("with x as (select a from big) select x.b from x", (("big", "a"),)),
    ],
)
def test_views_tell_the_columns_they_use(query: str, columns: tuple[tuple[str, str], ...]) -> None:
    assert told(f"create view v as {query}") == [CreateView("v", columns)]
    assert told(f"create materialized view v as {query}") == [
        CreateView("v", columns, materialized=True)
    ]


def test_drop_view() -> None:
    assert told("drop view v; drop materialized view s.m") == [DropView("v"), DropView("s.m")]


# Rows


@pytest.mark.parametrize(
    "sql",
    [
        "update big set a = 1 where id = 5",
        "update big set a = 1 where id in (1, 2) and b = 3",
        "update big set a = 1 where big.id = 5 or id = 6",
        "update big set a = 1 where id = any(array[1, 2])",
        "update big set a = 1 where ctid = '(0,1)'",
        "update big set a = 1 where id in (select id from big where a is null limit 1000)",
        "update big set a = 1 where id = (select max(id) from big)",
        "with f as (select id from big limit 9) update big x set a = 1 from f where x.id = f.id",
        "delete from big where id = 1",
        "insert into big values (1), (2)",
        "insert into big default values",
        "insert into big select * from generate_series(1, 5)",
    ],
)
def test_few_rows(sql: str) -> None:
    (statement,) = told(sql)

    assert isinstance(statement, WriteRows)
    assert statement.bounded
    assert statement.work == ()


@pytest.mark.parametrize(
    "sql",
    [
        "update big set a = 1",
        "update big set a = 1 where b = 3",
        "update big set a = 1 where id = 5 or b = 6",
        "update big set a = 1 where not id = 5",
        "update big set a = 1 where id > 5",
        "update big set a = 1 where id = o_id",
        "update big set a = 1 from o where o.id = 5",
        "update big set a = 1 where id in (select id from big where a is null)",
        "update big set a = 1 where id in (select id from big limit 1000000)",
        "delete from big",
        "insert into big select * from o",
        "merge into big using o on o.id = big.id when matched then do nothing",
        "copy big from stdin",
    ],
)
def test_any_number_of_rows(sql: str) -> None:
    (statement,) = told(sql)

    assert isinstance(statement, WriteRows)
    assert "big" in statement.work


def test_writes_tell_what_else_they_read() -> None:
    assert told("update big set a = o.a, b = (select max(c) from p) from o where o.id = 5") == [
        WriteRows("big", "UPDATE", reads=("p", "o"), columns=("a", "b"))
    ]


def test_columns_whose_values_are_given_tell_more_to_who_knows_what_is_unique() -> None:
    assert told("delete from big where code = 5 and (a = 1 and b = 2 or a = 3)") == [
        WriteRows("big", "DELETE", keys=True, pinned=frozenset(["code", "a"]))
    ]


def test_what_a_cte_writes_is_seen() -> None:
    assert told("with gone as (delete from a returning *) insert into b select * from gone") == [
        WriteRows("a", "DELETE", keys=True),
        WriteRows("b", "INSERT", keys=True),
    ]


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("select * from big", [ReadRows("big")]),
        ("select * from big where id = 1", [Brief("big", "SELECT", Lock.ACCESS_SHARE)]),
        ("select setval('s', max(id)) from big", [Brief("big", "SELECT", Lock.ACCESS_SHARE)]),
        ("select 1", [Brief("", "SELECT")]),
        ("select * from pg_class", [Brief("", "SELECT")]),
        (
            "select create_hypertable('big', 'at')",
            [Opaque("", "create_hypertable() is called, and may do anything")],
        ),
    ],
)
def test_select(sql: str, expected: list[Statement]) -> None:
    assert told(sql) == expected


# Blocks


def test_what_stands_in_a_block_is_seen() -> None:
    assert told(
        """
        do $$
        declare
            row record;
        begin
            if exists (select from big where a is null) then
                alter table big drop column a;
                execute 'truncate big';
            end if;
            for row in select id from big loop
                update big set b = 'it''s' where id = row.id;
            end loop;
        end
        $$
        """
    ) == [
        ReadRows("big"),
        DropColumn("big", "a"),
        Truncate("big"),
        WriteRows("big", "UPDATE", columns=("b",), texts=frozenset(["it's"])),
        ReadRows("big"),
    ]


BATCH = "delete from big where id in (select id from big limit 1000)"


def test_batches_in_one_transaction_are_one_large_write() -> None:
    (write, _) = told(f"do $$ begin loop {BATCH}; exit when not found; end loop; end $$")

    assert isinstance(write, WriteRows)
    assert not write.bounded


def test_batches_that_are_committed_are_few_rows_each() -> None:
    (write, commit, _) = told(
        f"do $$ begin loop {BATCH}; commit; exit when not found; end loop; end $$"
    )

    assert isinstance(write, WriteRows)
    assert write.bounded
    assert commit.refuses_transaction


@pytest.mark.parametrize(
    "block",
    [
        "begin execute format('drop table %I', 'big'); end",
        "begin perform somebodys_own(); end",
        "begin call somebodys_own(); end",
        "declare x int; begin x := somebodys_own(); end",
        "begin unknown := 3; end",
        "no block at all",
    ],
)
def test_what_a_block_composes_is_opaque(block: str) -> None:
    (statement,) = told(f"do $${block}$$")

    assert isinstance(statement, Opaque)


def test_other_languages_are_opaque() -> None:
    (statement,) = told("do language plperl 'anything'")

    assert isinstance(statement, Opaque)


# Texts


def test_statements_are_found_where_they_stand() -> None:
    sql = "-- Größe\nselect 1 /* one */;\n\n/* zwei */ drop table größe -- bye\n;"

    found = parse(sql)

    assert [each.text for each in found] == ["select 1", "drop table größe"]
    assert [sql[each.offset :][: len(each.text)] for each in found] == [each.text for each in found]


def test_what_does_not_parse_is_opaque_and_says_why() -> None:
    assert parse("  alter tabel big") == [
        Parsed(
            (Opaque("", 'it does not parse: syntax error at or near "tabel"'),),
            "alter tabel big",
            2,
        )
    ]


def test_nothing_is_nothing() -> None:
    assert parse(" -- but a comment\n;") == []


@pytest.mark.parametrize(
    "sql",
    [
        "update big set a = %s where id = %s",
        "update big set a = %(a)s where id=%(id)s",
        "update big set a = '100%%' where id = %s -- 5 %",
        "update big set a = '%s' where id = %s::int",
    ],
)
def test_placeholders_stand_for_values(sql: str) -> None:
    (parsed,) = parse(sql, has_params=True)

    (statement,) = parsed.statements
    assert isinstance(statement, WriteRows)
    assert statement.bounded
    assert sql.startswith(parsed.text)


def test_placeholders_stand_where_a_literal_may_stand() -> None:
    (statement,) = told("comment on table big is %s", has_params=True)

    assert isinstance(statement, Brief)


def test_without_the_parser_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "zero_downtime.postgres.parsing.parser", raising=False)
    monkeypatch.setitem(sys.modules, "postgast", None)

    (statement,) = told("select 1")

    assert isinstance(statement, Opaque)
    assert "install django-zero-downtime[lint]" in statement.why


# Anything

BLOCK = "do $$ begin loop %s; end loop; end $$"
SQLS = [
    form["sql"]
    for form in json.loads(Path(__file__).with_name("observed_locks.json").read_text())["forms"]
]
TOKENS = sorted({token for sql in SQLS for token in sql.split()})


@settings(max_examples=400, deadline=None)
@given(sql=st.sampled_from(SQLS), data=st.data(), has_params=st.booleans())
def test_never_raises(sql: str, data: st.DataObject, has_params: bool) -> None:
    words = sql.split()
    place = data.draw(st.integers(0, len(words)))
    words[place : place + data.draw(st.integers(0, 2))] = data.draw(
        st.lists(st.sampled_from(TOKENS) | st.text(max_size=3), max_size=3)
    )

    text = " ".join(words)

    for parsed in parse(data.draw(st.sampled_from([text, BLOCK % text])), has_params=has_params):
        for statement in parsed.statements:
            assert statement.locks is not None
            assert isinstance(statement.work, tuple)
