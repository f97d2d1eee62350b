"""Celery for the shop: a real broker, and real workers in processes of their own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

from tests.support.project import Project

APP = """
    from celery import Celery

    app = Celery("shop")
    app.config_from_object("django.conf:settings", namespace="CELERY")
    app.autodiscover_tasks()
"""


def write_celery(project: Project, broker_url: str) -> None:
    """Give the project a Celery app, as Celery's documentation tells."""
    project.write("shop/celery.py", APP)
    project.write("shop/__init__.py", "from shop.celery import app")
    project.add_settings(
        f"""
        CELERY_BROKER_URL = {broker_url!r}
        CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
        CELERY_WORKER_PREFETCH_MULTIPLIER = 1
        """
    )


class CeleryShop:
    """The shop with its own database as the broker. Workers are killed at the end.

    Kombu keeps messages in a table, delivered ones too, so a test sees what went through the queue
    and can have it delivered again.
    """

    def __init__(self, project: Project) -> None:
        self.project = project
        self.workers: list[subprocess.Popen[str]] = []
        write_celery(project, project.database_url.replace("postgresql", "sqla+postgresql+psycopg"))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for worker in self.workers:
            worker.kill()
            worker.wait()

    def start_worker(self, settings: Mapping[str, Any]) -> subprocess.Popen[str]:
        """Start a process that takes one task at a time; it logs to a file in the project."""
        options = "--pool solo --without-gossip --without-mingle --loglevel INFO".split()
        number = len(self.workers) + 1
        with (self.project.directory / f"worker{number}.log").open("w") as log:
            worker = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "celery",
                    "-A",
                    "shop",
                    "worker",
                    *options,
                    "-n",
                    f"{number}@",
                ],
                cwd=self.project.directory,
                env={**self.project.environment(settings), "DJANGO_SETTINGS_MODULE": "settings"},
                stdout=log,
                stderr=log,
                text=True,
            )
        self.workers.append(worker)
        return worker

    def log(self, worker: subprocess.Popen[str]) -> str:
        """Return what `worker` has logged by now."""
        number = self.workers.index(worker) + 1
        return (self.project.directory / f"worker{number}.log").read_text()

    def messages(self) -> int:
        """Return how many messages there have been."""
        return int(self.project.rows("SELECT count(*) FROM kombu_message")[0][0])

    def waiting(self) -> int:
        """Return how many messages no worker has been given yet."""
        return int(self.project.rows("SELECT count(*) FROM kombu_message WHERE visible")[0][0])

    def deliver_again(self) -> None:
        """Deliver every message again that a worker has been given."""
        with self.project.connect() as connection:
            connection.execute("UPDATE kombu_message SET visible = true")
