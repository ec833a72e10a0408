"""Dead letters: the raw bytes of a record nobody can process, with our own headers beside its own.

Key, value and headers are kept byte for byte, in order. Our headers (`x-dlq-*`) carry class names, places in our code
and texts of our own errors, never what a foreign exception says: it may quote the record (PRIV-5). They are cut until
the letter fits, for a record may be as large as its topic allows.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from dataclasses import dataclass

from daemon.bus.dispositions import Dead
from daemon.bus.port import Headers, Producer, Record, TooLarge
from daemon.bus.retry import Verdict

PREFIX = "x-dlq-"
_STACK_BYTES = 4096
_MESSAGE_BYTES = 1024


@dataclass(frozen=True, slots=True)
class Letter:
    """A record that is given up: by whom, how, and after which errors."""

    record: Record
    dead: Dead
    handler: str
    verdict: Verdict


class DeadLetters:
    """Writes to the topic of dead letters; `group` and `version` say which program gave up."""

    def __init__(self, producer: Producer, *, topic: str, group: str, version: str) -> None:
        self._producer = producer
        self._topic = topic
        self._program = (("group", group), ("app-version", version))

    async def bury(self, letter: Letter) -> None:
        """Returns when the letter is acknowledged. Raises `Undeliverable` or `MissingTopics`."""
        record = letter.record
        for value, headers in self._versions(letter):
            try:
                await self._producer.send(self._topic, key=record.key, value=value, headers=headers)
            except TooLarge as error:
                too_large = error
            else:
                return
        raise too_large

    def _versions(self, letter: Letter) -> Iterator[tuple[bytes | None, Headers]]:
        """The whole letter first, then ever smaller ones. Without its value only if somebody lets a topic take larger
        records than the catalogue does: nobody is held up by it, and the record can still be read where it came from.
        """
        record = letter.record
        origin = () if _was_dead_before(record) else _origin(record)
        brief = _named(*origin, ("reason", letter.dead.kind))
        full = brief + _named(("exception-message", letter.dead.cause), *_errors(letter), *self._program)
        yield record.value, record.headers + full
        yield record.value, record.headers + brief
        yield None, brief + _named(("value-omitted", str(len(record.value or b""))))


def _origin(record: Record) -> tuple[tuple[str, str], ...]:
    return (
        ("original-topic", record.topic),
        ("original-partition", str(record.partition)),
        ("original-offset", str(record.offset)),
        ("original-timestamp", str(record.timestamp)),
    )


def _was_dead_before(record: Record) -> bool:
    return any(name == f"{PREFIX}original-topic" for name, _ in record.headers)


def _errors(letter: Letter) -> Iterator[tuple[str, str]]:
    yield "handler", letter.handler
    error, first = letter.verdict.error, letter.verdict.first_error
    if error is not None:
        yield "exception-class", _class(error)
        yield "exception-stacktrace", _stack(error)
    if first is not None:
        yield "first-exception-class", _class(first)


def _class(error: BaseException) -> str:
    return f"{type(error).__module__}.{type(error).__qualname__}"


def _stack(error: BaseException) -> str:
    """Places only: neither source lines nor messages, which may hold content."""
    frames = traceback.extract_tb(error.__traceback__)
    return "\n".join(f"{frame.filename}:{frame.lineno} {frame.name}" for frame in reversed(frames))


def _named(*pairs: tuple[str, str]) -> Headers:
    return tuple((PREFIX + name, _cut(name, text)) for name, text in pairs)


def _cut(name: str, text: str) -> bytes:
    limit = _STACK_BYTES if name == "exception-stacktrace" else _MESSAGE_BYTES
    cut = text.encode(errors="backslashreplace")[:limit]
    return cut.decode(errors="ignore").encode()
