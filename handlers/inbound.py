"""The inbound decision for single meetings and appointments.

From the authoritative copy to a plan for the CRM. The shell (`daemon.sync.inbound`) has found whose copy counts and
read it; nothing here reads anything. A copy that is as it was last decided yields an empty plan, whatever options,
contacts or visibility did meanwhile (OPT-3, CON-3).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time
from hashlib import sha256

from handlers import participants, plans, registry, translation
from handlers.authority import Authority, is_live
from handlers.drafts import Admission, Draft
from handlers.facts import Facts, User
from handlers.links import IN_CRM, Link, Replica, State
from handlers.merging import merge_exchange
from handlers.options import Consulted, OptionValues
from handlers.participants import Participant, Verdict
from handlers.plans import Explanation, Plan, Report
from handlers.policy import Policy
from schemas import ids
from schemas.copies import Copy
from schemas.items import ExternalReason, Response, ScheduleItem
from schemas.outcomes import Decision, Direction, Reason, Result

_COMPARED = {
    "subject": "subject",
    "body": "notes",
    "location": "location",
    "start": "start",
    "end": "end",
    "all_day": "all_day",
    "importance": "priority",
    "sensitivity": "restricted",
}
"""The content that every copy of one meeting shares, with the CRM's words for it; participants are seen differently
from every mailbox."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a decision takes from outside: the directory, the settings, the time, the store's generation."""

    facts: Facts
    policy: Policy
    now: datetime
    generation: int = 0


@dataclass(frozen=True, slots=True)
class Sighting:
    """What lies in the mailbox a hint came through; `copy` None: nothing with that id or UID."""

    mailbox: str
    user: User
    copy: Copy | None


def sighted(link: Link, sighting: Sighting) -> Link:
    """The link that remembers what was seen: this mailbox's replica and its user's own answer (PART-7, DEL-3).

    A user has one mailbox: what lay in the one that was his before is this replica, moved (ID-1).
    """
    known, copy = link.replica(sighting.mailbox) or link.replica_of(sighting.user.id), sighting.copy
    if copy is None and known is None:
        return link
    answer = translation.own_answer(copy if is_live(copy) else None, known=_last_answer(known, copy))
    seen = Replica(
        mailbox=sighting.mailbox,
        user=sighting.user.id,
        item_id=copy.item_id if copy else known.item_id if known else "",
        change_key=copy.change_key if copy else "",
        response=answer,
        live=is_live(copy),
        cancelled=copy.is_cancelled if copy else bool(known and known.cancelled),
        reported=known.reported if known else None,
    )
    others = (each for each in link.replicas if each.mailbox != seen.mailbox and each.user != seen.user)
    return replace(link, replicas=tuple(sorted((*others, seen), key=lambda replica: replica.mailbox)))


def decide(link: Link, copy: Copy | None, *, authority: Authority, around: Surroundings) -> Plan:
    """What the authoritative copy means for the CRM; None: it is gone. `link` has the hint's replica already."""
    if link.state is State.OUT_OF_SCOPE:
        return skip(link, Reason.OUT_OF_SCOPE)
    if link.deleted_by_crm:
        return skip(link, Reason.TOMBSTONED)
    if copy is None or not is_live(copy) or copy.is_cancelled:
        return _end(link, copy, around)
    people = participants.identify(copy, facts=around.facts, policy=around.policy)
    assigned = translation.assigned(people, link=link, facts=around.facts)
    fingerprint = _fingerprint(copy, people, assigned, link=link, authority=authority)
    if link.state in IN_CRM and link.content == fingerprint:
        return Plan(replace(link, state=State.ACTIVE))
    draft = Draft(
        copy=copy,
        link=link,
        facts=around.facts,
        policy=around.policy,
        creator=authority.creator,
        authority=authority.user,
        participants=people,
        assign_to=assigned,
    )
    values = OptionValues(events=around.facts.options, config=around.policy.options)
    draft, consulted = registry.run(draft, direction=Direction.INBOUND, values=values)
    if draft.admission is Admission.REFUSED:
        return skip(link, Reason.PRIVATE_MEETING, consulted=consulted, state=fingerprint)
    return _apply(draft, consulted, fingerprint=fingerprint, around=around)


def answered(link: Link, user: User, *, generation: int) -> Plan:
    """Nobody's copy counts, so nothing is decided but a user's own answer: he may have been the last (DEL-3)."""
    if link.state is not State.ACTIVE or link.agreed is None or link.agreed.redacted:
        return Plan(link)
    answers = dict(link.agreed.responses)
    own = translation.answer(user, None, link)
    if user.id not in answers or answers[user.id] in (own, Response.ORGANIZER):
        return Plan(link)
    responses = tuple(sorted((answers | {user.id: own}).items()))
    exchange = link.exchange and replace(link.exchange, responses=responses)
    agreed = replace(link.agreed, responses=responses)
    answered_link = replace(link, agreed=agreed, exchange=exchange, content=None)
    told, command = plans.upsert(answered_link, generation=generation, before=link.agreed)
    because = "his own copy says so, and there is none that counts"
    said = Explanation("DEL-3", user.id, Decision.KEPT, because)
    return Plan(told, command, Report(Direction.INBOUND, Result.APPLIED, explain=(said,)))


def skip(link: Link, reason: Reason, *, consulted: tuple[Consulted, ...] = (), state: str = "") -> Plan:
    """Nothing for the CRM, and said so once for the same state."""
    reported = f"{reason.value}:{state}"
    if link.reported == reported:
        return Plan(link)
    rule, decision, because = _SKIPS[reason]
    report = Report(
        Direction.INBOUND, Result.SKIPPED, reason, consulted, (Explanation(rule, link.id, decision, because),)
    )
    return Plan(replace(link, reported=reported), report=report)


_SKIPS = {
    Reason.PRIVATE_MEETING: ("PRIV-2", Decision.REFUSED, "private, with several participants, and the option is off"),
    Reason.AWAITING_ACCEPTANCE: ("ID-4", Decision.REFUSED, "the organizer is not synchronized and nobody accepted yet"),
    Reason.OUT_OF_SCOPE: ("INV-7", Decision.REFUSED, "the CRM keeps this item out of scope"),
    Reason.TOMBSTONED: ("DEL-5", Decision.REFUSED, "the CRM deleted this item"),
    Reason.ARCHIVAL: ("DEL-2", Decision.KEPT, "the item ended long before it was deleted"),
    Reason.GONE: ("ID-3", Decision.REFUSED, "the copy that counts does not exist"),
    Reason.NO_ORGANIZER: ("ID-3", Decision.REFUSED, "Exchange names no organizer of this meeting"),
}


def with_deviation(plan: Plan, sighting: Sighting, authoritative: Copy | None) -> Plan:
    """The plan, with a report if this mailbox's copy differs in content from the one that counts (ID-3)."""
    if sighting.copy is None or authoritative is None or not is_live(sighting.copy):
        return plan
    if plan.link.state is not State.ACTIVE:
        return plan  # there is nothing in the CRM that it could differ from
    if sighting.copy.is_cancelled:
        return plan  # what a cancellation leaves in a copy that does not count says nothing (DEL-6)
    fields = deviations(sighting.copy, authoritative)
    replica = plan.link.replica(sighting.mailbox)
    if replica is None:
        return plan
    state = _hashed([getattr(sighting.copy, name) for name in _COMPARED]) if fields else None
    if replica.reported == state:
        return plan
    others = (each for each in plan.link.replicas if each.mailbox != sighting.mailbox)
    replicas = sorted((*others, replace(replica, reported=state)), key=lambda each: each.mailbox)
    plan = replace(plan, link=replace(plan.link, replicas=tuple(replicas)))
    if not fields:
        return plan
    refused = tuple(
        Explanation("ID-3", name, Decision.REFUSED, because=f"the copy of {sighting.user.id} does not count")
        for name in fields
    )
    if plan.report is not None:
        return replace(plan, report=replace(plan.report, explain=(*plan.report.explain, *refused)))
    return replace(plan, report=Report(Direction.INBOUND, Result.SKIPPED, Reason.NOT_AUTHORITATIVE, explain=refused))


def deviations(copy: Copy, authoritative: Copy) -> tuple[str, ...]:
    """The content fields in which a copy differs from the one that counts, as the CRM calls them."""
    return tuple(word for name, word in _COMPARED.items() if getattr(copy, name) != getattr(authoritative, name))


def _apply(draft: Draft, consulted: tuple[Consulted, ...], *, fingerprint: str, around: Surroundings) -> Plan:
    link, now = draft.link, translation.translate(draft)
    known = link.agreed or now
    merged = merge_exchange(known, before=link.exchange or now, now=now)
    draft = draft.settled({entry.contact for entry in merged.item.for_})
    item = replace(merged.item, external=() if now.redacted else translation.external(draft.participants))
    settled = replace(
        link,
        state=State.ACTIVE,
        content=fingerprint,
        reported=None,
        exchange=now,
        agreed=item,
        private_from_crm=link.private_from_crm and item.restricted,
    )
    report = Report(
        Direction.INBOUND, Result.APPLIED, options=consulted, explain=explain(draft), conflicts=merged.conflicts
    )
    in_crm = link.state in IN_CRM
    if in_crm and plans.as_shown(item) == plans.as_shown(known):
        return _without_command(settled, report, was=link.exchange)
    told, command = plans.upsert(settled, generation=around.generation, before=link.agreed, restored=not in_crm)
    return Plan(told, command, report)


def _without_command(link: Link, report: Report, *, was: ScheduleItem | None) -> Plan:
    """The CRM holds it already: it is worth saying only if something was decided (CON-3)."""
    if report.conflicts:
        return Plan(link, report=replace(report, result=Result.HELD, reason=Reason.NOT_YET))
    return Plan(link) if link.exchange == was else Plan(link, report=report)


def _end(link: Link, copy: Copy | None, around: Surroundings) -> Plan:
    """The copy that counts is gone or cancelled: the item goes, unless it is long past (DEL-1, DEL-2, DEL-6)."""
    if link.state is State.OUTSIDE:
        return skip(link, Reason.GONE)
    if link.state is not State.ACTIVE:
        return Plan(link)
    if _is_archival(link, around):
        return skip(replace(link, state=State.ARCHIVED), Reason.ARCHIVAL)
    reason = "cancelled" if copy is not None and copy.is_cancelled else "deleted"
    ended = replace(link, state=State.DELETED, content=None, reported=None)
    told, command = plans.delete(ended, generation=around.generation, reason=reason)
    return Plan(told, command, Report(Direction.INBOUND, Result.APPLIED))


def _is_archival(link: Link, around: Surroundings) -> bool:
    end = link.exchange.end if link.exchange else None
    if end is None or (link.exchange and link.exchange.recurrence):
        return False
    return _instant(end) < around.now - around.policy.keep_items


def _instant(moment: datetime | date) -> datetime:
    return moment if isinstance(moment, datetime) else datetime.combine(moment, time(), tzinfo=UTC)


def explain(draft: Draft) -> tuple[Explanation, ...]:
    """One entry per participant, or per contact found for him: who is where, by which rule, and why.

    Users who were not invited by name are in Assign To because of the copy in their mailbox.
    """
    if draft.admission is Admission.REDACTED:
        return (Explanation("PRIV-4", draft.link.id, Decision.REDACTED, "private, with several participants"),)
    named = {person.user.id for person in draft.participants if person.user}
    holders = (user.id for user in draft.assign_to if user.id not in named)
    return (
        *(entry for person in draft.participants for entry in _explain(person)),
        *(Explanation("PART-1", user, Decision.ASSIGN_TO, "a copy lies in his mailbox") for user in holders),
    )


def _explain(person: Participant) -> tuple[Explanation, ...]:
    if person.user is not None:
        return (Explanation("PART-1", person.user.id, Decision.ASSIGN_TO, "an active CRM user has this address"),)
    if not person.verdicts:
        return (_stranger(person),)
    return tuple(_of_contact(verdict, person) for verdict in person.verdicts)


def _of_contact(verdict: Verdict, person: Participant) -> Explanation:
    if verdict.admitted:
        return Explanation(verdict.rule, verdict.contact, Decision.FOR, verdict.because)
    decision = Decision.EXTERNAL if person.external else Decision.DROPPED
    return Explanation(verdict.rule, verdict.contact, decision, verdict.because)


def _stranger(person: Participant) -> Explanation:
    rule, because = _STRANGERS[person.reason]
    return Explanation(rule, ids.external_about(person.key), Decision.EXTERNAL, because)


_STRANGERS = {
    ExternalReason.NO_MATCH: ("PART-1", "no active user or contact has this address"),
    ExternalReason.BLACKLISTED: ("BLK-2", "the address is blacklisted"),
    ExternalReason.UNRESOLVED: ("PART-4", "no SMTP address could be found"),
    ExternalReason.LIST: ("PART-5", "a distribution list is not expanded"),
}


def _last_answer(known: Replica | None, copy: Copy | None) -> Response:
    if copy is not None:
        return copy.my_response
    return known.response if known else Response.UNKNOWN


def _fingerprint(
    copy: Copy, people: Sequence[Participant], assigned: Sequence[User], *, link: Link, authority: Authority
) -> str:
    """One value for the copy's content, who takes part, everybody's answer, and whose meeting it is.

    People count as Exchange names them: what the directory makes of them may change without the item changing (OPT-3).
    """
    invited = {person.user.id: person for person in people if person.user}
    named = [(who.key, who.name, who.role, who.user is None and who.response) for who in people]
    answers = [(user.id, translation.answer(user, invited.get(user.id), link)) for user in assigned]
    owner = "" if authority.is_master else authority.creator.id
    return _hashed([getattr(copy, name) for name in (*_COMPARED, "zone")], named, answers, owner)


def _hashed(*parts: object) -> str:
    return sha256(repr(parts).encode("utf-8", "surrogatepass")).hexdigest()
