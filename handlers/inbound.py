"""The inbound decision for meetings and appointments, single ones and series.

From the authoritative copy to a plan for the CRM. The shell (`daemon.sync.inbound`) has found whose copy counts and
read it; nothing here reads anything. A copy that is as it was last decided yields an empty plan, whatever options,
contacts or visibility did meanwhile (OPT-3, CON-3). What a server made of our own write is no change either (CON-4).
Exchange is written to for what follows from its change: direct copies, and conflicts that the CRM won.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256

from handlers import (
    explaining,
    follow_ups,
    merging,
    occurrence_alarms,
    outgoing,
    participants,
    plans,
    registry,
    series,
    sightings,
    translation,
)
from handlers.authority import Authority, is_live
from handlers.bodies import notes_of
from handlers.conflicts import Side
from handlers.drafts import Admission, Draft
from handlers.echoes import alike, deviating
from handlers.effects import CONTENT
from handlers.facts import User
from handlers.links import BEHIND, IN_CRM, OCCURRENCES_BEHIND, Link, Replica, State
from handlers.merging import Conflict, Merged, merge_exchange
from handlers.moments import instant_of
from handlers.options import Consulted, OptionValues
from handlers.participants import Participant
from handlers.plans import Explanation, Plan, Report
from handlers.sightings import Sighting as Sighting  # whoever asks for a decision names these three
from handlers.sightings import sighted as sighted
from handlers.surroundings import Surroundings as Surroundings
from schemas import options
from schemas.copies import Copy
from schemas.items import Response, ScheduleItem, SeriesException, wire_name
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


def decide(
    link: Link,
    copy: Copy | None,
    *,
    authority: Authority,
    around: Surroundings,
    sighting: Sighting | None = None,
    others: Sequence[Sighting] = (),
) -> Plan:
    """What the authoritative copy means for the CRM; None: it is gone.

    `link` has the hint's replica already; `sighting` is the hint's, for its user's alarm is in his own copy (ALM-2).
    `others` are of an item that is new to the CRM, in mailboxes whose hints were skipped until now.
    """
    own = (sighting, *others) if sighting else others
    plan = _decide(link, copy, authority=authority, around=around, own=own)
    seen = sighting.copy if sighting else None
    read = {each.mailbox: each for each in (seen, copy) if each is not None}
    plan = follow_ups.noticed(plan, read.values())
    plan = follow_ups.without_superseded(plan, around, read)
    return follow_ups.restored(follow_ups.welcomed(plan, around, read), read.values(), around)


def _decide(
    link: Link, copy: Copy | None, *, authority: Authority, around: Surroundings, own: Sequence[Sighting]
) -> Plan:
    if link.state is State.OUT_OF_SCOPE:
        return skip(link, Reason.OUT_OF_SCOPE)
    if link.deleted_by_crm:
        return skip(link, Reason.TOMBSTONED) if is_live(copy) else Plan(link)
    if copy is None or not is_live(copy) or copy.is_cancelled:
        return _end(link, copy, around)
    draft = _draft(link, copy, authority=authority, around=around, own=own)
    fingerprint = _fingerprint(copy, draft.participants, draft.assign_to, link=link, authority=authority)
    if _is_restricted(draft):
        return skip(link, Reason.RESTRICTION, state=fingerprint)
    if copy.unheld is not None:
        return skip(link, Reason.PATTERN, state=fingerprint)
    values = OptionValues(events=around.facts.options, config=around.policy.options)
    if link.state in IN_CRM and link.content == fingerprint:
        return _facets(draft, values, generation=around.generation)
    draft, consulted = _gated(draft, values)
    if draft.admission is Admission.REFUSED:
        return skip(link, Reason.PRIVATE_MEETING, consulted=consulted, state=fingerprint)
    return _apply(draft, consulted, fingerprint=fingerprint, generation=around.generation)


def refreshed(link: Link, copy: Copy, *, authority: Authority, around: Surroundings) -> Link:
    """The link after Exchange's own newer changes, before a CRM event is decided again (CON-1): neither told nor
    reported, for the event's decision does both.
    """
    link = sightings.sighted(link, Sighting(copy.mailbox, authority.user, copy))
    if link.state not in IN_CRM or not is_live(copy) or copy.is_cancelled:
        return link
    draft = _draft(link, copy, authority=authority, around=around)
    if _is_restricted(draft) or copy.unheld is not None:
        return link
    fingerprint = _fingerprint(copy, draft.participants, draft.assign_to, link=link, authority=authority)
    values = OptionValues(events=around.facts.options, config=around.policy.options)
    draft, _ = _gated(draft, values)
    if draft.admission is Admission.REFUSED:
        return link
    result = _merged(draft, fingerprint=fingerprint)
    known, item = result.known, result.merged.item
    if any(getattr(known, name) != getattr(item, name) for name in CONTENT):
        return _behind(result.link, BEHIND)
    return _behind(result.link, OCCURRENCES_BEHIND) if known.exceptions != item.exceptions else result.link


def _behind(link: Link, how: str) -> Link:
    """With direct copies that are to follow by the CRM event's decision; one that is behind as a whole stays so."""
    replicas = (replace(each, holds=how) if each.direct and each.holds != BEHIND else each for each in link.replicas)
    return replace(link, replicas=tuple(replicas))


def ended(link: Link, *, around: Surroundings) -> Link:
    """The link after its copy that counts was found to be gone, before a CRM event is decided again: the delete wins
    (CON-5), and the event's decision tells the CRM. An archival delete ends the link alone (DEL-2).
    """
    if link.state is not State.ACTIVE:
        return link
    if _is_archival(link, around):
        return replace(link, state=State.ARCHIVED)
    gone = replace(link, state=State.DELETED, content=None, reported=None)
    return plans.delete(gone, generation=around.generation, reason="deleted")[0]


def decide_direct(link: Link, sighting: Sighting, *, around: Surroundings) -> Plan:
    """What a hint through a direct copy means: no content (INV-6), but its user's alarm, and his delete (DEL-3).

    What he changed in it is recorded once (ID-3) and stays as it is.
    """
    known = link.replica(sighting.mailbox) or replace(sightings.unseen(link, sighting), response=Response.NONE)
    is_there = sighting.copy is not None and is_live(sighting.copy)
    if known.item_id and not known.direct and (known.live or not is_there):
        return _beside_invited(link, sighting, around=around)
    link = sightings.with_replica(link, sightings.seen(replace(known, direct=True), sighting))
    if link.state is State.OUT_OF_SCOPE:
        return skip(link, Reason.OUT_OF_SCOPE)
    if link.deleted_by_crm:
        return skip(link, Reason.TOMBSTONED) if is_live(sighting.copy) else Plan(link)
    if link.state is not State.ACTIVE or link.agreed is None:
        return Plan(link)
    if sighting.copy is None or not is_there:
        return answered(link, sighting.user, generation=around.generation)
    plan = follow_ups.noticed(_own_facets(link, sighting.user, sighting.copy, around=around), [sighting.copy])
    plan = follow_ups.restored(plan, [sighting.copy], around)
    return _with_own_edits(plan, sighting.user, sighting.copy)


def _beside_invited(link: Link, sighting: Sighting, *, around: Surroundings) -> Plan:
    """A direct copy of somebody who has been invited since: gone, as it should be, or still to go."""
    if sighting.copy is None or not is_live(sighting.copy) or link.state is not State.ACTIVE:
        return Plan(link)
    direct = sightings.seen(Replica(sighting.mailbox, sighting.user.id, "", direct=True), sighting)
    both = replace(link, replicas=sightings.in_order((*link.replicas, direct)))
    return follow_ups.without_superseded(Plan(both), around)


def answered(link: Link, user: User, *, generation: int) -> Plan:
    """Nobody's copy counts, so nothing is decided but a user's own answer: he may have been the last (DEL-3).

    The copy of somebody whom the CRM took out went by our hand, which is no answer of his.
    """
    if link.state is not State.ACTIVE or link.agreed is None or link.agreed.redacted:
        return Plan(link)
    answers = dict(link.agreed.responses)
    own = translation.answer(user, None, link)
    if user.id not in link.agreed.assign_to or answers.get(user.id) in (own, Response.ORGANIZER):
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
    Reason.RESTRICTION: ("OPS-4", Decision.REFUSED, "more participants or occurrences than the limit"),
    Reason.PATTERN: ("REC-5", Decision.REFUSED, "the CRM has no word for this pattern"),
    Reason.GONE: ("ID-3", Decision.REFUSED, "the copy that counts does not exist"),
    Reason.NO_ORGANIZER: ("ID-3", Decision.REFUSED, "Exchange names no organizer of this meeting"),
}


def with_deviation(plan: Plan, sighting: Sighting, authoritative: Copy | None) -> Plan:
    """The plan, with a report if this mailbox's copy differs in content from the one that counts (ID-3)."""
    if sighting.copy is None or authoritative is None or not is_live(sighting.copy):
        return plan
    if any(effect.mailbox == sighting.mailbox and effect.fields for effect in plan.effects):
        return plan  # it is being mended
    if plan.link.state is not State.ACTIVE:
        return plan  # there is nothing in the CRM that it could differ from
    if sighting.copy.is_cancelled:
        return plan  # what a cancellation leaves in a copy that does not count says nothing (DEL-6)
    return _recorded(plan, sighting.user, sighting.copy, fields=deviations(sighting.copy, authoritative))


def _recorded(plan: Plan, user: User, copy: Copy, *, fields: tuple[str, ...]) -> Plan:
    """With a report of what differs in a copy that does not count, once for the same state of it."""
    replica = plan.link.replica(copy.mailbox)
    if replica is None:
        return plan
    state = _hashed(_shared(copy)) if fields else None
    if replica.reported == state:
        return plan
    plan = replace(plan, link=sightings.with_replica(plan.link, replace(replica, reported=state)))
    if not fields:
        return plan
    refused = tuple(
        Explanation("ID-3", name, Decision.REFUSED, because=f"the copy of {user.id} does not count") for name in fields
    )
    if plan.report is not None:
        return replace(plan, report=replace(plan.report, explain=(*plan.report.explain, *refused)))
    return replace(plan, report=Report(Direction.INBOUND, Result.SKIPPED, Reason.NOT_AUTHORITATIVE, explain=refused))


def deviations(copy: Copy, authoritative: Copy) -> tuple[str, ...]:
    """The content fields in which a copy differs from the one that counts, as the CRM calls them (CON-4)."""
    values = zip(_COMPARED.values(), _shared(copy), _shared(authoritative), strict=True)
    return tuple(word for word, one, other in values if not alike(one, other))


def _shared(copy: Copy) -> list[object]:
    """The values of what is compared; of the body, what people wrote."""
    notes = notes_of(copy.body, html=copy.html)
    return [notes if name == "body" else getattr(copy, name) for name in _COMPARED]


def _draft(
    link: Link, copy: Copy, *, authority: Authority, around: Surroundings, own: Sequence[Sighting] = ()
) -> Draft:
    people = participants.identify(copy, facts=around.facts, policy=around.policy)
    seen = {authority.user: copy}
    for sighting in own:
        if sighting.copy is not None and is_live(sighting.copy):
            seen.setdefault(sighting.user, sighting.copy)
    return Draft(
        copy=copy,
        link=link,
        facts=around.facts,
        policy=around.policy,
        creator=authority.creator,
        authority=authority.user,
        participants=people,
        assign_to=translation.assigned(people, link=link, facts=around.facts),
        now=around.now,
        seen=tuple(seen.items()),
        alarms=link.agreed.alarms if link.agreed else (),
        occurrence_alarms=occurrence_alarms.alarms_in(link.agreed.exceptions) if link.agreed else (),
    )


def _is_restricted(draft: Draft) -> bool:
    most = draft.policy.most_participants
    is_crowded = most is not None and len(draft.participants) > most
    customized = len(draft.copy.exceptions) + len(draft.copy.unread)
    return is_crowded or series.is_restricted(draft.copy, customized=customized, policy=draft.policy)


def _gated(draft: Draft, values: OptionValues) -> tuple[Draft, tuple[Consulted, ...]]:
    """The draft after all gates, of its exceptions as well."""
    draft, consulted = registry.run(draft, direction=Direction.INBOUND, values=values)
    draft, asked = series.followed(draft, values)
    return draft, (*consulted, *(each for each in dict.fromkeys(asked) if each not in consulted))


@dataclass(frozen=True, slots=True)
class _Result:
    """A draft merged into its link, and what came of it. `moved`: whether Exchange had changed at all."""

    link: Link
    draft: Draft
    merged: Merged
    known: ScheduleItem
    moved: bool


def _merged(draft: Draft, *, fingerprint: str) -> _Result:
    link, now = draft.link, translation.translate(draft)
    known = link.agreed or now
    before = link.exchange or now
    replica = link.replica_of(draft.authority.id)
    if replica is not None and replica.ours is not None and link.agreed is not None:
        before = _echoed(before, now)
        if replica.ours == draft.copy.change_key or _is_same(before, now):
            return _adopted(draft, now, fingerprint=fingerprint)
    terms = merging.Terms(
        policy=draft.policy,
        settled=replica is not None and replica.holds is not None,
    )
    merged = merge_exchange(known, before=before, now=now, terms=terms)
    draft = draft.settled({entry.contact for entry in merged.item.for_})
    item = replace(
        merged.item,
        external=() if now.redacted else translation.external(draft.participants),
        alarms=draft.alarms,
        exceptions=_with_alarms(merged.item, draft),
    )
    settled = replace(
        _forgotten(link, draft.authority),
        state=State.ACTIVE,
        content=fingerprint,
        reported=None,
        exchange=now,
        agreed=item,
        private_from_crm=link.private_from_crm and item.restricted,
        changed_at=draft.copy.modified_at if before != now else link.changed_at,
    )
    return _Result(settled, draft, replace(merged, item=item), known, moved=before != now)


def _adopted(draft: Draft, now: ScheduleItem, *, fingerprint: str) -> _Result:
    """What the server made of our own write: it is what Exchange says, and nothing the CRM is told (CON-3, CON-4).

    Whom it matched or left external is not decided anew. What people answered meanwhile is theirs, not ours (PART-7).
    """
    link, known = draft.link, draft.link.agreed or now
    was = link.exchange or now
    people = {name: getattr(was, name) for name in ("for_", "external", "external_shown_to")}
    answers = _answered_since(known.responses, was=dict(was.responses), now=now.responses)
    exceptions = _with_alarms(known, draft)
    item = replace(known, alarms=draft.alarms, responses=answers, exceptions=exceptions)
    adopted = replace(
        link, state=State.ACTIVE, content=fingerprint, reported=None, exchange=replace(now, **people), agreed=item
    )
    return _Result(adopted, draft, Merged(item), known, moved=False)


def _with_alarms(item: ScheduleItem, draft: Draft) -> tuple[SeriesException, ...]:
    """The exceptions of an item with everybody's alarms of them, as the draft has them."""
    if item.recurrence is None:
        return item.exceptions
    return occurrence_alarms.with_alarms(item.exceptions, draft.occurrence_alarms)


def _answered_since(
    known: Iterable[tuple[str, Response]], *, was: Mapping[str, Response], now: Iterable[tuple[str, Response]]
) -> tuple[tuple[str, Response], ...]:
    """Everybody's answer: that a new participant has not answered, or organizes, goes without saying."""
    unsaid = (Response.NONE, Response.ORGANIZER)
    news = {user: answer for user, answer in now if answer != was.get(user) and (user in was or answer not in unsaid)}
    return tuple(sorted((dict(known) | news).items()))


def _is_same(before: ScheduleItem, now: ScheduleItem) -> bool:
    """Whether nobody changed what we wrote: a server may touch it once more by itself, under another change key."""
    contacts = {entry.contact for entry in before.for_} == {entry.contact for entry in now.for_}
    strangers = {each.key for each in before.external or ()} == {each.key for each in now.external or ()}
    compared = (*CONTENT, "exceptions", "assign_to", "redacted")
    alike_ = all(getattr(before, name) == getattr(now, name) for name in compared)
    return contacts and strangers and alike_


def _echoed(before: ScheduleItem, now: ScheduleItem) -> ScheduleItem:
    """What Exchange said before, as the server puts it now: what is alike was not changed by anybody."""
    return replace(
        before,
        **{name: getattr(now, name) for name in CONTENT if alike(getattr(before, name), getattr(now, name))},
    )


def _forgotten(link: Link, user: User) -> Link:
    """Somebody changed the copy: it holds no longer what we wrote, and is no echo any more."""
    replicas = (
        replace(each, ours=None, holds=None if each.holds is None else "") if each.user == user.id else each
        for each in link.replicas
    )
    return replace(link, replicas=tuple(replicas))


def _apply(draft: Draft, consulted: tuple[Consulted, ...], *, fingerprint: str, generation: int) -> Plan:
    was = draft.link
    result = _merged(draft, fingerprint=fingerprint)
    link, item = result.link, result.merged.item
    effects = follow_ups.of_change(result.merged, known=result.known, draft=replace(result.draft, link=link))
    if result.merged.owed and any(effect.authoritative for effect in effects):
        written = {name: getattr(item, name) for name in result.merged.owed}
        link = replace(link, exchange=link.exchange and replace(link.exchange, **written), content=None)
    report = Report(
        Direction.INBOUND,
        Result.APPLIED,
        options=consulted,
        explain=explaining.explain(result.draft),
        conflicts=result.merged.conflicts,
    )
    in_crm = was.state in IN_CRM
    if in_crm and plans.as_shown(item) == plans.as_shown(result.known):
        is_news = result.moved or effects
        return Plan(link, report=report if is_news else None, effects=effects)
    told, command = plans.upsert(link, generation=generation, before=was.agreed, restored=not in_crm)
    return Plan(told, command, report, effects)


def _facets(draft: Draft, values: OptionValues, *, generation: int) -> Plan:
    """Nothing of the item itself changed: what is left is what each user changed in his own copy."""
    changed = tuple((user, copy) for user, copy in draft.seen if _has_another_alarm(draft, user, copy))
    if not changed:
        return Plan(replace(draft.link, state=State.ACTIVE))
    draft, consulted = registry.run(
        replace(draft, seen=changed),
        direction=Direction.INBOUND,
        values=values,
        only=frozenset({options.MEETING_ALARMS}),
    )
    link = replace(draft.link, state=State.ACTIVE)
    if link.agreed is None:
        return Plan(link)
    exceptions = _with_alarms(link.agreed, draft)
    if draft.alarms == link.agreed.alarms and exceptions == link.agreed.exceptions:
        return Plan(link)
    followed = replace(link, agreed=replace(link.agreed, alarms=draft.alarms, exceptions=exceptions))
    told, command = plans.upsert(followed, generation=generation, before=link.agreed)
    return Plan(told, command, Report(Direction.INBOUND, Result.APPLIED, options=consulted))


def _has_another_alarm(draft: Draft, user: User, copy: Copy) -> bool:
    replica = draft.link.replica_of(user.id)
    known = replica.reminder if replica else None
    if copy.recurrence is None:
        return copy.reminder != known
    told = occurrence_alarms.told_by(draft.occurrence_alarms, copy, user=user.id, now=draft.now)
    return copy.reminder != known or told != draft.occurrence_alarms


def _own_facets(link: Link, user: User, copy: Copy, *, around: Surroundings) -> Plan:
    authority = Authority(user, user)
    draft = _draft(link, copy, authority=authority, around=around)
    values = OptionValues(events=around.facts.options, config=around.policy.options)
    return _facets(draft, values, generation=around.generation)


def _with_own_edits(plan: Plan, user: User, copy: Copy) -> Plan:
    """With a report of what a user changed in his direct copy; what the server made of our write is not his doing."""
    replica, agreed = plan.link.replica(copy.mailbox), plan.link.agreed
    if replica is None or agreed is None or replica.ours == copy.change_key:
        return plan
    shown = translation.content(copy)
    fields = tuple(name for name in deviating(shown, agreed, among=CONTENT) if name != "zone")
    return _recorded(plan, user, copy, fields=fields)


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
    lost = tuple(Conflict(wire_name(name), Side.EXCHANGE.value) for name in _unwritten(link))
    report = Report(Direction.INBOUND, Result.APPLIED, conflicts=lost)
    return Plan(told, command, report, outgoing.removals(_direct(link), link=told, facts=around.facts))


def _direct(link: Link) -> tuple[Replica, ...]:
    return tuple(replica for replica in link.replicas if replica.direct and replica.live)


def _unwritten(link: Link) -> tuple[str, ...]:
    """What the CRM had changed and no copy was ever told of: lost with the item (CON-5)."""
    if link.agreed is None or link.exchange is None or any(each.holds is not None for each in link.replicas):
        return ()
    return deviating(link.agreed, link.exchange, among=CONTENT)


def _is_archival(link: Link, around: Surroundings) -> bool:
    exchange = link.exchange
    if exchange is None or exchange.end is None or exchange.recurrence is not None:
        return False
    return instant_of(exchange.end) < around.now - around.policy.keep_items


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
    return _hashed([*_shared(copy), copy.zone], named, answers, owner, *_series(copy))


def _series(copy: Copy) -> list[object]:
    """What is to be said of a series beyond what every item has; of exceptions everything but alarms."""
    if copy.recurrence is None and copy.unheld is None:
        return []
    people = ([(each.role, each.name, each.address) for each in one.attendees] for one in copy.exceptions)
    exceptions = [(one.original_start, _shared(one), who) for one, who in zip(copy.exceptions, people, strict=True)]
    return [copy.recurrence, copy.unheld, copy.deleted_starts, exceptions]


def _hashed(*parts: object) -> str:
    return sha256(repr(parts).encode()).hexdigest()
