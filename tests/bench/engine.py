"""Events a second through the engine, beside a bare consume-produce loop on the same Kafka.

An event is a record of 512 bytes. The floor takes a poll's records, sends one record for each, awaits all and commits.
The engine alone runs them in lanes, decides nothing and commits. With the store each event is settled there, with its
position and one record for the outbox, which the publisher sends. Rounds of the three take turns.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from daemon.bus import slots
from daemon.bus.deadletters import DeadLetters
from daemon.bus.dispositions import Disposition, Done
from daemon.bus.engine import Engine
from daemon.bus.kafka import KafkaConsumer, KafkaProducer, KafkaSettings
from daemon.bus.limits import Limits
from daemon.bus.memory import MemoryPositions
from daemon.bus.monitor import Monitor
from daemon.bus.port import Producer
from daemon.bus.routes import Delivery, Positions, Route
from daemon.store.store import Store
from daemon.sync.emitting import Emission
from daemon.sync.owning import StoredPositions
from daemon.sync.publishing import Publisher
from tests.bench import brokers
from tests.bench.rows import Row, ratio_at_least, say
from tests.engine.worlds import Spec, running

IN, OUT, LETTERS = "bench.in", "bench.out", "bench.letters"
PARTITIONS = 4
KEYS = 1_000
VALUE = b"x" * 512
EVENTS = 10_000
ROUNDS = 4
MISSED_WITH_STORE = (
    "CPU, not waiting: 84 us an event where the bare loop takes 23. Of them the event loop's thread 58: the deliveries "
    "28, each with a slot, a future for its commit and one for its arrival (17 where nothing is waited for), the "
    "producer and the publisher 14, the client's reading 7; the store's own threads 26: 14 to settle, 6 to read the "
    "outbox, 6 to remove what is out"
)


class Clock(Monitor):
    """From the first record to the last acknowledgement; wall and CPU."""

    def __init__(self, events: int) -> None:
        self.over = asyncio.Event()
        self._left = events
        self._began = (0.0, 0.0)
        self.seconds = self.cpu = 0.0

    def consumed(self, topic: str, records: int) -> None:
        if not self._began[0]:
            self._began = (time.perf_counter(), time.process_time())

    def acknowledged(self, events: int = 1) -> None:
        self._left -= events
        if self._left == 0:
            self.seconds, self.cpu = time.perf_counter() - self._began[0], time.process_time() - self._began[1]
            self.over.set()


def rows(quick: bool) -> list[Row]:
    """Without and with the store."""
    with brokers.one_for_all({"engine"}):
        best = asyncio.run(_measured(EVENTS // (5 if quick else 1), rounds=1 if quick else ROUNDS))
    bare = best["bare loop"]
    return [
        Row("engine / bare aiokafka loop", best["engine"], bare, "events/s", (ratio_at_least(0.5),)),
        Row(
            "engine and store / bare aiokafka loop",
            best["engine and store"],
            bare,
            "events/s",
            (ratio_at_least(0.35),),
            MISSED_WITH_STORE,
        ),
    ]


async def _measured(events: int, *, rounds: int) -> dict[str, float]:
    """Events a second of each one's best round."""
    settings = brokers.settings()
    await brokers.make(settings, [Spec(IN, PARTITIONS), Spec(OUT, PARTITIONS), Spec(LETTERS)])
    await _fill(settings, events)
    contenders: dict[str, Callable[[KafkaSettings, int], Awaitable[Clock]]] = {
        "bare loop": bare,
        "engine": engine,
        "engine and store": engine_and_store,
    }
    best = dict.fromkeys(contenders, 0.0)
    for number in range(rounds):
        for name, contender in contenders.items():
            clock = await contender(replace(settings, group_id=f"{settings.topic_prefix}{uuid4().hex}"), events)
            say(
                f"  round {number}  {name:<18} {events / clock.seconds:>8,.0f} events/s  "
                f"{clock.cpu / events * 1e6:>6.0f} us CPU/event"
            )
            best[name] = max(best[name], events / clock.seconds)
    return best


async def _fill(settings: KafkaSettings, events: int) -> None:
    producer = KafkaProducer(settings)
    await producer.start()
    try:
        for start in range(0, events, 1000):
            numbers = range(start, min(start + 1000, events))
            await asyncio.gather(*(producer.send(IN, key=b"%d" % (n % KEYS), value=VALUE) for n in numbers))
    finally:
        await producer.stop()


async def bare(settings: KafkaSettings, events: int) -> Clock:
    """What the client itself can do."""
    consumer = AIOKafkaConsumer(
        settings.topic(IN),
        bootstrap_servers=settings.bootstrap_servers,
        group_id=settings.group_id,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        fetch_max_wait_ms=100,
    )
    producer = AIOKafkaProducer(bootstrap_servers=settings.bootstrap_servers, enable_idempotence=True)
    clock, out = Clock(events), settings.topic(OUT)
    async with AsyncExitStack() as parts:
        await consumer.start()
        parts.push_async_callback(consumer.stop)
        await producer.start()
        parts.push_async_callback(producer.stop)
        while not clock.over.is_set():
            batches = await consumer.getmany(timeout_ms=500, max_records=Limits().poll_records)
            records = [record for batch in batches.values() for record in batch]
            if not records:
                continue
            clock.consumed(IN, len(records))
            await asyncio.gather(*[await producer.send(out, key=each.key, value=each.value) for each in records])
            await consumer.commit({source: batch[-1].offset + 1 for source, batch in batches.items() if batch})
            clock.acknowledged(len(records))
    return clock


async def engine(settings: KafkaSettings, events: int) -> Clock:
    """Lanes, a decision that decides nothing, commit."""
    producer, clock = KafkaProducer(settings), Clock(events)

    async def process(delivery: Delivery) -> Disposition:
        clock.acknowledged()
        return Done()

    await _run(settings, producer, process=process, positions=MemoryPositions(), clock=clock)
    return clock


async def engine_and_store(settings: KafkaSettings, events: int) -> Clock:
    """The same, with position and output in one transaction of the store, and its publisher."""
    producer, clock = KafkaProducer(settings), Clock(events)
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        store = await Store.open(f"sqlite:///{Path(folder)}/store.sqlite")
        publisher = Publisher(store, producer)

        async def process(delivery: Delivery) -> Disposition:
            (record,) = delivery.records
            outgoing = [Emission(OUT, record.key or b"", record.value, headers=())]
            slots.leave()
            numbers = await store.settle(lambda tx: outgoing, reached=delivery.position(), lane=record.source)
            arrival = publisher.expect(numbers or ())
            if arrival is None:
                raise AssertionError("one record was put out")
            arrival.add_done_callback(lambda _: clock.acknowledged())
            return Done(arrival)

        await producer.start()
        publishing = asyncio.create_task(publisher.run())
        try:
            await _run(settings, producer, process=process, positions=StoredPositions(store), clock=clock)
        finally:
            publisher.stop()
            await publishing
            await producer.stop()
            await store.close()
    return clock


async def _run(
    settings: KafkaSettings,
    producer: Producer,
    *,
    process: Callable[[Delivery], Awaitable[Disposition]],
    positions: Positions,
    clock: Clock,
) -> None:
    async def park(delivery: Delivery, until: object, reason: str) -> None:
        raise AssertionError("nothing is parked here")

    working = Engine(
        consumer=KafkaConsumer(settings),
        routes=[Route(IN, process)],
        positions=positions,
        dead_letters=DeadLetters(producer, topic=LETTERS, group="bench", version="0"),
        park=park,
        limits=Limits(poll_wait=timedelta(milliseconds=100)),
        monitor=clock,
    )
    async with running(working) as task:
        over = asyncio.create_task(clock.over.wait())
        await asyncio.wait({over, task}, return_when=asyncio.FIRST_COMPLETED)
        over.cancel()
