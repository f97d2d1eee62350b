"""Proxies that share sessions of the server among their clients, such as PgBouncer.

One that pools transactions gives a client a session for as long as a transaction lasts, and the
next one may be another. So what belongs to a session is lost, or meets somebody else: `SET`,
advisory locks that no transaction ends, temporary tables, prepared statements, `LISTEN`.
"""

from __future__ import annotations

from django.db.backends.base.base import BaseDatabaseWrapper

from zero_downtime import conf
from zero_downtime.postgres.sessions import backend_pid


def pools_transactions(connection: BaseDatabaseWrapper) -> bool:
    """Whether what is set in the session is not there any more in the next transaction.

    A proxy does not say how it pools, so one is taken to pool transactions unless `POOL_MODE`
    says otherwise.
    """
    return conf.get("POOL_MODE") == "transaction" and is_behind_proxy(connection)


def is_behind_proxy(connection: BaseDatabaseWrapper) -> bool:
    """Whether somebody between us and the server speaks PostgreSQL's protocol.

    When a session begins, the server tells its process id, with which a client may cancel a
    query. A proxy tells a number of its own, because it will not know by then which session of
    the server the client has. What merely passes bytes on changes nothing, and is no proxy here.
    """
    pid = backend_pid(connection)
    return bool(pid != connection.connection.info.backend_pid)
