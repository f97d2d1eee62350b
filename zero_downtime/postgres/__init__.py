"""The only room that knows `pg_catalog`, lock modes, sizes and DDL text."""
