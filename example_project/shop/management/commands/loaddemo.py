"""`manage.py loaddemo`: fill the shop."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

from django.core.management import BaseCommand, CommandParser
from django.db import connection
from django.db.models import Max
from tqdm import tqdm

from example_project.shop.factories import (
    DIFFERENT_TITLES,
    CustomerFactory,
    OrderFactory,
    OrderLineFactory,
    ProductFactory,
)
from example_project.shop.models import Customer, Order, OrderLine, Product

CUSTOMERS_PER_ORDER = 100
BATCH_SIZE = 2_000


class Command(BaseCommand):
    help = "Adds customers, products and orders to the shop."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--customers", type=int, default=10_000, metavar="N", help="default: 10000"
        )

    def handle(self, *, customers: int, **options: Any) -> None:
        products = Product.objects.bulk_create(ProductFactory.build_batch(DIFFERENT_TITLES))
        orders = 0
        for batch in self.batches_of_customers(customers):
            buyers = Customer.objects.bulk_create(batch)[::CUSTOMERS_PER_ORDER]
            orders += len(add_orders(buyers, products))
        analyze()
        self.stdout.write(
            f"Added {customers:,} customers, {len(products):,} products and {orders:,} orders."
        )

    def batches_of_customers(self, total: int) -> Iterator[list[Customer]]:
        """Yield `total` new customers in batches, moving a progress bar on a terminal."""
        # Go on behind the customers of an earlier call: an email address is there only once.
        last = Customer.objects.aggregate(last=Max("id"))["last"] or 0
        CustomerFactory.reset_sequence(last)  # type: ignore[no-untyped-call]
        with tqdm(total=total, unit=" customers", unit_scale=True, disable=None) as progress:
            for start in range(0, total, BATCH_SIZE):
                batch = CustomerFactory.build_batch(min(BATCH_SIZE, total - start))
                yield batch
                progress.update(len(batch))


def add_orders(buyers: list[Customer], products: list[Product]) -> list[Order]:
    """Let each of `buyers` order two products."""
    orders = Order.objects.bulk_create(OrderFactory.build(customer=buyer) for buyer in buyers)
    shelf = itertools.cycle(products)
    OrderLine.objects.bulk_create(
        OrderLineFactory.build(order=order, product=next(shelf)) for order in orders for _ in "12"
    )
    return orders


def analyze() -> None:
    """Give the planner the statistics that autovacuum would collect a minute later."""
    with connection.cursor() as cursor:
        for model in (Customer, Product, Order, OrderLine):
            cursor.execute(f"ANALYZE {connection.ops.quote_name(model._meta.db_table)}")
