"""Where an item stands now: what the daemon remembers of it, where its copies lie, and what waits."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from daemon.store import links, parked, pauses, task_links
from daemon.store.parked import Parked
from handlers.links import Link, Replica
from handlers.pausing import Pauses
from handlers.task_links import TaskLink, TaskReplica
from schemas import catalogue

_COUNTS, _DIRECT, _GONE, _TO_COME = "the copy that counts", "a direct copy", "gone", "to be made"


@dataclass(frozen=True, slots=True)
class Place:
    """One copy of an item. `what` says what is special about it, if anything."""

    mailbox: str
    user: str
    what: str = ""


@dataclass(frozen=True, slots=True)
class Standing:
    """An item as the daemon remembers it: ids, versions and places, no content."""

    link: str
    crm_id: str | None
    uid: str | None
    state: str
    crm_version: int
    told: int
    taken: int
    places: tuple[Place, ...]
    waiting: tuple[Parked, ...]
    paused: tuple[str, ...]

    def as_data(self) -> dict[str, Any]:
        """For scripts."""
        return {
            "link": self.link,
            "crm_id": self.crm_id,
            "uid": self.uid,
            "state": self.state,
            "crm_version": self.crm_version,
            "last_command": self.told,
            "last_taken": self.taken,
            "copies": [{"mailbox": each.mailbox, "user": each.user, "what": each.what} for each in self.places],
            "waiting": [
                {"topic": each.kind, "reason": each.reason, "again": each.due.isoformat(), "tries": each.tries}
                for each in self.waiting
            ],
            "paused": list(self.paused),
        }


def of(tx: Connection, link_id: str) -> Standing | None:
    """Where the item of a link stands; None: there is no such link."""
    link = links.by_id(tx, link_id) or task_links.by_id(tx, link_id)
    if link is None:
        return None
    return Standing(
        link=link.id,
        crm_id=link.crm_id,
        uid=link.uid if isinstance(link, Link) else None,
        state=link.state.value,
        crm_version=link.crm_version,
        told=link.revision,
        taken=link.crm_revision,
        places=tuple(_places(link)),
        waiting=_waiting(tx, link),
        paused=_paused(pauses.standing(tx), link),
    )


def _places(link: Link | TaskLink) -> Iterable[Place]:
    if isinstance(link, TaskLink):
        return (Place(each.mailbox, each.user, _of_task(each)) for each in link.replicas)
    return (Place(each.mailbox, each.user, _of_meeting(each, link)) for each in link.replicas)


def _of_meeting(replica: Replica, link: Link) -> str:
    if not replica.live:
        return _GONE
    if replica.direct:
        return _DIRECT
    owner = link.exchange.owner if link.exchange else None
    return _COUNTS if replica.user == (link.master or owner) else ""


def _of_task(replica: TaskReplica) -> str:
    if not replica.live:
        return _GONE
    return _TO_COME if replica.item_id is None else ""


def _waiting(tx: Connection, link: Link | TaskLink) -> tuple[Parked, ...]:
    """The CRM's events of the item that wait, and the hints of its copies."""
    ids = [repr(each.item_id) for each in link.replicas if each.item_id]
    whom = {each.mailbox for each in link.replicas} | ({link.crm_id} if link.crm_id else set())
    found = parked.waiting(tx, whom)
    return tuple(each for each in found if _is_of(each, link, ids))


def _is_of(work: Parked, link: Link | TaskLink, ids: list[str]) -> bool:
    if work.kind == catalogue.NOTIFICATIONS:
        return any(each in work.key for each in ids)
    return work.waits_for == link.crm_id


def _paused(standing: Pauses, link: Link | TaskLink) -> tuple[str, ...]:
    users = sorted({each.user for each in link.replicas} & standing.users)
    return (*(("everybody",) if standing.system else ()), *users)
