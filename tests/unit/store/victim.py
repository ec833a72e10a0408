"""Settles work as fast as it can until it is killed, and says what was acknowledged.

python -m tests.unit.store.victim URL
"""

from __future__ import annotations

import asyncio
import sys
from itertools import count

from sqlalchemy import Connection

from daemon.store import links, outbox, positions
from daemon.store.store import Store
from handlers.links import Link, Replica
from schemas.items import ScheduleItem
from tests.unit.store.test_positions import Position

WORKERS = 40
TOPIC = "exchange.notifications"


def settle(tx: Connection, worker: int, n: int) -> None:
    """A link, its command and its position, as one unit of work."""
    positions.save(tx, [Position(TOPIC, worker, "victim", offset=n + 1)])
    name = f"{worker}-{n}"
    item = ScheduleItem(subject="Review", notes="x" * 500)
    links.save(tx, Link(id=name, uid=name, agreed=item, replicas=(Replica("anna@bank.example", "u-anna", name),)))
    outbox.add(tx, topic="sync.crm-commands", key=name.encode(), value=b"{}")


async def work(store: Store, worker: int) -> None:
    """One lane."""
    for n in count():
        await store.write(lambda tx, n=n: settle(tx, worker, n))  # type: ignore[misc]
        sys.stdout.write(f"{worker}-{n}\n")
        sys.stdout.flush()


async def main(url: str) -> None:
    """All lanes, for ever."""
    store = await Store.open(url)
    await store.write(lambda tx: positions.assign(tx, [(TOPIC, worker) for worker in range(WORKERS)], "victim"))
    await asyncio.gather(*(work(store, worker) for worker in range(WORKERS)))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
