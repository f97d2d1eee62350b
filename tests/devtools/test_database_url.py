from __future__ import annotations

import pytest

from devtools.database_url import database_settings, with_database


def test_every_part_of_the_address() -> None:
    assert database_settings("postgresql://ann:secret@db.example:6432/shop") == {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": "shop",
        "USER": "ann",
        "PASSWORD": "secret",
        "HOST": "db.example",
        "PORT": "6432",
        "OPTIONS": {},
    }


def test_socket_directory_comes_from_the_query() -> None:
    settings = database_settings("postgresql://postgres@/shop?host=/run/postgresql&port=5433")
    assert (settings["HOST"], settings["PORT"]) == ("/run/postgresql", "5433")
    assert settings["OPTIONS"] == {}


def test_other_keys_of_the_query_are_options() -> None:
    settings = database_settings("postgres://db.example/shop?sslmode=require&connect_timeout=3")
    assert settings["OPTIONS"] == {"sslmode": "require", "connect_timeout": "3"}


def test_escaped_characters_are_decoded() -> None:
    settings = database_settings("postgresql://ann:p%40ss%2Fword@db.example/my%20shop")
    assert (settings["PASSWORD"], settings["NAME"]) == ("p@ss/word", "my shop")


@pytest.mark.parametrize("url", ["mysql://root:secret@db.example/shop", "shop", ""])
def test_anything_else_is_refused_without_repeating_the_password(url: str) -> None:
    with pytest.raises(ValueError, match="must start with postgresql://") as raised:
        database_settings(url)
    assert "secret" not in str(raised.value)


def test_another_database_of_the_same_server() -> None:
    url = "postgresql://ann@/shop?host=/run/postgresql"
    assert with_database(url, "other") == "postgresql://ann@/other?host=/run/postgresql"
