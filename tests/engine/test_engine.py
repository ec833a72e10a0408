"""What becomes of a record: lanes, dispositions, retries, dead letters, limits. In memory and in virtual time."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from daemon.bus import slots
from daemon.bus.dispositions import Dead, Done, Park, PermanentError, Skip, TransientError
from daemon.bus.port import BusError, TooLarge, TopicPartition
from daemon.bus.routes import Route
from tests.engine.worlds import HINTS, LETTERS, MAX_RECORD, USERS, MemoryWorld, Spec

pytestmark = pytest.mark.looptime

ANNA, BOB = b"anna", b"bob"
SOURCE = TopicPartition(HINTS, 0)
A_MORNING = datetime(2026, 12, 1, 9, tzinfo=UTC)


def fill(world: MemoryWorld, *values: bytes, key: bytes | None = ANNA, topic: str = HINTS) -> None:
    for value in values:
        world.broker.append(topic, key=key, value=value, headers=(("ce_id", value), ("x", None)))


async def passed(**duration: float) -> None:
    """Virtual time goes by; nobody waits."""
    await asyncio.sleep(timedelta(**duration).total_seconds())


def raising(error: Exception):
    async def answer(delivery) -> Done:
        raise error

    return answer


# lanes


async def test_records_of_a_key_are_processed_in_order_and_committed():
    """What came in is processed one by one and the group's offset follows."""
    world = MemoryWorld()
    fill(world, b"0", b"1", b"2")
    async with world.daemon():
        await world.watch.until(lambda: world.committed() == 3)
    assert world.desk.values == [b"0", b"1", b"2"]
    assert world.desk.most == 1
    assert world.positions.offsets[SOURCE] == 3


async def test_a_slow_key_keeps_no_other_waiting():
    """Everybody else's records are done while one key's head still runs; the offset waits for it."""
    world = MemoryWorld()
    fill(world, b"slow", key=ANNA)
    fill(world, *[b"%d" % n for n in range(20)], key=BOB)
    slow = world.desk.close(ANNA)
    async with world.daemon():
        await world.watch.until(lambda: len(world.desk.records) == 21)
        await passed(seconds=5)
        assert world.committed() is None
        slow.set()
        await world.watch.until(lambda: world.committed() == 21)


async def test_records_without_a_key_keep_their_order():
    """They share the partition's lane."""
    world = MemoryWorld()
    fill(world, b"0", b"1", b"2", key=None)
    async with world.daemon():
        await world.watch.until(lambda: world.committed() == 3)
    assert (world.desk.values, world.desk.most) == ([b"0", b"1", b"2"], 1)


async def test_a_route_names_its_lanes():
    """Two items of one mailbox run side by side where the route says so."""
    world = MemoryWorld()
    fill(world, b"item-1", b"item-2", key=ANNA)
    gate = world.desk.close(ANNA)
    async with world.daemon(routes=[Route(HINTS, world.desk.process, lane=lambda record: record.value)]):
        await world.watch.until(lambda: world.desk.running == 2)
        gate.set()


async def test_a_record_whose_lane_cannot_be_read_is_still_processed():
    """Whoever processes it decides what is wrong with it; nobody waits for it."""
    world = MemoryWorld()
    fill(world, b"fine", b"broken")
    world.desk.answers[ANNA] = lambda delivery: Dead("decode", "not JSON") if delivery.records[0].value else Done()

    def lane(record):
        if record.value == b"broken":
            raise UnicodeError
        return record.key

    async with world.daemon(routes=[Route(HINTS, world.desk.process, lane=lane)]):
        await world.watch.until(lambda: world.committed() == 2)
    assert sorted(world.desk.values) == [b"broken", b"fine"]


# collapse


async def test_hints_of_an_item_are_gathered_into_one_delivery():
    """From the first one on, for as long as the route says."""
    world = MemoryWorld()
    route = Route(HINTS, world.desk.process, collapse=True, settle=timedelta(seconds=1))
    async with world.daemon(routes=[route]):
        fill(world, b"0", b"1", key=ANNA)
        await passed(milliseconds=800)
        fill(world, b"2", key=ANNA)
        fill(world, b"other", key=BOB)
        await world.watch.until(lambda: world.committed() == 4)
    assert [[r.value for r in records] for records in world.desk.deliveries] == [[b"0", b"1", b"2"], [b"other"]]


async def test_hints_that_come_while_their_item_is_processed_make_the_next_delivery():
    """None is lost, none is processed beside another, and they are one delivery again."""
    world = MemoryWorld()
    gate = world.desk.close(ANNA)
    route = Route(HINTS, world.desk.process, collapse=True, settle=timedelta(seconds=1))
    async with world.daemon(routes=[route]):
        fill(world, b"0")
        await world.watch.until(lambda: world.desk.running == 1)
        fill(world, b"1", b"2")
        await passed(seconds=10)
        assert len(world.desk.deliveries) == 1
        gate.set()
        await world.watch.until(lambda: world.committed() == 3)
    assert [len(records) for records in world.desk.deliveries] == [1, 2]


async def test_a_gathered_delivery_settles_all_its_records():
    """Its position is behind the last of them."""
    world = MemoryWorld()
    positions = []
    world.desk.answers[ANNA] = lambda delivery: positions.append(delivery.position()) or Done()
    route = Route(HINTS, world.desk.process, collapse=True, settle=timedelta(seconds=1))
    fill(world, b"0", b"1", b"2")
    async with world.daemon(routes=[route]):
        await world.watch.until(lambda: world.committed() == 3)
    assert [position.offset for position in positions] == [3]


# acknowledgements and positions


async def test_an_offset_is_committed_only_when_the_outputs_have_arrived():
    """Settled at once, in the store; at the broker when the outbox is acknowledged."""
    world = MemoryWorld()
    arrived = asyncio.get_running_loop().create_future()
    world.desk.answers[ANNA] = lambda delivery: Done(arrived)
    fill(world, b"0")
    async with world.daemon():
        await world.watch.until(lambda: world.watch.finishes["done"] == 1)
        await passed(seconds=5)
        assert world.positions.offsets[SOURCE] == 1
        assert world.committed() is None
        arrived.set_result(None)
        await world.watch.until(lambda: world.committed() == 1)


async def test_a_lane_goes_on_before_the_outputs_have_arrived():
    """The next record of the key does not wait for the broker's answer to the last."""
    world = MemoryWorld()
    arrivals = [asyncio.get_running_loop().create_future() for _ in range(2)]
    waiting = iter(arrivals)
    world.desk.answers[ANNA] = lambda delivery: Done(next(waiting))
    fill(world, b"0", b"1")
    async with world.daemon():
        await world.watch.until(lambda: world.watch.finishes["done"] == 2)
        arrivals[1].set_result(None)
        await passed(seconds=1)
        assert world.committed() is None
        arrivals[0].set_result(None)
        await world.watch.until(lambda: world.committed() == 2)


async def test_a_position_is_the_lowest_that_is_not_settled():
    """Whoever settles behind an unsettled head stores the head's offset."""
    world = MemoryWorld()
    positions = {}
    gate = world.desk.close(ANNA)
    world.desk.answers[ANNA] = lambda delivery: positions.update(anna=delivery.position().offset) or Done()
    world.desk.answers[BOB] = lambda delivery: positions.update(bob=delivery.position().offset) or Done()
    fill(world, b"0", key=ANNA)
    fill(world, b"1", key=BOB)
    async with world.daemon():
        await world.watch.until(lambda: world.watch.finishes["done"] == 1)
        gate.set()
        await world.watch.until(lambda: world.committed() == 2)
    assert positions == {"bob": 0, "anna": 2}


async def test_kafka_is_never_told_more_than_the_store():
    """A store that cannot write holds the commit back; it follows when the store can again."""
    world = MemoryWorld()
    world.positions.faults.fail("save", OSError("disk full"), times=5)
    fill(world, b"0")
    async with world.daemon():
        await world.watch.until(lambda: world.watch.finishes["done"] == 1)
        assert world.committed() is None
        await world.watch.until(lambda: world.committed() == 1)


@pytest.mark.parametrize("after", [False, True])
async def test_a_commit_that_fails_is_made_again(after: bool):
    """Whether it reached the broker or not."""
    world = MemoryWorld()
    world.broker.faults.fail("commit", BusError("no answer"), after=after, times=3)
    fill(world, b"0")
    async with world.daemon():
        await world.watch.until(lambda: world.watch.counts["committed:ok"] == 1)
    assert world.committed() == 1
    assert world.watch.counts["committed:failed"] == 3


async def test_a_commit_without_an_answer_does_not_hold_the_engine_up():
    """It is given up at its deadline and made again."""
    world = MemoryWorld()
    world.broker.faults.hang("commit")
    fill(world, b"0")
    async with world.daemon():
        await world.watch.until(lambda: world.watch.counts["committed:ok"] == 1)
    assert world.watch.counts["committed:failed"] == 1


async def test_nothing_is_committed_where_nothing_happened():
    """An idle group writes no offsets."""
    world = MemoryWorld()
    async with world.daemon():
        await passed(seconds=30)
    assert world.committed() is None


# retries


async def test_a_transient_failure_is_tried_again_in_its_own_lane():
    """The others go on meanwhile."""
    world = MemoryWorld()
    attempts = []

    async def third_time_lucky(delivery):
        attempts.append(asyncio.get_running_loop().time())
        if len(attempts) < 3:
            raise TransientError("busy")
        return Done()

    world.desk.answers[ANNA] = third_time_lucky
    fill(world, b"0", b"1", key=ANNA)
    fill(world, b"2", key=BOB)
    async with world.daemon():
        await world.watch.until(lambda: world.committed() == 3)
    assert world.desk.values.count(b"0") == 3
    assert world.desk.values.index(b"2") < world.desk.values.index(b"1")
    assert world.parked == []


async def test_what_stays_transient_is_parked_and_its_lane_goes_on():
    """After half a minute, with a due time, and the offset moves."""
    world = MemoryWorld()
    world.desk.answers[ANNA] = raising(TransientError("busy"))
    fill(world, b"0")
    async with world.daemon(now=lambda: A_MORNING):
        started = asyncio.get_running_loop().time()
        await world.watch.until(lambda: world.committed() == 1)
        assert 10 < asyncio.get_running_loop().time() - started < 40
    ((records, until, reason),) = world.parked
    assert [record.value for record in records] == [b"0"]
    assert reason == "retries_exhausted"
    assert until == A_MORNING + world.limits.park_for


async def test_a_hint_to_wait_long_is_parked_at_once():
    """A back-off of five minutes is not waited for in a lane; when it is over is said by the daemon's own clock."""
    world = MemoryWorld()
    world.desk.answers[ANNA] = raising(TransientError("busy", delay=timedelta(minutes=20)))
    fill(world, b"0")
    async with world.daemon(now=lambda: A_MORNING):
        started = asyncio.get_running_loop().time()
        await world.watch.until(lambda: world.committed() == 1)
        assert asyncio.get_running_loop().time() - started < 1
    ((_, until, _),) = world.parked
    assert until == A_MORNING + timedelta(minutes=20)


async def test_a_hint_to_wait_is_kept():
    """No attempt comes before the delay is over."""
    world = MemoryWorld()
    at = []

    async def busy_at_first(delivery):
        at.append(asyncio.get_running_loop().time())
        if len(at) == 1:
            raise TransientError("busy", delay=timedelta(seconds=7))
        return Done()

    world.desk.answers[ANNA] = busy_at_first
    fill(world, b"0")
    async with world.daemon():
        await world.watch.until(lambda: world.committed() == 1)
    assert at[1] - at[0] >= 7


async def test_waiting_for_another_attempt_takes_no_slot():
    """Twenty keys that fail leave room for the one that does not."""
    world = MemoryWorld(in_flight=2, partition_in_flight=2)
    keys = [b"%d" % n for n in range(20)]
    for key in keys:
        world.desk.answers[key] = raising(TransientError("busy"))
        fill(world, b"fails", key=key)
    fill(world, b"works", key=BOB)
    async with world.daemon():
        await world.watch.until(lambda: world.watch.finishes["done"] == 1)
        assert world.parked == []
    assert world.desk.most <= 2


async def test_many_that_wait_all_come_back_when_they_are_due():
    """However their delays are mixed, none is forgotten and none comes early (parallel-consumer 834)."""
    world = MemoryWorld()
    seen: dict[bytes, list[float]] = {}

    async def once(delivery):
        key = delivery.records[0].key
        seen.setdefault(key, []).append(asyncio.get_running_loop().time())
        if len(seen[key]) == 1:
            raise TransientError("busy", delay=timedelta(seconds=1 + int(key) % 20))
        return Done()

    keys = [b"%d" % n for n in range(40)]
    for key in keys:
        world.desk.answers[key] = once
        fill(world, b"x", key=key)
    async with world.daemon():
        await world.watch.until(lambda: world.committed() == 40)
    assert all(times[1] - times[0] >= 1 + int(key) % 20 for key, times in seen.items())


async def test_a_store_that_cannot_park_is_asked_again():
    """The record is not lost and not committed before it is parked."""
    world = MemoryWorld()
    world.desk.answers[ANNA] = lambda delivery: Park(datetime.now(UTC), "paused")
    failures = iter([OSError("locked"), OSError("locked")])

    async def park(delivery, until, reason):
        for failure in failures:
            raise failure
        return await world.park(delivery, until, reason)

    fill(world, b"0")
    async with world.daemon(park=park):
        await world.watch.until(lambda: world.committed() == 1)
    assert [reason for _, _, reason in world.parked] == ["paused"]


async def test_parking_may_put_something_out():
    """Its offset waits for that like any other's."""
    world = MemoryWorld()
    world.desk.answers[ANNA] = lambda delivery: Park(datetime.now(UTC), "paused")
    arrived = asyncio.get_running_loop().create_future()

    async def park(delivery, until, reason):
        return Done(arrived)

    fill(world, b"0")
    async with world.daemon(park=park):
        await world.watch.until(lambda: world.watch.finishes["park"] == 1)
        await passed(seconds=2)
        assert world.committed() is None
        arrived.set_result(None)
        await world.watch.until(lambda: world.committed() == 1)


# skips and dead letters


async def test_a_skip_is_counted_with_its_reason():
    """Switched off is an explicit end, and the offset moves."""
    world = MemoryWorld()
    world.desk.answers[ANNA] = lambda delivery: Skip("option_off")
    fill(world, b"0")
    async with world.daemon():
        await world.watch.until(lambda: world.committed() == 1)
    assert world.watch.counts["skipped:option_off"] == 1


def ours(letter) -> dict[str, bytes]:
    return {name: value for name, value in letter.headers if name.startswith("x-dlq-")}


@pytest.mark.scenario("S25b")
@pytest.mark.rule("PRIV-5")
async def test_s25b_a_poison_record_is_dead_lettered_and_its_key_goes_on_in_order():
    """Its bytes and headers as they came, ours free of content, the records behind it in order."""
    world = MemoryWorld()

    async def poisoned(delivery):
        if delivery.records[0].value == b"CANARY":
            raise ValueError("cannot read CANARY")
        return Done()

    world.desk.answers[ANNA] = poisoned
    fill(world, b"before", b"CANARY", b"after")
    async with world.daemon():
        await world.watch.until(lambda: world.committed() == 3)
    (letter,) = world.broker.records(LETTERS)
    assert (letter.key, letter.value) == (ANNA, b"CANARY")
    assert letter.headers[:2] == (("ce_id", b"CANARY"), ("x", None))
    assert b"CANARY" not in b"".join(ours(letter).values())
    assert ours(letter)["x-dlq-reason"] == b"unexpected"
    assert ours(letter)["x-dlq-exception-class"] == b"builtins.ValueError"
    assert ours(letter)["x-dlq-original-offset"] == b"1"
    assert world.desk.values == [b"before", b"CANARY", b"CANARY", b"CANARY", b"after"]


async def test_a_permanent_error_is_dead_at_once():
    """No second attempt; our own words are kept."""
    world = MemoryWorld()
    world.desk.answers[ANNA] = raising(PermanentError("unknown folder kind"))
    fill(world, b"0")
    async with world.daemon():
        await world.watch.until(lambda: world.committed() == 1)
    (letter,) = world.broker.records(LETTERS)
    assert ours(letter)["x-dlq-reason"] == b"permanent"
    assert ours(letter)["x-dlq-exception-message"] == b"unknown folder kind"
    assert len(world.desk.deliveries) == 1


async def test_an_offset_waits_for_the_dead_letter():
    """While the broker does not take the letter, the record counts as unfinished; then it moves on."""
    world = MemoryWorld()
    world.desk.answers[ANNA] = lambda delivery: Dead("decode", "$.id is missing")
    world.broker.faults.fail("send", BusError("no leader"), times=3)
    fill(world, b"0")
    async with world.daemon():
        await world.watch.until(lambda: world.watch.counts["retried"] == 3)
        assert world.committed() is None
        await world.watch.until(lambda: world.committed() == 1)
    assert len(world.broker.records(LETTERS)) == 1


@pytest.mark.parametrize("headers", [0, 500])
async def test_a_record_as_large_as_its_topic_allows_fits_into_a_dead_letter(headers: int):
    """With all of ours beside its own."""
    world = MemoryWorld()
    world.desk.answers[ANNA] = raising(ValueError("?"))
    largest = bytes(MAX_RECORD - 100 - len(ANNA) - headers * 2)
    world.broker.append(HINTS, key=ANNA, value=largest, headers=(("h", b"v"),) * headers)
    async with world.daemon():
        await world.watch.until(lambda: world.committed() == 1)
    (letter,) = world.broker.records(LETTERS)
    assert letter.value == largest
    assert letter.headers[:headers] == (("h", b"v"),) * headers
    assert "x-dlq-exception-stacktrace" in ours(letter)


async def test_a_record_larger_than_any_dead_letter_still_stops_nobody():
    """A topic that takes more than the catalogue allows: the letter says where the record lies."""
    world = MemoryWorld(Spec(HINTS, max_bytes=4 * MAX_RECORD))
    world.desk.answers[ANNA] = lambda delivery: Dead("decode", "too long")
    fill(world, bytes(3 * MAX_RECORD))
    async with world.daemon():
        await world.watch.until(lambda: world.committed() == 1)
    (letter,) = world.broker.records(LETTERS)
    assert letter.value is None
    assert ours(letter)["x-dlq-value-omitted"] == b"%d" % (3 * MAX_RECORD)
    assert ours(letter)["x-dlq-original-topic"] == HINTS.encode()


async def test_all_records_of_a_dead_delivery_are_dead_lettered():
    """A gathered delivery is one decision about all of them."""
    world = MemoryWorld()
    world.desk.answers[ANNA] = lambda delivery: Dead("permanent", "gone")
    fill(world, b"0", b"1")
    async with world.daemon(routes=[Route(HINTS, world.desk.process, collapse=True)]):
        await world.watch.until(lambda: world.committed() == 2)
    assert [letter.value for letter in world.broker.records(LETTERS)] == [b"0", b"1"]


async def test_something_cancelled_within_is_an_unexpected_error():
    """A cancellation that is not ours would else leave the record unfinished for ever, silently."""
    world = MemoryWorld()
    world.desk.answers[ANNA] = raising(asyncio.CancelledError())
    fill(world, b"0", b"1")
    async with world.daemon():
        await world.watch.until(lambda: world.committed() == 2)
    assert world.watch.counts["dead:unexpected"] == 2


# limits


async def test_in_flight_work_is_bounded_and_fair_between_lanes():
    """A key with a hundred records does not go before those that came after."""
    world = MemoryWorld(in_flight=4, partition_in_flight=4)

    async def slowly(delivery) -> Done:
        await passed(milliseconds=10)
        return Done()

    world.desk.answers[ANNA] = slowly
    fill(world, *[b"many"] * 100, key=ANNA)
    for n in range(10):
        world.desk.answers[b"%d" % n] = slowly
        fill(world, b"single", key=b"%d" % n)
    async with world.daemon():
        await world.watch.until(lambda: world.committed() == 110)
    assert world.desk.most <= 4
    last_single = max(n for n, value in enumerate(world.desk.values) if value == b"single")
    assert last_single < 30


async def test_what_waits_for_another_delivery_takes_no_slot():
    """Twenty keys that wait for one leave room for those that do not, and for the one they wait for."""
    world = MemoryWorld(in_flight=2, partition_in_flight=2)
    free = asyncio.Event()

    async def waiting(delivery) -> Done:
        async with slots.lent():
            await free.wait()
        return Done()

    async def freeing(delivery) -> Done:
        free.set()
        return Done()

    for n in range(20):
        world.desk.answers[b"%d" % n] = waiting
        fill(world, b"waits", key=b"%d" % n)
    world.desk.answers[BOB] = freeing
    fill(world, b"free", key=BOB)
    async with world.daemon():
        await world.watch.until(lambda: world.committed() == 21)
    assert free.is_set()


async def test_one_partition_leaves_slots_to_the_others():
    """A partition full of slow work does not take every slot there is."""
    world = MemoryWorld(Spec(HINTS), Spec(USERS), in_flight=4, partition_in_flight=2)
    keys = [b"%d" % n for n in range(10)]
    gates = [world.desk.close(key) for key in keys]
    for key in keys:
        fill(world, b"slow", key=key)
    fill(world, b"user", key=BOB, topic=USERS)
    routes = [Route(HINTS, world.desk.process), Route(USERS, world.desk.process)]
    async with world.daemon(routes=routes):
        await world.watch.until(lambda: world.committed(USERS) == 1)
        assert world.desk.running == 2
        for gate in gates:
            gate.set()
        await world.watch.until(lambda: world.committed() == 10)


@pytest.mark.parametrize("limits", [{"window": 20}, {"window": 1000, "window_bytes": 100}])
async def test_a_full_window_stops_the_reading_until_there_is_room(limits: dict):
    """A stuck head costs bounded memory; when it moves, everything is read."""
    world = MemoryWorld(poll_records=10, **limits)
    gate = world.desk.close(ANNA)
    fill(world, b"stuck", key=ANNA)
    fill(world, *[b"0123456789"] * 200, key=BOB)
    async with world.daemon() as engine:
        await world.watch.until(lambda: world.watch.counts["paused"] == 1)
        await passed(seconds=5)
        assert engine.progress().window <= 20
        assert engine.progress().paused == 1
        gate.set()
        await world.watch.until(lambda: world.committed() == 201)
        assert engine.progress().paused == 0


async def test_polling_goes_on_while_everything_is_paused():
    """Else the group would drop the member."""
    world = MemoryWorld(poll_records=10, window=10)
    gate = world.desk.close(ANNA)
    fill(world, *[b"x"] * 30)
    async with world.daemon() as engine:
        await world.watch.until(lambda: world.watch.counts["paused"] == 1)
        await passed(minutes=2)
        assert engine.progress().alive
        gate.set()
        await world.watch.until(lambda: world.committed() == 30)


async def test_an_acknowledgement_that_fails_ends_the_engine():
    """It never may: a silent stall of the offset would be the alternative."""
    world = MemoryWorld()
    broken = asyncio.get_running_loop().create_future()
    broken.set_exception(TooLarge("publisher bug"))
    world.desk.answers[ANNA] = lambda delivery: Done(broken)
    fill(world, b"0")
    engine = world.member()
    with pytest.raises(TooLarge):
        await engine.run(asyncio.Event())
    assert world.committed() is None
