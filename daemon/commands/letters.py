"""Dead letters as an operator sees them: where each came from, when, and what was wrong.

They lie on the bus, their bytes as they came. Only what is known of a letter is listed, never what is in it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from daemon.bus.deadletters import PREFIX
from daemon.bus.kafka import KafkaReader, KafkaSettings
from daemon.bus.port import Headers, Reader, Record, TopicPartition
from daemon.commands.refusals import CannotGoOn
from daemon.store.letters import Fate, Place
from schemas import catalogue

_POLL = timedelta(milliseconds=500)
_AT_ONCE = 200
_IDLE_POLLS = 6
"""Gaps at the end of a partition (compaction, transactions) are never read: so many empty polls are the end."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """What is known of a letter. `name` is where it lies among the dead letters: PARTITION/OFFSET."""

    place: Place
    key: bytes | None
    headers: Headers
    size: int
    fate: Fate | None = None

    @property
    def name(self) -> str:
        return f"{self.place.partition}/{self.place.offset}"

    @property
    def at(self) -> datetime:
        return _EPOCH + timedelta(milliseconds=max(self.place.timestamp, 0))

    @property
    def topic(self) -> str:
        """Where it came from, without prefix; empty if nobody says."""
        return self.header("original-topic")

    @property
    def origin(self) -> str:
        """Where exactly it came from."""
        return f"{self.topic}/{self.header('original-partition')}@{self.header('original-offset')}"

    @property
    def kind(self) -> str:
        return self.header("reason")

    @property
    def rule(self) -> str:
        """What was wrong: fields, rules and class names, no content."""
        return self.header("exception-message") or self.header("exception-class")

    @property
    def replays(self) -> int:
        """How often the record had been replayed when it died."""
        count = self.header("replay-count")
        return int(count) if count.isdigit() else 0

    @property
    def is_whole(self) -> bool:
        """Whether its bytes are there: those of a record that was too large for its letter are not."""
        return not self.header("value-omitted")

    def header(self, name: str) -> str:
        """One of our headers, the last of its name."""
        found = [value for each, value in self.headers if each == f"{PREFIX}{name}"]
        return (found[-1] or b"").decode("utf-8", "replace") if found else ""

    def as_data(self) -> dict[str, object]:
        """For scripts."""
        return {
            "letter": self.name,
            "at": self.at.isoformat(),
            "topic": self.topic,
            "partition": _number(self.header("original-partition")),
            "offset": _number(self.header("original-offset")),
            "kind": self.kind,
            "rule": self.rule,
            "bytes": self.size,
            "replays": self.replays,
            "fate": self.fate,
        }


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which letters: all that have not been dealt with, or really all; of one topic, of one kind."""

    every: bool = False
    topic: str | None = None
    kind: str | None = None

    def includes(self, letter: DeadLetter) -> bool:
        if letter.fate is not None and not self.every:
            return False
        return self.topic in (None, letter.topic) and self.kind in (None, letter.kind)


@asynccontextmanager
async def opened(kafka: KafkaSettings) -> AsyncIterator[Reader]:
    """The topic of dead letters, to be read. Raises `BusError`."""
    reader = KafkaReader(kafka)
    await reader.start(catalogue.DEAD_LETTERS)
    try:
        yield reader
    finally:
        await reader.stop()


async def listed(reader: Reader, fates: Mapping[Place, Fate], wanted: Wanted) -> list[DeadLetter]:
    """All letters that lie there now and are wanted, oldest first; their values are not kept."""
    sources = [TopicPartition(catalogue.DEAD_LETTERS, n) for n in reader.partitions(catalogue.DEAD_LETTERS)]
    for source, beginning in (await reader.beginning_offsets(sources)).items():
        reader.seek(source, beginning)
    ends = await reader.end_offsets(sources)
    found = [letter async for letter in _read(reader, ends, fates) if wanted.includes(letter)]
    return sorted(found, key=lambda letter: (letter.at, letter.place.partition, letter.place.offset))


async def _read(
    reader: Reader, ends: Mapping[TopicPartition, int], fates: Mapping[Place, Fate]
) -> AsyncIterator[DeadLetter]:
    beginnings = await reader.beginning_offsets(list(ends))
    left = {source: end for source, end in ends.items() if end > beginnings[source]}
    idle = 0
    while left and idle < _IDLE_POLLS:
        records = await reader.getmany(wait=_POLL, max_records=_AT_ONCE)
        idle = 0 if records else idle + 1
        for record in records:
            if record.offset < ends[record.source]:
                yield _letter(record, fates)
            if record.offset + 1 >= ends[record.source]:
                left.pop(record.source, None)


async def fetched(reader: Reader, names: Collection[str]) -> list[tuple[Record, DeadLetter]]:
    """Single letters with their bytes, in the order they died. Raises `CannotGoOn` for one that is not there."""
    found = [await _fetched(reader, name) for name in dict.fromkeys(names)]
    return sorted(found, key=lambda each: (each[1].at, each[1].place.partition, each[1].place.offset))


async def _fetched(reader: Reader, name: str) -> tuple[Record, DeadLetter]:
    source, offset = _parsed(name)
    if source.partition not in reader.partitions(catalogue.DEAD_LETTERS):
        raise _nowhere(name)
    beginnings, ends = await reader.beginning_offsets([source]), await reader.end_offsets([source])
    if not beginnings[source] <= offset < ends[source]:
        raise _nowhere(name)
    reader.seek(source, offset)
    for _ in range(_IDLE_POLLS):
        for record in await reader.getmany(wait=_POLL, max_records=_AT_ONCE):
            if (record.source, record.offset) == (source, offset):
                return record, _letter(record, {})
    raise _nowhere(name)


def _parsed(name: str) -> tuple[TopicPartition, int]:
    partition, _, offset = name.partition("/")
    if not (partition.isdecimal() and offset.isdecimal()):
        raise CannotGoOn(f"{name} names no letter", [], ["A letter is PARTITION/OFFSET, as `list` shows it."], status=2)
    return TopicPartition(catalogue.DEAD_LETTERS, int(partition)), int(offset)


def _nowhere(name: str) -> CannotGoOn:
    remedy = "`exsyncd dead-letters list --every` shows all there are; letters are kept for a time, then they go."
    return CannotGoOn(f"there is no letter {name}", [], [remedy])


def _letter(record: Record, fates: Mapping[Place, Fate]) -> DeadLetter:
    place = Place(record.partition, record.offset, record.timestamp)
    return DeadLetter(place, record.key, record.headers, size=len(record.value or b""), fate=fates.get(place))


def _number(text: str) -> int | None:
    return int(text) if text.isdecimal() else None
