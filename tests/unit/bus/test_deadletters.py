"""Dead letters: the bytes as they came, and what we say beside them."""

from __future__ import annotations

import pytest

from daemon.bus.deadletters import DeadLetters, Letter
from daemon.bus.dispositions import Dead, PermanentError
from daemon.bus.memory import MemoryBroker
from daemon.bus.port import Headers, Record, TooLarge
from daemon.bus.retry import Verdict
from tests.engine.worlds import LETTERS, MAX_RECORD, Spec

CANARY = "canary-Pension"


def a_record(value: bytes | None = b"{}", headers: Headers = ()) -> Record:
    return Record("crm.tasks", 3, 42, b"t-1", value, headers, timestamp=1_700_000_000_000)


def raised(error: Exception) -> Exception:
    try:
        raise error
    except Exception as caught:  # noqa: BLE001  # any error, with the place it was raised at
        return caught


async def buried(
    record: Record, *, error: Exception | None = None, text: str = "$.id", room: int = 64 * 1024
) -> Record:
    broker = MemoryBroker([Spec(LETTERS, max_bytes=MAX_RECORD + room)])
    letters = DeadLetters(broker.producer(), topic=LETTERS, group="exsyncd", version="1.2")
    dead = Dead("decode", text)
    await letters.bury(Letter(record, dead, handler="Inbound.process", verdict=Verdict(dead, error, error)))
    (letter,) = broker.records(LETTERS)
    return letter


async def test_says_where_the_record_came_from_and_who_gave_up():
    """Operators and replay read it."""
    letter = await buried(a_record())
    assert (letter.key, letter.value) == (b"t-1", b"{}")
    assert dict(letter.headers) == {
        "x-dlq-original-topic": b"crm.tasks",
        "x-dlq-original-partition": b"3",
        "x-dlq-original-offset": b"42",
        "x-dlq-original-timestamp": b"1700000000000",
        "x-dlq-reason": b"decode",
        "x-dlq-exception-message": b"$.id",
        "x-dlq-handler": b"Inbound.process",
        "x-dlq-group": b"exsyncd",
        "x-dlq-app-version": b"1.2",
    }


@pytest.mark.parametrize("value", [None, b"", b"\xff\xfe\x00"])
async def test_keeps_the_bytes(value: bytes | None):
    """Also those that are no text, and none at all."""
    headers: Headers = (("traceparent", b"00-1-1-01"), ("b", b"\xff"), ("b", None), ("ce_id", b"1"))
    letter = await buried(a_record(value, headers))
    assert letter.value == value
    assert letter.headers[: len(headers)] == headers


@pytest.mark.rule("PRIV-5")
async def test_says_nothing_of_what_a_foreign_exception_says():
    """It may quote the record: classes and places only."""
    letter = await buried(a_record(), error=raised(ValueError(f"cannot parse {CANARY}")))
    ours = dict(letter.headers)
    assert CANARY.encode() not in b"".join(value or b"" for value in ours.values())
    assert ours["x-dlq-exception-class"] == b"builtins.ValueError"
    assert b"test_deadletters.py" in (ours["x-dlq-exception-stacktrace"] or b"")


async def test_names_our_own_errors_in_full():
    """Their texts are ids and rule words."""
    letter = await buried(a_record(), error=raised(PermanentError("no such folder")))
    assert dict(letter.headers)["x-dlq-exception-class"] == b"daemon.bus.dispositions.PermanentError"


async def test_cuts_long_texts_between_characters():
    """Whatever an operator's tool reads, it is text."""
    letter = await buried(a_record(), text="ä" * 5000)
    message = dict(letter.headers)["x-dlq-exception-message"] or b""
    assert message.decode() == "ä" * 512


async def test_what_cannot_be_written_as_text_is_escaped():
    """A lone surrogate in a field's name kills no letter."""
    letter = await buried(a_record(), text="field \ud800")
    assert dict(letter.headers)["x-dlq-exception-message"] == b"field \\ud800"


async def test_the_first_death_stays_the_origin():
    """A letter that was replayed and died again still says where it was born."""
    before: Headers = (("x-dlq-original-topic", b"crm.tasks"), ("x-dlq-original-offset", b"7"))
    letter = await buried(a_record(headers=before))
    assert [value for name, value in letter.headers if name == "x-dlq-original-offset"] == [b"7"]


@pytest.mark.parametrize(("room", "dropped"), [(2000, "nothing"), (250, "details"), (100, "value")])
async def test_is_cut_until_it_fits(room: int, dropped: str):
    """First what we say, at last what it held; where it lies is always said."""
    value = bytes(MAX_RECORD - 100)
    letter = await buried(a_record(value), error=raised(ValueError("?")), room=room)
    names = {name for name, _ in letter.headers}
    assert ("x-dlq-handler" in names) == (dropped == "nothing")
    assert letter.value == (None if dropped == "value" else value)
    assert {"x-dlq-original-topic", "x-dlq-original-offset", "x-dlq-reason"} <= names


async def test_a_letter_that_never_fits_is_said_to_be_too_large():
    """A topic of dead letters for a few bytes is a mistake nobody can mend at run time."""
    with pytest.raises(TooLarge):
        await buried(a_record(), room=-MAX_RECORD + 50)
