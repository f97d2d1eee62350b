"""A process of running code: writes the ages of `shop_user` as numbers until its input ends.

It talks as `tests.support.writer` does, whose twin it is: at the end it prints what it wrote last
to each row that it inserted itself, and dies of the first error.
"""

from __future__ import annotations

import json
import os
import random
import select
import sys
from pathlib import Path

REQUESTS_BETWEEN_WORDS = 30


def serve(largest: int) -> dict[int, int]:
    from django.db import transaction
    from shop.models import User  # type: ignore[import-not-found]

    mine: dict[int, int] = {}
    shared = list(User.objects.order_by("pk").values_list("pk", flat=True)[:200])

    def insert(age: int) -> None:
        mine[User.objects.create(name="one", age=age).pk] = age

    def insert_many(age: int) -> None:
        users = User.objects.bulk_create([User(name="many", age=age) for _ in range(3)])
        mine.update({user.pk: age for user in users})

    def upsert(age: int) -> None:
        User.objects.bulk_create(
            [User(pk=pk, name="upserted", age=age) for pk in sorted(random.sample(shared, 3))],
            update_conflicts=True,
            unique_fields=["id"],
            update_fields=["age"],
        )

    def save_every_column(age: int) -> None:
        with transaction.atomic():
            user = User.objects.select_for_update().get(pk=random.choice(list(mine)))
            user.age = age
            user.save()
        mine[user.pk] = age

    def save_other_column(age: int) -> None:
        User.objects.filter(pk=random.choice(shared)).update(name=f"renamed {age}")

    def delete(age: int) -> None:
        pk = random.choice(list(mine))
        if len(mine) > 1:
            User.objects.filter(pk=pk).delete()
            del mine[pk]

    def find_own_row(age: int) -> None:
        pk = random.choice(list(mine))
        found = User.objects.filter(age__gte=mine[pk]).filter(age=mine[pk], pk=pk).get()
        assert found.age == mine[pk], (pk, found.age, mine[pk])

    insert(1)
    requests = [
        insert,
        insert_many,
        upsert,
        save_every_column,
        save_other_column,
        delete,
        find_own_row,
    ]
    print("ready", flush=True)
    while True:
        for _ in range(REQUESTS_BETWEEN_WORDS):
            random.choice(requests)(random.randrange(largest))
        if select.select([sys.stdin], [], [], 0)[0]:
            if not sys.stdin.readline():
                return mine
            print("again", flush=True)


if __name__ == "__main__":
    sys.path.insert(0, str(Path.cwd()))
    os.environ["DJANGO_SETTINGS_MODULE"] = "settings"
    import django

    django.setup()
    print(json.dumps(serve(int(sys.argv[1]))), flush=True)
