"""Whom a CRM user's change is about: what is asked before it is decided."""

from __future__ import annotations

from sqlalchemy import Connection

from daemon.bus.routes import Delivery
from daemon.store import links, task_links
from daemon.sync import origins
from daemon.sync.origins import Origin
from handlers import pausing
from schemas.activities import ScheduleItemChanged, ScheduleItemGone, TaskChanged, TaskGone
from schemas.problems import Malformed

ItemEvent = ScheduleItemChanged | ScheduleItemGone | TaskChanged | TaskGone


def change_of(delivery: Delivery) -> tuple[ItemEvent, Origin] | None:
    """The change that a CRM user made; None for what the CRM only confirms, and for what cannot be read."""
    try:
        origin = origins.read(delivery.records)
    except Malformed:
        return None
    event = origin.event
    return (event, origin) if isinstance(event, ItemEvent) and event.origin == "user" else None


def remembered(tx: Connection, event: ItemEvent) -> frozenset[str]:
    """Who has the item as far as we know: somebody whom the event takes out of it is concerned, too."""
    store = task_links if isinstance(event, TaskChanged | TaskGone) else links
    link = (store.by_id(tx, event.link) if event.link else None) or store.by_crm_id(tx, event.id)
    if link is None:
        return frozenset()
    return pausing.concerned(link.agreed, link.crm) | {replica.user for replica in link.replicas if replica.live}
