"""Users, nodes, contacts, options and delegations: from their topics into the store's directory (OPT-2).

In force once stored. Options and delegations are answered with an outcome; the others are not.
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
from daemon.store import directory, parked, reports
from daemon.store.directory import ContactRecord, Node, Source
from daemon.sync import origins
from daemon.sync.knowing import UNKNOWN_USER
from daemon.sync.origins import Origin
from daemon.sync.settling import Settler
from handlers.facts import User
from handlers.plans import Report
from schemas import catalogue
from schemas.events import Tombstone
from schemas.outcomes import Direction, Reason, Result
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
_NOT_BUILT = Report(Direction.CONTROL, Result.SKIPPED, Reason.NOT_YET)
_ANSWERS = {catalogue.OPTIONS: _IN_FORCE, catalogue.DELEGATIONS: _NOT_BUILT}


class People:
    """Processes the records of the directory's topics."""

    def __init__(self, settler: Settler, metrics: Metrics) -> None:
        self._settler = settler
        self._metrics = metrics

    async def process(self, delivery: Delivery) -> Disposition:
        """One key's new value, or its end."""
        record = delivery.records[-1]
        try:
            origin = origins.read(delivery.records)
        except Malformed as error:
            return Dead("decode", str(error))
        storing = _storing(origin, record, now=self._settler.now())
        if storing is None:
            return Dead("decode", "value: must not be null on this topic")
        answer = None if isinstance(origin.event, Tombstone) else _ANSWERS.get(record.topic)
        work = storing if answer is None else _answered_once(storing, origin, record)
        disposition = await self._settler.storing(work, origin, delivery=delivery, report=answer)
        self._metrics.directory_offset.labels(record.topic, record.partition).set(record.offset + 1)
        return disposition


def _answered_once(storing: Storing, origin: Origin, record: Record) -> Storing:
    """The work, which is news unless the same was said of this key before: a replay is not answered again (CON-3)."""
    state = sha256(record.value or b"").hexdigest()
    return lambda tx: storing(tx) and reports.is_new(tx, f"{record.topic}:{origin.key}", state)


def _storing(origin: Origin, record: Record, *, now: datetime) -> Storing | None:
    """What is to be stored; the work says whether it was news."""
    at = Source(record.topic, record.partition, record.offset, getattr(origin.event, "version", None))
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
        case DelegationGranted() as granted:
            return lambda tx: directory.put_delegation(tx, granted.principal, granted.delegate, at=at)
        case DelegationRevoked() as revoked:
            return lambda tx: directory.delete_delegation(tx, revoked.principal, revoked.delegate, at=at)
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
    principal, _, delegate = key.partition(":")
    removers: dict[str, Storing] = {
        catalogue.USERS: lambda tx: directory.delete_user(tx, key, at=at),
        catalogue.NODES: lambda tx: directory.delete_node(tx, key, at=at),
        catalogue.CONTACTS: lambda tx: directory.delete_contact(tx, key, at=at),
        catalogue.OPTIONS: lambda tx: directory.delete_options(tx, key, at=at),
        catalogue.DELEGATIONS: lambda tx: directory.delete_delegation(tx, principal, delegate, at=at),
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
