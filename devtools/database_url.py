"""Read a DATABASE_URL.

``postgresql://user:password@host:port/name?host=/socket/directory&sslmode=require``: the form that
libpq itself understands, so one string serves psycopg, psql and Django's ``DATABASES``.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

SCHEMES = ("postgresql", "postgres")


def database_settings(url: str) -> dict[str, Any]:
    """Return the entry of Django's ``DATABASES`` that connects to ``url``.

    ``host``, ``port``, ``user``, ``password`` and ``dbname`` in the query win over the same parts
    of the address, as in libpq; every other key of the query ends in ``OPTIONS``.

    Raises ValueError when ``url`` is not the URL of a PostgreSQL database.
    """
    parts = urlsplit(url)
    if parts.scheme not in SCHEMES:
        # Without the URL itself: it may hold a password.
        raise ValueError(
            f"DATABASE_URL must start with postgresql://, not {parts.scheme or 'nothing'}://. "
            "Example: postgresql://user:password@localhost:5432/name"
        )
    options = dict(parse_qsl(parts.query))
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": options.pop("dbname", unquote(parts.path.lstrip("/"))),
        "USER": options.pop("user", unquote(parts.username or "")),
        "PASSWORD": options.pop("password", unquote(parts.password or "")),
        "HOST": options.pop("host", unquote(parts.hostname or "")),
        "PORT": options.pop("port", str(parts.port or "")),
        "OPTIONS": options,
    }


def with_database(url: str, name: str) -> str:
    """Return ``url`` pointing to the database ``name`` of the same server."""
    return urlsplit(url)._replace(path=f"/{name}").geturl()
