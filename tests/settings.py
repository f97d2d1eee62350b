"""Django settings of the test suite."""

from __future__ import annotations

import os

from devtools.database_url import database_settings

SECRET_KEY = "tests"
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
# The shop is here for its models' types; nothing of it is needed to run the other tests.
INSTALLED_APPS = ["zero_downtime", "example_project.shop"]

# Without DATABASE_URL this names no real server; tests/conftest.py starts one and fills it in.
DATABASES = {"default": database_settings(os.environ.get("DATABASE_URL", "postgresql:///"))}
