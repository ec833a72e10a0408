"""Two daemons of one group on one PostgreSQL: together they do what one would have done, also if one of them dies."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Sequence
from contextlib import AsyncExitStack
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from daemon.app import Daemon
from daemon.bus.memory import MemoryProducer, side_by_side
from daemon.bus.port import BusError, Headers, Outgoing, Undeliverable
from daemon.store import outbox
from daemon.store.store import Store
from schemas import catalogue
from tests.support.house import House, a_house, contact, running
from tests.support.invariants import same_from_scratch

PEOPLE = ("anna", "bob", "cleo", "dora", "emil")
MEETINGS = 40
NINE = datetime(2026, 12, 1, 9)  # noqa: DTZ001  # in the person's own zone


class Cut:
    """A producer whose way to the broker can be cut off."""

    def __init__(self, producer: MemoryProducer) -> None:
        self._producer = producer
        self.is_cut = False

    async def start(self) -> None:
        await self._producer.start()

    async def stop(self) -> None:
        await self._producer.stop()

    async def send(self, topic: str, *, key: bytes | None, value: bytes | None, headers: Headers = ()) -> None:
        if self.is_cut:
            raise Undeliverable
        await self._producer.send(topic, key=key, value=value, headers=headers)

    async def send_all(self, records: Sequence[Outgoing]) -> Sequence[BusError | None]:
        return await side_by_side(self, records)


def meet(house: House, order: random.Random) -> list[str]:
    """Meetings of people who are all at the bank, some with a client, some edited since, some cancelled."""
    uids = []
    for n in range(MEETINGS):
        organizer, *guests = order.sample(PEOPLE, k=4)
        invited = [f"{guest}@bank.example" for guest in guests] + ["carla@client.example"] * (n % 2)
        outlook = house.outlook(organizer)
        uid = outlook.meet(f"Review {n}", start=NINE + timedelta(hours=n), required=invited)
        if n % 4 == 0:
            outlook.edit(uid, subject=f"Renamed {n}")
        if n % 10 == 9:
            outlook.cancel(uid)
        uids.append(uid)
    return uids


async def owned(store: Store, owner: str) -> int:
    """How many records a daemon still has to publish."""
    return len(await store.read(lambda tx: outbox.waiting(tx, 10_000, owner=owner)))


async def has_unpublished(store: Store, owner: str) -> bool:
    return await owned(store, owner) > 0


async def some_are_told(house: House) -> bool:
    return len(house.commands()) > MEETINGS // 4


@pytest.mark.rule("CON-3")
async def test_two_daemons_of_which_one_dies_end_where_one_would(tmp_path: Path, postgres_url: str) -> None:
    """Given hints all over the partitions, when one daemon ends with commands unpublished, then nothing is missing,
    doubled or said in two ways.
    """
    order = random.Random(4)
    async with AsyncExitStack() as parts:
        house = await parts.enter_async_context(a_house(postgres_url, *PEOPLE, start=False))
        cut = Cut(house.broker.producer())
        stays = await parts.enter_async_context(running(house))
        dying = AsyncExitStack()
        parts.push_async_exit(dying)
        goes = await dying.enter_async_context(running(house, producer=cut))
        await house.furnish(contact("c-7", "carla@client.example"))
        house.hold_hints = True
        uids = await house.does(meet, house, order)
        hints = await house.take_hints()
        order.shuffle(hints)
        half = len(hints) // 2

        house.deliver(hints[:half])
        await house.until_true(lambda: some_are_told(house))
        assert goes.engine.progress().assigned, "both have partitions"
        cut.is_cut = True
        house.deliver(hints[half:])
        await house.until_true(lambda: has_unpublished(stays.store, goes.store.owner))
        await dying.aclose()
        house.hold_hints = False
        await house.quiet()

        assert await owned(stays.store, goes.store.owner) == 0, "what the dead one left was adopted"
        assert await owned(stays.store, stays.store.owner) == 0
        cancelled = {uid for n, uid in enumerate(uids) if n % 10 == 9}
        assert {item["uid"] for item in house.items()} == set(uids) - cancelled
        assert_told_in_order(house)
        await same_from_scratch(house, tmp_path / "again.sqlite")


def assert_told_in_order(house: House) -> None:
    """Revisions of a link come in their order; one that comes twice says the same."""
    told: defaultdict[str, list[int]] = defaultdict(list)
    content: dict[tuple[str, int], object] = {}
    for command in house.commands():
        told[command["link"]].append(command["revision"])
        assert content.setdefault((command["link"], command["revision"]), command) == command
    assert all(revisions == sorted(revisions) for revisions in told.values())


def consumed(daemon: Daemon, topic: str) -> float:
    """How many records of a topic a daemon has read."""
    value = daemon.metrics.registry.get_sample_value("exsyncd_records_consumed_total", {"topic": topic})
    return value or 0


async def test_the_directory_is_read_once_by_all(postgres_url: str) -> None:
    """Given a directory that one daemon has read, then another that joins goes by it, and reads none of it again."""
    async with a_house(postgres_url, "anna", "bob", start=False) as house, running(house):
        await house.furnish(contact("c-7", "carla@client.example"))
        async with running(house) as second:
            await house.quiet()
            anna = house.outlook("anna")
            uid = await house.does(anna.meet, "Review", start=NINE, required=["carla@client.example"])
            await house.quiet()

            assert [each["contact"] for each in house.item(uid)["item"]["for"]] == ["c-7"]
            assert second.engine.progress().directory_read
            directory = (catalogue.USERS, catalogue.NODES, catalogue.CONTACTS)
            assert [consumed(second, topic) for topic in directory] == [0, 0, 0]
