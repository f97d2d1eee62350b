"""A process of running code: writes `shop_user` through a Django model until its input ends.

Started as a script in a project's directory with the name of the field that its code knows.
Says "ready" after its first requests and "again" each time it is asked by a line on its input
and has served some more since; at the end it prints what it wrote last to each row that it
inserted itself, as JSON, and dies of the first error.
"""

from __future__ import annotations

import json
import os
import random
import select
import sys
from pathlib import Path

REQUESTS_BETWEEN_WORDS = 30


def serve(field: str) -> dict[int, str]:
    from django.db import transaction
    from shop.models import User  # type: ignore[import-not-found]

    mine: dict[int, str] = {}
    shared = list(User.objects.order_by("pk").values_list("pk", flat=True)[:200])

    def insert(value: str) -> None:
        mine[User.objects.create(**{field: value}).pk] = value

    def insert_many(value: str) -> None:
        values = [f"{value} {n}" for n in range(3)]
        users = User.objects.bulk_create([User(**{field: each}) for each in values])
        mine.update({user.pk: each for user, each in zip(users, values, strict=True)})

    def save_every_column(value: str) -> None:
        with transaction.atomic():
            user = User.objects.select_for_update().get(pk=random.choice(list(mine)))
            setattr(user, field, value)
            user.save()
        mine[user.pk] = value

    def save_other_column(value: str) -> None:
        user = User.objects.only("pk").get(pk=random.choice(shared))
        user.age = random.randrange(90)
        user.save(update_fields=["age"])

    def update_shared_rows(value: str) -> None:
        first = random.choice(shared)
        User.objects.filter(pk__in=[first, first + 1]).update(**{field: value})

    def read_own_row(value: str) -> None:
        pk = random.choice(list(mine))
        found = User.objects.get(pk=pk)
        assert getattr(found, field) == mine[pk], (pk, getattr(found, field), mine[pk])

    insert(f"{field} first")
    requests = [
        insert,
        insert_many,
        save_every_column,
        save_other_column,
        update_shared_rows,
        read_own_row,
    ]
    print("ready", flush=True)
    served = 0
    while True:
        for _ in range(REQUESTS_BETWEEN_WORDS):
            served += 1
            random.choice(requests)(f"{field} {os.getpid()} {served}")
        if select.select([sys.stdin], [], [], 0)[0]:
            if not sys.stdin.readline():
                return mine
            print("again", flush=True)


if __name__ == "__main__":
    sys.path.insert(0, str(Path.cwd()))
    os.environ["DJANGO_SETTINGS_MODULE"] = "settings"
    import django

    django.setup()
    print(json.dumps(serve(sys.argv[1])), flush=True)
