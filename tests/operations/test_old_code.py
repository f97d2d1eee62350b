"""While a field is added, and afterwards, code that does not know it goes on inserting rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from django.db.backends.base.base import BaseDatabaseWrapper

from tests.operations.matrix import ADD_FIELD, Case
from tests.operations.test_crash_matrix import ROWS
from tests.operations.test_refusals import create_shop
from tests.operations.test_same_schema import forwards

FIRST_ID = 100
INSERT = """
    INSERT INTO shop_book (id, title, indexed, barcode, body, pages, rank, price, remark,
        tags, meta, writer_id)
    VALUES (%(id)s, 'title', '', %(id)s::text, 'body', 1, 1, 1, 'remark',
        array['tag'], '{}', 1);
    INSERT INTO shop_comic (book_ptr_id, color) VALUES (%(id)s, true)
"""


class OldCode:
    """Inserts a book before every transaction, and before every statement outside of one."""

    def __init__(self, connection: BaseDatabaseWrapper, client: psycopg.Connection) -> None:
        self.connection = connection
        self.client = client
        self.next_id = FIRST_ID
        self.in_transaction = False

    def insert(self) -> None:
        for insert in INSERT.split(";"):
            self.client.execute(insert.encode(), {"id": self.next_id})
        self.next_id += 1

    def __call__(
        self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any
    ) -> Any:
        was_in_transaction, self.in_transaction = (
            self.in_transaction,
            self.connection.in_atomic_block,
        )
        if not (was_in_transaction and self.in_transaction):
            self.insert()
        return execute(sql, params, many, context)


@pytest.mark.parametrize("case", ADD_FIELD, ids=lambda case: case.id)
def test_old_code_goes_on_inserting(
    connection: BaseDatabaseWrapper, pg: psycopg.Connection, case: Case
) -> None:
    if pg.info.server_version // 10000 < case.minimum_version:
        pytest.skip(f"needs PostgreSQL {case.minimum_version}")
    state = create_shop(connection)
    with connection.cursor() as cursor:
        cursor.execute(ROWS)
    old_code = OldCode(connection, pg)
    with connection.execute_wrapper(old_code):
        forwards(connection, case.make(False), state)
    old_code.insert()
    assert old_code.next_id > FIRST_ID + 1
