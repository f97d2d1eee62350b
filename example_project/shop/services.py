"""What the pages of the shop do: each function is one request, and one short transaction.

Between them they write a customer in every way that Django knows, because a change of the table
has to survive all of them.
"""

from __future__ import annotations

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from example_project.shop.models import Customer, Order, OrderLine, Product

LATEST = 20


@transaction.atomic
def sign_up(email: str, called: str) -> int:
    """Add a customer; return the id."""
    return Customer.objects.create(name=called, email=email).pk


@transaction.atomic
def import_customers(people: dict[str, str]) -> list[int]:
    """Add many customers at once, given as email -> name; return their ids in that order."""
    customers = [Customer(name=called, email=email) for email, called in people.items()]
    return [customer.pk for customer in Customer.objects.bulk_create(customers)]


@transaction.atomic
def import_again(email: str, called: str) -> int:
    """Add a customer, or correct the one with this email address: INSERT ... ON CONFLICT.

    Return the id.
    """
    [customer] = Customer.objects.bulk_create(
        [Customer(name=called, email=email)],
        update_conflicts=True,
        unique_fields=["email"],
        update_fields=["name"],
    )
    return customer.pk


@transaction.atomic
def greet(customer_id: int) -> str | None:
    """Read the whole customer; return the name."""
    return Customer.objects.get(pk=customer_id).name


@transaction.atomic
def find_by_email(email: str) -> str | None:
    """Return the name of whoever has this email address."""
    return Customer.objects.values_list("name", flat=True).get(email=email)


@transaction.atomic
def list_latest_orders() -> list[str | None]:
    """Return who placed the latest orders, by a join."""
    orders = Order.objects.select_related("customer").order_by("-pk")[:LATEST]
    return [order.customer.name for order in orders]


@transaction.atomic
def edit_profile(customer_id: int, called: str) -> None:
    """Change a customer through a form: `save()` writes every column."""
    customer = Customer.objects.select_for_update().get(pk=customer_id)
    customer.name = called
    customer.newsletter = not customer.newsletter
    customer.save()


@transaction.atomic
def change_phone(customer_id: int, phone: str) -> str | None:
    """Change something else through a form, without a lock; return the name as it was read.

    `save()` writes the name all the same, just as it was read. Nothing is saved when there is no
    name: no form would let that pass.
    """
    customer = Customer.objects.get(pk=customer_id)
    if customer.name:
        customer.phone = phone
        customer.save()
    return customer.name


@transaction.atomic
def correct(customer_id: int, called: str) -> None:
    """Read, then write one column: `save(update_fields=...)`."""
    customer = Customer.objects.only("pk").get(pk=customer_id)
    customer.name = called
    customer.save(update_fields=["name"])


@transaction.atomic
def rename(customer_id: int, called: str) -> None:
    """Write one column without reading: `filter().update()`."""
    Customer.objects.filter(pk=customer_id).update(name=called)


@transaction.atomic
def note_visit(customer_id: int) -> None:
    """Write the customer's row, but not the name."""
    Customer.objects.filter(pk=customer_id).update(last_seen_at=timezone.now())


@transaction.atomic
def place_order(customer_id: int, product_id: int) -> None:
    """Sell one product: the new order's foreign key locks the customer's row."""
    product = Product.objects.get(pk=product_id)
    order = Order.objects.create(customer_id=customer_id)
    OrderLine.objects.create(order=order, product=product, unit_price=product.price)
    Product.objects.filter(pk=product_id).update(stock=F("stock") - 1)


@transaction.atomic
def close_account(customer_id: int) -> None:
    """Delete a customer who never ordered anything."""
    Customer.objects.get(pk=customer_id).delete()
