"""Changes as hints on the bus."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from datetime import UTC, datetime

import pytest

from daemon.sandbox.exchange import ExchangeSandbox, People
from daemon.sandbox.exchange.outsiders import OutsideMeeting, happen
from tests.unit.sandbox.bank import PEOPLE, Bank

MOMENT = datetime(2026, 11, 23, 8, tzinfo=UTC)


class Topic:
    """What was published."""

    def __init__(self) -> None:
        self.records: list[tuple[str, bytes, dict, dict[str, bytes]]] = []

    async def publish(self, topic: str, key: bytes, value: bytes, headers: list[tuple[str, bytes]]) -> None:
        self.records.append((topic, key, json.loads(value), dict(headers)))


def an_invitation() -> OutsideMeeting:
    return OutsideMeeting.model_validate(
        {
            "organizer": {"email": "olga@client.example"},
            "attendees": [{"email": "anna@bank.example"}],
            "start": MOMENT,
            "end": MOMENT,
        }
    )


async def test_every_change_becomes_an_event_in_binary_mode():
    """Keyed by mailbox, in order, each with an id of its own."""
    topic = Topic()
    sandbox = ExchangeSandbox(People.read(PEOPLE), topic.publish, clock=lambda: MOMENT)
    await sandbox.start()
    happen(sandbox.world, an_invitation())
    await sandbox.hints_published()
    await sandbox.stop()
    (item,) = sandbox.world.items("anna@bank.example", "calendar")
    name, key, data, headers = topic.records[0]
    assert (name, key) == ("exchange.notifications", b"anna@bank.example")
    assert data == {
        "mailbox": "anna@bank.example",
        "folder": "calendar",
        "item_id": item.id,
        "change_key": None,
        "old_item_id": None,
    }
    assert headers == {
        "ce_id": b"sandbox-1",
        "ce_source": b"sandbox/exchange",
        "ce_type": b"exchange.item.created.v1",
        "ce_specversion": b"1.0",
        "ce_time": b"2026-11-23T08:00:00Z",
        "ce_subject": item.id.encode(),
        "content-type": b"application/json",
    }
    assert len({record[3]["ce_id"] for record in topic.records}) == len(topic.records) == 4


async def test_what_waits_at_the_end_is_still_published():
    """Stopping loses no hint."""
    topic = Topic()
    sandbox = ExchangeSandbox(People.read(PEOPLE), topic.publish, clock=lambda: MOMENT)
    await sandbox.start()
    happen(sandbox.world, an_invitation())
    await sandbox.stop()
    assert len(topic.records) == 4


async def test_a_publisher_that_fails_is_reported():
    """Nobody waits for ever for hints that cannot go out."""

    async def publish(topic: str, key: bytes, value: bytes, headers: list[tuple[str, bytes]]) -> None:
        raise ConnectionError("no broker")

    sandbox = ExchangeSandbox(People.read(PEOPLE), publish, clock=lambda: MOMENT)
    await sandbox.start()
    happen(sandbox.world, an_invitation())
    for ending in (sandbox.hints_published, sandbox.stop):
        with pytest.raises(ConnectionError, match="no broker"):
            async with asyncio.timeout(5):
                await ending()


def test_a_move_tells_both_ids_and_the_new_folder(bank: Bank):
    """In the contract's words."""
    anna = bank.account("anna")
    happen(bank.sandbox.world, an_invitation())
    item = anna.calendar.get()
    bank.changes.clear()
    first = item.id
    item.move_to_trash()
    gone = anna.trash.get()
    assert [(each.kind, each.folder, each.item_id, each.old_item_id) for each in bank.changes] == [
        ("moved", "deleted_items", gone.id, first),
        ("modified", "deleted_items", gone.id, None),
    ]
    gone.delete()
    assert [(each.kind, each.item_id) for each in bank.changes[2:]] == [("deleted", bank.changes[0].item_id)]


def test_one_meeting_tells_several_things_in_each_mailbox(bank: Bank):
    """As Exchange does; messages lie in another folder."""
    happen(bank.sandbox.world, an_invitation())
    told = Counter((each.kind.value, each.folder) for each in bank.changes)
    assert told == {
        ("created", "calendar"): 1,
        ("modified", "calendar"): 1,
        ("created", "other"): 1,
        ("modified", "other"): 1,
    }
