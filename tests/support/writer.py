"""A process of running code: works on `shop_user` through a Django model until its input ends.

Started as a script in a project's directory with the name of the field that its code knows, and
the kind of values that the field takes. Says "ready" after its first requests and "again" each
time it is asked by a line on its input and has served some more since; at the end it prints what
it wrote last to each row that it inserted itself, as JSON, and dies of the first error.
"""

from __future__ import annotations

import json
import os
import random
import select
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

REQUESTS_BETWEEN_WORDS = 30

# A value that nobody else writes, from the number of the request.
VALUES: dict[str, Callable[[int], Any]] = {
    "text": lambda number: f"{os.getpid()} {number}",
    # What old code's type can hold as well, so that there is a way back.
    "integer": lambda number: (os.getpid() % 1000) * 1_000_000 + number,
}


def serve(field: str, value_of: Callable[[int], Any]) -> dict[int, Any]:
    from django.db import transaction
    from shop.models import User  # type: ignore[import-not-found]

    mine: dict[int, Any] = {}
    other = ("name", "Somebody Else") if field == "age" else ("age", 30)
    shared = list(User.objects.order_by("pk").values_list("pk", flat=True)[:200])

    def one_of_mine() -> int:
        return random.choice(list(mine))

    def create(value: Any) -> None:
        mine[User.objects.create(**{field: value}).pk] = value

    def bulk_create(value: Any) -> None:
        users = User.objects.bulk_create([User(**{field: value}) for _ in range(3)])
        mine.update({user.pk: value for user in users})

    def save_every_column(value: Any) -> None:
        with transaction.atomic():
            user = User.objects.select_for_update().get(pk=one_of_mine())
            setattr(user, field, value)
            user.save()
        mine[user.pk] = value

    def save_other_column(value: Any) -> None:
        user = User.objects.only("pk").get(pk=random.choice(shared))
        setattr(user, *other)
        user.save(update_fields=[other[0]])

    def update_or_create(value: Any) -> None:
        user, _ = User.objects.update_or_create(pk=one_of_mine(), defaults={field: value})
        mine[user.pk] = value

    def upsert(value: Any) -> None:
        users = [User(pk=pk, **{field: value}) for pk in sorted({one_of_mine(), one_of_mine()})]
        User.objects.bulk_create(
            users, update_conflicts=True, unique_fields=["pk"], update_fields=[field]
        )
        mine.update({user.pk: value for user in users})

    def bulk_update(value: Any) -> None:
        users = [User(pk=pk, **{field: value}) for pk in sorted({one_of_mine(), one_of_mine()})]
        User.objects.bulk_update(users, [field])
        mine.update({user.pk: value for user in users})

    def update_shared_rows(value: Any) -> None:
        first = random.choice(shared)
        User.objects.filter(pk__in=[first, first + 1]).update(**{field: value})

    def delete(value: Any) -> None:
        if len(mine) > 1:
            pk = one_of_mine()
            User.objects.get(pk=pk).delete()
            del mine[pk]

    def get(value: Any) -> None:
        pk = one_of_mine()
        found = getattr(User.objects.get(pk=pk), field)
        assert found == mine[pk], (pk, found, mine[pk])

    def find(value: Any) -> None:
        pk = one_of_mine()
        assert User.objects.filter(**{field: mine[pk]}, pk=pk).exists(), (pk, mine[pk])

    create(value_of(0))
    requests = [
        create,
        bulk_create,
        save_every_column,
        save_other_column,
        update_or_create,
        upsert,
        bulk_update,
        update_shared_rows,
        delete,
        get,
        find,
    ]
    print("ready", flush=True)
    served = 0
    while True:
        for _ in range(REQUESTS_BETWEEN_WORDS):
            served += 1
            random.choice(requests)(value_of(served))
        if select.select([sys.stdin], [], [], 0)[0]:
            if not sys.stdin.readline():
                return mine
            print("again", flush=True)


if __name__ == "__main__":
    sys.path.insert(0, str(Path.cwd()))
    os.environ["DJANGO_SETTINGS_MODULE"] = "settings"
    import django

    django.setup()
    field, values = sys.argv[1:]
    print(json.dumps(serve(field, VALUES[values])), flush=True)
