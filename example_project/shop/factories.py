"""Believable customers, products and orders, by factory-boy.

The values follow from a running number instead of a random generator: the same shop each time,
and quick enough to make 300,000 customers.
"""

# mypy: disable-error-code="no-untyped-call"
# factory-boy is typed only in part.

from __future__ import annotations

from decimal import Decimal

from factory.declarations import SelfAttribute, Sequence, SubFactory
from factory.django import DjangoModelFactory

from example_project.shop.models import Customer, Order, OrderLine, Product

GIVEN_NAMES = """
    Ada Amir Anja Bela Carmen Chidi Dana Elif Emil Fatima Grace Hana Hugo Ines Ivan Jamal Joana
    Kenji Lara Liam Mei Mila Nadia Noor Omar Pia Priya Rosa Samir Sven Tara Tomas Uma Vera Wanda
    Yuki Zoe""".split()
FAMILY_NAMES = """
    Abe Adeyemi Almeida Bauer Berg Chen Costa Diaz Dubois Eriksen Farah Fischer Garcia Haddad
    Hansen Ito Ivanova Jansen Kaya Khan Kowalski Larsen Lopez Mbeki Meyer Moreau Nguyen Novak
    O'Brien Okafor Park Petrov Rao Rossi Santos Silva Tanaka Vargas Weber Yilmaz Zhang""".split()
ADJECTIVES = "Blue Folding Heavy Little Quiet Round Simple Spare Wooden Woollen".split()
THINGS = "Basket Bench Blanket Bowl Chair Clock Kettle Lamp Mirror Shelf Stool Table".split()
DIFFERENT_TITLES = len(ADJECTIVES) * len(THINGS)


def full_name_of(number: int) -> str:
    """Return the name of customer `number`; the lists' lengths share no factor, so they mix."""
    given = GIVEN_NAMES[number % len(GIVEN_NAMES)]
    return f"{given} {FAMILY_NAMES[number % len(FAMILY_NAMES)]}"


def title_of(number: int) -> str:
    adjective = ADJECTIVES[number // len(THINGS) % len(ADJECTIVES)]
    return f"{adjective} {THINGS[number % len(THINGS)]}"


class CustomerFactory(DjangoModelFactory[Customer]):
    class Meta:
        model = Customer

    name = Sequence(full_name_of)
    email = Sequence(lambda number: f"customer{number}@shop.example")
    phone = Sequence(lambda number: f"+1 555 {number % 10_000_000:07d}")
    newsletter = Sequence(lambda number: number % 3 == 0)


class ProductFactory(DjangoModelFactory[Product]):
    class Meta:
        model = Product

    title = Sequence(title_of)
    price = Sequence(lambda number: Decimal(number % 90 + 9) + Decimal("0.90"))
    stock = 1_000_000


class OrderFactory(DjangoModelFactory[Order]):
    class Meta:
        model = Order

    customer = SubFactory(CustomerFactory)


class OrderLineFactory(DjangoModelFactory[OrderLine]):
    class Meta:
        model = OrderLine

    order = SubFactory(OrderFactory)
    product = SubFactory(ProductFactory)
    unit_price = SelfAttribute("product.price")
