"""Whose copies a CRM user's edit is written to, and what each of them gets (INV-3, INV-6, INV-7, MAP-1, REC-3).

Of a new item: the owner's copy and, for who is not told of it, direct ones. Of a known one: each that is there, the one
that counts with whom it invites and takes out; what is told by a message is not written as well.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from handlers import attendance, crm_edits, notifying, occurrences, outgoing
from handlers.crm_edits import Edit
from handlers.effects import CONTENT
from handlers.facts import User
from handlers.links import BEHIND, OCCURRENCES_BEHIND, Replica
from handlers.merging import TIMES
from handlers.notices import QUIET
from handlers.outgoing import Occurrence, Target
from schemas.items import ScheduleItem


def targets_of(edit: Edit) -> tuple[Target, ...]:
    """Every copy that is there, or shall be, and what the edit writes to it."""
    return tuple(_with_occurrences(edit, target) for target in _copies(edit))


def _copies(edit: Edit) -> Iterator[Target]:
    if edit.is_new:
        yield from _first_copies(edit)
        return
    counting = crm_edits.counting(edit.link, edit.around)
    wanted = outgoing.participants_of(edit.folded.agreed, edit.around.facts)
    added, removed = attendance.moved(edit)
    for replica in edit.link.replicas:
        user = edit.around.facts.by_id.get(replica.user)
        if user is None or not replica.live or not user.synchronized or user.mailbox != replica.mailbox:
            continue
        if replica == counting:
            yield _counting_copy(edit, user, replica)
        elif user.id in removed and _is_called_off(edit, replica):
            continue
        elif user.id in removed or (replica.direct and user.id not in wanted):  # by the organizer, meanwhile
            yield Target(user=user, mailbox=replica.mailbox, replica=replica, direct=replica.direct, delete=True)
        elif user.id in wanted and not replica.cancelled:
            yield _other_copy(edit, user, replica)
    yield from _direct_copies(edit, sorted(added))


def _is_called_off(edit: Edit, replica: Replica) -> bool:
    """Whether Exchange marks somebody's copy as cancelled, or has, because of an earlier try of the same edit."""
    return replica.user in edit.notice.told or (replica.cancelled and edit.change.notify == "all")


def _first_copies(edit: Edit) -> Iterator[Target]:
    """Of a new item: the owner's, whom the others are invited by, and theirs; without it theirs alone (INV-7)."""
    item, facts = edit.folded.agreed, edit.around.facts
    owner = facts.by_id.get(item.owner or "")
    others = outgoing.participants_of(item, facts) - {item.owner}
    if owner is not None and owner.synchronized and owner.mailbox is not None:
        replica = edit.link.replica(owner.mailbox)
        yield Target(
            user=owner,
            mailbox=owner.mailbox,
            replica=replica,
            authoritative=True,
            invite=attendance.attendees(others, edit.around) if replica is None else (),
            notice=edit.notice,
            **outgoing.content_for(replica, item, edit.folded.taken),
        )
    yield from _direct_copies(edit, sorted(others))


def _counting_copy(edit: Edit, user: User, replica: Replica) -> Target:
    link, item = edit.link, edit.folded.agreed
    exchange = link.exchange or ScheduleItem()
    changed = [name for name in edit.folded.taken if getattr(item, name) != getattr(exchange, name)]
    added, removed = attendance.moved(edit) if user.id == exchange.owner else (frozenset(), frozenset())
    joining = attendance.reached(added - set(exchange.assign_to), edit.around)
    leaving = removed & set(exchange.assign_to)
    return Target(
        user=user,
        mailbox=replica.mailbox,
        replica=replica,
        authoritative=True,
        invite=attendance.attendees(joining, edit.around),
        uninvite=frozenset().union(*(attendance.addresses(each, edit) for each in leaving)),
        joining=tuple(sorted(joining)),
        leaving=tuple(sorted(leaving)),
        notice=edit.notice if user.id == exchange.owner else QUIET,
        **outgoing.content_for(replica, item, changed),
    )


def _other_copy(edit: Edit, user: User, replica: Replica) -> Target:
    """Who gets the message gets no content: Exchange brings it, beside his direct copy if he has one (INV-6)."""
    target = Target(user=user, mailbox=replica.mailbox, replica=replica, direct=replica.direct)
    if user.id in edit.notice.told:
        return target
    is_behind = replica.direct and replica.holds == BEHIND
    return replace(
        target,
        **outgoing.content_for(replica, edit.folded.agreed, _missed(edit) if is_behind else edit.folded.taken),
    )


def _missed(edit: Edit) -> tuple[str, ...]:
    """What a copy that is behind gets: what Exchange changed and the CRM has not heard of, beside the event's own
    changes, so that what its user made of the rest is left alone (MAP-1). All, if nobody knows what it missed: a
    command that the CRM has not answered may have told what Exchange took back since.
    """
    if edit.link.crm_revision < edit.link.revision:
        return CONTENT
    known = edit.link.agreed or ScheduleItem()
    untold = tuple(name for name in CONTENT if getattr(known, name) != getattr(edit.was, name))
    return (*untold, *edit.folded.taken) if untold else CONTENT


def _direct_copies(edit: Edit, users: Iterable[str]) -> Iterator[Target]:
    """A copy for everybody the CRM added who has none and is not told of it (INV-6)."""
    item = edit.folded.agreed
    for user in (edit.around.facts.by_id.get(user_id) for user_id in users if user_id not in edit.notice.told):
        if user is None or not user.synchronized or user.mailbox is None:
            continue
        replica = edit.link.replica(user.mailbox)
        if replica is not None and replica.live and not replica.cancelled:
            if edit.is_new:
                yield _other_copy(edit, user, replica)
            continue
        yield Target(user=user, mailbox=user.mailbox, direct=True, **outgoing.content_for(None, item, ()))


def _with_occurrences(edit: Edit, target: Target) -> Target:
    """With what is to be written of single occurrences; all of it where the copy is new, or its pattern is (REC-3)."""
    if target.delete:
        return target
    is_behind = target.replica is not None and target.replica.holds in (BEHIND, OCCURRENCES_BEHIND)
    anew = is_behind or bool({"recurrence", *TIMES} & set(target.fields))
    item, before = edit.folded.agreed, edit.link.agreed or ScheduleItem()
    wanted = occurrences.wanted(before, item, user=target.user.id, anew=anew)
    return replace(target, occurrences=tuple(_of_notice(each, target, edit) for each in wanted))


def _of_notice(occurrence: Occurrence, target: Target, edit: Edit) -> Occurrence:
    """Who is told of an occurrence gets only what is his alone of it; of one that is over nobody is told."""
    is_past = notifying.is_past(occurrence.item, now=edit.around.now)
    if not target.authoritative and target.user.id in edit.notice.told and (target.direct or not is_past):
        return occurrence.facets
    return replace(occurrence, is_silent=is_past, is_hidden=_is_being_hidden(edit))


def _is_being_hidden(edit: Edit) -> bool:
    """Whether it is this edit that makes the item private."""
    return edit.folded.agreed.restricted and (edit.is_new or "restricted" in edit.folded.taken)
