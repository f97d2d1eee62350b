"""The shop's own tests: `python example_project/manage.py test example_project.shop`."""

from __future__ import annotations

from typing import ClassVar

from django.contrib.auth.models import User
from django.test import TestCase
from django.urls import reverse

from example_project.shop.factories import OrderLineFactory
from example_project.shop.models import OrderLine


class AdminTest(TestCase):
    """Every page of the back office renders."""

    boss: ClassVar[User]
    line: ClassVar[OrderLine]

    @classmethod
    def setUpTestData(cls) -> None:
        cls.boss = User.objects.create_superuser("boss")
        cls.line = OrderLineFactory.create()

    def setUp(self) -> None:
        self.client.force_login(self.boss)

    def test_lists_show_what_is_there(self) -> None:
        for row in (self.line.order.customer, self.line.product, self.line.order):
            with self.subTest(row._meta.model_name):
                page = reverse(f"admin:shop_{row._meta.model_name}_changelist")
                self.assertContains(self.client.get(page), str(row).removeprefix("order "))

    def test_forms_open(self) -> None:
        for row in (self.line.order.customer, self.line.product, self.line.order):
            with self.subTest(row._meta.model_name):
                page = reverse(f"admin:shop_{row._meta.model_name}_change", args=[row.pk])
                assert self.client.get(page).status_code == 200

    def test_orders_are_found_by_customer(self) -> None:
        page = reverse("admin:shop_order_changelist")
        found = self.client.get(page, {"q": str(self.line.order.customer)})
        missed = self.client.get(page, {"q": "nobody"})
        assert found.context["cl"].result_count == 1
        assert missed.context["cl"].result_count == 0
