"""Settings of the shop. The database is the one that DATABASE_URL names."""

from __future__ import annotations

import os
from typing import Any

from django.core.exceptions import ImproperlyConfigured

from devtools.database_url import database_settings

if not os.environ.get("DATABASE_URL"):
    raise ImproperlyConfigured(
        "The shop needs a PostgreSQL database, and DATABASE_URL is not set. Run\n"
        "    python3 dev.py postgres\n"
        "in another terminal and paste the line it prints into this one."
    )

DATABASES = {"default": database_settings(os.environ["DATABASE_URL"])}

INSTALLED_APPS = [
    "zero_downtime",
    "example_project.shop",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
]

ZERO_DOWNTIME: dict[str, Any] = {
    # Seconds without a write by old code before a contract; nobody wants to watch the default 60.
    "CONTRACT_QUIET": 5,
}

# For looking around on one's own machine, never for production.
SECRET_KEY = "not a secret"
DEBUG = True
ALLOWED_HOSTS = ["localhost", "127.0.0.1", "testserver"]

MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
ROOT_URLCONF = "example_project.urls"
STATIC_URL = "static/"
USE_TZ = True
