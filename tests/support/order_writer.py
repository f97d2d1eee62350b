"""A process of running code: places orders, with customers if its code knows of them.

It talks as `tests.support.writer` does: at the end it prints the total of each order that it has
placed and not deleted, and dies of the first error.
"""

from __future__ import annotations

import json
import os
import random
import select
import sys
from pathlib import Path

REQUESTS_BETWEEN_WORDS = 30


def serve() -> dict[int, int]:
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
    print("ready", flush=True)
    while True:
        for _ in range(REQUESTS_BETWEEN_WORDS):
            random.choice(requests)(random.randrange(1000))
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
