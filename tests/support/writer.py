"""A process of running code: works on `shop_user` through a Django model until its input ends.

Its arguments are the name of the field that its code knows, and the kind of values that the field
takes. Its last words are what it wrote last to each row that it inserted itself; see
`tests.support.serving`.
"""

from __future__ import annotations

import itertools
import os
import random
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

from tests.support import serving

# A value that nobody else writes, from the number of the request.
VALUES: dict[str, Callable[[int], Any]] = {
    "text": lambda number: f"{os.getpid()} {number}",
    # What old code's type can hold as well, so that there is a way back.
    "integer": lambda number: (os.getpid() % 1000) * 1_000_000 + number,
}


def run(field: str, value_of: Callable[[int], Any]) -> dict[int, Any]:
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
    numbers = itertools.count(1)
    serving.serve(lambda: random.choice(requests)(value_of(next(numbers))))
    return mine


if __name__ == "__main__":
    field, values = sys.argv[1:]
    serving.run(partial(run, field, VALUES[values]))
