"""Settings for Django's own tests, as its `tests/test_sqlite.py` has them, on PostgreSQL."""

from __future__ import annotations

import os

from devtools.database_url import database_settings, with_database

URL = os.environ["DATABASE_URL"]
DATABASES = {alias: database_settings(with_database(URL, alias)) for alias in ("django", "other")}
DATABASES["default"] = DATABASES.pop("django")

SECRET_KEY = "django_tests_secret_key"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
USE_TZ = False
TEST_RUNNER = "devtools.django_suite.recording.RecordingRunner"
