from __future__ import annotations

import random

from example_project.demo.sharing import HOT, Share

CUSTOMERS = 1_000
VISITORS = 4


def picks(share: Share) -> set[int]:
    source = random.Random(1)
    return {share.pick_own(source) for _ in range(20_000)}


def test_each_customer_who_is_not_hot_has_one_owner() -> None:
    owned = [picks(Share(index, VISITORS, CUSTOMERS)) for index in range(VISITORS)]

    assert sum(map(len, owned)) == CUSTOMERS - HOT
    assert set().union(*owned) == set(range(HOT + 1, CUSTOMERS + 1))


def test_hot_customers_are_the_first_ones() -> None:
    source = random.Random(1)
    share = Share(0, VISITORS, CUSTOMERS)

    assert {share.pick_hot(source) for _ in range(20_000)} == set(range(1, HOT + 1))
