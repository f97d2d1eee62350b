"""RunSQL of ALTER TABLE."""

from __future__ import annotations

from tests.corpus.cases.raw_sql import sql_case

CASES = [
    sql_case(
        "add_column",
        "ADD COLUMN",
        "ALTER TABLE store_order ADD COLUMN weight integer",
        "ALTER TABLE store_order DROP COLUMN weight",
    ),
    sql_case(
        "add_column_default",
        "ADD COLUMN NOT NULL with a default",
        "ALTER TABLE store_order ADD COLUMN weight integer NOT NULL DEFAULT 1",
        "ALTER TABLE store_order DROP COLUMN weight",
    ),
    sql_case(
        "add_column_volatile",
        "ADD COLUMN with a volatile default",
        "ALTER TABLE store_order ADD COLUMN token uuid DEFAULT gen_random_uuid()",
        "ALTER TABLE store_order DROP COLUMN token",
    ),
    sql_case(
        "add_column_serial",
        "ADD COLUMN of a serial",
        "ALTER TABLE store_order ADD COLUMN serial_number bigserial",
        "ALTER TABLE store_order DROP COLUMN serial_number",
    ),
    sql_case(
        "add_column_identity",
        "ADD COLUMN of an identity",
        "ALTER TABLE store_order ADD COLUMN n bigint GENERATED ALWAYS AS IDENTITY",
        "ALTER TABLE store_order DROP COLUMN n",
    ),
    sql_case(
        "add_column_generated",
        "ADD COLUMN of a stored generated column",
        "ALTER TABLE store_order ADD COLUMN n int GENERATED ALWAYS AS (room * 2) STORED",
        "ALTER TABLE store_order DROP COLUMN n",
    ),
    sql_case(
        "add_column_references",
        "ADD COLUMN with REFERENCES",
        "ALTER TABLE store_order ADD COLUMN book_id bigint REFERENCES store_book",
        "ALTER TABLE store_order DROP COLUMN book_id",
    ),
    sql_case(
        "add_column_references_default",
        "ADD COLUMN with REFERENCES and a default",
        "ALTER TABLE store_order ADD COLUMN book_id bigint DEFAULT 1 REFERENCES store_book",
        "ALTER TABLE store_order DROP COLUMN book_id",
    ),
    sql_case(
        "add_column_unique",
        "ADD COLUMN UNIQUE",
        "ALTER TABLE store_order ADD COLUMN code text UNIQUE",
        "ALTER TABLE store_order DROP COLUMN code",
    ),
    sql_case(
        "add_column_check",
        "ADD COLUMN with a CHECK",
        "ALTER TABLE store_order ADD COLUMN stars int CHECK (stars < 6)",
        "ALTER TABLE store_order DROP COLUMN stars",
    ),
    sql_case(
        "add_not_null_no_default",
        "ADD COLUMN NOT NULL",
        "ALTER TABLE store_order ADD COLUMN weight integer NOT NULL",
        "ALTER TABLE store_order DROP COLUMN weight",
    ),
    sql_case(
        "drop_column",
        "DROP COLUMN",
        "ALTER TABLE store_book DROP COLUMN summary",
        "ALTER TABLE store_book ADD COLUMN summary text",
    ),
    sql_case(
        "drop_column_without_reverse",
        "DROP COLUMN, which nothing reverses",
        "ALTER TABLE store_book DROP COLUMN summary",
    ),
    sql_case(
        "rename_column",
        "RENAME COLUMN",
        "ALTER TABLE store_book RENAME COLUMN pages TO length",
        "ALTER TABLE store_book RENAME COLUMN length TO pages",
    ),
    sql_case(
        "rename_column_short",
        "RENAME without COLUMN",
        "alter table store_book rename pages to length",
        "alter table store_book rename length to pages",
    ),
    sql_case(
        "rename_table",
        "RENAME TO",
        "ALTER TABLE store_address RENAME TO addresses",
        "ALTER TABLE addresses RENAME TO store_address",
    ),
    sql_case(
        "rename_index",
        "ALTER INDEX RENAME",
        "ALTER INDEX ix RENAME TO ix2",
        "ALTER INDEX ix2 RENAME TO ix",
        setup=["CREATE INDEX ix ON store_book (pages)"],
    ),
    sql_case(
        "rename_constraint",
        "RENAME CONSTRAINT",
        "ALTER TABLE store_book RENAME CONSTRAINT ck TO ck2",
        "ALTER TABLE store_book RENAME CONSTRAINT ck2 TO ck",
        setup=["ALTER TABLE store_book ADD CONSTRAINT ck CHECK (pages > -99999) NOT VALID"],
    ),
    sql_case(
        "set_schema",
        "SET SCHEMA",
        "ALTER TABLE store_address SET SCHEMA archive",
        "ALTER TABLE archive.store_address SET SCHEMA public",
        setup=["CREATE SCHEMA archive"],
    ),
    sql_case(
        "type_bigint",
        "ALTER TYPE integer to bigint",
        "ALTER TABLE store_order ALTER COLUMN room TYPE bigint",
        "ALTER TABLE store_order ALTER COLUMN room TYPE integer",
    ),
    sql_case(
        "type_text",
        "ALTER TYPE varchar to text",
        "ALTER TABLE store_book ALTER COLUMN title TYPE text",
        "ALTER TABLE store_book ALTER COLUMN title TYPE varchar(120)",
    ),
    sql_case(
        "type_using",
        "ALTER TYPE with USING",
        "ALTER TABLE store_order ALTER status TYPE text USING upper(status)",
        "ALTER TABLE store_order ALTER status TYPE varchar(12) USING lower(status)",
    ),
    sql_case(
        "set_not_null",
        "SET NOT NULL",
        "ALTER TABLE store_order ALTER comment SET NOT NULL",
        "ALTER TABLE store_order ALTER comment DROP NOT NULL",
    ),
    sql_case(
        "drop_not_null",
        "DROP NOT NULL",
        "ALTER TABLE store_order ALTER room DROP NOT NULL",
        "ALTER TABLE store_order ALTER room SET NOT NULL",
    ),
    sql_case(
        "set_default",
        "SET DEFAULT",
        "ALTER TABLE store_order ALTER room SET DEFAULT 7",
        "ALTER TABLE store_order ALTER room DROP DEFAULT",
    ),
    sql_case(
        "drop_default",
        "DROP DEFAULT",
        "ALTER TABLE store_book ALTER level DROP DEFAULT",
        "ALTER TABLE store_book ALTER level SET DEFAULT 1",
    ),
    sql_case(
        "set_statistics", "SET STATISTICS", "ALTER TABLE store_order ALTER room SET STATISTICS 500"
    ),
    sql_case(
        "set_storage_parameter",
        "SET (autovacuum...)",
        "ALTER TABLE store_order SET (autovacuum_vacuum_scale_factor = 0.01)",
    ),
    sql_case("add_check", "ADD CHECK", "ALTER TABLE store_book ADD CHECK (pages >= 0)"),
    sql_case(
        "add_check_not_valid",
        "ADD CHECK NOT VALID",
        "ALTER TABLE store_book ADD CONSTRAINT ck CHECK (pages >= 0) NOT VALID",
        "ALTER TABLE store_book DROP CONSTRAINT ck",
    ),
    sql_case(
        "validate_constraint",
        "VALIDATE CONSTRAINT",
        "ALTER TABLE store_book VALIDATE CONSTRAINT ck",
        setup=["ALTER TABLE store_book ADD CONSTRAINT ck CHECK (pages >= 0) NOT VALID"],
    ),
    sql_case(
        "drop_constraint",
        "DROP CONSTRAINT",
        "ALTER TABLE store_book DROP CONSTRAINT ck",
        "ALTER TABLE store_book ADD CONSTRAINT ck CHECK (pages > -99999) NOT VALID",
        setup=["ALTER TABLE store_book ADD CONSTRAINT ck CHECK (pages > -99999) NOT VALID"],
    ),
    sql_case(
        "add_foreign_key",
        "ADD FOREIGN KEY",
        "ALTER TABLE store_book ADD CONSTRAINT fk FOREIGN KEY (importer_id) "
        "REFERENCES store_customer",
        "ALTER TABLE store_book DROP CONSTRAINT fk",
    ),
    sql_case(
        "add_foreign_key_not_valid",
        "ADD FOREIGN KEY NOT VALID",
        "ALTER TABLE store_book ADD CONSTRAINT fk FOREIGN KEY (importer_id) "
        "REFERENCES store_customer NOT VALID",
        "ALTER TABLE store_book DROP CONSTRAINT fk",
    ),
    sql_case(
        "validate_foreign_key",
        "VALIDATE CONSTRAINT of a foreign key",
        "ALTER TABLE store_book VALIDATE CONSTRAINT fk",
        setup=[
            "ALTER TABLE store_book ADD CONSTRAINT fk FOREIGN KEY (customer_number) "
            "REFERENCES store_customer NOT VALID"
        ],
    ),
    sql_case(
        "foreign_key_two_strings",
        "NOT VALID and VALIDATE, atomic=False",
        [
            "ALTER TABLE store_book ADD CONSTRAINT fk FOREIGN KEY (importer_id) "
            "REFERENCES store_customer NOT VALID",
            "ALTER TABLE store_book VALIDATE CONSTRAINT fk",
        ],
        "ALTER TABLE store_book DROP CONSTRAINT fk",
        atomic=False,
    ),
    sql_case(
        "add_unique",
        "ADD UNIQUE",
        "ALTER TABLE store_order ADD CONSTRAINT u UNIQUE (number)",
        "ALTER TABLE store_order DROP CONSTRAINT u",
    ),
    sql_case(
        "add_unique_using_index",
        "ADD UNIQUE USING INDEX",
        "ALTER TABLE store_order ADD CONSTRAINT u UNIQUE USING INDEX u_ix",
        "ALTER TABLE store_order DROP CONSTRAINT u",
        setup=["CREATE UNIQUE INDEX u_ix ON store_order (id, number)"],
    ),
    sql_case(
        "add_exclusion",
        "ADD EXCLUDE",
        "ALTER TABLE store_order ADD CONSTRAINT ex EXCLUDE USING gist (period WITH &&)",
        "ALTER TABLE store_order DROP CONSTRAINT ex",
    ),
    sql_case(
        "set_lock_timeout",
        "SET LOCAL lock_timeout and a column",
        "SET LOCAL lock_timeout = '1s'; ALTER TABLE store_order ADD COLUMN weight integer",
        "ALTER TABLE store_order DROP COLUMN weight",
    ),
    sql_case(
        "set_logged",
        "SET UNLOGGED",
        "ALTER TABLE store_address SET UNLOGGED",
        "ALTER TABLE store_address SET LOGGED",
    ),
    sql_case(
        "disable_trigger",
        "DISABLE TRIGGER",
        "ALTER TABLE store_order DISABLE TRIGGER USER",
        "ALTER TABLE store_order ENABLE TRIGGER USER",
    ),
    sql_case(
        "attach_partition",
        "ATTACH PARTITION of a filled table",
        "ALTER TABLE events ATTACH PARTITION events_1 FOR VALUES FROM (0) TO (100000)",
        "ALTER TABLE events DETACH PARTITION events_1",
        setup=[
            "CREATE TABLE events (id bigint) PARTITION BY RANGE (id)",
            "CREATE TABLE events_1 AS SELECT generate_series(1, 10000)::bigint AS id",
        ],
    ),
]
