"""What was seen in a mailbox, remembered as a replica (ID-1, PART-7, DEL-3, INV-6)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from handlers import translation
from handlers.authority import is_live
from handlers.facts import User
from handlers.links import ANOTHERS, Link, Replica
from schemas.copies import Copy


@dataclass(frozen=True, slots=True)
class Sighting:
    """What lies in the mailbox a hint came through; `copy` None: nothing with that id or UID."""

    mailbox: str
    user: User
    copy: Copy | None


def sighted(link: Link, sighting: Sighting) -> Link:
    """The link that remembers what was seen: this mailbox's replica and its user's own answer (PART-7, DEL-3).

    A user has one mailbox: what lay in the one that was his before is this replica, moved (ID-1). An invited copy that
    comes to lie beside a direct one is a replica of its own until the decision about it removes the other (INV-6); one
    that was cancelled is what is left of an earlier invitation.
    """
    known, copy = link.replica(sighting.mailbox) or link.replica_of(sighting.user.id), sighting.copy
    if copy is None and known is None:
        return link
    if known is not None and known.direct and copy is not None and link.uid is not None and copy.uid == link.uid:
        return _beside(link, sighting) if is_live(copy) and not copy.is_cancelled else link
    if known is None or _is_asked_for(link, known, copy):
        known = unseen(link, sighting)
    return with_replica(link, seen(known, sighting))


def _is_asked_for(link: Link, known: Replica, copy: Copy | None) -> bool:
    """Whether Exchange made a copy anew because we asked it to: nothing in it is its user's yet, and it owes nothing to
    the one that he threw away (INV-6).
    """
    return known.user in link.awaited and not known.live and is_live(copy)


def unseen(link: Link, sighting: Sighting) -> Replica:
    """A copy nobody has seen before. The reminder of a user whose alarms the CRM states is no change (ALM-8)."""
    is_stated = link.agreed is not None and sighting.user.id in dict(link.agreed.alarms)
    reminder = sighting.copy.reminder if sighting.copy and is_stated else None
    return Replica(sighting.mailbox, sighting.user.id, "", reminder=reminder)


def seen(base: Replica, sighting: Sighting) -> Replica:
    """A replica as it is now; `base` is what was known of it."""
    copy = sighting.copy
    answer = translation.own_answer(copy if is_live(copy) else None, known=copy.my_response if copy else base.response)
    if base.direct and is_live(copy):
        answer = base.response  # a direct copy is no invitation: nothing in it is an answer
    return replace(
        base,
        mailbox=sighting.mailbox,
        user=sighting.user.id,
        item_id=copy.item_id if copy else base.item_id,
        change_key=copy.change_key if copy else "",
        response=answer,
        live=is_live(copy),
        cancelled=copy.is_cancelled if copy else base.cancelled,
        sensitivity=copy.sensitivity if copy else base.sensitivity,
        holds=_held(base, copy),
    )


def _held(base: Replica, copy: Copy | None) -> str | None:
    """What it is known to hold of what we wrote. An invited copy may have been brought something else since; a direct
    one has what is ours, and what its user made of it.
    """
    if copy is None or base.direct or base.holds is None or base.change_key in ("", copy.change_key):
        return base.holds
    return ANOTHERS


def with_replica(link: Link, replica: Replica) -> Link:
    """The link with this replica in place of its user's other, and of its mailbox's."""
    others = (each for each in link.replicas if each.mailbox != replica.mailbox and each.user != replica.user)
    return replace(link, replicas=in_order((*others, replica)))


def _beside(link: Link, sighting: Sighting) -> Link:
    invited = seen(unseen(link, sighting), sighting)
    others = (each for each in link.replicas if each.direct or each.mailbox != invited.mailbox)
    return replace(link, replicas=in_order((*others, invited)))


def in_order(replicas: Iterable[Replica]) -> tuple[Replica, ...]:
    """The one order of replicas; in a mailbox, a direct copy comes after the invited one."""
    return tuple(sorted(replicas, key=lambda replica: (replica.mailbox, replica.direct)))
