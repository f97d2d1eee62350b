"""Clients of the shop, in a process of their own.

    python -m tests.support.noon.client DATABASE_URL CUSTOMERS

It prints "ready", sends requests until its standard input is closed, waits for the answers, and
prints them as JSON.

Requests are sent when they are due, answered or not are those before them, and their time counts
from then: a client that first waited for the answer would send few requests just when they take
long. They are what the code of the release before the migration sends, one statement each.

Pings are sent at the same rate over a connection of their own. They use no table, so what they take
is what this machine makes clients wait, whoever has locked what.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass

import psycopg
from psycopg import AsyncConnection

REQUESTS_PER_SECOND = 100
CONNECTIONS = 20

STATEMENTS = [
    "SELECT id, name, email, created_at FROM shop_customer WHERE id = %(id)s",
    "SELECT o.id, o.total, c.name FROM shop_order o JOIN shop_customer c ON c.id = o.customer_id "
    "WHERE o.customer_id = %(id)s",
    "UPDATE shop_customer SET name = 'Renamed ' || %(id)s WHERE id = %(id)s",
    "UPDATE shop_order SET status = 'sent', total = total + 1 WHERE id = %(id)s",
    "INSERT INTO shop_customer (name, email, created_at) "
    "VALUES ('New', gen_random_uuid() || '@example.com', now())",
    "INSERT INTO shop_order (customer_id, status, total, placed_at) "
    "VALUES (%(id)s, 'new', 10, now())",
]


@dataclass
class Request:
    """A request: when it was due, by the monotonic clock, and the seconds that it took from then.

    Args:
        error: what the server said, if it was an error.
    """

    due: float
    seconds: float
    error: str = ""


async def dates(until: asyncio.Future[str]) -> AsyncIterator[float]:
    """Yield when something is due, as soon as it is."""
    due = time.monotonic()
    while not until.done():
        yield due
        due += random.expovariate(REQUESTS_PER_SECOND)
        await asyncio.sleep(max(0.0, due - time.monotonic()))


class Clients:
    """Sends requests at a steady rate over a pool of connections."""

    def __init__(self, url: str, customers: int) -> None:
        self.url = url
        self.customers = customers
        self.free: asyncio.Queue[AsyncConnection] = asyncio.Queue()
        self.answered: list[Request] = []
        self.pings: list[float] = []

    async def run(self) -> None:
        for _ in range(CONNECTIONS):
            await self.free.put(await self.connect())
        pinging = await self.connect()
        print("ready", flush=True)
        stopped = asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
        async with asyncio.TaskGroup() as requests:
            requests.create_task(self.ping(pinging, stopped))
            async for due in dates(until=stopped):
                requests.create_task(self.request(due))
        await pinging.close()
        while not self.free.empty():
            await self.free.get_nowait().close()

    async def connect(self) -> AsyncConnection:
        connection = await AsyncConnection.connect(self.url, autocommit=True)
        # As Django has it: no statements are prepared that a change of a column would break.
        connection.prepare_threshold = None
        return connection

    async def ping(self, connection: AsyncConnection, stopped: asyncio.Future[str]) -> None:
        async for due in dates(until=stopped):
            await connection.execute("SELECT 1")
            self.pings.append(time.monotonic() - due)

    async def request(self, due: float) -> None:
        connection = await self.free.get()
        error = ""
        try:
            statement = random.choice(STATEMENTS)
            await connection.execute(statement, {"id": random.randint(1, self.customers)})
        except psycopg.Error as raised:
            error = f"{raised.sqlstate} {raised}"
        finally:
            self.free.put_nowait(connection)
        self.answered.append(Request(due, time.monotonic() - due, error))


if __name__ == "__main__":
    clients = Clients(sys.argv[1], int(sys.argv[2]))
    asyncio.run(clients.run())
    requests = [asdict(request) for request in clients.answered]
    print(json.dumps({"requests": requests, "pings": clients.pings}))
