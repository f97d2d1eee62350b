"""Where Celery's `autodiscover_tasks()` looks for tasks of an installed app.

Other queues import the `tasks` of all apps as well, in projects that do not have Celery.
"""

from __future__ import annotations

from importlib.util import find_spec

if find_spec("celery") is not None:
    from zero_downtime.executors import celery_tasks  # noqa: F401
