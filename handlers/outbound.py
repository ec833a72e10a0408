"""The outbound decision for single meetings: from a CRM event to what is written to whose copy, and what is put back.

An event is one whole turn: whether its maker may make it (`mandates`), what of the edit is accepted (`crm_changes`),
who is told of it (`notifying`), what that means for each copy (here and in the option-gated steps), and what the CRM
must be told: refused fields, conflicts that Exchange won, a command it did not take (CON-6). Deletes and cancellations
take every copy away (DEL-1, DEL-6), but those that Exchange marks as cancelled itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from handlers import crm_changes, mandates, notifying, occurrences, outgoing, plans, registry, series
from handlers.conflicts import Moments
from handlers.crm_changes import CrmChange, Folded, Kind, Terms
from handlers.effects import CONTENT, Effect
from handlers.facts import User
from handlers.inbound import Surroundings
from handlers.links import ANOTHERS, BEHIND, OCCURRENCES_BEHIND, Link, Replica, State
from handlers.mandates import OWN, Mandate
from handlers.merging import TIMES, Conflict
from handlers.notices import QUIET, Notice
from handlers.notifying import People
from handlers.occurrence_alarms import without_alarms
from handlers.options import Consulted, OptionValues
from handlers.outgoing import Occurrence, Outgoing, Target
from handlers.plans import Explanation, Plan, Report
from handlers.policy import ConflictPolicy, Policy
from handlers.privacy import is_fine
from schemas import ids
from schemas.copies import Attendee
from schemas.items import ScheduleItem, differing, wire_name
from schemas.outcomes import Decision, Direction, Reason, Result

_NOT_TOLD = frozenset({"owner"})
"""What the CRM may hold otherwise without being told so: whose meeting it is, Exchange decides (INV-7)."""

_CANCELLED = "cancelled"

_EXCHANGE_WINS = Policy(conflict_default=ConflictPolicy.EXCHANGE_WINS)
"""For an edit that was written once: what Exchange holds otherwise was changed later."""


@dataclass(frozen=True, slots=True)
class _Edit:
    """A CRM user's edit of an item, as far as it was accepted. `was` is what the CRM said before."""

    link: Link
    change: CrmChange
    was: ScheduleItem
    after: ScheduleItem
    folded: Folded
    around: Surroundings
    is_new: bool = False
    mandate: Mandate = OWN
    notice: Notice = QUIET


def decide(link: Link, change: CrmChange, *, around: Surroundings) -> Plan:
    """What the event means. One that says nothing newer than what is known yields an empty plan.

    Of one that was dealt with before, and asks for nothing more, nothing is said: it was, and under the same id.
    """
    plan = _decided(link, change, around=around)
    is_said = change.replayed and plan.command is None and not plan.effects
    return replace(plan, report=None) if is_said else plan


def _decided(link: Link, change: CrmChange, *, around: Surroundings) -> Plan:
    if crm_changes.is_stale(link, change):
        return Plan(link)
    heard = crm_changes.heard(link, change)
    if change.ours:
        return crm_changes.confirmed(heard, change, is_remembered=change.revision <= link.revision)
    if change.kind is Kind.DELETED:
        return _deleted(heard, change, around)
    if change.kind is Kind.OUT_OF_SCOPE:
        ended = heard.state in (State.DELETED, State.ARCHIVED)  # which it will still be when it is in scope again
        state = heard.state if ended else State.OUT_OF_SCOPE
        return Plan(replace(heard, state=state), report=Report(Direction.OUTBOUND, Result.APPLIED))
    if change.after is None:
        return Plan(heard)
    return _changed(heard, change, change.after, around=around)


def overtaken(link: Link, change: CrmChange) -> Plan:
    """The event had to wait, and a newer one did not: that holds all of it, but for whom it was to be told to."""
    because = f"notify {change.notify} of version {change.version}, which a newer one had overtaken"
    explain = (Explanation("INV-4", link.id, Decision.SILENT, because),)
    return Plan(link, report=Report(Direction.OUTBOUND, Result.SKIPPED, Reason.STALE, explain=explain))


def rejected(link: Link, change: CrmChange, *, generation: int, reason: Reason = Reason.RESTRICTION) -> Plan:
    """Exchange will never take what the event asks for, or (`denied`) not from the delegate who makes it (INV-2)."""
    heard = crm_changes.heard(link, change)
    if reason is Reason.DENIED:
        because = Explanation("INV-2", change.actor or "item", Decision.REFUSED, "Exchange denies it to him: put back")
        return _put_back(
            heard, change, Report(Direction.OUTBOUND, Result.REFUSED, reason, explain=(because,)), generation
        )
    because = Explanation("ID-6", "item", Decision.REFUSED, "Exchange does not take this content: put back")
    return _put_back(heard, change, Report(Direction.OUTBOUND, Result.FAILED, reason, explain=(because,)), generation)


def _refused(link: Link, change: CrmChange, mandate: Mandate, *, generation: int) -> Plan:
    """Whoever made the change may not make it in the owner's name (INV-2)."""
    because = Explanation("INV-2", change.actor or "item", Decision.REFUSED, mandate.refused)
    report = Report(Direction.OUTBOUND, Result.REFUSED, Reason.NO_GRANT, mandate.consulted, (because,))
    is_parked = link.state is State.OUT_OF_SCOPE and link.agreed is not None
    return _put_back(replace(link, state=State.ACTIVE) if is_parked else link, change, report, generation)


def _put_back(link: Link, change: CrmChange, report: Report, generation: int) -> Plan:
    """Nothing of it stands: the CRM gets its item back as it was agreed on; a refused create gets no command."""
    heard = replace(link, crm=change.after)
    if heard.agreed is None or heard.state is not State.ACTIVE:
        return Plan(heard, report=report)
    told, command = plans.upsert(heard, generation=generation)
    return Plan(told, command, report)


def _mandate(link: Link, change: CrmChange, around: Surroundings) -> Mandate:
    """In whose name the item is changed; whose it is, Exchange says if it is there (INV-7)."""
    item = link.exchange or link.agreed or change.after
    is_new = link.agreed is None and change.kind is Kind.CHANGED
    return mandates.of(change, owner=item.owner if item else None, is_new=is_new, around=around)


def _changed(link: Link, change: CrmChange, after: ScheduleItem, *, around: Surroundings) -> Plan:
    if link.state is State.DELETED and not link.deleted_by_crm and after.status == _CANCELLED:
        gone = replace(link, crm=after, agreed=after, deleted_by_crm=True)
        ending = _ending(link, change, _mandate(link, change, around), around=around)
        return Plan(gone, report=_ended(link, ending), effects=_taken_away(link, ending))
    if link.state is State.DELETED and not link.deleted_by_crm:
        return _after_delete(link, change, after, around=around)
    if link.state is State.DELETED and after.status == _CANCELLED:
        return Plan(replace(link, crm=after, agreed=after))
    if link.state is State.ARCHIVED:
        return Plan(replace(link, crm=after), report=Report(Direction.OUTBOUND, Result.SKIPPED, Reason.ARCHIVAL))
    was, link = link, _reopened(link)
    mandate = _mandate(link, change, around)
    if mandate.refused:
        return _refused(was, change, mandate, generation=around.generation)
    if link.agreed is None and crm_changes.unheld(after) is not None:
        because = Explanation("REC-5", link.id, Decision.REFUSED, f"the pattern: {crm_changes.unheld(after)}")
        return Plan(link, report=Report(Direction.OUTBOUND, Result.SKIPPED, Reason.PATTERN, explain=(because,)))
    if change.replayed and not any(replica.live for replica in link.replicas):
        known = crm_changes.learnt(link, after)
        return known if after.status != _CANCELLED else Plan(_over(known.link))
    edit = replace(_edit(link, change, after, around), mandate=mandate)
    if _is_restricted(edit):
        # The CRM's word is not remembered: what it said meanwhile is part of its next change.
        because = Explanation("OPS-4", link.id, Decision.REFUSED, "more participants or occurrences than the limit")
        return Plan(link, report=Report(Direction.OUTBOUND, Result.SKIPPED, Reason.RESTRICTION, explain=(because,)))
    if edit.folded.agreed.status == _CANCELLED and (edit.is_new or "status" in edit.folded.taken):
        return _cancelled(edit)
    return _written(edit)


def _over(link: Link) -> Link:
    """An item that the CRM holds as cancelled: its copies went then (DEL-6)."""
    return replace(link, state=State.DELETED, deleted_by_crm=True)


def _reopened(link: Link) -> Link:
    """What the CRM deleted or cancelled and takes back is created anew: its copies are gone."""
    if link.state is not State.DELETED:
        return link
    return replace(
        link,
        uid=None,
        deleted_by_crm=False,
        agreed=None,
        exchange=None,
        crm=None,
        replicas=(),
        content=None,
        awaited=(),
    )


def _edit(link: Link, change: CrmChange, after: ScheduleItem, around: Surroundings) -> _Edit:
    if link.agreed is None:
        folded = crm_changes.create(after, split_of=change.split_of)
        return _Edit(link, change, ScheduleItem(), after, folded, around, is_new=True)
    was = link.crm or (after if change.replayed else change.before or link.agreed)
    counting = _counting(link, around)
    terms = Terms(
        policy=_EXCHANGE_WINS if change.replayed else around.policy,
        moments=Moments(crm=change.at, exchange=link.changed_at),
        is_fine=counting is not None and is_fine(counting.sensitivity),
    )
    folded = crm_changes.fold(link.agreed, was=was, after=after, terms=terms)
    return _Edit(link, change, was, after, folded, around)


def _is_restricted(edit: _Edit) -> bool:
    most = edit.around.policy.most_participants
    item = edit.folded.agreed
    customized = sum(not each.deleted for each in item.exceptions)
    if series.is_restricted(item, customized=customized, policy=edit.around.policy):
        return True
    return most is not None and len(item.assign_to) + len(item.for_) + len(item.external or ()) > most


def _written(edit: _Edit) -> Plan:
    item, folded = edit.folded.agreed, edit.folded
    edit = replace(edit, notice=_notice(edit))
    draft = Outgoing(
        link=edit.link,
        item=item,
        before=edit.was,
        after=edit.after,
        facts=edit.around.facts,
        policy=edit.around.policy,
        now=edit.around.now,
        owner=_owner(edit),
        guests=outgoing.has_guests(edit.link),
        targets=tuple(_with_occurrences(edit, target) for target in _targets(edit)),
    )
    values = OptionValues(events=edit.around.facts.options, config=edit.around.policy.options)
    draft, consulted = registry.run(draft, direction=Direction.OUTBOUND, values=values)
    effects = outgoing.effects_of(draft.targets, item, crm_id=edit.link.crm_id)
    private = item.restricted if "restricted" in folded.taken else edit.link.private_from_crm
    settled = replace(
        _awaiting(_told_to_exchange(edit, draft.targets), edit),
        state=State.ACTIVE,
        crm=edit.after,
        agreed=item,
        private_from_crm=private,
        content=None if effects else edit.link.content,
    )
    report = _report(edit, effects, (*edit.mandate.consulted, *consulted))
    if not _must_be_told(edit):
        return Plan(settled, report=report, effects=effects)
    told, command = plans.upsert(settled, generation=edit.around.generation)
    return Plan(told, command, report or Report(Direction.OUTBOUND, Result.APPLIED), effects)


def _must_be_told(edit: _Edit) -> bool:
    """Whether the CRM holds something else than what was agreed on: refused, or not told, or not taken (CON-6)."""
    if edit.folded.refused or edit.folded.adjusted:
        return True
    if edit.is_new:
        return False
    wanted = set(differing(plans.as_shown(edit.folded.agreed), edit.after))
    if edit.link.crm_revision < edit.link.revision:
        return bool(wanted)
    known = edit.link.agreed and plans.as_shown(edit.link.agreed)
    untold = set(differing(known, edit.was)) if known else set[str]()
    return bool(wanted & (untold | _lost(edit.folded)) - _NOT_TOLD)


def _lost(folded: Folded) -> frozenset[str]:
    """Fields in which Exchange's value stands."""
    return frozenset(conflict.field for conflict in folded.conflicts if conflict.winner == "exchange")


def _owner(edit: _Edit) -> User | None:
    """Whose options count: the owner's, or of a stranger's meeting its master's (OPT-4)."""
    item = edit.link.exchange or edit.folded.agreed
    users = edit.around.facts.by_id
    return users.get(item.owner or "") or users.get(edit.link.master or "")


def _counting(link: Link, around: Surroundings) -> Replica | None:
    """The replica whose content counts: the organizer's, or the master's where his own is not to be had."""
    if link.exchange is None:
        return None
    users = around.facts.by_id
    owner = users.get(link.exchange.owner or "")
    whose = owner if outgoing.reachable(owner) else users.get(link.master or "")
    replica = link.replica_of(whose.id) if whose else None
    return replica if replica is not None and replica.live and not replica.direct else None


def _is_organizers(link: Link, replica: Replica | None) -> bool:
    """Whether this is the organizer's own copy, from which alone people are mailed (INV-3)."""
    return replica is not None and link.exchange is not None and replica.user == link.exchange.owner


def _notice(edit: _Edit) -> Notice:
    """Who is told of the edit, beside those who see it in their own copies."""
    owner = edit.around.facts.by_id.get(edit.folded.agreed.owner or "")
    is_there = _is_organizers(edit.link, _counting(edit.link, edit.around))
    asked = notifying.Change(
        about=edit.link.id,
        change=edit.change,
        mandate=edit.mandate,
        item=edit.folded.agreed,
        people=_people(edit),
        organizes=outgoing.reachable(owner) if edit.is_new else is_there,
        is_seen=_is_seen(edit),
        is_new=edit.is_new,
        is_hidden=edit.folded.agreed.redacted,
    )
    return notifying.notice(asked, now=edit.around.now, most=edit.around.policy.most_recipients)


def _people(edit: _Edit) -> People:
    """Who takes part in Exchange once the edit is written there. Who has a direct copy was never told of it."""
    link, facts = edit.link, edit.around.facts
    if edit.is_new:
        others = _reached(outgoing.participants_of(edit.folded.agreed, facts) - {edit.folded.agreed.owner}, edit.around)
        return People(users=others, added=others)
    added, removed = _moved(edit)
    invited, added = _invited(link), _reached(added, edit.around)
    return People(
        users=_reached((invited | added) - removed, edit.around),
        added=added - invited,
        before=added & invited,
        removed=(removed & invited) - _with_direct_copies(link),
        guests=notifying.guests_of(link, facts),
    )


def _invited(link: Link) -> frozenset[str]:
    """The users whom Exchange names as attendees."""
    return frozenset(link.exchange.assign_to) - {link.exchange.owner} if link.exchange else frozenset()


def _with_direct_copies(link: Link) -> frozenset[str]:
    return frozenset(each.user for each in link.replicas if each.direct)


def _is_seen(edit: _Edit) -> bool:
    """Whether guests see anything of the edit: content, single occurrences, or who takes part (INV-5)."""
    known = edit.link.agreed or ScheduleItem()
    if edit.is_new or any(_moved(edit)) or not frozenset(CONTENT).isdisjoint(edit.folded.taken):
        return True
    return without_alarms(edit.folded.agreed.exceptions) != without_alarms(known.exceptions)


def _targets(edit: _Edit) -> Iterator[Target]:
    """Every copy that is there, or shall be."""
    if edit.is_new:
        yield from _first_copies(edit)
        return
    counting = _counting(edit.link, edit.around)
    wanted = outgoing.participants_of(edit.folded.agreed, edit.around.facts)
    added, removed = _moved(edit)
    for replica in edit.link.replicas:
        user = edit.around.facts.by_id.get(replica.user)
        if user is None or not replica.live or not user.synchronized or user.mailbox != replica.mailbox:
            continue
        if replica == counting:
            yield _counting_copy(edit, user, replica)
        elif user.id in edit.notice.told and user.id in removed:
            continue  # Exchange marks it as cancelled
        elif user.id in removed or (replica.direct and user.id not in wanted):  # by the organizer, meanwhile
            yield Target(user=user, mailbox=replica.mailbox, replica=replica, direct=replica.direct, delete=True)
        elif user.id in wanted and not replica.cancelled:
            yield _other_copy(edit, user, replica)
    yield from _direct_copies(edit, sorted(added))


def _with_occurrences(edit: _Edit, target: Target) -> Target:
    """With what is to be written of single occurrences; all of it where the copy is new, or its pattern is (REC-3)."""
    if target.delete:
        return target
    is_behind = target.replica is not None and target.replica.holds in (BEHIND, OCCURRENCES_BEHIND)
    anew = target.replica is None or is_behind or bool({"recurrence", *TIMES} & set(target.fields))
    item, before = edit.folded.agreed, edit.link.agreed or ScheduleItem()
    wanted = occurrences.wanted(before, item, user=target.user.id, anew=anew)
    return replace(target, occurrences=tuple(_of_notice(each, target, edit) for each in wanted))


def _of_notice(occurrence: Occurrence, target: Target, edit: _Edit) -> Occurrence:
    """Who is told of an occurrence gets only what is his alone of it; of one that is over nobody is told."""
    is_past = notifying.is_past(occurrence.item, now=edit.around.now)
    if not target.authoritative and target.user.id in edit.notice.told and (target.direct or not is_past):
        return occurrence.facets
    return replace(occurrence, is_silent=is_past)


def _moved(edit: _Edit) -> tuple[frozenset[str], frozenset[str]]:
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


def _first_copies(edit: _Edit) -> Iterator[Target]:
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
            invite=_attendees(others, edit.around) if replica is None else (),
            notice=edit.notice,
            **outgoing.content_for(replica, item, edit.folded.taken),
        )
    yield from _direct_copies(edit, sorted(others))


def _counting_copy(edit: _Edit, user: User, replica: Replica) -> Target:
    link, item = edit.link, edit.folded.agreed
    exchange = link.exchange or ScheduleItem()
    changed = [name for name in edit.folded.taken if getattr(item, name) != getattr(exchange, name)]
    added, removed = _moved(edit) if user.id == exchange.owner else (frozenset(), frozenset())
    joining = _reached(added - set(exchange.assign_to), edit.around)
    leaving = removed & set(exchange.assign_to)
    return Target(
        user=user,
        mailbox=replica.mailbox,
        replica=replica,
        authoritative=True,
        invite=_attendees(joining, edit.around),
        uninvite=frozenset().union(*(_addresses(each, edit) for each in leaving)),
        joining=tuple(sorted(joining)),
        leaving=tuple(sorted(leaving)),
        notice=edit.notice if user.id == exchange.owner else QUIET,
        **outgoing.content_for(replica, item, changed),
    )


def _addresses(user_id: str, edit: _Edit) -> frozenset[str]:
    """Where somebody may have been invited: whom the CRM has forgotten, by the mailbox of his copy."""
    user, replica = edit.around.facts.by_id.get(user_id), edit.link.replica_of(user_id)
    if user is not None:
        return outgoing.addresses_of(user, edit.around.policy)
    return frozenset() if replica is None else frozenset({replica.mailbox})


def _other_copy(edit: _Edit, user: User, replica: Replica) -> Target:
    """Who gets the message gets no content: Exchange brings it, beside his direct copy if he has one (INV-6)."""
    target = Target(user=user, mailbox=replica.mailbox, replica=replica, direct=replica.direct)
    if user.id in edit.notice.told:
        return target
    is_behind = replica.direct and replica.holds == BEHIND
    return replace(
        target,
        **outgoing.content_for(replica, edit.folded.agreed, _missed(edit) if is_behind else edit.folded.taken),
    )


def _missed(edit: _Edit) -> tuple[str, ...]:
    """What a copy that is behind gets: what Exchange changed and the CRM has not heard of, beside the event's own
    changes, so that what its user made of the rest is left alone (MAP-1). All, if nobody knows what it missed: a
    command that the CRM has not answered may have told what Exchange took back since.
    """
    if edit.link.crm_revision < edit.link.revision:
        return CONTENT
    untold = tuple(name for name in CONTENT if getattr(edit.link.agreed, name, None) != getattr(edit.was, name))
    return (*untold, *edit.folded.taken) if untold else CONTENT


def _direct_copies(edit: _Edit, users: Iterable[str]) -> Iterator[Target]:
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


def _attendees(users: Iterable[str], around: Surroundings) -> tuple[Attendee, ...]:
    known = (around.facts.by_id.get(user) for user in sorted(users))
    attendees = (outgoing.attendee_of(user, around.policy) for user in known if user)
    return tuple(attendee for attendee in attendees if attendee is not None)


def _told_to_exchange(edit: _Edit, targets: Iterable[Target]) -> Link:
    """The link as far as Exchange is concerned: what the copy that counts says once it is written."""
    counting = next((target for target in targets if target.authoritative), None)
    item, link = edit.folded.agreed, edit.link
    if counting is None:
        return link
    if edit.is_new:
        invited = _reached(outgoing.participants_of(item, edit.around.facts) - {item.owner}, edit.around)
        people = tuple(sorted({*invited, counting.user.id}))
        bare = without_alarms(item.exceptions)
        said = replace(
            item, assign_to=people, for_=(), external=(), status="open", alarms=(), related=(), exceptions=bare
        )
        return replace(link, exchange=said, uid=link.uid or ids.uid_of_crm(edit.change.id))
    exchange = link.exchange or ScheduleItem()
    written = set(edit.folded.taken) | (set(TIMES) if set(TIMES) & set(edit.folded.taken) else set())
    added, removed = _moved(edit) if counting.user.id == exchange.owner else (frozenset(), frozenset())
    people = tuple(sorted((set(exchange.assign_to) | _reached(added, edit.around)) - removed))
    values: dict[str, Any] = {name: getattr(item, name) for name in CONTENT if name in written}
    values["exceptions"] = without_alarms(item.exceptions)
    return replace(link, exchange=replace(exchange, assign_to=people, **values))


def _awaiting(link: Link, edit: _Edit) -> Link:
    """The link that knows whose copies Exchange is about to make, change or mark as cancelled."""
    told, gone = edit.notice.told, _moved(edit)[1]
    replicas = tuple(_foreseen(each, edit, is_gone=each.user in gone) for each in link.replicas)
    there = {each.user for each in link.replicas if each.live and not each.cancelled} | _with_direct_copies(link)
    users = edit.around.facts.by_id
    new = {user for user in told - there if outgoing.reachable(users.get(user))}
    return replace(link, replicas=replicas, awaited=tuple(sorted({*link.awaited, *new} - gone)))


def _foreseen(replica: Replica, edit: _Edit, *, is_gone: bool) -> Replica:
    """What somebody's copy is known to hold no more once he was told. A direct copy that stays is behind from then."""
    if replica.user not in edit.notice.told:
        return replica
    if replica.direct:
        return replace(replica, holds=BEHIND)
    return replace(replica, holds=ANOTHERS, cancelled=is_gone)


def _reached(users: Iterable[str], around: Surroundings) -> frozenset[str]:
    """Those who can be invited."""
    facts, policy = around.facts, around.policy
    return frozenset(user for user in users if outgoing.address_of(facts.by_id.get(user), policy) is not None)


def _report(edit: _Edit, effects: tuple[Effect, ...], consulted: tuple[Consulted, ...]) -> Report | None:
    folded = edit.folded
    if not folded.taken and not folded.refused and not folded.conflicts and not effects:
        return None
    if not folded.taken and not effects and folded.refused:
        return Report(
            Direction.OUTBOUND, Result.REFUSED, folded.reason, consulted, folded.refused, conflicts=folded.conflicts
        )
    if edit.is_new and not effects and not edit.link.replicas:
        return Report(Direction.OUTBOUND, Result.SKIPPED, Reason.UNKNOWN_MAILBOX, consulted)
    left_out = tuple(_left_out(edit))
    partly = Reason.PARTLY if folded.refused or left_out else None
    silences = notifying.silences_of(edit.notice, effects, about=edit.link.id, now=edit.around.now)
    return Report(
        Direction.OUTBOUND,
        Result.APPLIED,
        partly or edit.notice.reason,
        consulted,
        (*folded.refused, *left_out, *silences),
        folded.conflicts,
    )


def _left_out(edit: _Edit) -> Iterator[Explanation]:
    """Who takes part in the CRM alone, because there is nowhere to invite him to (S09d)."""
    added, _ = _moved(edit)
    for user in sorted(added - _reached(added, edit.around)):
        yield Explanation("PART-6", user, Decision.KEPT, "no address to invite him by: in the CRM alone")


@dataclass(frozen=True, slots=True)
class _Ending:
    """An item that goes because of a CRM event."""

    change: CrmChange
    around: Surroundings
    mandate: Mandate
    notice: Notice


def _ending(link: Link, change: CrmChange, mandate: Mandate, *, around: Surroundings) -> _Ending:
    asked = notifying.Change(
        about=link.id,
        change=change,
        mandate=mandate,
        item=link.agreed or ScheduleItem(),
        people=People(
            users=_reached(_invited(link) - _with_direct_copies(link), around),
            guests=notifying.guests_of(link, around.facts),
        ),
        organizes=_is_organizers(link, _counting(link, around)),
        is_end=True,
        is_hidden=link.agreed is not None and link.agreed.redacted,
    )
    notice = notifying.notice(asked, now=around.now, most=around.policy.most_recipients)
    return _Ending(change, around, mandate, notice)


def _deleted(link: Link, change: CrmChange, around: Surroundings) -> Plan:
    """Every copy goes that is still there: the organizer's may have gone first, by an earlier try of this event."""
    mandate = _mandate(link, change, around)
    if mandate.refused and link.state in (State.ACTIVE, State.OUT_OF_SCOPE):
        return _refused(link, change, mandate, generation=around.generation)
    ending = _ending(link, change, mandate, around=around)
    effects = _taken_away(link, ending) if link.state is not State.ARCHIVED else ()
    if link.state is State.DELETED and not effects:
        return Plan(replace(link, crm=None))
    gone = replace(link, state=State.DELETED, deleted_by_crm=True, crm=None, content=None, awaited=())
    return Plan(gone, report=_ended(link, ending), effects=effects)


def _cancelled(edit: _Edit) -> Plan:
    """Cancelled in the CRM is deleted in Exchange; the CRM's item stays (DEL-6)."""
    gone = replace(
        edit.link,
        state=State.DELETED,
        deleted_by_crm=True,
        crm=edit.after,
        agreed=edit.folded.agreed,
        content=None,
        awaited=(),
    )
    ending = _ending(edit.link, edit.change, edit.mandate, around=edit.around)
    return Plan(gone, report=_ended(edit.link, ending), effects=_taken_away(edit.link, ending))


def _ended(link: Link, ending: _Ending) -> Report:
    """The delete wins against what Exchange had changed and the CRM had not heard of (CON-5)."""
    lost: tuple[Conflict, ...] = ()
    if link.agreed is not None and link.crm is not None and link.crm_revision < link.revision:
        names = differing(plans.as_shown(link.agreed), link.crm)
        lost = tuple(Conflict(wire_name(name), "crm") for name in names)
    return Report(
        Direction.OUTBOUND,
        Result.APPLIED,
        ending.notice.reason,
        ending.mandate.consulted,
        ending.notice.silences,
        conflicts=lost,
    )


def _taken_away(link: Link, ending: _Ending) -> tuple[Effect, ...]:
    """Every copy goes, the one that counts first, but those that Exchange marks as cancelled, or has."""
    counting = _counting(link, ending.around)
    place = counting.mailbox if counting else ""
    notice = ending.notice if _is_organizers(link, counting) else QUIET
    is_told = link.deleted_by_crm or ending.change.notify == "all"
    going = (
        each
        for each in link.replicas
        if each.live and not (each.user in notice.told and not each.direct) and not (each.cancelled and is_told)
    )
    return outgoing.removals(going, link=link, facts=ending.around.facts, counting=place, notice=notice)


def _after_delete(link: Link, change: CrmChange, after: ScheduleItem, *, around: Surroundings) -> Plan:
    """The item is gone from Exchange: the delete wins; the CRM is told again if it had not taken it (CON-5, CON-6)."""
    was = link.crm or change.before
    lost = () if was is None else tuple(Conflict(wire_name(name), "exchange") for name in differing(was, after))
    report = Report(Direction.OUTBOUND, Result.REFUSED, Reason.TOMBSTONED, conflicts=lost)
    direct = (each for each in link.replicas if each.direct and each.live)
    effects = outgoing.removals(direct, link=link, facts=around.facts)
    kept = replace(link, crm=after)
    if link.crm_revision >= link.revision:
        return Plan(kept, report=report, effects=effects)
    told, command = plans.delete(kept, generation=around.generation, reason="deleted")
    return Plan(told, command, report, effects)
