"""Django settings of the benchmarks. All of ours, `ZERO_DOWNTIME`, are the defaults."""

from __future__ import annotations

SECRET_KEY = "benchmarks"
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
INSTALLED_APPS = ["zero_downtime"]

# Names no real server: each measured run connects to a database of its own.
DATABASES = {"default": {"ENGINE": "django.db.backends.postgresql"}}
