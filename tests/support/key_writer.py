"""A process of running code: lets customers come, buy and go until its input ends.

It talks as `tests.support.writer` does, whose twin it is: at the end it prints which customer each
order belongs to that it made itself, and dies of the first error.
"""

from __future__ import annotations

import json
import os
import random
import select
import sys
from pathlib import Path

REQUESTS_BETWEEN_WORDS = 20


def serve() -> dict[int, int]:
    from django.db import transaction
    from shop.models import Card, Club, Customer, Order  # type: ignore[import-not-found]

    mine: dict[int, int] = {}
    shared = list(Customer.objects.order_by("pk").values_list("pk", flat=True)[:200])
    club = Club.objects.get()

    def come_and_buy() -> None:
        with transaction.atomic():
            customer = Customer.objects.create(name="new", guide_id=random.choice(shared))
            Card.objects.create(customer=customer, color="blue")
            orders = Order.objects.bulk_create([Order(customer=customer) for _ in range(3)])
            club.members.add(customer)
        mine.update({order.pk: customer.pk for order in orders})

    def buy() -> None:
        customer = random.choice(shared)
        mine[Order.objects.create(customer_id=customer).pk] = customer

    def hand_over() -> None:
        order, customer = random.choice(list(mine)), random.choice(shared)
        Order.objects.filter(pk=order).update(customer=customer)
        mine[order] = customer

    def follow_another_guide() -> None:
        guide, customer = random.sample(shared, 2)
        Customer.objects.filter(pk=customer).update(guide=guide)

    def go() -> None:
        newcomers = [customer for customer in mine.values() if customer not in shared]
        if newcomers:
            Customer.objects.get(pk=newcomers[0]).delete()
            for order in [order for order, customer in mine.items() if customer == newcomers[0]]:
                del mine[order]

    def look() -> None:
        order = random.choice(list(mine))
        found = Order.objects.select_related("customer", "customer__card").get(pk=order)
        assert found.customer.pk == mine[order], (order, found.customer.pk, mine[order])
        assert club.members.filter(pk=found.customer.card.pk).exists()

    buy()
    requests = [come_and_buy, buy, hand_over, follow_another_guide, go, look]
    print("ready", flush=True)
    while True:
        for _ in range(REQUESTS_BETWEEN_WORDS):
            random.choice(requests)()
        if select.select([sys.stdin], [], [], 0)[0]:
            if not sys.stdin.readline():
                return mine
            print("again", flush=True)


if __name__ == "__main__":
    sys.path.insert(0, str(Path.cwd()))
    os.environ["DJANGO_SETTINGS_MODULE"] = "settings"
    import django

    django.setup()
    print(json.dumps(serve()), flush=True)
