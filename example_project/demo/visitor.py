"""Somebody who uses the shop all the time, and remembers what they wrote."""

from __future__ import annotations

import random
from collections.abc import Callable

from example_project.demo.sharing import HOT, Share
from example_project.shop import services
from example_project.shop.factories import DIFFERENT_TITLES

PEOPLE_PER_IMPORT = 5
# Enough to come back to; the others are left alone once they signed up.
MOST_REGULARS = 500


class WrongNameError(Exception):
    """A name was read that is not the one written last."""


class Visitor:
    """Makes one request after the other.

    `called` says who this is, and becomes part of the names it writes. Of the customers loaded
    before, it writes those of its `share` and the hot ones, which everybody writes.

    `ledger` holds what it wrote last to customers whom nobody else writes, by id: the name, or
    None for a closed account. `unfilled_reads` counts names that were read as NULL before this
    visitor wrote them.
    """

    def __init__(self, called: str, share: Share) -> None:
        self.called = called
        self.share = share
        self.random = random.Random(called)
        self.ledger: dict[int, str | None] = {}
        self.unfilled_reads = 0
        self._names_used = 0
        self._regulars: dict[int, str] = {}  # id -> email of people whom this visitor signed up
        weights: dict[Callable[[], None], int] = {
            self.greet: 6,
            self.find_by_email: 3,
            self.list_latest_orders: 2,
            self.note_visit: 3,
            self.place_order: 2,
            self.sign_up: 2,
            self.import_customers: 1,
            self.import_again: 2,
            self.edit_profile: 3,
            self.change_phone: 3,
            self.correct: 3,
            self.rename: 3,
            self.close_account: 2,
        }
        self._requests, self._weights = list(weights), list(weights.values())

    def visit(self) -> None:
        """Make one request. Raises whatever the shop raises, and WrongNameError."""
        [request] = self.random.choices(self._requests, self._weights)
        request()

    def greet(self) -> None:
        customer = self._pick_to_read()
        self._check(customer, services.greet(customer))

    def find_by_email(self) -> None:
        customer, email = self._pick_regular()
        self._check(customer, services.find_by_email(email))

    def list_latest_orders(self) -> None:
        self.unfilled_reads += services.list_latest_orders().count(None)

    def note_visit(self) -> None:
        services.note_visit(self._pick_to_write())

    def place_order(self) -> None:
        product = self.random.randint(1, DIFFERENT_TITLES)
        services.place_order(self.share.pick_any(self.random), product)

    def sign_up(self) -> None:
        email, name = self._new_person()
        self._remember(services.sign_up(email, name), name, email)

    def import_customers(self) -> None:
        people = dict(self._new_person() for _ in range(PEOPLE_PER_IMPORT))
        customers = services.import_customers(people)
        for customer, (email, name) in zip(customers, people.items(), strict=True):
            self._remember(customer, name, email)

    def import_again(self) -> None:
        _, email = self._pick_regular()
        name = self._new_name()
        self._remember(services.import_again(email, name), name)

    def edit_profile(self) -> None:
        self._write(services.edit_profile)

    def correct(self) -> None:
        self._write(services.correct)

    def rename(self) -> None:
        self._write(services.rename)

    def change_phone(self) -> None:
        customer = self._pick_to_write()
        phone = f"+1 555 {self.random.randrange(10_000_000):07d}"
        self._check(customer, services.change_phone(customer, phone))

    def close_account(self) -> None:
        customer, _ = self._pick_regular()
        services.close_account(customer)
        del self._regulars[customer]
        self.ledger[customer] = None

    def _write(self, change_name: Callable[[int, str], None]) -> None:
        customer, name = self._pick_to_write(), self._new_name()
        change_name(customer, name)
        self._remember(customer, name)

    def _remember(self, customer: int, name: str, email: str | None = None) -> None:
        if customer > HOT:
            self.ledger[customer] = name
        if email is not None and len(self._regulars) < MOST_REGULARS:
            self._regulars[customer] = email

    def _check(self, customer: int, name: str | None) -> None:
        written = self.ledger.get(customer)
        if written is None and name is None:
            self.unfilled_reads += 1
        elif written is not None and name != written:
            raise WrongNameError(f"customer {customer} is called {name!r} instead of {written!r}")

    def _pick_to_read(self) -> int:
        return self.random.choice([self.share.pick_any(self.random), self._pick_to_write()])

    def _pick_to_write(self) -> int:
        pick = self.random.choices(["hot", "own", "regular"], [1, 4, 4])
        if pick == ["hot"]:
            return self.share.pick_hot(self.random)
        if pick == ["own"]:
            return self.share.pick_own(self.random)
        return self._pick_regular()[0]

    def _pick_regular(self) -> tuple[int, str]:
        if not self._regulars:
            self.sign_up()
        return self.random.choice(list(self._regulars.items()))

    def _new_person(self) -> tuple[str, str]:
        name = self._new_name()
        return f"{name.replace(' ', '.')}@visitor.example", name

    def _new_name(self) -> str:
        self._names_used += 1
        return f"{self.called} {self._names_used}"
