"""Partitions come and go: where reading starts, what is drained, who may still write. In memory and in virtual time."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from daemon.bus.dispositions import Done, TransientError
from daemon.bus.engine import Gap, PartitionsLost
from daemon.bus.port import BusError, MissingTopics, TopicPartition, Unreachable
from daemon.bus.routes import Fenced, Position, Route
from tests.engine.worlds import GROUP, HINTS, USERS, MemoryWorld, Spec, running

pytestmark = pytest.mark.looptime

ANNA, BOB = b"anna", b"bob"
SOURCE = TopicPartition(HINTS, 0)


def fill(world: MemoryWorld, *values: bytes, key: bytes = ANNA, topic: str = HINTS) -> None:
    for value in values:
        world.broker.append(topic, key=key, value=value)


def numbered(count: int) -> list[bytes]:
    return [b"%d" % n for n in range(count)]


async def processed(world: MemoryWorld, *, upto: int) -> list[bytes | None]:
    """What a daemon processes until the group stands at `upto`."""
    async with world.daemon():
        await world.watch.until(lambda: world.committed() == upto)
    return world.desk.values


# where reading starts


async def test_a_new_group_starts_at_the_first_record():
    """Nothing is skipped."""
    world = MemoryWorld()
    fill(world, *numbered(3))
    assert await processed(world, upto=3) == numbered(3)


async def test_reading_goes_on_at_the_stores_position():
    """The store is ahead of Kafka's offset after a crash between the two: nothing is done twice."""
    world = MemoryWorld()
    fill(world, *numbered(5))
    world.positions.offsets[SOURCE] = 3
    world.broker.group(GROUP).committed[SOURCE] = 1
    assert await processed(world, upto=5) == [b"3", b"4"]


async def test_a_store_that_knows_nothing_hears_everything_again():
    """It was lost: what the group has committed was done by a store that is no more, and the daemon is told so."""
    world = MemoryWorld()
    fill(world, *numbered(5))
    world.broker.group(GROUP).committed[SOURCE] = 4
    assert await processed(world, upto=5) == numbered(5)
    assert world.gaps == {SOURCE: Gap(stored=0, committed=4)}


async def test_a_store_restored_from_a_backup_is_recognised():
    """Kafka is ahead: the daemon is told how far, and goes on from the store's position."""
    world = MemoryWorld()
    fill(world, *numbered(5))
    world.positions.offsets[SOURCE] = 1
    world.broker.group(GROUP).committed[SOURCE] = 4
    assert await processed(world, upto=5) == [b"1", b"2", b"3", b"4"]
    assert world.gaps == {SOURCE: Gap(stored=1, committed=4)}


async def test_a_life_before_is_no_restored_store():
    """Stopped and started again, with commits that failed in between: Kafka is never ahead."""
    world = MemoryWorld()
    for n in range(5):
        fill(world, b"%d" % n)
        world.broker.faults.fail("commit", BusError("no answer"), after=bool(n % 2), times=n)
        async with world.daemon():
            await world.watch.until(lambda upto=n + 1: world.positions.offsets.get(SOURCE, 0) == upto)
    assert world.desk.values == numbered(5)
    assert world.gaps == {}


async def test_expired_records_are_passed_over():
    """What retention has deleted cannot be read; what is there is."""
    world = MemoryWorld()
    fill(world, *numbered(5))
    world.positions.offsets[SOURCE] = 1
    world.broker.expire(SOURCE, below=3)
    assert await processed(world, upto=5) == [b"3", b"4"]


async def test_a_topic_made_anew_is_read_from_its_beginning():
    """It ends before our position, which is another topic's: it counts from zero, after the next restart too."""
    world = MemoryWorld()
    world.positions.offsets[SOURCE] = 100
    fill(world, *numbered(3))
    assert await processed(world, upto=3) == numbered(3)
    assert world.positions.offsets[SOURCE] == 3
    fill(world, b"3")
    assert await processed(world, upto=4) == numbered(4)


async def test_gaps_left_by_compaction_are_no_obstacle():
    """Removed records are not waited for."""
    world = MemoryWorld()
    fill(world, *numbered(6))
    world.broker.compact(SOURCE, removed=[0, 2, 3])
    assert await processed(world, upto=6) == [b"1", b"4", b"5"]


async def test_the_group_hears_of_what_was_finished_in_a_life_before():
    """Killed between the store's transaction and Kafka's commit, and nothing new comes: the group learns it anyway."""
    world = MemoryWorld()
    fill(world, *numbered(3))
    world.positions.offsets[SOURCE] = 3
    assert await processed(world, upto=3) == []


async def test_nothing_is_committed_before_what_earlier_lives_left_behind_is_out():
    """Their outputs may still lie in the outbox: an offset says that they have arrived."""
    world = MemoryWorld()
    fill(world, *numbered(3))
    world.positions.offsets[SOURCE] = 2
    published = asyncio.Event()

    async def carried_over() -> None:
        await published.wait()

    async with world.daemon(carried_over=carried_over):
        await world.watch.until(lambda: world.watch.finishes["done"] == 1)
        await asyncio.sleep(5)
        assert world.committed() is None
        published.set()
        await world.watch.until(lambda: world.committed() == 3)


async def test_what_was_left_behind_and_never_arrives_holds_no_stop_up():
    """It is the next life's again."""
    world = MemoryWorld()
    fill(world, b"0")
    async with world.daemon(carried_over=asyncio.Event().wait):
        await world.watch.until(lambda: world.watch.finishes["done"] == 1)
    assert (world.committed(), world.positions.offsets[SOURCE]) == (None, 1)


async def test_what_is_left_behind_and_cannot_be_known_ends_the_engine():
    """Going on would never commit again."""
    world = MemoryWorld()

    async def broken() -> None:
        raise OSError("store gone")

    with pytest.raises(OSError, match="store gone"):
        await world.member(carried_over=broken).run(asyncio.Event())


# stop


async def test_a_stop_lets_finish_what_runs_and_starts_nothing_more():
    """The running record is committed; the waiting one is the next daemon's."""
    world = MemoryWorld()
    gate = world.desk.close(ANNA)
    fill(world, b"running", b"waiting")
    engine, stop = world.member(), asyncio.Event()
    task = asyncio.create_task(engine.run(stop))
    await world.watch.until(lambda: world.desk.running == 1)
    stop.set()
    await asyncio.sleep(1)
    gate.set()
    await task
    assert (world.desk.values, world.committed()) == ([b"running"], 1)


async def test_a_stop_waits_for_outputs_on_their_way():
    """What is settled and about to be acknowledged is still committed."""
    world = MemoryWorld()
    arrived = asyncio.get_running_loop().create_future()
    world.desk.answers[ANNA] = lambda delivery: Done(arrived)
    fill(world, b"0")
    engine, stop = world.member(), asyncio.Event()
    task = asyncio.create_task(engine.run(stop))
    await world.watch.until(lambda: world.watch.finishes["done"] == 1)
    stop.set()
    await asyncio.sleep(1)
    arrived.set_result(None)
    await task
    assert world.committed() == 1


async def test_a_stop_does_not_wait_for_ever():
    """What does not end within the drain's deadline is cancelled and left to the next daemon."""
    world = MemoryWorld()
    world.desk.close(ANNA)
    fill(world, b"hangs", key=ANNA)
    fill(world, b"quick", key=BOB)
    engine, stop = world.member(), asyncio.Event()
    task = asyncio.create_task(engine.run(stop))
    await world.watch.until(lambda: world.watch.finishes["done"] == 1)
    stop.set()
    started = asyncio.get_running_loop().time()
    await task
    assert asyncio.get_running_loop().time() - started < world.limits.rebalance_timeout.total_seconds()
    assert world.desk.running == 0
    assert world.committed() is None


async def test_a_stop_does_not_wait_for_another_attempt():
    """A lane that waits before its next attempt is given up at once; its record is not parked, it is unfinished."""
    world = MemoryWorld()

    async def busy(delivery):
        raise TransientError("busy", delay=timedelta(seconds=20))

    world.desk.answers[ANNA] = busy
    fill(world, b"0")
    engine, stop = world.member(), asyncio.Event()
    task = asyncio.create_task(engine.run(stop))
    await world.watch.until(lambda: world.watch.counts["retried"] == 1)
    stop.set()
    started = asyncio.get_running_loop().time()
    await task
    assert asyncio.get_running_loop().time() - started < 1
    assert (world.parked, world.committed()) == ([], None)


async def test_a_consumer_that_does_not_stop_is_left_behind():
    """The client may hang for ever (aiokafka 773); the daemon does not."""
    world = MemoryWorld()
    world.broker.faults.hang("stop")
    fill(world, b"0")
    assert await processed(world, upto=1) == [b"0"]


# rebalances


async def test_another_member_goes_on_where_the_first_left_off():
    """Drained, committed, handed over: nothing is done twice, nothing is left out."""
    world = MemoryWorld(Spec(HINTS, partitions=4))
    keys = numbered(40)
    for key in keys:
        fill(world, key, key=key)
    async with world.daemon():
        await world.watch.until(lambda: len(world.desk.records) == 40)
        async with world.daemon():
            await world.watch.until(lambda: world.watch.counts["assigned"] >= 3)
            for key in keys:
                fill(world, key, key=key)
            await world.watch.until(lambda: len(world.desk.records) == 80)
    assert sorted(world.desk.values) == sorted(keys * 2)


async def test_what_runs_when_its_partition_goes_is_drained():
    """The group waits for it; the next owner does not do it again."""
    world = MemoryWorld(Spec(HINTS, partitions=2))
    gate = world.desk.close(ANNA)
    fill(world, b"0", key=ANNA)
    async with world.daemon():
        await world.watch.until(lambda: world.desk.running == 1)
        async with world.daemon():
            await asyncio.sleep(1)
            assert world.watch.counts["assigned"] == 1
            gate.set()
            await world.watch.until(lambda: world.watch.counts["assigned"] == 3)
    assert world.desk.values == [b"0"]


async def test_a_result_that_comes_after_its_partition_went_is_dropped():
    """It hung past the drain, in a way that cannot be cancelled: it changes nothing, and the record is done again."""
    world = MemoryWorld(Spec(HINTS, partitions=2))
    late = asyncio.Event()

    async def deaf(delivery):
        position = delivery.position()
        while not late.is_set():
            try:
                await late.wait()
            except asyncio.CancelledError:
                continue
        try:
            world.positions.settle([position])
        except Fenced:
            world.watch.counts["fenced"] += 1
            raise
        return Done()

    world.desk.answers[ANNA] = deaf
    fill(world, b"0", key=ANNA)
    async with world.daemon():
        await world.watch.until(lambda: world.desk.running == 1)
        del world.desk.answers[ANNA]
        async with world.daemon():
            await world.watch.until(lambda: len(world.desk.values) == 2)
            late.set()
            await world.watch.until(lambda: sum(world.broker.committed(GROUP).values()) == 1)
    assert world.watch.counts["fenced"] == 1
    assert world.desk.values == [b"0", b"0"]


async def test_a_zombie_is_refused_by_the_store_and_drops_its_partition():
    """Another owner has written its token: this one's transaction fails whole, nothing of it is committed."""
    world = MemoryWorld()

    async def settle(delivery):
        world.positions.settle([delivery.position()])
        return Done()

    world.desk.answers[ANNA] = settle
    async with world.daemon() as engine:
        await world.watch.until(lambda: world.watch.counts["assigned"] == 1)
        await world.positions.assign([SOURCE], "another")
        fill(world, b"0", b"1")
        await world.watch.until(lambda: world.desk.values == [b"0"])
        await asyncio.sleep(2)
        assert engine.progress().partitions == 0
    assert (world.desk.values, world.committed(), world.positions.offsets) == ([b"0"], None, {})


async def test_only_the_partition_that_was_taken_is_dropped():
    """The flush finds out which one it is."""
    world = MemoryWorld(Spec(USERS))
    routes = [Route(HINTS, world.desk.process), Route(USERS, world.desk.process)]
    async with world.daemon(routes=routes) as engine:
        await world.watch.until(lambda: world.watch.counts["assigned"] == 1)
        await world.positions.assign([SOURCE], "another")
        fill(world, b"0", topic=HINTS)
        fill(world, b"0", topic=USERS)
        await world.watch.until(lambda: world.committed(USERS) == 1)
        assert engine.progress().partitions == 1
    assert world.committed(HINTS) is None


async def test_a_partition_lost_without_a_rebalance_ends_the_engine():
    """Two daemons under one name: going on would stall in silence."""
    world = MemoryWorld()
    engine = world.member()
    task = asyncio.create_task(engine.run(asyncio.Event()))
    await world.watch.until(lambda: world.watch.counts["assigned"] == 1)
    await world.positions.assign([SOURCE], "another")
    fill(world, b"0")
    with pytest.raises(PartitionsLost):
        await task


async def test_a_member_the_group_gave_up_drops_everything_and_comes_back():
    """Its commit is refused; when it joins again it goes on at the store's position."""
    world = MemoryWorld()
    consumer = world.broker.consumer(GROUP)
    async with running(world.engine(consumer, world.broker.producer())):
        await world.watch.until(lambda: world.watch.counts["assigned"] == 1)
        world.broker.expel(consumer)
        fill(world, b"0")
        await world.watch.until(lambda: world.watch.counts["committed:fenced"] == 1)
        world.broker.readmit(consumer)
        fill(world, b"1")
        await world.watch.until(lambda: world.committed() == 2)
    assert world.desk.values == [b"0", b"1"]


async def test_what_fails_while_partitions_are_taken_up_ends_the_engine():
    """The client swallows it; the supervisor must hear of it."""
    world = MemoryWorld()
    world.positions.faults.fail("assign", OSError("disk gone"))
    with pytest.raises(OSError, match="disk gone"):
        await world.member().run(asyncio.Event())


@pytest.mark.parametrize("error", [Unreachable("nobody answers"), BusError("not allowed")])
async def test_what_the_poll_raises_ends_the_engine(error: BusError):
    """After a drain and a last flush."""
    world = MemoryWorld()
    fill(world, b"0")
    engine = world.member()
    task = asyncio.create_task(engine.run(asyncio.Event()))
    await world.watch.until(lambda: world.watch.finishes["done"] == 1)
    world.broker.faults.fail("getmany", error)
    with pytest.raises(type(error)):
        await task
    assert world.committed() == 1
    assert not engine._is_alive()


async def test_missing_topics_are_refused_at_the_start():
    """And named."""
    world = MemoryWorld()
    with pytest.raises(MissingTopics, match=r"crm\.tasks"):
        await world.member(routes=[Route("crm.tasks", world.desk.process)]).run(asyncio.Event())


async def test_a_storm_of_rebalances_neither_stalls_nor_loses():
    """Fifty members come and go while records flow; every record is done, in its key's order."""
    world = MemoryWorld(Spec(HINTS, partitions=3))
    keys = numbered(6)
    produced = 0
    async with world.daemon():
        for round_ in range(50):
            for key in keys:
                fill(world, b"%d" % round_, key=key)
                produced += 1
            async with world.daemon():
                await asyncio.sleep(0.05 * (round_ % 4))
        await world.watch.until(lambda: sum(world.broker.committed(GROUP).values()) == produced)
    for key in keys:
        seen = [int(record.value or b"") for record in world.desk.records if record.key == key]
        firsts = list(dict.fromkeys(seen))
        assert firsts == list(range(50))


# the directory first


def directory_world(**limits) -> tuple[MemoryWorld, list[Route]]:
    world = MemoryWorld(Spec(USERS, partitions=2, cleanup="compact"), **limits)
    routes = [
        Route(HINTS, world.desk.process, waits_for_directory=True),
        Route(USERS, world.desk.process, directory=True),
    ]
    return world, routes


async def test_hints_wait_until_the_directory_is_read_to_the_end_it_had():
    """Every user that was there at the start comes before the first hint."""
    world, routes = directory_world()
    fill(world, *numbered(5), key=ANNA)
    for n in range(200):
        fill(world, b"user", key=b"%d" % n, topic=USERS)
    async with world.daemon(routes=routes) as engine:
        await engine.caught_up()
        assert engine.progress().directory_read
        await world.watch.until(lambda: world.committed() == 5)
    topics = [record.topic for record in world.desk.records]
    assert topics.index(HINTS) == 200


async def test_a_user_that_is_still_processed_holds_the_hints_back():
    """Read is not enough; it must be settled."""
    world, routes = directory_world()
    fill(world, b"hint", key=ANNA)
    fill(world, b"user", key=BOB, topic=USERS)
    gate = world.desk.close(BOB)
    async with world.daemon(routes=routes) as engine:
        await world.watch.until(lambda: world.desk.running == 1)
        await asyncio.sleep(5)
        assert not engine.progress().ready
        assert world.desk.values == [b"user"]
        gate.set()
        await world.watch.until(lambda: world.committed() == 1)
        assert engine.progress().ready


async def test_an_end_without_a_record_is_reached_all_the_same():
    """Compaction took the last records away: no record ever comes with the last offset."""
    world, routes = directory_world()
    for n in range(10):
        fill(world, b"user", key=b"%d" % n, topic=USERS)
    for partition in range(2):
        source = TopicPartition(USERS, partition)
        world.broker.compact(source, removed=range(world.broker.log(source).end - 1, 100))
    fill(world, b"hint")
    async with world.daemon(routes=routes):
        await world.watch.until(lambda: world.committed() == 1)


async def test_an_empty_directory_holds_nobody_back():
    """Nothing to read is read."""
    world, routes = directory_world()
    fill(world, b"hint")
    assert await _hint_processed(world, routes)


async def test_a_directory_read_in_a_life_before_holds_nobody_back():
    """The position is at the end already."""
    world, routes = directory_world()
    fill(world, b"user", key=BOB, topic=USERS)
    async with world.daemon(routes=routes):
        await world.watch.until(lambda: world.watch.finishes["done"] == 1)
    fill(world, b"hint")
    assert await _hint_processed(world, routes)


async def _hint_processed(world: MemoryWorld, routes: list[Route]) -> bool:
    async with world.daemon(routes=routes):
        await world.watch.until(lambda: world.committed() == 1)
    return b"hint" in world.desk.values


async def test_users_that_come_later_do_not_close_the_gate_again():
    """It opens once."""
    world, routes = directory_world()
    async with world.daemon(routes=routes) as engine:
        await engine.caught_up()
        gate = world.desk.close(BOB)
        fill(world, b"user", key=BOB, topic=USERS)
        fill(world, b"hint")
        await world.watch.until(lambda: world.committed() == 1)
        gate.set()


async def test_the_other_members_part_of_the_directory_counts_too():
    """Each member waits until the group has read all of it."""
    world, routes = directory_world()
    for n in range(20):
        fill(world, b"user", key=b"%d" % n, topic=USERS)
    gate = world.desk.close(b"0")
    async with world.daemon(routes=routes) as first, world.daemon(routes=routes) as second:
        await world.watch.until(lambda: world.desk.running == 1)
        await asyncio.sleep(5)
        assert not (first.progress().directory_read and second.progress().directory_read)
        gate.set()
        await asyncio.gather(first.caught_up(), second.caught_up())


# health


async def test_progress_is_told_with_every_flush():
    """What the watchdog feeds on: no flush, no sign of life."""
    world = MemoryWorld()
    told = []
    async with world.daemon(on_progress=told.append):
        await asyncio.sleep(1.05)
    assert len(told) >= 10
    assert all(progress.alive for progress in told)
    assert told[-1].ready


async def test_a_poll_that_hangs_is_no_life():
    """Whatever the client does inside: after twice the time a rebalance may take, the watchdog is not fed."""
    world = MemoryWorld()
    async with world.daemon() as engine:
        await world.watch.until(lambda: world.watch.counts["assigned"] == 1)
        release = world.broker.faults.hang("getmany")
        await asyncio.sleep(2.5 * world.limits.rebalance_timeout.total_seconds())
        assert not engine.progress().alive
        release.set()


async def test_a_topic_that_disappears_is_not_ready():
    """Else it would be read never again and nobody would notice."""
    world = MemoryWorld(Spec(USERS))
    async with world.daemon() as engine:
        await world.watch.until(lambda: world.watch.counts["assigned"] == 1)
        assert engine.progress().ready
        del world.broker._topics[HINTS].logs[:]
        world.broker.create(Spec(HINTS, partitions=0))
        assert engine.progress().missing == {HINTS}
        assert not engine.progress().ready
        world.broker.create(Spec(HINTS))


async def test_positions_of_one_owner_only_grow():
    """What the engine expects of a store."""
    world = MemoryWorld()
    await world.positions.assign([SOURCE], "me")
    await world.positions.save([Position(HINTS, 0, "me", 5)])
    await world.positions.save([Position(HINTS, 0, "me", 3)])
    assert world.positions.offsets[SOURCE] == 5
    with pytest.raises(Fenced):
        await world.positions.save([Position(HINTS, 0, "another", 9)])
