"""From a CRM event to what Exchange must now hold (CON-1, CON-6, ID-8).

Events of one item come in order; the decision queues in the link's lane, as those of hints do. It is made on what is
known of the copies: one that turns out to be otherwise is read, and the decision made again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import Connection

from daemon.bus.dispositions import Dead, Disposition, Park, TransientError
from daemon.bus.routes import Delivery
from daemon.exchange.port import ExchangeError
from daemon.store import delegates, links
from daemon.store.delegates import Kept
from daemon.store.store import Store
from daemon.sync import intending, origins, pausing, trouble
from daemon.sync.acting import Acting, Overtaken, Refused, Unsettled
from daemon.sync.gathering import Gatherer
from daemon.sync.intending import End, Intended
from daemon.sync.meetings import Meetings
from daemon.sync.origins import Origin
from daemon.sync.replays import Replays
from daemon.sync.settling import Rerun
from daemon.sync.turns import Turns
from handlers import crm_changes, outbound
from handlers.crm_changes import CrmChange
from handlers.delegations import Pair
from handlers.facts import Facts
from handlers.inbound import Surroundings
from handlers.links import Link
from handlers.plans import Plan
from handlers.policy import Policy
from schemas import ids, wire
from schemas.activities import ItemOnWire, ScheduleItemChanged, ScheduleItemGone
from schemas.items import ScheduleItem
from schemas.outcomes import Direction, Reason
from schemas.problems import Malformed

ScheduleItemEvent = ScheduleItemChanged | ScheduleItemGone

_GRANTED_SOON = timedelta(seconds=2)
_GRANTED_LATE = frozenset({Reason.PAUSED.value, Reason.DENIED.value, trouble.MISCONFIGURED, trouble.UNEXPECTED})

_TRIES = 3
"""How often a decision is made anew because a copy had changed meanwhile."""


class Outbound:
    """Processes the records of `crm.schedule-items`."""

    def __init__(
        self,
        *,
        store: Store,
        turns: Turns,
        acting: Acting,
        meetings: Meetings,
        gatherer: Gatherer,
        replays: Replays,
        policy: Callable[[], Policy],
        now: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._turns = turns
        self._acting = acting
        self._meetings = meetings
        self._gatherer = gatherer
        self._replays = replays
        self._policy = policy
        self._now = now

    async def process(self, delivery: Delivery) -> Disposition:
        """One change of one item."""
        try:
            origin = origins.read(delivery.records)
        except Malformed as error:
            return Dead("decode", str(error))
        event = origin.event
        if not isinstance(event, ScheduleItemEvent):
            return Dead("decode", "value: must not be null on this topic")
        known = await self._store.read(lambda tx: _find(tx, event))
        link_id = known.id if known else event.link or ids.link_of_crm(event.id)
        try:
            async with self._turns.turn(link_id):
                return await self._decide(event, origin, delivery=delivery, link_id=link_id)
        except ExchangeError as error:
            return trouble.disposition(error, now=self._now())
        except Unsettled as unsettled:
            return unsettled.park

    async def _decide(
        self, event: ScheduleItemEvent, origin: Origin, *, delivery: Delivery, link_id: str
    ) -> Disposition:
        link = await self._store.read(lambda tx: links.by_id(tx, link_id)) or Link(id=link_id, uid=None)
        recovered = await self._acting.recovered(link, by=Direction.OUTBOUND, event=event.version)
        link, made = recovered.link, recovered.made
        change = replace(
            _change(event, origin, link),
            replayed=self._replays.covers(origin.cause),
            split_of=await self._store.read(lambda tx: _split_of(tx, event)),
        )
        if (waiting := await self._awaits_grant(link, change)) is not None:
            return waiting
        for _ in range(_TRIES):
            facts = await self._gatherer.for_item(link, _items(change))
            plan = outbound.decide(link, _as_told(change, made), around=self._around(facts))
            if isinstance(delivery, Rerun) and crm_changes.is_overtaken(link, change) and not made:
                plan = outbound.overtaken(link, change)
            end = await self._carry_out(plan, origin, delivery=delivery, was=link, facts=facts, made=made)
            match end:
                case Overtaken():
                    recovered = await self._acting.recovered(end.link, by=Direction.OUTBOUND, event=event.version)
                    made = recovered.made
                    link = await self._meetings.reread(recovered.link, end.effects)
                case Refused():
                    made = (*made, *end.made)
                    plan = outbound.rejected(
                        end.link,
                        change,
                        generation=self._store.generation,
                        reason=end.reason,
                        done=intending.effects_of(made),
                    )
                    return await self._acting.settle(
                        plan, origin, delivery=delivery, was=end.link, actor=event.actor, made=made
                    )
                case _:
                    return end
        raise TransientError("changed_again_and_again")

    async def _awaits_grant(self, link: Link, change: CrmChange) -> Park | None:
        """How long it waits if it is made for somebody whose grant stands and is on its way to Exchange (INV-2)."""
        principal, delegate = change.on_behalf_of, change.actor
        if principal is None or delegate is None or delegate == principal:
            return None
        if change.replayed or crm_changes.is_stale(link, change):
            return None
        grant = await self._store.read(lambda tx: _pending(tx, Pair(principal, delegate)))
        return None if grant is None else _until_granted(grant, now=self._now())

    async def _carry_out(
        self,
        plan: Plan,
        origin: Origin,
        *,
        delivery: Delivery,
        was: Link,
        facts: Facts,
        made: tuple[Intended, ...],
    ) -> Disposition | Overtaken | Refused:
        """Hints that were read before what is written here count no more."""
        try:
            return await self._acting.carry_out(
                plan,
                origin,
                delivery=delivery,
                was=was,
                by=Direction.OUTBOUND,
                as_of=facts.as_of,
                actor=origin.event.actor if isinstance(origin.event, ScheduleItemEvent) else None,
                made=made,
            )
        finally:
            self._meetings.written(plan.link.id, plan.effects)

    def _around(self, facts: Facts) -> Surroundings:
        return Surroundings(facts, self._policy(), now=self._now(), generation=self._store.generation)


def _as_told(change: CrmChange, made: Iterable[Intended]) -> CrmChange:
    """Of whom nobody knows whether he was mailed gets what is new in his own copy, as if nobody were (INV-6)."""
    is_doubtful = any(each.end is End.UNKNOWN for each in made)
    return replace(change, notify="none") if is_doubtful else change


def _pending(tx: Connection, pair: Pair) -> Kept | None:
    return delegates.of(tx, pair) if delegates.is_pending(tx, pair.principal, pair.delegate) else None


def _until_granted(grant: Kept, *, now: datetime) -> Park:
    """What holds a grant up for long holds up what is made by it, and is said of that, too."""
    if grant.due is None or grant.due <= now or grant.reason not in _GRANTED_LATE:
        return Park(now + _GRANTED_SOON, "grant_pending")
    if grant.reason == Reason.PAUSED.value:
        return pausing.park(now)
    return Park(min(grant.due, now + trouble.DENIED_FOR), Reason.DENIED.value)


def _split_of(tx: Connection, event: ScheduleItemEvent) -> ScheduleItem | None:
    """The series that a new one was split from, as both sides hold it (REC-2)."""
    if not isinstance(event, ScheduleItemChanged) or event.after.split_from is None:
        return None
    link = links.by_crm_id(tx, event.after.split_from)
    return link.agreed if link else None


def _find(tx: Connection, event: ScheduleItemEvent) -> Link | None:
    by_link = links.by_id(tx, event.link) if event.link else None
    return by_link or links.by_crm_id(tx, event.id)


def _change(event: ScheduleItemEvent, origin: Origin, link: Link) -> CrmChange:
    known = _known(link)
    return CrmChange(
        id=event.id,
        version=event.version,
        kind=_kind(event, origin),
        ours=event.origin == "sync",
        revision=event.revision,
        before=_canonical(event.before, ScheduleItem()),
        after=_canonical(event.after, known),
        notify=event.notify,
        actor=event.actor.user if event.actor else None,
        on_behalf_of=event.actor.on_behalf_of if event.actor else None,
        at=origin.at,
    )


def _items(change: CrmChange) -> tuple[ScheduleItem, ...]:
    return tuple(item for item in (change.before, change.after) if item is not None)


def _known(link: Link) -> ScheduleItem:
    """What holds of fields that an event leaves out. Externals are left out where the CRM was not to know them."""
    known = link.crm or link.agreed or ScheduleItem()
    return replace(known, external=None, external_shown_to=())


def _kind(event: ScheduleItemEvent, origin: Origin) -> crm_changes.Kind:
    if isinstance(event, ScheduleItemChanged):
        return crm_changes.Kind.CHANGED
    out_of_scope = origin.cause.type.endswith(".out-of-scope.v1")
    return crm_changes.Kind.OUT_OF_SCOPE if out_of_scope else crm_changes.Kind.DELETED


def _canonical(item: ItemOnWire | None, known: ScheduleItem) -> ScheduleItem | None:
    return None if item is None else wire.read_item(item, known=known)
