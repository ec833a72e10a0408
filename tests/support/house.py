"""A whole house in one process: sandbox Exchange over HTTP, sandbox CRM, a broker in memory, and the real daemon.

The daemon speaks real EWS to the sandbox; only Kafka is replaced, by the implementation that passes the same behaviour
suite. `await house.quiet()` returns when everything that was caused has happened. After every test the invariants are
checked (`tests.support.invariants`).
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, text

from daemon.app import Daemon, Outside, opened
from daemon.bus.memory import MemoryBroker
from daemon.bus.port import Producer, TopicPartition
from daemon.exchange.ews.backend import EwsExchange
from daemon.observe.metrics import Metrics
from daemon.sandbox.crm.service import SandboxCrm
from daemon.sandbox.exchange import PATH, ExchangeSandbox, People
from daemon.sandbox.exchange.outsiders import OutsideMeeting, happen
from daemon.settings.models import Settings
from daemon.store import delegates, positions
from daemon.wiring import counting, ews_config
from schemas import catalogue
from tests.support import invariants, mail_invariants, stores
from tests.support.outlook import Outlook
from tests.support.watch import HeldHint, Watch

GROUP = "exsyncd"
SERVICE = ("sync@bank.example", "secret")
XAVER = {"name": "Xaver Xu", "email": "xaver@else.example"}
A_MONDAY = datetime(2026, 11, 2, 8, tzinfo=UTC)
A_MORNING = datetime(2026, 12, 1, 9, tzinfo=UTC)
_TURN = 0.01
_STILL_TURNS = 5
_PATIENCE = 60.0

NAMES = {
    "anna": "Anna Adler",
    "bob": "Bob Braun",
    "cleo": "Cleo Curie",
    "dora": "Dora Diaz",
    "emil": "Emil Eder",
}


def person(name: str, **more: Any) -> dict[str, Any]:
    """A person at the bank, for `people.json`."""
    return {"name": NAMES.get(name, name.title()), "email": f"{name}@bank.example", "password": name, **more}


def user(name: str, **more: Any) -> dict[str, Any]:
    """The CRM user of a person at the bank: an advisor of the one branch."""
    address = f"{name}@bank.example"
    data = {
        "id": f"u-{name}",
        "name": NAMES.get(name, name.title()),
        "emails": [address],
        "mailbox": address,
        "active": True,
        "sync_enabled": True,
        "user_type": "advisor",
        "nodes": ["branch"],
        "groups": [],
    }
    return {"type": "crm.user.changed.v1", "data": data | more}


def contact(contact_id: str, *emails: str, node: str | None = "branch", **more: Any) -> dict[str, Any]:
    """A contact that lies at a node."""
    access = {"node": node} | more.pop("access", {})
    data = {"id": contact_id, "name": f"Client {contact_id}", "emails": list(emails), "active": True, "access": access}
    return {"type": "crm.contact.changed.v1", "data": data | more}


def node(node_id: str, parent: str | None = None) -> dict[str, Any]:
    return {"type": "crm.node.changed.v1", "data": {"id": node_id, "parent": parent}}


def options(who: str | None = None, **values: bool) -> dict[str, Any]:
    """Options set for the system, or for a person; `__` in a name stands for the dot."""
    scope = {"level": "system"} if who is None else {"level": "user", "id": f"u-{who}"}
    data = {"scope": scope, "options": {name.replace("__", "."): value for name, value in values.items()}}
    return {"type": "crm.options.changed.v1", "data": data}


def grant(principal: str, delegate: str, **more: Any) -> dict[str, Any]:
    """The delegate may act for the principal (INV-1)."""
    return _delegation("granted", principal, delegate, more)


def revoke(principal: str, delegate: str, **more: Any) -> dict[str, Any]:
    """He may not any longer."""
    return _delegation("revoked", principal, delegate, more)


def _delegation(what: str, principal: str, delegate: str, more: Mapping[str, Any]) -> dict[str, Any]:
    data = {"principal": f"u-{principal}", "delegate": f"u-{delegate}"}
    return {"type": f"crm.delegation.{what}.v1", "data": {**data, **more}}


def acting(who: str, *, principal: str | None = None, notify: str = "none", **item: Any) -> dict[str, Any]:
    """What a CRM user asks for, in his own name or for somebody: the body of a create, an edit or a delete."""
    actor = {"user": f"u-{who}", "on_behalf_of": principal and f"u-{principal}"}
    return {"actor": actor, "notify": notify, **({"item": item} if item else {})}


_BEGAN = datetime.now(UTC)


def utc_now() -> datetime:
    return datetime.now(UTC)


def house_time() -> datetime:
    """What time it is in a house without a clock of its own: it passes as everywhere, but begins on one and the same
    day, before all that happens there, whenever the tests are run.
    """
    return A_MONDAY + (utc_now() - _BEGAN)


@dataclass
class Clock:
    """A clock that a test sets."""

    moment: datetime

    def __call__(self) -> datetime:
        return self.moment

    def pass_by(self, span: timedelta) -> None:
        self.moment += span


def a_broker(clock: Callable[[], datetime]) -> MemoryBroker:
    return MemoryBroker(catalogue.TOPICS.values(), clock=lambda: clock().timestamp())


@dataclass
class House:
    """The running parts, and ways to look at what happened."""

    sandbox: ExchangeSandbox
    url: str
    crm: SandboxCrm
    broker: MemoryBroker
    settings: Settings
    daemons: list[Daemon] = field(default_factory=list)
    people: list[str] = field(default_factory=list)
    hold_hints: bool = False
    held: list[HeldHint] = field(default_factory=list)
    watch: Watch = field(default_factory=Watch)
    metrics: list[Metrics] = field(default_factory=list)
    clock: Callable[[], datetime] = utc_now
    service: str = SERVICE[0]
    _answered: dict[TopicPartition, int] = field(default_factory=dict)

    def outlook(self, name: str, **more: Any) -> Outlook:
        """A person's Outlook. His methods block: use `house.does`."""
        return Outlook(self.url, f"{name}@bank.example", name, **more)

    async def does(self, act: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """What a person does, without stopping the house."""
        return await asyncio.to_thread(act, *args, **kwargs)

    async def announce(self, *entries: Mapping[str, Any]) -> None:
        """The CRM announces users, nodes, contacts, options; returns when they are in force."""
        await self.crm.announce(list(entries))
        await self.quiet()

    async def furnish(self, *entries: Mapping[str, Any]) -> None:
        """Announces the one branch, everybody as its users, and what else there is."""
        await self.announce(node("bank"), node("branch", "bank"), *map(user, self.people), *entries)

    # hints

    async def publish(self, topic: str, key: bytes, value: bytes, headers: list[tuple[str, bytes]]) -> None:
        """The sandbox's hints: on the bus at once, or held for a test to deliver as it likes."""
        self.watch.hints.append((topic, key, value, headers))
        if self.hold_hints:
            self.held.append((topic, key, value, headers))
            return
        self.broker.append(topic, key=key, value=value, headers=tuple(headers))

    async def take_hints(self) -> list[HeldHint]:
        """All hints held so far."""
        await self.sandbox.hints_published()
        taken, self.held = self.held, []
        return taken

    def deliver(self, hints: Sequence[HeldHint]) -> None:
        for topic, key, value, headers in hints:
            self.broker.append(topic, key=key, value=value, headers=tuple(headers))

    # for the invariants

    def canary(self, word: str, *, admitted: str | None = None) -> str:
        """A word that may be said nowhere; of an admitted meeting, only in the commands of its UID."""
        self.watch.canaries[word] = admitted
        return word

    def excuse(self, uid: str, why: str) -> None:
        """The CRM's item of this meeting need not be as Exchange has it."""
        self.watch.excused[uid] = why

    def double(self, store: Path) -> House:
        """A second bus and CRM around the same Exchange, for a daemon with a store of its own."""
        broker = a_broker(self.clock)
        settings = self.settings.model_copy(
            update={"store": self.settings.store.model_copy(update={"url": stores.url_of(store)})}
        )
        return House(
            self.sandbox, self.url, SandboxCrm(_saying(broker), clock=self.clock), broker, settings, clock=self.clock
        )

    # outside

    def outsider(self, *attendees: str | Mapping[str, Any], **meeting: Any) -> str:
        """Xaver, who is none of the bank's, invites (or `happening`) people named exactly so. The UID."""
        people = [{"email": each, "name": each} if isinstance(each, str) else each for each in attendees]
        known = {"organizer": XAVER, "subject": "Review", "start": A_MORNING, "end": A_MORNING + timedelta(hours=1)}
        return happen(self.sandbox.world, OutsideMeeting.model_validate(known | {"attendees": people} | meeting))

    def fault(self, fault: str, **about: Any) -> None:
        """Exchange misbehaves from now on; see `PUT /sandbox/faults`."""
        self.sandbox.faults.add([{"fault": fault, **about}])

    # looking

    def items(self) -> list[dict[str, Any]]:
        """What the CRM holds and has not deleted."""
        return [item for item in self.crm.items() if not item["deleted"]]

    def item(self, uid: str) -> dict[str, Any]:
        """The CRM's one item of a meeting."""
        found = [item for item in self.items() if item["uid"] == uid]
        assert len(found) == 1, f"the CRM holds {len(found)} items of one meeting"
        return found[0]

    def has_item(self, uid: str) -> bool:
        return any(item["uid"] == uid for item in self.items())

    def read(self, topic: str) -> list[dict[str, Any]]:
        """The data of every record of a topic of ours, in order."""
        return [json.loads(record.value or b"null") for record in self.broker.records(topic)]

    def commands(self) -> list[dict[str, Any]]:
        return self.read(catalogue.COMMANDS)

    def outcomes(self, *, direction: str | None = None) -> list[dict[str, Any]]:
        found = self.read(catalogue.OUTCOMES)
        return [each for each in found if direction in (None, each["direction"])]

    def count(self) -> int:
        """Records the daemon has put out."""
        return sum(len(self.broker.records(topic)) for topic in _OUT)

    # waiting

    async def until(self, condition: Callable[[], bool]) -> None:
        """Returns when the condition holds, as it will once what waits for its time has had it."""
        async with asyncio.timeout(_PATIENCE):
            while not condition():
                await self.quiet()

    async def until_true(self, condition: Callable[[], Awaitable[bool]]) -> None:
        """Returns when the condition holds, whatever else moves."""
        async with asyncio.timeout(_PATIENCE):
            while not await condition():  # noqa: ASYNC110  # what is waited for tells nobody
                await asyncio.sleep(_TURN)

    async def waits(self) -> bool:
        """Whether anything is put away for later."""
        counts = [await daemon.store.read(lambda tx: tx.execute(_PARKED).scalar_one()) for daemon in self.daemons]
        return any(counts)

    async def quiet(self) -> None:
        """Returns when hints are out, read, settled and published, and the CRM has answered, and nothing moves."""
        async with asyncio.timeout(_PATIENCE):
            still = 0
            while still < _STILL_TURNS:
                await self.sandbox.hints_published()
                await self._answer()
                still = still + 1 if await self._is_still() else 0
                await asyncio.sleep(_TURN)

    async def _answer(self) -> None:
        """The CRM applies the commands it has not seen yet."""
        for source in self.broker.sources([catalogue.COMMANDS]):
            records = self.broker.log(source).records
            for record in records[self._answered.get(source, 0) :]:
                self._answered[source] = record.offset + 1
                await self.crm.apply(record.headers, record.value)

    async def _is_still(self) -> bool:
        commands = self.broker.sources([catalogue.COMMANDS])
        if any(self._answered.get(source, 0) < len(self.broker.log(source).records) for source in commands):
            return False
        settled = [await daemon.store.read(positions.known) for daemon in self.daemons]
        if not settled or not all(daemon.engine.progress().ready for daemon in self.daemons):
            return False
        if any([await daemon.store.read(self._owes) for daemon in self.daemons]):
            return False
        known = [*settled, self.broker.committed(GROUP)]
        ends = {source: len(self.broker.log(source).records) for source in self.broker.sources(_IN)}
        return all(reached.get(source, 0) >= end for source, end in ends.items() for reached in known)

    def _owes(self, tx: Connection) -> bool:
        """Whether a grant is to be looked at, or something said is not published yet."""
        return bool(delegates.due(tx, self.clock(), 1)) or bool(tx.execute(_UNPUBLISHED).scalar_one())


_UNPUBLISHED = text("SELECT count(*) FROM outbox WHERE parked IS NULL")
_PARKED = text("SELECT count(*) FROM parked")
_IN = [topic.name for topic in catalogue.TOPICS.values() if topic.flow is catalogue.Flow.IN]
_OUT = [catalogue.COMMANDS, catalogue.OUTCOMES, catalogue.DEAD_LETTERS]


def settings_for(url: str, store: Path | str, **more: Any) -> Settings:
    """Settings of a daemon in a test: short waits, everything else as it is by default."""
    values: dict[str, Any] = {
        "kafka": {"bootstrap_servers": "memory:1", "group_id": GROUP},
        "store": {"url": stores.url_of(store)},
        "exchange": {"endpoint": url + PATH, "username": SERVICE[0], "password": SERVICE[1]},
        "hints": {"settle": "0s"},
        "engine": {"commit_interval": "20ms", "poll_wait": "20ms", "retry_for": "1s", "retry_wait": "100ms"},
    }
    for group, value in more.items():
        values[group] = values[group] | value if isinstance(values.get(group), dict) else value
    return Settings.model_validate(values)


def _saying(broker: MemoryBroker) -> Callable[..., Awaitable[None]]:
    async def say(topic: str, key: str, value: bytes | None, headers: Any) -> None:
        broker.append(topic, key=key.encode(), value=value, headers=tuple(headers))

    return say


@asynccontextmanager
async def a_house(
    store: Path | str,
    *people: str | dict[str, Any],
    clock: Callable[[], datetime] = house_time,
    witness: Any = None,
    start: bool = True,
    **settings: Any,
) -> AsyncIterator[House]:
    """A house with these people, all of whom are CRM users at one branch, and a running daemon.

    Without `start` it has no daemon yet, and knows nobody: see `running` and `House.furnish`.
    """
    entries = [person(each) if isinstance(each, str) else each for each in people or tuple(NAMES)]
    book = {
        "people": entries,
        "services": [{"username": SERVICE[0], "password": SERVICE[1], "impersonates": "*"}],
    }
    broker = a_broker(clock)

    async with AsyncExitStack() as parts:
        made: list[House] = []

        async def publish(topic: str, key: bytes, value: bytes, headers: list[tuple[str, bytes]]) -> None:
            await made[0].publish(topic, key, value, headers)

        sandbox = ExchangeSandbox(People.read(book), publish, clock=clock, witness=witness)
        url = await sandbox.start()
        parts.push_async_callback(sandbox.stop)
        crm = SandboxCrm(_saying(broker), clock=clock)
        house = House(sandbox, url, crm, broker, settings_for(url, store, **settings))
        house.clock = clock
        house.watch.service = house.service
        house.watch.attach(sandbox)
        house.watch.granted = partial(mail_invariants.in_force, house)
        parts.enter_context(house.watch.listening())
        made.append(house)
        house.people = [each["email"].partition("@")[0] for each in entries if each.get("kind", "person") == "person"]
        if start:
            await parts.enter_async_context(running(house, clock=clock))
            await house.furnish()
        yield house
        await invariants.check(house)


@asynccontextmanager
async def running(
    house: House, *, clock: Callable[[], datetime] = house_time, producer: Producer | None = None
) -> AsyncIterator[Daemon]:
    """A daemon in the house, until the end of the block; a second one after it finds the first one's store."""
    metrics = Metrics(version="test")
    house.metrics.append(metrics)
    exchange = EwsExchange(ews_config(house.settings), observe=counting(metrics), now=clock)
    outside = Outside(house.broker.consumer(GROUP), producer or house.broker.producer(), exchange)
    async with opened(house.settings, outside=outside, metrics=metrics, version="test", now=clock) as daemon:
        stop = asyncio.Event()
        run = asyncio.create_task(daemon.run(stop))
        house.daemons.append(daemon)
        try:
            yield daemon
        finally:
            house.daemons.remove(daemon)
            stop.set()
            await run
