"""`exsyncd dead-letters`: looks at records that could not be used, puts them back on their topics, or puts them aside.

Which letters were dealt with is remembered in the store, beside the daemon that may be working on it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from daemon.bus.deadletters import PREFIX
from daemon.bus.kafka import KafkaProducer, KafkaSettings
from daemon.bus.port import Producer, Record
from daemon.commands.letters import DeadLetter, Wanted, fetched, listed, opened
from daemon.commands.reaching import briefly, the_bus
from daemon.commands.refusals import CannotGoOn
from daemon.store import letters
from daemon.store.errors import StoreError
from daemon.store.letters import Fate, Place
from daemon.store.store import looking_on, noting
from schemas import catalogue

REPLAYS = f"{PREFIX}replay-count"
"""The one header of ours that a replayed record carries: how often it was replayed."""

_RIGHTS = f"This takes the right to READ {catalogue.DEAD_LETTERS}, and replaying to WRITE to the topics of the letters."
_STORE: Sequence[str] = (
    "Which letters were dealt with is remembered there: check store.url (EXSYNCD_STORE__URL).",
    "The daemon makes the store when it first runs, and may go on running.",
)
_READ = frozenset(topic.name for topic in catalogue.TOPICS.values() if topic.flow is catalogue.Flow.IN)


@dataclass(frozen=True, slots=True)
class Burial:
    """A letter with its record."""

    record: Record
    letter: DeadLetter


async def find(kafka: KafkaSettings, url: str, wanted: Wanted) -> tuple[list[DeadLetter], str | None]:
    """All letters that are wanted; and why it is not known which were dealt with, if so. Raises `CannotGoOn`."""
    known, trouble = fates(url)
    with the_bus(kafka, rights=_RIGHTS):
        async with opened(briefly(kafka)) as reader:
            return await listed(reader, known, wanted), trouble


async def fetch(kafka: KafkaSettings, names: Collection[str]) -> list[Burial]:
    """Letters by their names, with all their bytes. Raises `CannotGoOn`."""
    with the_bus(kafka, rights=_RIGHTS):
        async with opened(briefly(kafka)) as reader:
            return [Burial(record, letter) for record, letter in await fetched(reader, names)]


async def replay(kafka: KafkaSettings, url: str, burials: Iterable[Burial]) -> int:
    """Puts records back on their topics, in the order given; how many. Each is remembered as soon as it is out.

    Raises `CannotGoOn`: nothing is put back if one of them cannot be, or the store cannot remember it.
    """
    wanted = list(burials)
    refused = [reason for each in wanted if (reason := refusal(each.letter))]
    if refused:
        raise CannotGoOn("not all of these can be put back, so none was", refused)
    mark(url, (), "replayed")
    with the_bus(kafka, rights=_RIGHTS):
        async with _producing(KafkaProducer(briefly(kafka))) as producer:
            for each in wanted:
                await put_back(each, producer)
                mark(url, [each.letter.place], "replayed")
    return len(wanted)


def described(burial: Burial) -> Iterable[str]:
    """A letter for a person, line by line: key and headers, nothing of the value."""
    yield f"letter: {burial.letter.name}, {burial.letter.size} bytes, died {burial.letter.at:%Y-%m-%d %H:%M:%S} UTC"
    yield f"key: {_readable(burial.letter.key)}"
    for name, value in burial.letter.headers:
        yield f"{name}: {_readable(value)}"


def refusal(letter: DeadLetter) -> str | None:
    """Why a letter cannot be put back, if so."""
    if letter.topic not in _READ:
        return f"{letter.name}: {letter.topic or 'no topic'} is not one that the daemon reads"
    if not letter.is_whole:
        return f"{letter.name}: its bytes were too large to be kept; they may still lie at {letter.origin}"
    return None


async def put_back(burial: Burial, producer: Producer) -> None:
    """The record as it came, with how often that was done. Raises `BusError`."""
    record, letter = burial.record, burial.letter
    kept = tuple((name, value) for name, value in record.headers if not name.startswith(PREFIX))
    marked = (*kept, (REPLAYS, str(letter.replays + 1).encode()))
    await producer.send(letter.topic, key=record.key, value=record.value, headers=marked)


def mark(url: str, places: Iterable[Place], fate: Fate) -> None:
    """Remembers what became of letters. Raises `CannotGoOn`."""
    try:
        with noting(url) as tx:
            for place in places:
                letters.mark(tx, place, fate, at=datetime.now(UTC))
    except StoreError as error:
        raise CannotGoOn("the store cannot be written to", [str(error)], _STORE) from error


def fates(url: str) -> tuple[Mapping[Place, Fate], str | None]:
    try:
        with looking_on(url) as tx:
            return letters.marked(tx), None
    except StoreError as error:
        return {}, str(error)


def _readable(raw: bytes | None) -> str:
    """Bytes that nobody vouches for, on a terminal: whatever does not print is written out."""
    if raw is None:
        return "null"
    text = raw.decode("utf-8", "backslashreplace")
    return "".join(each if each.isprintable() or each == "\n" else ascii(each)[1:-1] for each in text)


@asynccontextmanager
async def _producing(producer: Producer) -> AsyncIterator[Producer]:
    await producer.start()
    try:
        yield producer
    finally:
        await producer.stop()
