"""The outbound decision for single meetings: from a CRM event to what is written to whose copy, and what is put back.

An event is one whole turn: what of the edit is accepted (`crm_changes`), what that means for each copy (here and in
the option-gated steps), and what the CRM must be told: refused fields, conflicts that Exchange won, a command it did
not take (CON-6). Deletes and cancellations take every copy away (DEL-1, DEL-6). Nobody is mailed (INV-4).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from handlers import crm_changes, occurrences, outgoing, plans, registry, series
from handlers.conflicts import Moments
from handlers.crm_changes import CrmChange, Folded, Kind, Terms
from handlers.effects import CONTENT, Effect
from handlers.facts import User
from handlers.inbound import Surroundings
from handlers.links import BEHIND, OCCURRENCES_BEHIND, Link, Replica, State
from handlers.merging import TIMES, Conflict
from handlers.occurrence_alarms import without_alarms
from handlers.options import Consulted, OptionValues
from handlers.outgoing import Outgoing, Target
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


def decide(link: Link, change: CrmChange, *, around: Surroundings) -> Plan:
    """What the event means. One that says nothing newer than what is known yields an empty plan."""
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


def rejected(link: Link, change: CrmChange, *, generation: int) -> Plan:
    """Exchange will never take what the event asks for: it is put back in the CRM; a refused create gets no command."""
    because = Explanation("ID-6", "item", Decision.REFUSED, "Exchange does not take this content: put back")
    report = Report(Direction.OUTBOUND, Result.FAILED, Reason.RESTRICTION, explain=(because,))
    heard = replace(crm_changes.heard(link, change), crm=change.after)
    if heard.agreed is None or heard.state is not State.ACTIVE:
        return Plan(heard, report=report)
    told, command = plans.upsert(heard, generation=generation)
    return Plan(told, command, report)


def _changed(link: Link, change: CrmChange, after: ScheduleItem, *, around: Surroundings) -> Plan:
    if link.state is State.DELETED and not link.deleted_by_crm and after.status == _CANCELLED:
        gone = replace(link, crm=after, agreed=after, deleted_by_crm=True)
        return Plan(gone, report=_ended(link, change), effects=_taken_away(link, around))
    if link.state is State.DELETED and not link.deleted_by_crm:
        return _after_delete(link, change, after, around=around)
    if link.state is State.DELETED and after.status == _CANCELLED:
        return Plan(replace(link, crm=after, agreed=after))
    if link.state is State.ARCHIVED:
        return Plan(replace(link, crm=after), report=Report(Direction.OUTBOUND, Result.SKIPPED, Reason.ARCHIVAL))
    link = _reopened(link)
    if link.agreed is None and crm_changes.unheld(after) is not None:
        because = Explanation("REC-5", link.id, Decision.REFUSED, f"the pattern: {crm_changes.unheld(after)}")
        return Plan(link, report=Report(Direction.OUTBOUND, Result.SKIPPED, Reason.PATTERN, explain=(because,)))
    if change.replayed and not any(replica.live for replica in link.replicas):
        return crm_changes.learnt(link, after)
    edit = _edit(link, change, after, around)
    if _is_restricted(edit):
        # The CRM's word is not remembered: what it said meanwhile is part of its next change.
        because = Explanation("OPS-4", link.id, Decision.REFUSED, "more participants or occurrences than the limit")
        return Plan(link, report=Report(Direction.OUTBOUND, Result.SKIPPED, Reason.RESTRICTION, explain=(because,)))
    if edit.folded.agreed.status == _CANCELLED and (edit.is_new or "status" in edit.folded.taken):
        return _cancelled(edit)
    return _written(edit)


def _reopened(link: Link) -> Link:
    """What the CRM deleted or cancelled and takes back is created anew: its copies are gone."""
    if link.state is not State.DELETED:
        return link
    return replace(
        link, uid=None, deleted_by_crm=False, agreed=None, exchange=None, crm=None, replicas=(), content=None
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
        _told_to_exchange(edit, draft.targets),
        state=State.ACTIVE,
        crm=edit.after,
        agreed=item,
        private_from_crm=private,
        content=None if effects else edit.link.content,
    )
    report = _report(edit, effects, consulted)
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
        elif user.id in removed or (replica.direct and user.id not in wanted):  # by the organizer, meanwhile
            yield Target(user=user, mailbox=replica.mailbox, replica=replica, direct=replica.direct, delete=True)
        elif user.id in wanted:
            yield _other_copy(edit, user, replica)
    yield from _direct_copies(edit, sorted(added))


def _with_occurrences(edit: _Edit, target: Target) -> Target:
    """With what is to be written of single occurrences; all of it where the copy is new, or its pattern is (REC-3)."""
    if target.delete:
        return target
    is_behind = target.replica is not None and target.replica.holds in (BEHIND, OCCURRENCES_BEHIND)
    anew = target.replica is None or is_behind or bool({"recurrence", *TIMES} & set(target.fields))
    item, before = edit.folded.agreed, edit.link.agreed or ScheduleItem()
    return replace(target, occurrences=tuple(occurrences.wanted(before, item, user=target.user.id, anew=anew)))


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
            **outgoing.content_for(replica, item, edit.folded.taken),
        )
    yield from _direct_copies(edit, sorted(others))


def _counting_copy(edit: _Edit, user: User, replica: Replica) -> Target:
    link, item = edit.link, edit.folded.agreed
    exchange = link.exchange or ScheduleItem()
    changed = [name for name in edit.folded.taken if getattr(item, name) != getattr(exchange, name)]
    added, removed = _moved(edit) if user.id == exchange.owner else (frozenset(), frozenset())
    invited = added - set(exchange.assign_to)
    gone = [edit.around.facts.by_id.get(each) for each in removed & set(exchange.assign_to)]
    addresses = (outgoing.addresses_of(each, edit.around.policy) for each in gone if each)
    return Target(
        user=user,
        mailbox=replica.mailbox,
        replica=replica,
        authoritative=True,
        invite=_attendees(invited, edit.around),
        uninvite=frozenset().union(*addresses),
        **outgoing.content_for(replica, item, changed),
    )


def _other_copy(edit: _Edit, user: User, replica: Replica) -> Target:
    is_behind = replica.direct and replica.holds == BEHIND
    return Target(
        user=user,
        mailbox=replica.mailbox,
        replica=replica,
        direct=replica.direct,
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
    """A copy for everybody the CRM added who has none; nobody is sent one (INV-6)."""
    item = edit.folded.agreed
    for user in (edit.around.facts.by_id.get(user_id) for user_id in users):
        if user is None or not user.synchronized or user.mailbox is None:
            continue
        replica = edit.link.replica(user.mailbox)
        if replica is not None and replica.live:
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
    return Report(
        Direction.OUTBOUND,
        Result.APPLIED,
        partly or _silenced(edit.change),
        consulted,
        (*folded.refused, *left_out, *_silent(edit.link, edit.change)),
        folded.conflicts,
    )


def _left_out(edit: _Edit) -> Iterator[Explanation]:
    """Who takes part in the CRM alone, because there is nowhere to invite him to (S09d)."""
    added, _ = _moved(edit)
    for user in sorted(added - _reached(added, edit.around)):
        yield Explanation("PART-6", user, Decision.KEPT, "no address to invite him by: in the CRM alone")


def _silenced(change: CrmChange) -> Reason | None:
    return None if change.notify == "none" else Reason.NOT_YET


def _silent(link: Link, change: CrmChange) -> tuple[Explanation, ...]:
    if change.notify == "none":
        return ()
    return (Explanation("INV-4", link.id, Decision.SILENT, f"notify {change.notify} is not built yet"),)


def _deleted(link: Link, change: CrmChange, around: Surroundings) -> Plan:
    """Every copy goes that is still there: the organizer's may have gone first, by an earlier try of this event."""
    effects = _taken_away(link, around) if link.state is not State.ARCHIVED else ()
    if link.state is State.DELETED and not effects:
        return Plan(replace(link, crm=None))
    gone = replace(link, state=State.DELETED, deleted_by_crm=True, crm=None, content=None)
    return Plan(gone, report=_ended(link, change), effects=effects)


def _cancelled(edit: _Edit) -> Plan:
    """Cancelled in the CRM is deleted in Exchange; the CRM's item stays (DEL-6)."""
    gone = replace(
        edit.link,
        state=State.DELETED,
        deleted_by_crm=True,
        crm=edit.after,
        agreed=edit.folded.agreed,
        content=None,
    )
    return Plan(gone, report=_ended(edit.link, edit.change), effects=_taken_away(edit.link, edit.around))


def _ended(link: Link, change: CrmChange) -> Report:
    """The delete wins against what Exchange had changed and the CRM had not heard of (CON-5)."""
    lost: tuple[Conflict, ...] = ()
    if link.agreed is not None and link.crm is not None and link.crm_revision < link.revision:
        names = differing(plans.as_shown(link.agreed), link.crm)
        lost = tuple(Conflict(wire_name(name), "crm") for name in names)
    return Report(
        Direction.OUTBOUND,
        Result.APPLIED,
        _silenced(change),
        explain=_silent(link, change),
        conflicts=lost,
    )


def _taken_away(link: Link, around: Surroundings) -> tuple[Effect, ...]:
    """Every copy goes, the one that counts first."""
    counting = _counting(link, around)
    effects = outgoing.removals((each for each in link.replicas if each.live), link=link, facts=around.facts)
    marked = (replace(each, authoritative=bool(counting and each.mailbox == counting.mailbox)) for each in effects)
    return tuple(sorted(marked, key=lambda effect: not effect.authoritative))


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
