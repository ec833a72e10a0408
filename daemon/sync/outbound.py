"""From a CRM event to a settled link (CON-6, ID-8).

Events of one item come in order; the decision queues in the link's lane, as those of hints do. Writing to Exchange is
not built yet: such a change is remembered and answered as `held`.
"""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import Connection

from daemon.bus.dispositions import Dead, Disposition
from daemon.bus.routes import Delivery
from daemon.store import links
from daemon.store.store import Store
from daemon.sync import control, origins
from daemon.sync.origins import Origin
from daemon.sync.settling import Settler
from daemon.sync.turns import Turns
from handlers import crm_changes, outbound
from handlers.crm_changes import CrmChange
from handlers.facts import Facts
from handlers.inbound import Surroundings
from handlers.links import Link
from handlers.policy import Policy
from schemas import ids, wire
from schemas.activities import ItemOnWire, ScheduleItemChanged, ScheduleItemGone
from schemas.items import ScheduleItem
from schemas.problems import Malformed

ScheduleItemEvent = ScheduleItemChanged | ScheduleItemGone


class Outbound:
    """Processes the records of `crm.schedule-items`."""

    def __init__(self, *, store: Store, settler: Settler, turns: Turns) -> None:
        self._store = store
        self._settler = settler
        self._turns = turns

    async def process(self, delivery: Delivery) -> Disposition:
        """One change of one item."""
        try:
            origin = origins.read(delivery.records)
        except Malformed as error:
            return Dead("decode", str(error))
        event = origin.event
        if not isinstance(event, ScheduleItemEvent):
            return Dead("decode", "value: must not be null on this topic")
        if isinstance(event, ScheduleItemChanged) and event.after.recurrence is not None:
            return await control.not_yet(self._settler, origin, delivery, key=f"{origin.cause.topic}:{event.id}")
        known = await self._store.read(lambda tx: _find(tx, event))
        link_id = known.id if known else event.link or ids.link_of_crm(event.id)
        async with self._turns.turn(link_id):
            return await self._decide(event, origin, delivery=delivery, link_id=link_id)

    async def _decide(
        self, event: ScheduleItemEvent, origin: Origin, *, delivery: Delivery, link_id: str
    ) -> Disposition:
        link = await self._store.read(lambda tx: links.by_id(tx, link_id)) or Link(id=link_id, uid=None)
        around = Surroundings(Facts(), Policy(), now=self._settler.now(), generation=self._store.generation)
        plan = outbound.decide(link, _change(event, origin, link), around=around)
        return await self._settler.plan(plan, origin, delivery=delivery, was=link, actor=event.actor)


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
    )


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
