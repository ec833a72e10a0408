"""Links: what the daemon remembers of a meeting (ID-1..4, ID-8).

A link ties one CRM item to all copies of one meeting. It holds three values of the item, all in the CRM's terms:
`exchange`, what the authoritative copy last translated to; `crm`, what the CRM last said; `agreed`, what both should
hold. What `agreed` and `crm` differ in is still to be told to the CRM; what `agreed` and `exchange` differ in is still
to be written to Exchange. In peace all three are equal but for what only one side can hold.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from schemas.items import Response, ScheduleItem


class State(StrEnum):
    """Where a link stands."""

    OUTSIDE = "outside"  # known, not in the CRM: refused, or never admitted. Decided at every hint (OPT-3)
    ACTIVE = "active"
    DELETED = "deleted"  # tombstone: told to the CRM, or by the CRM (DEL-5)
    ARCHIVED = "archived"  # the link ended by an archival delete; the CRM's item stays (DEL-2)
    OUT_OF_SCOPE = "out_of_scope"  # parked by the CRM until it opens it again (INV-7)


IN_CRM = frozenset({State.ACTIVE, State.ARCHIVED})
"""The states in which the CRM holds the item."""


BEHIND = ""
"""What a direct copy `holds` that has not followed a change yet: it is written whole (INV-6)."""
ANOTHERS = "another's"
"""What an invited copy `holds` that somebody has changed since we wrote to it, or that a message brought."""
OCCURRENCES_BEHIND = "occurrences"
"""The same where only single occurrences of a series were changed: these are written."""
OUTDATED = "outdated"
"""The `block` of a copy that shows another one than the CRM's related information makes, which we did not write."""


@dataclass(frozen=True, slots=True)
class Replica:
    """One mailbox's copy of a linked item, as last seen.

    `live` is false once its user deleted or declined it (DEL-3); `cancelled` is the copy's own flag. `reported`
    fingerprints the refusal last reported for it, so that the same state is not reported twice.

    `direct`: it is a direct copy, which we made and which claims nothing (INV-6). `reminder` is what its reminder last
    was, `block` the fingerprint of the related block it was last known to hold, `sensitivity` Exchange's word for it.
    `holds` fingerprints the content we last wrote to it. `ours` is the change key that our last write left, until a
    read has shown what the server made of it (CON-3, CON-4).
    """

    mailbox: str
    user: str
    item_id: str
    change_key: str = ""
    response: Response = Response.UNKNOWN
    live: bool = True
    cancelled: bool = False
    reported: str | None = None
    direct: bool = False
    reminder: int | None = None
    block: str = ""
    sensitivity: str = "Normal"
    holds: str | None = None
    ours: str | None = None


@dataclass(frozen=True, slots=True)
class Link:
    """The memory of one meeting. `version` is the row's own, for optimistic checks; 0: not stored yet.

    `revision` is that of the last command, `crm_revision` the one the CRM last applied, `crm_version` the CRM's
    version of `crm`. `content` fingerprints the authoritative copy and all facets as last decided: a hint that finds
    the same fingerprint decides nothing. `reported` fingerprints the last skip or refusal that was reported.
    `changed_at` is when Exchange noted the last change of the authoritative copy that was not ours. `awaited` are users
    whom Exchange was asked to invite: what is theirs alone is written once their copies are there (INV-6).
    """

    id: str
    uid: str | None
    state: State = State.OUTSIDE
    version: int = 0
    crm_id: str | None = None
    crm_version: int = 0
    crm_revision: int = 0
    revision: int = 0
    master: str | None = None
    private_from_crm: bool = False
    deleted_by_crm: bool = False
    content: str | None = None
    reported: str | None = None
    agreed: ScheduleItem | None = None
    exchange: ScheduleItem | None = None
    crm: ScheduleItem | None = None
    changed_at: datetime | None = None
    awaited: tuple[str, ...] = ()
    replicas: tuple[Replica, ...] = ()

    def replica(self, mailbox: str) -> Replica | None:
        """The replica that lies in a mailbox, if one is known."""
        return next((r for r in self.replicas if r.mailbox == mailbox), None)

    def replica_of(self, user: str) -> Replica | None:
        """The replica of a user, in whichever mailbox was his when it was last seen."""
        return next((r for r in self.replicas if r.user == user), None)
