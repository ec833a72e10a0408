"""Whose copy counts (ID-3, ID-4, ID-6, OPT-4, PRIV-2).

The organizer's, if he is a synchronized CRM user, whatever mailbox a hint came through; else the master's: for a new
meeting the participant who accepted first, for a known one that lost its master whoever a change arrives through.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from handlers.facts import Facts, User
from handlers.links import Link, State
from handlers.participants import recognised
from handlers.policy import Policy
from schemas.copies import Copy, Folder
from schemas.items import Response

_NEVER = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Authority:
    """The user whose copy and options count; `creator` is whose visibility counts (the organizer, if a CRM user)."""

    user: User
    creator: User
    is_master: bool = False


def authored(copy: Copy) -> Copy:
    """A copy whose organizer can be believed: a plain appointment is its mailbox's own, whoever it was copied from."""
    return copy if copy.is_meeting else replace(copy, organizer=None, attendees=())


def organizing_user(copy: Copy, *, holder: User, facts: Facts, policy: Policy) -> User | None:
    """The CRM user who organizes: of a plain appointment its holder, of a meeting whoever Exchange names."""
    if copy.organizer is None:
        return None if copy.is_meeting else holder
    return recognised(copy.organizer, facts=facts, policy=policy)


def organizer_of(link: Link, copy: Copy | None, *, holder: User, facts: Facts, policy: Policy) -> User | None:
    """The CRM user who organizes a meeting, by what is known of it and by the copy in a holder's mailbox.

    Nobody takes a known meeting over by a copy of his own (S21d): a CRM user who organizes it does so while his copy is
    there, a stranger until the master's copy, or one that belongs to his address, says otherwise (S13c).
    """
    owner = facts.by_id.get(link.exchange.owner) if link.exchange and link.exchange.owner else None
    owner = owner if owner is not None and owner.active else None
    if copy is None or (_names_nobody(copy) and holder != owner):
        return owner
    if owner is not None and (not copy.is_meeting or _still_organizes(link, owner, holder)):
        return owner
    if link.exchange is not None and not copy.is_meeting:
        return None
    named = organizing_user(copy, holder=holder, facts=facts, policy=policy)
    return None if named is None or _is_usurped(link, named, holder=holder, policy=policy) else named


def _names_nobody(copy: Copy) -> bool:
    return copy.is_meeting and copy.organizer is None


def _still_organizes(link: Link, owner: User, holder: User) -> bool:
    own = link.replica_of(owner.id)
    return holder.id != owner.id and owner.synchronized and own is not None and own.live


def _is_usurped(link: Link, named: User, *, holder: User, policy: Policy) -> bool:
    """Whether a copy that does not count names another organizer than the stranger who is known to be it."""
    known = link.exchange.organizer if link.exchange else None
    if link.state is not State.ACTIVE or known is None or known.user is not None or not known.email:
        return False
    return holder.id != link.master and policy.canonical(known.email) not in {*named.addresses, named.mailbox}


def is_live(copy: Copy | None) -> bool:
    """Whether there is a copy outside Deleted Items."""
    return copy is not None and copy.folder is not Folder.DELETED_ITEMS


def standing_master(link: Link, facts: Facts) -> User | None:
    """The link's master, while he is synchronized and has his copy (ID-4), or threw it away when it was cancelled."""
    master = facts.by_id.get(link.master) if link.master else None
    if master is None or not master.synchronized or master.mailbox is None:
        return None
    replica = link.replica_of(master.id)
    return master if replica is not None and (replica.live or replica.cancelled) else None


def successor(link: Link, *, holder: User, copy: Copy | None, facts: Facts) -> User | None:
    """Who becomes master of a known meeting that has none: whoever the change came through, else who has a copy."""
    if is_live(copy):
        return holder
    users = (facts.by_id.get(replica.user) for replica in link.replicas if replica.live)
    return min((user for user in users if user and user.synchronized), key=lambda user: user.id, default=None)


def first_to_accept(copies: Iterable[tuple[User, Copy]]) -> User | None:
    """Of those who accepted, who did so first; at the same moment, the lowest id. None: nobody did."""
    accepted = [
        (copy.replied_at or _NEVER, user.id, user)
        for user, copy in copies
        if is_live(copy) and copy.my_response is Response.ACCEPTED
    ]
    return min(accepted, key=lambda each: each[:2])[2] if accepted else None
