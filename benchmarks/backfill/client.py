"""A client of the table, in a process of its own.

    python -m benchmarks.backfill.client DATABASE_URL ROWS

It prints "ready", sends requests until its standard input is closed, waits for the answers, and
prints them as JSON.

Requests are sent when they are due, answered or not are those before them; their time counts from
then. A client that first waited for the answer would send few requests just when they take long,
and a statement that locks the whole table for ten seconds would look like one slow request.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
from dataclasses import asdict, dataclass

from psycopg import AsyncConnection

REQUESTS_PER_SECOND = 100
CONNECTIONS = 10

# Each request is one statement on one row: by its share in the whole.
MIX = {"SELECT": 60, "UPDATE": 30, "INSERT": 10}
STATEMENTS = {
    "SELECT": "SELECT * FROM customer WHERE id = %(id)s",
    "UPDATE": "UPDATE customer SET address = 'moved' || %(id)s WHERE id = %(id)s",
    # Both columns, as a dual-write trigger would have it.
    "INSERT": "INSERT INTO customer (account_id, created_at, name, email, address, full_name) "
    "VALUES (%(id)s, now(), 'New', 'new@example.com', 'here', 'New')",
}


@dataclass
class Request:
    """A request, when it was due (by the monotonic clock) and how long it took from then."""

    kind: str
    due: float
    seconds: float


class Client:
    """Sends requests at a steady rate over a few connections."""

    def __init__(self, url: str, rows: int) -> None:
        self.url = url
        self.rows = rows
        self.free: asyncio.Queue[AsyncConnection] = asyncio.Queue()
        self.answered: list[Request] = []

    async def run(self) -> None:
        for _ in range(CONNECTIONS):
            await self.free.put(await AsyncConnection.connect(self.url, autocommit=True))
        print("ready", flush=True)
        stopped = asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
        due = time.monotonic()
        async with asyncio.TaskGroup() as requests:
            while not stopped.done():
                requests.create_task(self.request(due))
                due += random.expovariate(REQUESTS_PER_SECOND)
                await asyncio.sleep(max(0.0, due - time.monotonic()))
        while not self.free.empty():
            await self.free.get_nowait().close()

    async def request(self, due: float) -> None:
        (kind,) = random.choices(list(MIX), list(MIX.values()))
        connection = await self.free.get()
        await connection.execute(STATEMENTS[kind], {"id": random.randint(1, self.rows)})
        self.free.put_nowait(connection)
        self.answered.append(Request(kind, due, time.monotonic() - due))


if __name__ == "__main__":
    client = Client(sys.argv[1], int(sys.argv[2]))
    asyncio.run(client.run())
    print(json.dumps([asdict(request) for request in client.answered]))
