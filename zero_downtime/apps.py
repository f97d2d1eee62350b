"""The application's configuration."""

from __future__ import annotations

from django.apps import AppConfig
from django.core import checks


class ZeroDowntimeConfig(AppConfig):
    """`INSTALLED_APPS = ["zero_downtime", ...]` is all the installation there is."""

    name = "zero_downtime"
    verbose_name = "Zero downtime"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from zero_downtime import conf
        from zero_downtime.management.checks import TAG, check_commands, check_migrations

        checks.register(conf.check_settings, TAG)
        checks.register(check_commands, TAG)
        # It would make every command that runs the checks wait, and an old finding end it.
        checks.register(check_migrations, TAG, deploy=True)
