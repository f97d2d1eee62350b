"""Values that Python computes: `update_rows()` against Django's `bulk_update()`."""

from __future__ import annotations

from functools import partial
from typing import Any, ClassVar

from django.apps import apps
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper

from benchmarks.backfill.contenders import Contender, Progress, run_engine
from benchmarks.backfill.customers import Customers, check_filled
from benchmarks.benchmark import Options
from benchmarks.figures import Findings, alternate
from benchmarks.laboratory import Laboratory
from zero_downtime.backfills.work import CallPython

# bulk_update() is slow enough for the difference to show on fewer.
MOST_ROWS = 200_000


class Customer(models.Model):
    """The rows of the table, as far as this needs them."""

    id = models.BigAutoField(primary_key=True)
    name = models.TextField()
    full_name = models.TextField(null=True)

    objects: ClassVar[models.Manager[Customer]] = models.Manager()

    class Meta:
        app_label = "benchmarks"
        db_table = "customer"
        managed = False


def computed(name: str) -> str:
    """Stand for what only Python can do."""
    return name.upper()


def bulk_update(connection: BaseDatabaseWrapper, progress: Progress) -> None:
    customers = list(Customer.objects.using(connection.alias).only("name"))
    for customer in customers:
        customer.full_name = computed(customer.name)
    Customer.objects.using(connection.alias).bulk_update(customers, ["full_name"], batch_size=1_000)


def update_rows(connection: BaseDatabaseWrapper, progress: Progress) -> None:
    run_engine(connection, progress, CallPython(Customer, fill_batch, apps, None, None))


def fill_batch(apps: Any, queryset: Any) -> None:
    queryset.update_rows(
        {pk: {"full_name": computed(name)} for pk, name in queryset.values_list("pk", "name")}
    )


def measure(laboratory: Laboratory, options: Options) -> Findings:
    """Values computed in Python: update_rows() in the engine, bulk_update(batch_size=1000)."""
    table = Customers(min(options.size, MOST_ROWS))
    subjects: dict[str, Contender] = {"bulk_update": bulk_update, "update_rows": update_rows}
    found = alternate(
        {name: partial(run, laboratory, table, subject) for name, subject in subjects.items()},
        options.runs,
    )
    found.compare("rows/s", "update_rows", "bulk_update", at_least=10)
    return found


def run(laboratory: Laboratory, table: Customers, contender: Contender) -> dict[str, float]:
    with table.fresh(laboratory) as connection:
        with laboratory.stopwatch() as elapsed:
            contender(connection, lambda rows: None)
        check_filled(connection, "upper(name)")
    return elapsed.figures(table.rows)
