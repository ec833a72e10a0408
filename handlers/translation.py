"""From the authoritative copy to the CRM's terms (PART-1, PRIV-3, MAP-2, MAP-4).

The fields that Exchange has no word for (status, related information), or that are each user's own (alarms), keep the
canonical defaults here; the merge never takes those from a translation.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from handlers import recurrences
from handlers.bodies import notes_of
from handlers.drafts import Admission, Draft
from handlers.facts import Facts, User
from handlers.links import Link, Replica
from handlers.participants import Participant, firmest
from handlers.privacy import is_private, redact
from schemas.copies import Copy, Role
from schemas.items import External, ExternalReason, ForEntry, Organizer, Response, ScheduleItem, Source

EXCHANGE_FIELDS = (
    "subject",
    "notes",
    "location",
    "start",
    "end",
    "zone",
    "all_day",
    "priority",
    "restricted",
    "owner",
    "assign_to",
    "for_",
    "external",
    "external_shown_to",
    "read_only",
    "redacted",
    "organizer",
    "responses",
)
"""What a translation states. Everything else in the CRM's item is the CRM's alone."""

_PRIORITIES = {"High": "A", "Low": "C"}
_ANSWERS = frozenset({Response.ACCEPTED, Response.TENTATIVE, Response.DECLINED})


def assigned(participants: Iterable[Participant], *, link: Link, facts: Facts) -> tuple[User, ...]:
    """Assign To: the users who take part, and those in whose mailbox a copy lies although only a list was invited.

    Who deleted or declined his copy stays while he, or a list that may stand for him, is invited (DEL-3); one whose
    copy was cancelled is there only if invited.
    """
    people = tuple(participants)
    users = {person.user.id: person.user for person in people if person.user}
    by_list = any(person.reason is ExternalReason.LIST for person in people)
    strangers = {person.key for person in people if person.user is None}
    for replica in link.replicas:
        if replica.direct:
            continue  # we put it there, which says nothing of who takes part (INV-6)
        holder = facts.by_id.get(replica.user)
        if holder is None or not holder.active or not strangers.isdisjoint(holder.addresses):
            continue  # the blacklist may keep users, too, from being matched (BLK-3)
        seen = replica.live and holder.synchronized  # a mailbox that is followed no more says nothing
        if not replica.cancelled and (seen or by_list):
            users[holder.id] = holder
    return tuple(users[user_id] for user_id in sorted(users))


def translate(draft: Draft) -> ScheduleItem:
    """The item as Exchange has it, in the CRM's terms, redacted if need be."""
    copy = draft.copy
    organizer = next((person for person in draft.participants if person.role is Role.ORGANIZER), None)
    owner = organizer.user if organizer else draft.authority
    item = replace(
        content(copy),
        zone=copy.zone or (draft.link.exchange.zone if draft.link.exchange else None),
        owner=owner.id if owner else None,
        assign_to=tuple(user.id for user in draft.assign_to),
        for_=matched(draft.participants),
        external=external(draft.participants),
        external_shown_to=draft.viewers,
        read_only=owner is None,
        organizer=_organizer(organizer, draft.authority),
        responses=_responses(draft, owner),
        exceptions=draft.exceptions,
    )
    item = _spelled(item, draft.link.agreed)
    if draft.admission is not Admission.REDACTED:
        return item
    shown_to = draft.link.agreed.external_shown_to if draft.link.agreed else ()
    return redact(replace(item, external_shown_to=shown_to))


def _spelled(item: ScheduleItem, agreed: ScheduleItem | None) -> ScheduleItem:
    """With its pattern as the CRM puts it, if Exchange's way to put it means the same dates (REC-1)."""
    if agreed is None or agreed.recurrence is None or item.recurrence is None or item.start is None:
        return item
    ours, theirs = (recurrences.stated(each, item.start, item.zone) for each in (agreed.recurrence, item.recurrence))
    return replace(item, recurrence=agreed.recurrence) if ours == theirs else item


def content(copy: Copy) -> ScheduleItem:
    """What all copies of an item share, in the CRM's terms."""
    return ScheduleItem(
        subject=copy.subject,
        notes=notes_of(copy.body, html=copy.html),
        location=copy.location,
        start=copy.start,
        end=copy.end,
        zone=copy.zone,
        all_day=copy.all_day,
        priority=_PRIORITIES.get(copy.importance, "B"),
        restricted=is_private(copy.sensitivity),
        recurrence=copy.recurrence,
    )


def own_answer(copy: Copy | None, *, known: Response) -> Response:
    """A mailbox owner's answer, read from his own copy; one who lost his copy without declining removed it (DEL-3)."""
    if copy is not None and copy.my_response in _ANSWERS:
        return copy.my_response
    if copy is not None:
        return Response.NONE
    return Response.DECLINED if known is Response.DECLINED else Response.REMOVED


def matched(participants: Iterable[Participant]) -> tuple[ForEntry, ...]:
    answers: dict[str, list[Response]] = {}
    for person in participants:
        for contact in person.admitted:
            answers.setdefault(contact.id, []).append(person.response)
    return tuple(ForEntry(contact, Source.EXCHANGE, firmest(answers[contact])) for contact in sorted(answers))


def external(participants: Iterable[Participant]) -> tuple[External, ...]:
    return tuple(
        External(key=person.key, name=person.name, email=person.email, reason=person.reason, response=person.response)
        for person in participants
        if person.external
    )


def _organizer(organizer: Participant | None, authority: User) -> Organizer:
    if organizer is None:
        return Organizer(user=authority.id, name=authority.name, email=authority.mailbox)
    return Organizer(user=organizer.user.id if organizer.user else None, name=organizer.name, email=organizer.email)


def _responses(draft: Draft, owner: User | None) -> tuple[tuple[str, Response], ...]:
    invited = {person.user.id: person for person in draft.participants if person.user}
    return tuple(
        (user.id, Response.ORGANIZER if user == owner else answer(user, invited.get(user.id), draft.link))
        for user in draft.assign_to
    )


def answer(user: User, person: Participant | None, link: Link) -> Response:
    """A user's answer: what his own copy says once it was seen, the organizer's tracking until then (PART-7).

    An update puts a deleted or declined copy back unanswered, which the organizer's tracking does not know. Who removed
    his copy has removed it whatever he had answered before, unless the organizer got his refusal (DEL-3). Of one who is
    synchronized no more, what the organizer heard is newer than what his copy said.
    """
    replica = next((each for each in link.replicas if each.user == user.id and _may_answer(each)), None)
    tracked = person.response if person else None
    if not user.synchronized and tracked in _ANSWERS:
        return tracked
    if replica and (replica.response in _ANSWERS or (replica.live and user.synchronized)):
        return replica.response
    if replica and replica.response is Response.REMOVED:
        return Response.DECLINED if tracked is Response.DECLINED else Response.REMOVED
    if tracked in _ANSWERS:
        return tracked
    return Response.NONE if tracked is None or user.synchronized else tracked


def _may_answer(replica: Replica) -> bool:
    """Whether a copy says anything of its user's answer: a direct one only that he removed it (INV-6, DEL-3)."""
    return not (replica.direct and replica.live)
