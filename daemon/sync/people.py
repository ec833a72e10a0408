"""Users, nodes, contacts, options and delegations: from their topics into the store's directory (OPT-2).

In force once stored. Options and delegations are answered with an outcome; the others are not. What a grant or a revoke
comes to is for Exchange to say, and so is what an option or a user means for the grants there are: here it is only
noted which of them are to be looked at (`delegating`). Between grants and revokes versions decide, not the order they
came in (INV-1).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from hashlib import sha256

from sqlalchemy import Connection

from daemon.bus.dispositions import Dead, Disposition
from daemon.bus.port import Record
from daemon.bus.routes import Delivery
from daemon.observe.metrics import Metrics
from daemon.store import delegates, directory, parked, reports
from daemon.store.directory import ContactRecord, Node, Source
from daemon.sync import origins, packing
from daemon.sync.knowing import UNKNOWN_USER
from daemon.sync.origins import Origin
from daemon.sync.replays import Replays
from daemon.sync.settling import Settler
from handlers import delegations
from handlers.delegations import Pair
from handlers.facts import User
from handlers.plans import Report
from schemas import catalogue
from schemas.events import Tombstone
from schemas.outcomes import Direction, Result
from schemas.people import (
    ContactChanged,
    DelegationGranted,
    DelegationRevoked,
    NodeChanged,
    OptionsChanged,
    UserChanged,
)
from schemas.problems import Malformed

Storing = Callable[[Connection], bool]

_IN_FORCE = Report(Direction.CONTROL, Result.APPLIED)
_TURNING = (catalogue.USERS, catalogue.OPTIONS)
"""What may turn grants that stand."""


class People:
    """Processes the records of the directory's topics. `poke` is called when grants are to be looked at."""

    def __init__(self, settler: Settler, metrics: Metrics, *, replays: Replays, poke: Callable[[], None]) -> None:
        self._settler = settler
        self._metrics = metrics
        self._replays = replays
        self._poke = poke

    async def process(self, delivery: Delivery) -> Disposition:
        """One key's new value, or its end."""
        record = delivery.records[-1]
        try:
            origin = origins.read(delivery.records)
        except Malformed as error:
            return Dead("decode", str(error))
        if record.topic == catalogue.DELEGATIONS:
            disposition = await self._delegation(origin, delivery)
        else:
            storing = _storing(origin, record, now=self._settler.now())
            if storing is None:
                return Dead("decode", "value: must not be null on this topic")
            disposition = await self._entry(storing, origin, delivery)
        self._metrics.directory_offset.labels(record.topic, record.partition).set(record.offset + 1)
        return disposition

    async def _entry(self, storing: Storing, origin: Origin, delivery: Delivery) -> Disposition:
        """A user, node, contact, or the options of a scope."""
        record = delivery.records[-1]
        if record.topic in _TURNING:
            storing = self._noting(storing, origin, record)
        if record.topic != catalogue.OPTIONS or isinstance(origin.event, Tombstone):
            return await self._settler.storing(storing, origin, delivery=delivery)
        once = _answered_once(storing, origin, record)
        disposition = await self._settler.storing(once, origin, delivery=delivery, report=_IN_FORCE)
        self._poke()
        return disposition

    def _noting(self, storing: Storing, origin: Origin, record: Record) -> Storing:
        """The work, with a note of the grants it may turn."""
        packed, replayed = packing.pack([record]), self._replays.covers(origin.cause)

        def work(tx: Connection) -> bool:
            if not storing(tx):
                return False
            delegates.ask(tx, _turned(tx, record.topic, origin.key), record=packed, replayed=replayed)
            return True

        return work

    async def _delegation(self, origin: Origin, delivery: Delivery) -> Disposition:
        """Answered when it has been carried out; one that a higher version has come before is answered here."""
        record = delivery.records[-1]
        at = _place(record, getattr(origin.event, "version", None))
        packed, replayed = packing.pack([record]), self._replays.covers(origin.cause)

        def work(tx: Connection) -> bool:
            if directory.is_late_delegation(tx, origin.key, at=at):
                return _is_said_first(tx, origin, record)
            pairs = _meant(tx, origin)
            stood = any(delegates.stands(tx, pair) for pair in pairs)
            if _store_delegation(tx, origin, at=at) and _is_said_first(tx, origin, record):
                delegates.ask(tx, pairs, record=packed, stood=stood, replayed=replayed)
            return False

        late = delegations.overtaken(_named(origin))
        disposition = await self._settler.storing(work, origin, delivery=delivery, report=late)
        self._poke()
        return disposition


def _answered_once(storing: Storing, origin: Origin, record: Record) -> Storing:
    """The work, which is news unless the same was said of this key before: a replay is not answered again (CON-3)."""
    return lambda tx: storing(tx) and _is_said_first(tx, origin, record)


def _is_said_first(tx: Connection, origin: Origin, record: Record) -> bool:
    return reports.is_new(tx, f"{record.topic}:{origin.key}", sha256(record.value or b"").hexdigest())


def _turned(tx: Connection, topic: str, key: str) -> tuple[Pair, ...]:
    """The grants that a user, or the options of a scope, have to do with."""
    level, _, of = key.partition(":")
    if topic == catalogue.USERS or level == "user":
        return delegates.pairs_of_user(tx, key if topic == catalogue.USERS else of)
    return delegates.pairs_of_type(tx, of) if level == "type" else delegates.all_pairs(tx)


def _meant(tx: Connection, origin: Origin) -> tuple[Pair, ...]:
    """Whom a record of a delegation is about. Where there is nothing but a key, that may name nobody."""
    if isinstance(origin.event, DelegationGranted | DelegationRevoked):
        return (Pair(origin.event.principal, origin.event.delegate),)
    return delegates.pairs_of_key(tx, origin.key)


def _named(origin: Origin) -> Pair:
    principal, _, delegate = origin.key.partition(":")
    event = origin.event
    return Pair(getattr(event, "principal", principal), getattr(event, "delegate", delegate))


def _store_delegation(tx: Connection, origin: Origin, *, at: Source) -> bool:
    match origin.event:
        case DelegationGranted() as granted:
            return directory.put_delegation(tx, granted.principal, granted.delegate, at=at)
        case DelegationRevoked() as revoked:
            return directory.delete_delegation(tx, revoked.principal, revoked.delegate, at=at)
        case _:
            return directory.delete_delegation_of(tx, origin.key, at=at)


def _place(record: Record, version: int | None) -> Source:
    return Source(record.topic, record.partition, record.offset, version)


def _storing(origin: Origin, record: Record, *, now: datetime) -> Storing | None:
    """What is to be stored; the work says whether it was news."""
    at = _place(record, getattr(origin.event, "version", None))
    match origin.event:
        case Tombstone():
            return _removing(record.topic, origin.key, at)
        case UserChanged() as user:
            return lambda tx: _put_user(tx, _user(user), at=at, now=now)
        case NodeChanged() as node:
            return lambda tx: directory.put_node(tx, Node(id=node.id, parent=node.parent), at=at)
        case ContactChanged() as contact:
            return lambda tx: directory.put_contact(tx, _contact(contact), at=at)
        case OptionsChanged() as options:
            return lambda tx: directory.put_options(tx, options.scope.key, options.options, at=at)
        case _:
            return None


def _put_user(tx: Connection, user: User, *, at: Source, now: datetime) -> bool:
    """What waits for somebody whom nobody knew is tried again: it may be for him."""
    is_new = not directory.users_by_id(tx, [user.id])
    if not directory.put_user(tx, user, at=at):
        return False
    if is_new:
        parked.due_now(tx, now, reason=UNKNOWN_USER)
    return True


def _removing(topic: str, key: str, at: Source) -> Storing | None:
    removers: dict[str, Storing] = {
        catalogue.USERS: lambda tx: directory.delete_user(tx, key, at=at),
        catalogue.NODES: lambda tx: directory.delete_node(tx, key, at=at),
        catalogue.CONTACTS: lambda tx: directory.delete_contact(tx, key, at=at),
        catalogue.OPTIONS: lambda tx: directory.delete_options(tx, key, at=at),
    }
    return removers.get(topic)


def _user(event: UserChanged) -> User:
    return User(
        id=event.id,
        name=event.name,
        addresses=tuple(event.emails),
        mailbox=event.mailbox,
        active=event.active,
        sync_enabled=event.sync_enabled,
        user_type=event.user_type,
        node_ids=tuple(event.nodes),
        groups=tuple(event.groups),
    )


def _contact(event: ContactChanged) -> ContactRecord:
    access = event.access
    return ContactRecord(
        id=event.id,
        emails=tuple(event.emails),
        active=event.active,
        user=event.user,
        node=access.node,
        coverage_users=tuple(access.coverage_users),
        coverage_groups=tuple(access.coverage_groups),
        view=access.view,
        view_groups=tuple(access.view_groups),
        created_by=access.created_by,
        merged_into=event.merged_into,
    )
