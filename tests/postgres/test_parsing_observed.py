"""What the parsed SQL says of locks and work, against what was observed on servers."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from zero_downtime.postgres.lock_modes import Lock
from zero_downtime.postgres.parsing import parse
from zero_downtime.postgres.statements import AlterColumnType
from zero_downtime.postgres.type_changes import rewrites_table

OBSERVED = json.loads(Path(__file__).with_name("observed_locks.json").read_text())
TABLES = set("t parent fkchild pt pt1 pt2 pt2c ptd ptd_def unl mv vw inh_p inh_c".split())

FORMS = {
    form["form"]: (form["sql"], form["observed"][-1])
    for form in OBSERVED["forms"]
    if "locks" in form["observed"][-1]  # it did not fail
}

FOREIGN_KEY = "which table a foreign key points at, or comes from, is not in the text"
OTHERS = "views, partitions and the like that come along are not in the text"
WHOSE = "which table it belongs to, or which use it, is not in the text"
TYPE_BEFORE = "the type before is not in the text"
DOMAIN = "the text does not tell a type from a domain with a CHECK"
PROOF = "whether something proves that there is no NULL is not in the text"
NOTHING_TO_DO = "whether the table is there, or like that, already is not in the text"
NEW_FILE = "a new file takes an instant, however large the old one is"

UNSEEN_LOCKS = {
    "DROP COLUMN used by view CASCADE": OTHERS,
    "DROP COLUMN with FK": FOREIGN_KEY,
    "TYPE bigint->int": FOREIGN_KEY,
    "VALIDATE FK": FOREIGN_KEY,
    "DROP CONSTRAINT FK": FOREIGN_KEY,
    "ALTER CONSTRAINT FK ENFORCED": FOREIGN_KEY,
    "ADD PK USING INDEX (cols not null)": FOREIGN_KEY,
    "ADD PK USING INDEX (cols nullable)": FOREIGN_KEY,
    "ADD PK USING INDEX (nullable w/ valid CHECK)": FOREIGN_KEY,
    "ADD PRIMARY KEY": FOREIGN_KEY,
    "DROP UNIQUE/PK constraint": FOREIGN_KEY,
    "DROP TABLE (has FK to parent)": FOREIGN_KEY,
    "DROP TABLE child of FK": FOREIGN_KEY,
    "TRUNCATE CASCADE": FOREIGN_KEY,
    "INSERT child FK": FOREIGN_KEY,
    "DELETE": FOREIGN_KEY,
    "DROP TABLE partition": OTHERS,
    "CREATE INDEX ON partitioned": OTHERS,
    "ADD FK on partitioned": OTHERS,
    "ATTACH PARTITION with DEFAULT existing": OTHERS,
    "CREATE TABLE PARTITION OF (default exists)": OTHERS,
    "REFRESH MATVIEW": OTHERS,
    "REFRESH MATVIEW CONCURRENTLY": OTHERS,
    "DROP INDEX": WHOSE,
    "ALTER INDEX ATTACH PARTITION": WHOSE,
    "REINDEX INDEX": WHOSE,
    "DROP FUNCTION": WHOSE,
    "DROP STATISTICS": WHOSE,
    "ALTER DOMAIN ADD CHECK": WHOSE,
    "ALTER DOMAIN VALIDATE": WHOSE,
    "ALTER DOMAIN SET NOT NULL": WHOSE,
}

UNSEEN_WORK = {
    "ADD COLUMN constrained domain (no default)": DOMAIN,
    "ADD COLUMN constrained domain default 1": DOMAIN,
    "CREATE TABLE PARTITION OF (default exists)": OTHERS,
    "ADD PK USING INDEX (cols nullable)": PROOF,
    "DELETE": FOREIGN_KEY,
    "TRUNCATE": NEW_FILE,
    "TRUNCATE CASCADE": NEW_FILE,
}

WORK_ASSUMED = {
    "SET NOT NULL with valid CHECK": PROOF,
    "SET NOT NULL already": NOTHING_TO_DO,
    "SET TABLESPACE same": NOTHING_TO_DO,
    "SET ACCESS METHOD heap": NOTHING_TO_DO,
} | {form: TYPE_BEFORE for form in FORMS if form.startswith("TYPE ")}


def seen(sql: str) -> tuple[dict[str, Lock], bool]:
    locks: defaultdict[str, Lock] = defaultdict(lambda: Lock.ACCESS_SHARE)
    works = False
    for parsed in parse(sql):
        for statement in parsed.statements:
            works = works or bool(statement.work)
            for table, mode in statement.locks.items():
                locks[table] = max(locks[table], mode)
    return dict(locks), works


def observed_locks(observed: dict[str, Any]) -> dict[str, Lock]:
    return {
        name: mode
        for name, observed_mode in observed["locks"].items()
        for mode in Lock
        if name in TABLES and mode.name.replace("_", "") == observed_mode.upper()
    }


@pytest.mark.parametrize("form", FORMS)
def test_tells_the_locks_that_were_observed(form: str) -> None:
    sql, observed = FORMS[form]
    locks, _ = seen(sql)
    expected = observed_locks(observed)

    if form in UNSEEN_LOCKS:
        assert locks != expected, "it is seen now: no longer an exception"
        assert locks.items() < expected.items(), UNSEEN_LOCKS[form]
    else:
        assert locks == expected


@pytest.mark.parametrize("form", FORMS)
def test_tells_whether_the_size_of_a_table_matters(form: str) -> None:
    sql, observed = FORMS[form]
    _, works = seen(sql)
    touched = {*observed.get("scanned", ()), *observed.get("rewritten", ())}
    expected = bool(touched & TABLES)

    if form in UNSEEN_WORK:
        assert (works, expected) == (False, True), UNSEEN_WORK[form]
    elif form in WORK_ASSUMED:
        assert works, WORK_ASSUMED[form]
    else:
        assert works is expected


def test_exceptions_are_of_forms_that_exist() -> None:
    assert {*UNSEEN_LOCKS, *UNSEEN_WORK, *WORK_ASSUMED} <= set(FORMS)


BEFORE = {
    "a": "integer",
    "arr": "integer[]",
    "b": "text",
    "bt": "bit(4)",
    "c": "varchar(10)",
    "ch": "char(5)",
    "d": "numeric(8, 2)",
    "dc": "dom",
    "dt": "date",
    "e": "timestamp",
    "en": "en",
    "f": "timestamp with time zone",
    "g": "cidr",
    "h": "varbit(8)",
    "ip": "inet",
    "iv": "interval(3)",
    "j": "json",
    "jb": "jsonb",
    "nn": "numeric",
    "p_id": "bigint",
    "r4": "real",
    "si": "smallint",
    "ts0": "timestamp(3) with time zone",
    "ts3": "timestamp(3)",
    "uu": "uuid",
    "vc": "varchar",
    "x": "xml",
}
REWRITES_ASSUMED = {
    "TYPE cidr->inet",
    "TYPE xml->text",
    "TYPE int->oid",
    "TYPE int->domain over int (unconstrained)",
    "TYPE domain->base int",
    "TYPE bit(4)->varbit",
    "TYPE varbit(8)->varbit",
    "TYPE varbit(8)->varbit(16)",
    "TYPE interval(3)->interval",
    "TYPE interval(3)->interval(6)",
    "TYPE timestamp(3)->timestamp",
    "TYPE timestamp(3)->timestamp(6)",
    "TYPE timestamptz(3)->timestamptz",
    "TYPE timestamp->timestamptz UTC (indexed)",
    "TYPE timestamptz->timestamp UTC (indexed)",
}


@pytest.mark.parametrize("form", [form for form in FORMS if form.startswith("TYPE ")])
def test_names_types_so_that_their_change_can_be_judged(form: str) -> None:
    sql, observed = FORMS[form]
    ((statement,),) = (parsed.statements for parsed in parse(sql))
    assert isinstance(statement, AlterColumnType)
    rewrites = statement.using or rewrites_table(BEFORE[statement.column], statement.after)

    assert rewrites is (bool(observed.get("rewritten")) or form in REWRITES_ASSUMED)
