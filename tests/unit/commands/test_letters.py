"""`exsyncd dead-letters`: what is listed, shown, put back and put aside."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from daemon.bus.deadletters import DeadLetters, Letter
from daemon.bus.dispositions import Dead
from daemon.bus.memory import MemoryBroker
from daemon.bus.port import Record, TopicPartition
from daemon.bus.retry import Verdict
from daemon.commands import burials, letters
from daemon.commands.burials import Burial
from daemon.commands.letters import DeadLetter, Wanted
from daemon.commands.refusals import CannotGoOn
from daemon.store.letters import Fate, Place
from schemas import catalogue

pytestmark = pytest.mark.looptime

NEW = Wanted()
CANARY = b'{"subject": "canary"}'


@pytest.fixture
def broker() -> MemoryBroker:
    return MemoryBroker(catalogue.TOPICS.values())


def a_record(offset: int = 5, *, topic: str = catalogue.SCHEDULE_ITEMS, headers: object = ()) -> Record:
    own = (("ce_id", b"e-1"), ("x", b"\x00\xff"), ("x", None))
    return Record(topic, 2, offset, b"si-1", CANARY, (*own, *headers), timestamp=1_795_424_400_000)  # type: ignore[misc]


async def bury(broker: MemoryBroker, record: Record, *, kind: str = "decode", cause: str = "after.start: bad") -> None:
    """Gives a record up, as the daemon does."""
    grave = DeadLetters(broker.producer(), topic=catalogue.DEAD_LETTERS, group="exsyncd", version="1")
    dead = Dead(kind, cause)
    await grave.bury(Letter(record, dead, handler="outbound", verdict=Verdict(dead)))


async def listed(
    broker: MemoryBroker,
    wanted: Wanted = NEW,
    *,
    fates: Mapping[Place, Fate] | None = None,
) -> list[DeadLetter]:
    reader = broker.reader()
    await reader.start(catalogue.DEAD_LETTERS)
    return await letters.listed(reader, fates or {}, wanted)


async def fetched(broker: MemoryBroker, *names: str) -> list[Burial]:
    reader = broker.reader()
    await reader.start(catalogue.DEAD_LETTERS)
    return [Burial(record, letter) for record, letter in await letters.fetched(reader, names)]


async def test_a_letter_tells_where_it_came_from_and_what_was_wrong(broker: MemoryBroker) -> None:
    """And nothing of what is in it."""
    await bury(broker, a_record())
    [letter] = await listed(broker)
    assert (letter.origin, letter.kind, letter.rule) == ("crm.schedule-items/2@5", "decode", "after.start: bad")
    assert (letter.size, letter.replays, letter.fate) == (len(CANARY), 0, None)
    assert "canary" not in str(letter.as_data())


async def test_all_partitions_are_read_to_their_ends(broker: MemoryBroker) -> None:
    """Also over what the broker has forgotten, and what it compacted away at the end."""
    for number in range(600):
        record = a_record(number)
        await bury(broker, Record(record.topic, 0, number, f"si-{number}".encode(), record.value, record.headers))
    source = TopicPartition(catalogue.DEAD_LETTERS, 0)
    ends = len(broker.log(source).records)
    broker.expire(source, below=2)
    broker.compact(source, removed=[ends - 1])
    assert len(await listed(broker)) == 597


async def test_letters_are_chosen_by_topic_kind_and_what_became_of_them(broker: MemoryBroker) -> None:
    await bury(broker, a_record(1))
    await bury(broker, a_record(2), kind="unexpected")
    await bury(broker, a_record(3, topic=catalogue.TASKS))
    every = await listed(broker)
    parked: dict[Place, Fate] = {every[0].place: "parked"}

    async def offsets(wanted: Wanted) -> set[str]:
        return {letter.header("original-offset") for letter in await listed(broker, wanted, fates=parked)}

    assert await offsets(Wanted()) == {"2", "3"}
    assert await offsets(Wanted(every=True)) == {"1", "2", "3"}
    assert await offsets(Wanted(topic=catalogue.TASKS)) == {"3"}
    assert await offsets(Wanted(kind="unexpected")) == {"2"}
    [letter] = [each for each in await listed(broker, Wanted(every=True), fates=parked) if each.fate]
    assert (letter.fate, letter.header("original-offset")) == ("parked", "1")


async def test_what_is_put_back_is_as_it_came(broker: MemoryBroker) -> None:
    """Bytes, key and headers in their order; only a header that says how often it was replayed is added."""
    await bury(broker, a_record())
    [letter] = await listed(broker)
    [burial] = await fetched(broker, letter.name)
    await burials.put_back(burial, broker.producer())
    [back] = broker.records(catalogue.SCHEDULE_ITEMS)
    assert (back.key, back.value) == (b"si-1", CANARY)
    assert back.headers == (*a_record().headers, ("x-dlq-replay-count", b"1"))


async def test_what_dies_again_tells_how_often_it_was_replayed(broker: MemoryBroker) -> None:
    """Its new letter names where it died this time, and is counted on from there."""
    await bury(broker, a_record())
    for count in (1, 2):
        *_, letter = sorted(await listed(broker), key=lambda each: each.replays)
        [burial] = await fetched(broker, letter.name)
        await burials.put_back(burial, broker.producer())
        back = broker.records(catalogue.SCHEDULE_ITEMS)[-1]
        await bury(broker, back)
        again = max(await listed(broker), key=lambda each: each.replays)
        assert again.replays == count
        assert again.origin == f"crm.schedule-items/{back.partition}@{back.offset}"


async def test_a_letter_that_is_not_there_is_named(broker: MemoryBroker) -> None:
    """Whatever is wrong with its name: no such partition, no such offset, no name at all."""
    await bury(broker, a_record())
    [letter] = await listed(broker)
    for name in (f"{letter.place.partition}/9", "7/0"):
        with pytest.raises(CannotGoOn, match=f"there is no letter {name}"):
            await fetched(broker, name)
    with pytest.raises(CannotGoOn, match="names no letter"):
        await fetched(broker, "crm.tasks")


@pytest.mark.parametrize(
    ("headers", "said"),
    [
        ((("x-dlq-original-topic", b"sync.outcomes"),), "sync.outcomes is not one that the daemon reads"),
        ((), "no topic is not one that the daemon reads"),
        (
            (("x-dlq-original-topic", b"crm.tasks"), ("x-dlq-value-omitted", b"9000000")),
            "its bytes were too large to be kept",
        ),
    ],
)
def test_what_cannot_be_put_back_is_refused_with_the_reason(headers: tuple[tuple[str, bytes], ...], said: str) -> None:
    refused = burials.refusal(DeadLetter(Place(0, 1, 2), b"k", headers, size=0))
    assert refused is not None
    assert said in refused


def test_a_letter_is_described_without_its_value_and_nothing_harms_the_terminal() -> None:
    """Keys and headers are whatever a producer wrote."""
    record = a_record(headers=(("evil", b"\x1b[2J"),))
    letter = DeadLetter(Place(0, 1, 2), b"\x9b\x00", record.headers, size=len(CANARY))
    said = "\n".join(burials.described(Burial(record, letter)))
    assert "canary" not in said
    assert "\x1b" not in said
    assert r"evil: \x1b[2J" in said
    assert r"key: \x9b\x00" in said
    assert "x: null" in said
