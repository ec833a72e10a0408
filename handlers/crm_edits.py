"""A CRM user's edit of a meeting, and the copy that it is told by (ID-6, INV-3, OPT-4)."""

from __future__ import annotations

from dataclasses import dataclass

from handlers import outgoing
from handlers.crm_changes import CrmChange, Folded
from handlers.links import Link, Replica
from handlers.mandates import OWN, Mandate
from handlers.notices import QUIET, Notice
from handlers.surroundings import Surroundings
from schemas.items import ScheduleItem


@dataclass(frozen=True, slots=True)
class Edit:
    """A CRM user's edit of an item, as far as it was accepted.

    `was` is what the CRM said before, `after` what it says now, `folded` what is agreed on then. `mandate` is in whose
    name it is made, `notice` who is told of it.
    """

    link: Link
    change: CrmChange
    was: ScheduleItem
    after: ScheduleItem
    folded: Folded
    around: Surroundings
    is_new: bool = False
    mandate: Mandate = OWN
    notice: Notice = QUIET


def counting(link: Link, around: Surroundings) -> Replica | None:
    """The replica whose content counts: the organizer's, or the master's where his own is not to be had."""
    if link.exchange is None:
        return None
    users = around.facts.by_id
    owner = users.get(link.exchange.owner or "")
    whose = owner if outgoing.reachable(owner) else users.get(link.master or "")
    replica = link.replica_of(whose.id) if whose else None
    return replica if replica is not None and replica.live and not replica.direct else None


def is_organizers(link: Link, replica: Replica | None) -> bool:
    """Whether this is the organizer's own copy, from which alone people are mailed (INV-3)."""
    return replica is not None and link.exchange is not None and replica.user == link.exchange.owner
