"""Errors told apart by SQLSTATE, never by their text, which is translated and reworded."""

from __future__ import annotations

from django.db import InterfaceError, OperationalError

LOCK_NOT_AVAILABLE = "55P03"
DEADLOCK_DETECTED = "40P01"
SERIALIZATION_FAILURE = "40001"
QUERY_CANCELED = "57014"
UNDEFINED_TABLE = "42P01"
IDLE_IN_TRANSACTION_TIMEOUT = "25P03"
# active_sql_transaction, invalid_transaction_termination: of statements that begin or end
# transactions themselves
NEEDS_NO_TRANSACTION = {"25001", "2D000"}
CONNECTION_EXCEPTION_CLASS = "08"
NOT_SUPPORTED_CLASS = "0A"
SYNTAX_OR_ACCESS_CLASS = "42"
# admin_shutdown, crash_shutdown, cannot_connect_now, idle_session_timeout
SERVER_ENDS_SESSION = {"57P01", "57P02", "57P03", "57P05"}


def sqlstate(error: BaseException) -> str | None:
    """Return the SQLSTATE of a Django or psycopg database error, or None if it has none."""
    for candidate in (error, error.__cause__):
        state = getattr(candidate, "sqlstate", None)
        if isinstance(state, str):
            return state
    return None


def message(error: BaseException) -> str:
    """Return what the server says in one line, without its details and hints.

    Of an error that says nothing, as of Ctrl-C, return what it is.
    """
    for candidate in (error, error.__cause__):
        primary = getattr(getattr(candidate, "diag", None), "message_primary", None)
        if isinstance(primary, str):
            return primary
    return str(error).strip() or type(error).__name__


def is_misfit(error: BaseException) -> bool:
    """Whether the statement could not be carried out whatever rows there are.

    It names what does not exist, or types that do not go together.
    """
    state = sqlstate(error) or ""
    return state.startswith((SYNTAX_OR_ACCESS_CLASS, NOT_SUPPORTED_CLASS))


def is_lock_failure(error: BaseException) -> bool:
    """Whether trying again can help: somebody else was first, and will be done some time.

    The lock timeout passed, a deadlock was broken, or, where the project asks for an isolation
    stricter than READ COMMITTED, a row was changed meanwhile.
    """
    return sqlstate(error) in {LOCK_NOT_AVAILABLE, DEADLOCK_DETECTED, SERIALIZATION_FAILURE}


def is_lost_connection(error: BaseException) -> bool:
    """Whether the connection, not the statement, is at fault.

    A connection that breaks without a last word from the server has no SQLSTATE.
    """
    if not isinstance(error, (OperationalError, InterfaceError)):
        return False
    state = sqlstate(error)
    return (
        state is None
        or state.startswith(CONNECTION_EXCEPTION_CLASS)
        or state in SERVER_ENDS_SESSION
    )
