"""How fast it is, measured on a PostgreSQL server of our own; never packaged.

python -m benchmarks                 what there is
python -m benchmarks backfill        measure, print, and save as JSON
"""

from __future__ import annotations

import os

import django


def set_up_django() -> None:
    """Set Django up with the settings of the benchmarks, whatever the environment says."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "benchmarks.settings"
    django.setup()
