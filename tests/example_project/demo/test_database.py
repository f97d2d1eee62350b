from __future__ import annotations

import psycopg
import pytest

from example_project.demo.database import own_database


def test_a_given_server_lends_a_database(server_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", server_url)

    with own_database() as url, psycopg.connect(url) as connection:
        name = connection.info.dbname
        assert name.startswith("zero_downtime_demo_")

    with psycopg.connect(server_url) as connection:
        found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name])
        assert found.fetchone() is None


def test_without_one_a_server_comes_and_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABASE_URL")

    with own_database() as url, psycopg.connect(url) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)

    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(url)
