"""A bank for benches: the real daemon between a broker in memory and an Exchange that answers at once.

What is measured is thus the daemon's own: the engine, the decision, a real SQLite store, the outbox.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

from daemon.app import Daemon, Outside, opened
from daemon.bus.memory import MemoryBroker
from daemon.observe.metrics import Metrics
from daemon.settings.models import Settings
from schemas import catalogue
from schemas.copies import Attendee, Copy, Role
from schemas.items import Response
from tests.support.instant import InstantExchange

GROUP = "bench"
USERS = 50
CONTACTS = 2_000
A_MORNING = datetime(2026, 12, 1, 9, tzinfo=UTC)
_LOOK = timedelta(milliseconds=50)  # seldom: looking is not what is measured
_NUMBERS = count(1)


@dataclass
class Bank:
    """The running parts."""

    broker: MemoryBroker
    exchange: InstantExchange
    daemon: Daemon
    contacts: int = CONTACTS

    def announce(self) -> None:
        """The users."""
        self.say(*people())

    def announce_contacts(self) -> None:
        """The contacts of the branch, each with an address of his own."""
        for number in range(self.contacts):
            self.say(said(catalogue.CONTACTS, f"c-{number}", "crm.contact.changed.v1", _contact(number)))

    def meet(self, number: int, *, organizer: int | None = None) -> list[Copy]:
        """A user invites two others and three contacts; everybody's copy, the organizer's first."""
        host = number % USERS if organizer is None else organizer
        guests = [(host + step) % USERS for step in (1, 2)]
        known = Copy(
            mailbox=mailbox_of(host),
            item_id=f"AAMk-{number}-{host}",
            uid=f"040000008200E00074C5B7101A82E008{number:016X}",
            subject=f"Review {number}",
            body="What was agreed on, and what is still open. " * 10,
            location="Room 4",
            start=A_MORNING + timedelta(hours=number),
            end=A_MORNING + timedelta(hours=number + 1),
            zone_id="W. Europe Standard Time",
            zone="Europe/Berlin",
            organizer=Attendee(Role.ORGANIZER, f"User {host}", mailbox_of(host), response=Response.ORGANIZER),
            attendees=(
                *(Attendee(Role.REQUIRED, f"User {guest}", mailbox_of(guest)) for guest in guests),
                *(
                    Attendee(Role.OPTIONAL, f"Client {each}", _client(each))
                    for each in ((number * 7919 + step) % self.contacts for step in range(3))
                ),
            ),
            is_meeting=True,
            my_response=Response.ORGANIZER,
            reminder=15,
        )
        copies = [known, *(_received(known, number, guest) for guest in guests)]
        return [self.exchange.put(copy) for copy in copies]

    def told(self) -> int:
        """Commands put out so far."""
        return len(self.broker.records(catalogue.COMMANDS))

    async def quiet(self) -> None:
        """Returns when all that is on the bus is settled, published and committed."""
        sources = self.broker.sources([topic.name for topic in catalogue.TOPICS.values() if topic.flow is _IN])
        ends = {each: self.broker.log(each).end for each in sources}
        while any(self.broker.committed(GROUP).get(each, 0) < end for each, end in ends.items()):  # noqa: ASYNC110  # the broker tells nobody
            await asyncio.sleep(_LOOK.total_seconds())
        if self.broker.records(catalogue.DEAD_LETTERS):
            raise SystemExit("the bank could not process its own events: figures would mean nothing")

    def say(self, *records: Said) -> None:
        """Puts records on the bus."""
        for each in records:
            self.broker.append(each.topic, key=each.key, value=each.value, headers=each.headers)


@dataclass(frozen=True, slots=True)
class Said:
    """A record of the bank's own."""

    topic: str
    key: bytes
    value: bytes
    headers: tuple[tuple[str, bytes], ...]


def said(topic: str, key: str, kind: str, data: dict[str, Any]) -> Said:
    """An event."""
    headers = (
        ("ce_specversion", b"1.0"),
        ("ce_id", f"n-{next(_NUMBERS)}".encode()),
        ("ce_source", b"/bench"),
        ("ce_type", kind.encode()),
        ("ce_time", b"2026-12-01T08:00:00Z"),
        ("content-type", b"application/json"),
        ("traceparent", b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
    )
    return Said(topic, key.encode(), json.dumps(data).encode(), headers)


def people(users: int = USERS) -> list[Said]:
    """The users, all of one branch, each with an address of his own."""
    branch = said(catalogue.NODES, "branch", "crm.node.changed.v1", {"id": "branch", "version": 1, "parent": None})
    return [branch, *(said(catalogue.USERS, f"u-{n}", "crm.user.changed.v1", _user(n)) for n in range(users))]


def hint_of(mailbox: str, item_id: str, change_key: str = "CK", *, kind: str = "modified") -> Said:
    """A hint that something happened to an item."""
    data = {"mailbox": mailbox, "folder": "calendar", "item_id": item_id, "change_key": change_key}
    return said(catalogue.NOTIFICATIONS, mailbox, f"exchange.item.{kind}.v1", data)


def settings_for(store: Path, **groups: Any) -> Settings:
    """As a busy bank has them, or with other values of some groups."""
    values: dict[str, Any] = {
        "kafka": {"bootstrap_servers": "memory:1", "group_id": GROUP},
        "store": {"url": f"sqlite:///{store}"},
        "exchange": {"endpoint": "http://127.0.0.1:1/EWS/Exchange.asmx", "username": "none", "password": "none"},
        "hints": {"settle": "0s"},
        "options": {"external_contacts.display": True, "for_contacts.security_check": True},
    }
    return Settings.model_validate({name: values.get(name, {}) | groups.get(name, {}) for name in values | groups})


@asynccontextmanager
async def a_bank(folder: Path, *, settle: str = "0s", contacts_there: int = 0) -> AsyncIterator[Bank]:
    """A running daemon that has read its directory; `contacts_there`: so many contacts lie in the store already."""
    settings = settings_for(folder / "bench.sqlite", hints={"settle": settle})
    broker, exchange = MemoryBroker(catalogue.TOPICS.values()), InstantExchange()
    outside = Outside(broker.consumer(GROUP), broker.producer(), exchange)
    async with opened(settings, outside=outside, metrics=Metrics(version="bench"), version="bench") as daemon:
        stop = asyncio.Event()
        run = asyncio.create_task(daemon.run(stop))
        bank = Bank(broker, exchange, daemon, contacts_there or CONTACTS)
        bank.announce()
        if not contacts_there:
            bank.announce_contacts()
        await bank.quiet()
        try:
            yield bank
        finally:
            stop.set()
            await run


def hinted(bank: Bank, copies: Iterable[Copy]) -> int:
    """Hints of all these copies; how many."""
    hints = hints_of(copies)
    bank.say(*hints)
    return len(hints)


def hints_of(copies: Iterable[Copy]) -> list[Said]:
    """That something happened to each of these copies."""
    return [hint_of(copy.mailbox, copy.item_id, copy.change_key) for copy in copies]


def _received(known: Copy, number: int, guest: int) -> Copy:
    """What a guest's mailbox holds of a meeting."""
    return Copy(
        **{name: getattr(known, name) for name in Copy.__slots__}
        | {"mailbox": mailbox_of(guest), "item_id": f"AAMk-{number}-{guest}", "my_response": Response.NONE}
    )


def _user(number: int) -> dict[str, Any]:
    address = mailbox_of(number)
    return {
        "id": f"u-{number}",
        "version": 1,
        "name": f"User {number}",
        "emails": [address],
        "mailbox": address,
        "active": True,
        "sync_enabled": True,
        "user_type": "advisor",
        "nodes": ["branch"],
        "groups": [],
    }


def _contact(number: int) -> dict[str, Any]:
    access = {"node": "branch", "coverage_users": [], "coverage_groups": [], "view": "public", "view_groups": []}
    return {
        "id": f"c-{number}",
        "version": 1,
        "name": f"Client {number}",
        "emails": [_client(number)],
        "active": True,
        "user": None,
        "access": access,
        "merged_into": None,
    }


def mailbox_of(number: int) -> str:
    """A user's."""
    return f"user{number}@bank.example"


def _client(number: int) -> str:
    return f"client{number}@client.example"


_IN = catalogue.Flow.IN
