"""Who takes part once a CRM user's edit is made: who comes and goes, who is invited, and can be (PART-6, INV-6, INV-7).

What the CRM says of users is compared with what it said, never with Exchange's list alone: in that, somebody may be who
has no address any more, or whom an earlier try of the same event has put there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from handlers import notifying, outgoing
from handlers.crm_edits import Edit
from handlers.links import ANOTHERS, BEHIND, Link, Replica
from handlers.notifying import People
from handlers.plans import Explanation
from handlers.surroundings import Surroundings
from schemas.copies import Attendee
from schemas.items import ScheduleItem
from schemas.outcomes import Decision


def moved(edit: Edit) -> tuple[frozenset[str], frozenset[str]]:
    """The users whom the CRM added and removed.

    Also those whom an earlier try of this event has invited or taken out already, so that what was agreed on shows them
    no more as news: the rest that comes with it is still to be done. The organizer takes part whatever the CRM says
    (INV-7), and a stranger's meeting is his (ID-6).
    """
    facts, link = edit.around.facts, edit.link
    if edit.folded.agreed.read_only:
        return frozenset(), frozenset()
    known = outgoing.participants_of(link.agreed or ScheduleItem(), facts)
    wanted = outgoing.participants_of(edit.folded.agreed, facts)
    was, after = outgoing.participants_of(edit.was, facts), outgoing.participants_of(edit.after, facts)
    owner = {link.exchange.owner} if link.exchange else set[str | None]()
    added = (wanted - known) | ((after - was) & wanted)
    removed = (known - wanted) | (was - after - wanted)
    return added - owner, removed - owner


def people(edit: Edit) -> People:
    """Who takes part in Exchange once the edit is written there. Who has a direct copy was never told of it."""
    link, facts = edit.link, edit.around.facts
    if edit.is_new:
        others = reached(outgoing.participants_of(edit.folded.agreed, facts) - {edit.folded.agreed.owner}, edit.around)
        return People(users=others)
    added, removed = moved(edit)
    attending, joining = invited(link), reached(added, edit.around)
    return People(
        users=reached((attending | joining) - removed, edit.around),
        added=joining - attending,
        before=joining & attending,
        removed=(removed & attending) - with_direct_copies(link),
        guests=notifying.guests_of(link, facts),
    )


def invited(link: Link) -> frozenset[str]:
    """The users whom Exchange names as attendees."""
    return frozenset(link.exchange.assign_to) - {link.exchange.owner} if link.exchange else frozenset()


def with_direct_copies(link: Link) -> frozenset[str]:
    """The users who have a copy that we made, and were never told of it (INV-6)."""
    return frozenset(each.user for each in link.replicas if each.direct)


def reached(users: Iterable[str], around: Surroundings) -> frozenset[str]:
    """Those who can be invited."""
    facts, policy = around.facts, around.policy
    return frozenset(user for user in users if outgoing.address_of(facts.by_id.get(user), policy) is not None)


def attendees(users: Iterable[str], around: Surroundings) -> tuple[Attendee, ...]:
    """They as Exchange is asked to invite them, as far as they can be."""
    known = (around.facts.by_id.get(user) for user in sorted(users))
    asked = (outgoing.attendee_of(user, around.policy) for user in known if user)
    return tuple(attendee for attendee in asked if attendee is not None)


def addresses(user_id: str, edit: Edit) -> frozenset[str]:
    """Where somebody may have been invited: whom the CRM has forgotten, by the mailbox of his copy."""
    user, replica = edit.around.facts.by_id.get(user_id), edit.link.replica_of(user_id)
    if user is not None:
        return outgoing.addresses_of(user, edit.around.policy)
    return frozenset() if replica is None else frozenset({replica.mailbox})


def foreseeing(link: Link, edit: Edit) -> Link:
    """The link that knows whose copies Exchange is about to make, change or mark as cancelled."""
    told, gone = edit.notice.told, moved(edit)[1]
    replicas = tuple(_foreseen(each, edit, is_gone=each.user in gone) for each in link.replicas)
    there = {each.user for each in link.replicas if each.live and not each.cancelled} | with_direct_copies(link)
    users = edit.around.facts.by_id
    new = {user for user in told - there if outgoing.reachable(users.get(user))}
    return replace(link, replicas=replicas, awaited=tuple(sorted({*link.awaited, *new} - gone)))


def _foreseen(replica: Replica, edit: Edit, *, is_gone: bool) -> Replica:
    """What somebody's copy is known to hold no more once he was told. A direct copy that stays is behind from then."""
    if replica.user not in edit.notice.told:
        return replica
    if replica.direct:
        return replace(replica, holds=BEHIND)
    return replace(replica, holds=ANOTHERS, cancelled=is_gone)


def left_out(edit: Edit) -> Iterator[Explanation]:
    """Who takes part in the CRM alone, because there is nowhere to invite him to (S09d)."""
    added, _ = moved(edit)
    for user in sorted(added - reached(added, edit.around)):
        yield Explanation("PART-6", user, Decision.KEPT, "no address to invite him by: in the CRM alone")
