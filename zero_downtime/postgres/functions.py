"""Functions that stand in defaults and in SQL of migrations, by what they do.

Where there is a server, `pg_proc.provolatile` says it.
"""

from __future__ import annotations

_CATALOG = ("", "pg_catalog")

# Their value is the same for all rows of a statement. Tested against pg_proc.provolatile.
STEADY = frozenset(
    """
    now transaction_timestamp statement_timestamp date_part date_trunc date_bin extract age
    make_date make_time make_timestamp make_timestamptz make_interval to_timestamp to_date to_char
    to_number timezone isfinite
    lower upper initcap length char_length octet_length btrim ltrim rtrim substr substring
    left right lpad rpad replace translate reverse repeat concat concat_ws format split_part
    strpos position overlay starts_with chr ascii md5 sha224 sha256 sha384 sha512 encode decode
    convert_from convert_to quote_ident quote_literal quote_nullable regexp_replace regexp_match
    regexp_split_to_array string_to_array array_to_string normalize
    abs ceil ceiling floor round trunc sign mod power sqrt exp ln log div
    array_append array_prepend array_cat array_remove array_replace array_length array_position
    cardinality array_fill array_upper array_lower unnest generate_series
    json_build_object json_build_array jsonb_build_object jsonb_build_array to_json to_jsonb
    row_to_json array_to_json jsonb_set jsonb_insert jsonb_strip_nulls jsonb_typeof json_typeof
    json_object jsonb_object jsonb_array_length json_array_length jsonb_extract_path
    jsonb_extract_path_text json_extract_path json_extract_path_text jsonb_each jsonb_each_text
    json_each json_each_text jsonb_array_elements jsonb_array_elements_text json_array_elements
    json_array_elements_text jsonb_object_keys json_object_keys jsonb_pretty
    to_tsvector to_tsquery plainto_tsquery phraseto_tsquery websearch_to_tsquery setweight
    tsvector_concat array_to_tsvector int4range int8range numrange tsrange tstzrange daterange
    isempty lower_inc upper_inc network host family masklen hashtext hashtextextended
    count sum avg min max bool_and bool_or every string_agg array_agg json_agg jsonb_agg
    json_object_agg jsonb_object_agg row_number rank dense_rank lag lead first_value last_value
    current_setting current_schema current_schemas current_database version current_user
    session_user pg_get_serial_sequence pg_typeof to_regclass to_regtype to_regproc to_regnamespace
    pg_size_pretty obj_description col_description pg_get_constraintdef pg_get_indexdef
    pg_get_viewdef pg_get_expr pg_get_functiondef pg_get_userbyid has_table_privilege pg_backend_pid
    """.split()
)

# They do something, or give another value each time, but neither lock a table nor read one.
HARMLESS = frozenset(
    """
    nextval setval currval lastval set_config random clock_timestamp timeofday gen_random_uuid
    uuidv4 uuidv7 pg_notify pg_advisory_unlock pg_advisory_unlock_all pg_advisory_xact_lock
    pg_try_advisory_lock pg_try_advisory_xact_lock pg_advisory_lock
    uuid_generate_v1 uuid_generate_v1mc uuid_generate_v4 gen_random_bytes gen_salt
    pg_table_size pg_indexes_size pg_total_relation_size pg_relation_size
    """.split()
)


def is_volatile(schema: str, name: str) -> bool:
    """Tell whether a default that calls the function gives every row a value of its own.

    What is not known is taken to do so, as PostgreSQL does with functions that do not say.
    """
    return schema not in _CATALOG or name not in STEADY


def differs_from_row_to_row(name: str) -> bool:
    """Tell whether the function is known to give another value each time."""
    return name in HARMLESS


def acts_unseen(schema: str, name: str) -> bool:
    """Tell whether calling the function may do anything: nobody knows what is inside."""
    return not (schema in _CATALOG and name in STEADY) and name not in HARMLESS
