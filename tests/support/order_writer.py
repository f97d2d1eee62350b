"""A process of running code: places orders, with customers if its code knows of them.

Its last words are the total of each order that it has placed and not deleted; see
`tests.support.serving`.
"""

from __future__ import annotations

import random

from tests.support import serving


def run() -> dict[int, int]:
    from shop.models import Customer, Order  # type: ignore[import-not-found]

    fields = {field.name for field in Order._meta.fields}
    mine: dict[int, int] = {}

    def order(total: int) -> Order:
        known = {"customer": Customer.objects.create()} if "customer" in fields else {}
        return Order(total=total, **known)

    def insert(total: int) -> None:
        placed = order(total)
        placed.save()
        mine[placed.pk] = total

    def insert_many(total: int) -> None:
        for placed in Order.objects.bulk_create([order(total) for _ in range(3)]):
            mine[placed.pk] = total

    def save_every_column(total: int) -> None:
        found = Order.objects.get(pk=random.choice(list(mine)))
        found.total = mine[found.pk] = total
        found.save()

    def read_what_others_wrote(total: int) -> None:
        for found in Order.objects.order_by("-pk")[:10]:
            assert found.total >= 0
            assert "priority" not in fields or found.priority is not None

    def delete(total: int) -> None:
        if len(mine) > 1:
            pk = random.choice(list(mine))
            Order.objects.filter(pk=pk).delete()
            del mine[pk]

    def delete_a_customer(total: int) -> None:
        Customer.objects.create().delete()

    insert(1)
    requests = [
        insert,
        insert_many,
        save_every_column,
        read_what_others_wrote,
        delete,
        delete_a_customer,
    ]
    serving.serve(lambda: random.choice(requests)(random.randrange(1000)))
    return mine


if __name__ == "__main__":
    serving.run(run)
