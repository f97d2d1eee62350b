"""A process of running code: lets customers come, buy and go until its input ends.

Its last words are which customer each order belongs to that it made itself; see
`tests.support.serving`.
"""

from __future__ import annotations

import random

from tests.support import serving


def run() -> dict[int, int]:
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
    serving.serve(lambda: random.choice(requests)(), between_words=20)
    return mine


if __name__ == "__main__":
    serving.run(run)
