"""The tables that the corpus's migrations meet, and the rows in them.

Customers, books, orders and their lines have 10,000 rows each; formats and tags have a few.
"""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField, DateTimeRangeField
from django.db import models
from django.db.migrations import CreateModel
from django.db.migrations.operations.base import Operation

from zero_downtime.lint.sizes import Sizes

ROWS = 10_000
SMALL_TABLES = Sizes({"store_format": 20, "store_tag": 100})


def key() -> tuple[str, models.BigAutoField]:  # type: ignore[type-arg]
    return "id", models.BigAutoField(primary_key=True)


INITIAL: list[Operation] = [
    CreateModel(
        "Customer",
        [
            ("id", models.AutoField(primary_key=True)),
            ("full_name", models.CharField(max_length=80)),
            ("email", models.EmailField(unique=True)),
            ("phone", models.CharField(max_length=20, null=True)),
            ("city", models.CharField(max_length=50)),
            ("country", models.CharField(max_length=2, db_index=True)),
            ("credit", models.DecimalField(max_digits=10, decimal_places=2)),
            ("points", models.IntegerField(default=0)),
            ("birthday", models.DateField(null=True)),
            ("joined_at", models.DateTimeField()),
            ("external_ref", models.CharField(max_length=36)),
            ("is_active", models.BooleanField(default=True)),
            ("preferences", models.JSONField(default=dict)),
            ("remarks", models.TextField(null=True, blank=True)),
            (
                "referrer",
                models.ForeignKey(
                    "store.Customer", models.SET_NULL, null=True, related_name="referred"
                ),
            ),
        ],
    ),
    CreateModel("Format", [key(), ("name", models.CharField(max_length=40, unique=True))]),
    CreateModel("Tag", [key(), ("label", models.CharField(max_length=40))]),
    CreateModel(
        "Book",
        [
            key(),
            ("isbn", models.CharField(max_length=17, unique=True)),
            ("title", models.CharField(max_length=120)),
            ("subtitle", models.CharField(max_length=120, null=True)),
            ("slug", models.SlugField(max_length=80)),
            ("shelf", models.CharField(max_length=20, db_index=True)),
            ("blurb", models.TextField()),
            ("summary", models.TextField(null=True)),
            ("language", models.CharField(max_length=10)),
            ("reference", models.CharField(max_length=36)),
            ("year_text", models.CharField(max_length=20)),
            ("pages", models.IntegerField()),
            ("reserved", models.IntegerField(null=True)),
            ("edition", models.SmallIntegerField()),
            ("clicks", models.BigIntegerField()),
            ("position", models.PositiveIntegerField()),
            ("price", models.DecimalField(max_digits=8, decimal_places=2)),
            ("cost", models.DecimalField(max_digits=8, decimal_places=2, null=True)),
            ("weight", models.FloatField()),
            ("in_print", models.BooleanField()),
            ("featured", models.BooleanField(null=True)),
            ("published_at", models.DateTimeField()),
            ("released_on", models.DateField()),
            ("opens_at", models.TimeField()),
            ("reading_time", models.DurationField(null=True)),
            ("token", models.UUIDField()),
            ("attributes", models.JSONField(default=dict)),
            ("labels", ArrayField(models.CharField(max_length=30), default=list)),
            ("level", models.IntegerField(db_default=1)),
            ("customer_number", models.IntegerField()),
            ("author", models.ForeignKey("store.Customer", models.CASCADE, related_name="books")),
            (
                "editor",
                models.ForeignKey("store.Customer", models.SET_NULL, null=True, related_name="+"),
            ),
            (
                "importer",
                models.ForeignKey(
                    "store.Customer", models.DO_NOTHING, db_constraint=False, related_name="+"
                ),
            ),
            ("tags", models.ManyToManyField("store.Tag", related_name="books")),
        ],
    ),
    CreateModel(
        "Address",
        [
            key(),
            ("customer", models.OneToOneField("store.Customer", models.CASCADE)),
            ("street", models.CharField(max_length=100)),
            ("postcode", models.CharField(max_length=10)),
        ],
    ),
    CreateModel(
        "Order",
        [
            key(),
            ("number", models.CharField(max_length=20)),
            ("customer", models.ForeignKey("store.Customer", models.PROTECT)),
            ("status", models.CharField(max_length=12)),
            ("total", models.DecimalField(max_digits=12, decimal_places=2)),
            ("currency", models.CharField(max_length=3)),
            ("comment", models.TextField(null=True)),
            ("placed_at", models.DateTimeField()),
            ("shipped_at", models.DateTimeField(null=True)),
            ("parcels", models.PositiveIntegerField()),
            ("room", models.IntegerField()),
            ("period", DateTimeRangeField()),
        ],
    ),
    CreateModel(
        "OrderLine",
        [
            key(),
            ("order", models.ForeignKey("store.Order", models.CASCADE, related_name="lines")),
            ("book", models.ForeignKey("store.Book", models.PROTECT)),
            ("quantity", models.PositiveSmallIntegerField()),
            ("unit_price", models.DecimalField(max_digits=8, decimal_places=2)),
            ("note", models.TextField(null=True)),
        ],
    ),
]

ORDINARY_ROWS = f"""
INSERT INTO store_customer (full_name, email, phone, city, country, credit, points, birthday,
    joined_at, external_ref, is_active, preferences, remarks, referrer_id)
SELECT 'Customer ' || g, 'c' || g || '@example.org', '+4930' || g, 'Town ' || g % 500, 'DE', g,
    g % 900, date '1950-01-01' + g % 18000,
    timestamptz '2015-01-01 10:11:12.5+00' + g * interval '1 h',
    md5(g::text)::uuid::text, true, '{{"news": true}}', 'remark ' || g, NULL
FROM generate_series(1, {ROWS}) g;
UPDATE store_customer SET referrer_id = 1 WHERE id % 10 = 0;
INSERT INTO store_format (name) SELECT 'Format ' || g FROM generate_series(1, 20) g;
INSERT INTO store_tag (label) SELECT 'Tag ' || g FROM generate_series(1, 100) g;
INSERT INTO store_book (isbn, title, subtitle, slug, shelf, blurb, summary, language, reference,
    year_text, pages, reserved, edition, clicks, position, price, cost, weight, in_print, featured,
    published_at, released_on, opens_at, reading_time, token, attributes, labels, customer_number,
    author_id, editor_id, importer_id)
SELECT '978-' || g, 'Title ' || g, 'Subtitle ' || g, 'title-' || g, 'A' || g, 'Blurb ' || g,
    'Summary ' || g, 'en', md5(g::text)::uuid::text, (1900 + g)::text, g, g % 300, g % 30000, g, g,
    g % 900000 + 0.99, g % 9000 + 0.5, g / 7.0, true, false,
    timestamptz '2016-01-01 10:11:12.5+00' + g * interval '1 h', date '1990-01-01' + g % 9000,
    time '08:30:15.5', interval '1 h 20 min', md5('t' || g)::uuid, '{{"cover": "soft"}}',
    ARRAY['new', 'blue'], 1 + g % {ROWS}, 1 + g % {ROWS}, 1 + g % {ROWS}, 1 + g % {ROWS}
FROM generate_series(1, {ROWS}) g;
INSERT INTO store_book_tags (book_id, tag_id) SELECT g, 1 + g % 100
FROM generate_series(1, {ROWS} - 100) g;
INSERT INTO store_address (customer_id, street, postcode) SELECT g, 'Street ' || g, '10' || g
FROM generate_series(1, {ROWS} / 2) g;
INSERT INTO store_order (number, customer_id, status, total, currency, comment, placed_at,
    shipped_at, parcels, room, period)
SELECT 'N' || g, 1 + g % {ROWS}, 'paid', g, 'EUR', 'comment ' || g,
    timestamptz '2018-01-01 10:11:12.5+00' + g * interval '1 h',
    timestamptz '2018-01-03 10:11:12.5+00' + g * interval '1 h', g % 5, g,
    tstzrange(timestamptz '2018-01-01+00' + g * interval '1 h',
              timestamptz '2018-01-01+00' + (g + 1) * interval '1 h')
FROM generate_series(1, {ROWS}) g;
INSERT INTO store_orderline (order_id, book_id, quantity, unit_price, note)
SELECT g, 1 + g % {ROWS}, g % 9, g % 900000 + 0.99, 'note ' || g FROM generate_series(1, {ROWS}) g;
"""

#: NULL where it may be, the same value twice, values that no narrower type holds, rows that refer
#: to nothing where no foreign key forbids it.
AWKWARD_ROWS = """
UPDATE store_customer SET phone = NULL, birthday = NULL, remarks = NULL, referrer_id = NULL
WHERE id % 4 <> 0;
UPDATE store_customer SET full_name = 'Customer 3', city = repeat('x', 50), country = 'de',
    credit = -99999999.99, points = -2147483648, external_ref = 'none', remarks = repeat('x', 5000)
WHERE id = 8;
UPDATE store_book SET subtitle = NULL, summary = NULL, reserved = NULL, cost = NULL,
    featured = NULL, reading_time = NULL, editor_id = NULL WHERE id % 4 <> 0;
UPDATE store_book SET title = 'TITLE 3', subtitle = 'Subtitle 12', slug = 'title-3', shelf = 'A3',
    blurb = repeat('long ', 1000), summary = repeat('long ', 1000), language = 'pt-br',
    reference = 'none', year_text = 'c. 1900', pages = -5, reserved = 2147483647, edition = -1,
    clicks = 9000000000, price = 999999.99, weight = 1e200, token = md5('t3')::uuid,
    customer_number = 888888, importer_id = 999999
WHERE id = 8;
UPDATE store_book SET title = 'Title ' || repeat('x', 100) WHERE id = 12;
UPDATE store_book SET title = 'Title 3', shelf = 'A3', pages = 3, token = md5('t3')::uuid
WHERE id = 9;
UPDATE store_order SET comment = NULL, shipped_at = NULL WHERE id % 4 <> 0;
UPDATE store_order SET number = 'N3', parcels = 100000, total = -9999999999.99, status = 'paid',
    comment = 'c',
    room = 3, period = (SELECT period FROM store_order WHERE id = 5) WHERE id = 8;
UPDATE store_order SET room = -30, status = 'x', shipped_at = placed_at - interval '1 day'
WHERE id = 12;
UPDATE store_orderline SET note = NULL WHERE id % 4 <> 0;
UPDATE store_orderline SET order_id = 3, book_id = 4 WHERE id = 8;
"""
