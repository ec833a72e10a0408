"""What a slow tenth of the mailboxes costs the others: 500 mailboxes, 50 of which answer in 5 s, the others in 20 ms.

Hints come at an even pace, of a new meeting in a random mailbox each time. Timed is a hint's way to its command, of the
450 others only; the floor is the same day with nobody slow.
"""

from __future__ import annotations

import asyncio
import random
import tempfile
import time
from datetime import timedelta
from pathlib import Path

from daemon.app import Outside, opened
from daemon.bus.memory import MemoryBroker, MemoryProducer
from daemon.bus.port import Headers
from daemon.exchange.ews import uids
from daemon.exchange.ews.backend import EwsExchange
from daemon.observe.metrics import Metrics
from daemon.wiring import ews_config
from schemas import catalogue, ids
from tests.bench import bank, decode, servers
from tests.bench.rows import Row, ratio_at_most, say

MAILBOXES, SLOW = 500, 50
QUICK_WAIT, SLOW_WAIT = timedelta(milliseconds=20), timedelta(seconds=5)
PACE = 25  # hints a second
_LAST = timedelta(seconds=2)  # for those that are under way at the end
DURATION, WARMING = timedelta(seconds=40), timedelta(seconds=10)


def rows(quick: bool) -> list[Row]:
    """Of the others, with and without the slow ones."""
    duration = DURATION / 4 if quick else DURATION
    with servers.serving(wait=QUICK_WAIT) as url:
        floor = asyncio.run(_day(url, duration))
    with servers.serving(wait=QUICK_WAIT, slow=SLOW, slow_wait=SLOW_WAIT) as url:
        ours = asyncio.run(_day(url, duration))
    say(f"  {len(floor)} and {len(ours)} hints of the others")
    p50, p99 = len(ours) // 2, int(len(ours) * 0.99)
    at50, at99 = len(floor) // 2, int(len(floor) * 0.99)
    return [
        Row("others' p50, a tenth is slow", ours[p50], floor[at50], "ms", (ratio_at_most(1.1),)),
        Row("others' p99, a tenth is slow", ours[p99], floor[at99], "ms", (ratio_at_most(1.5),)),
    ]


class Noting(MemoryProducer):
    """Notes when a link's first command was put out."""

    def __init__(self, broker: MemoryBroker) -> None:
        super().__init__(broker)
        self.at: dict[bytes, float] = {}

    async def send(self, topic: str, *, key: bytes | None, value: bytes | None, headers: Headers = ()) -> None:
        await super().send(topic, key=key, value=value, headers=headers)
        if topic == catalogue.COMMANDS and key is not None:
            self.at.setdefault(key, time.perf_counter())


async def _day(url: str, duration: timedelta) -> list[float]:
    """Milliseconds of the others' hints, sorted; one that had no command in the end counts up to then."""
    broker = MemoryBroker(catalogue.TOPICS.values())
    for each in bank.people(MAILBOXES):
        broker.append(each.topic, key=each.key, value=each.value, headers=each.headers)
    producer, chance = Noting(broker), random.Random(7)
    began: dict[bytes, float] = {}
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        settings = bank.settings_for(
            Path(folder) / "bench.sqlite", exchange={"endpoint": url}, kafka={"rebalance_timeout": "8s"}
        )
        outside = Outside(broker.consumer(bank.GROUP), producer, EwsExchange(ews_config(settings)))
        async with opened(settings, outside=outside, metrics=Metrics(version="bench"), version="bench") as daemon:
            stop = asyncio.Event()
            run = asyncio.create_task(daemon.run(stop))
            await daemon.engine.caught_up()
            due = first = time.perf_counter()
            for number in range(int((WARMING + duration).total_seconds() * PACE)):
                due += 1 / PACE
                await asyncio.sleep(max(0.0, due - time.perf_counter()))
                user = chance.randrange(MAILBOXES)
                hint = bank.hint_of(bank.mailbox_of(user), servers.item_id(number, user))
                broker.append(hint.topic, key=hint.key, value=hint.value, headers=hint.headers)
                if user >= SLOW and due - first > WARMING.total_seconds():
                    began[_link(number)] = time.perf_counter()
            await asyncio.sleep(_LAST.total_seconds())
            over = time.perf_counter()
            stop.set()
            await run
    return sorted((producer.at.get(link, over) - at) * 1000 for link, at in began.items())


def _link(number: int) -> bytes:
    return ids.link_of_uid(uids.from_bytes(decode.identity(number)) or "").encode()
