"""The shop's back office."""

# mypy: disable-error-code="type-arg"
# ModelAdmin is generic for the type checker only.

from __future__ import annotations

from django.contrib import admin

from example_project.shop.models import Customer, Order, OrderLine, Product


@admin.register(Customer)
class CustomerAdmin(admin.ModelAdmin):
    list_display = ["name", "email", "newsletter", "created_at", "last_seen_at"]
    search_fields = ["name", "email"]
    show_full_result_count = False


@admin.register(Product)
class ProductAdmin(admin.ModelAdmin):
    list_display = ["title", "price", "stock"]
    search_fields = ["title"]


class OrderLineInline(admin.TabularInline):
    model = OrderLine
    extra = 0


@admin.register(Order)
class OrderAdmin(admin.ModelAdmin):
    list_display = ["id", "customer", "placed_at", "status"]
    list_select_related = ["customer"]
    list_filter = ["status"]
    search_fields = ["customer__name", "customer__email"]
    autocomplete_fields = ["customer"]
    inlines = [OrderLineInline]
