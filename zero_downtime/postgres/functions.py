"""Which functions of PostgreSQL give another value for every row.

Where there is a server, `pg_proc.provolatile` says so; these are its answers for what stands in
defaults, with the functions of extensions that are common there.
"""

from __future__ import annotations

_VOLATILE = {
    "clock_timestamp",
    "gen_random_bytes",
    "gen_random_uuid",
    "lastval",
    "nextval",
    "random",
    "random_normal",
    "setval",
    "timeofday",
    "uuid_generate_v1",
    "uuid_generate_v1mc",
    "uuid_generate_v4",
    "uuidv4",
    "uuidv7",
}


def is_volatile(name: str) -> bool:
    """Tell whether the function is known to be VOLATILE."""
    return name.lower() in _VOLATILE
