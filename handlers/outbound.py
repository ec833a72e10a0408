"""The outbound decision for single meetings: from a CRM event to what is written to whose copy, and what is put back.

An event is one whole turn: whether its maker may make it (`mandates`), what of the edit is accepted (`crm_changes`),
who takes part (`attendance`) and is told of it (`notifying`), what that means for each copy (`targets`, and the
option-gated steps), and what the CRM must be told: refused fields, conflicts that Exchange won, a command it did not
take (CON-6). What takes a meeting away is in `endings`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from handlers import (
    attendance,
    crm_changes,
    crm_edits,
    endings,
    half_done,
    mandates,
    notifying,
    outgoing,
    plans,
    registry,
    series,
)
from handlers.conflicts import Moments
from handlers.crm_changes import CrmChange, Folded, Kind, Terms
from handlers.crm_edits import Edit
from handlers.effects import CONTENT, Effect
from handlers.facts import User
from handlers.links import Link, State
from handlers.mandates import Mandate
from handlers.merging import TIMES
from handlers.notices import Notice
from handlers.occurrence_alarms import without_alarms
from handlers.options import Consulted, OptionValues
from handlers.outgoing import Outgoing, Target
from handlers.plans import Explanation, Plan, Report
from handlers.policy import ConflictPolicy, Policy
from handlers.privacy import is_fine
from handlers.surroundings import Surroundings
from handlers.targets import targets_of
from schemas import ids
from schemas.items import ScheduleItem, differing
from schemas.outcomes import Decision, Direction, Reason, Result

_NOT_TOLD = frozenset({"owner"})
"""What the CRM may hold otherwise without being told so: whose meeting it is, Exchange decides (INV-7)."""

_CANCELLED = "cancelled"

_EXCHANGE_WINS = Policy(conflict_default=ConflictPolicy.EXCHANGE_WINS)
"""For an edit that was written once: what Exchange holds otherwise was changed later."""


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


def rejected(
    link: Link,
    change: CrmChange,
    *,
    generation: int,
    reason: Reason = Reason.RESTRICTION,
    done: Sequence[Effect] = (),
) -> Plan:
    """Exchange will never take what the event asks for, or (`denied`) not from the delegate who makes it (INV-2). What
    was `done` of it before that stands.
    """
    heard = crm_changes.heard(half_done.standing(link, done, after=change.after), change)
    end = ": put back, but for what was done before" if any(each.authoritative for each in done) else ": put back"
    if reason is Reason.DENIED:
        because = Explanation("INV-2", change.actor or "item", Decision.REFUSED, f"Exchange denies it to him{end}")
        return _put_back(
            heard, change, Report(Direction.OUTBOUND, Result.REFUSED, reason, explain=(because,)), generation
        )
    because = Explanation("ID-6", "item", Decision.REFUSED, f"Exchange does not take this content{end}")
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
        return endings.cancelled_after(link, change, _mandate(link, change, around), around=around)
    if link.state is State.DELETED and not link.deleted_by_crm:
        return endings.changed_after(link, change, after, around=around)
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
        return known if after.status != _CANCELLED else Plan(endings.long_cancelled(known.link))
    edit = replace(_edit(link, change, after, around), mandate=mandate)
    if _is_restricted(edit):
        # The CRM's word is not remembered: what it said meanwhile is part of its next change.
        because = Explanation("OPS-4", link.id, Decision.REFUSED, "more participants or occurrences than the limit")
        return Plan(link, report=Report(Direction.OUTBOUND, Result.SKIPPED, Reason.RESTRICTION, explain=(because,)))
    if edit.folded.agreed.status == _CANCELLED and (edit.is_new or "status" in edit.folded.taken):
        return endings.cancelled(edit)
    return _written(edit)


def _deleted(link: Link, change: CrmChange, around: Surroundings) -> Plan:
    mandate = _mandate(link, change, around)
    if mandate.refused and link.state in (State.ACTIVE, State.OUT_OF_SCOPE):
        return _refused(link, change, mandate, generation=around.generation)
    return endings.deleted(link, change, mandate, around=around)


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


def _edit(link: Link, change: CrmChange, after: ScheduleItem, around: Surroundings) -> Edit:
    if link.agreed is None:
        folded = crm_changes.create(after, split_of=change.split_of)
        return Edit(link, change, ScheduleItem(), after, folded, around, is_new=True)
    was = link.crm or (after if change.replayed else change.before or link.agreed)
    counting = crm_edits.counting(link, around)
    terms = Terms(
        policy=_EXCHANGE_WINS if change.replayed else around.policy,
        moments=Moments(crm=change.at, exchange=link.changed_at),
        is_fine=counting is not None and is_fine(counting.sensitivity),
    )
    folded = crm_changes.fold(link.agreed, was=was, after=after, terms=terms)
    return Edit(link, change, was, after, folded, around)


def _is_restricted(edit: Edit) -> bool:
    most = edit.around.policy.most_participants
    item = edit.folded.agreed
    customized = sum(not each.deleted for each in item.exceptions)
    if series.is_restricted(item, customized=customized, policy=edit.around.policy):
        return True
    return most is not None and len(item.assign_to) + len(item.for_) + len(item.external or ()) > most


def _written(edit: Edit) -> Plan:
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
        targets=targets_of(edit),
    )
    values = OptionValues(events=edit.around.facts.options, config=edit.around.policy.options)
    draft, consulted = registry.run(draft, direction=Direction.OUTBOUND, values=values)
    effects = outgoing.effects_of(draft.targets, item, crm_id=edit.link.crm_id)
    private = item.restricted if "restricted" in folded.taken else edit.link.private_from_crm
    settled = replace(
        attendance.foreseeing(_told_to_exchange(edit, draft.targets), edit),
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


def _must_be_told(edit: Edit) -> bool:
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


def _owner(edit: Edit) -> User | None:
    """Whose options count: the owner's, or of a stranger's meeting its master's (OPT-4)."""
    item = edit.link.exchange or edit.folded.agreed
    users = edit.around.facts.by_id
    return users.get(item.owner or "") or users.get(edit.link.master or "")


def _notice(edit: Edit) -> Notice:
    """Who is told of the edit, beside those who see it in their own copies."""
    owner = edit.around.facts.by_id.get(edit.folded.agreed.owner or "")
    is_there = crm_edits.is_organizers(edit.link, crm_edits.counting(edit.link, edit.around))
    asked = notifying.Change(
        about=edit.link.id,
        change=edit.change,
        mandate=edit.mandate,
        item=edit.folded.agreed,
        people=attendance.people(edit),
        organizes=outgoing.reachable(owner) if edit.is_new else is_there,
        is_seen=_is_seen(edit),
        is_new=edit.is_new,
        is_hidden=edit.folded.agreed.redacted,
    )
    return notifying.notice(asked, now=edit.around.now, most=edit.around.policy.most_recipients)


def _is_seen(edit: Edit) -> bool:
    """Whether guests see anything of the edit: content, single occurrences, or who takes part (INV-5)."""
    known = edit.link.agreed or ScheduleItem()
    if edit.is_new or any(attendance.moved(edit)) or not frozenset(CONTENT).isdisjoint(edit.folded.taken):
        return True
    return without_alarms(edit.folded.agreed.exceptions) != without_alarms(known.exceptions)


def _told_to_exchange(edit: Edit, targets: Iterable[Target]) -> Link:
    """The link as far as Exchange is concerned: what the copy that counts says once it is written."""
    counting = next((target for target in targets if target.authoritative), None)
    item, link = edit.folded.agreed, edit.link
    if counting is None:
        return link
    if edit.is_new:
        invited = attendance.reached(outgoing.participants_of(item, edit.around.facts) - {item.owner}, edit.around)
        people = tuple(sorted({*invited, counting.user.id}))
        bare = without_alarms(item.exceptions)
        said = replace(
            item, assign_to=people, for_=(), external=(), status="open", alarms=(), related=(), exceptions=bare
        )
        return replace(link, exchange=said, uid=link.uid or ids.uid_of_crm(edit.change.id))
    exchange = link.exchange or ScheduleItem()
    written = set(edit.folded.taken) | (set(TIMES) if set(TIMES) & set(edit.folded.taken) else set())
    added, removed = attendance.moved(edit) if counting.user.id == exchange.owner else (frozenset(), frozenset())
    people = tuple(sorted((set(exchange.assign_to) | attendance.reached(added, edit.around)) - removed))
    values: dict[str, Any] = {name: getattr(item, name) for name in CONTENT if name in written}
    values["exceptions"] = without_alarms(item.exceptions)
    return replace(link, exchange=replace(exchange, assign_to=people, **values))


def _report(edit: Edit, effects: tuple[Effect, ...], consulted: tuple[Consulted, ...]) -> Report | None:
    folded = edit.folded
    if not folded.taken and not folded.refused and not folded.conflicts and not effects:
        return None
    if not folded.taken and not effects and folded.refused:
        return Report(
            Direction.OUTBOUND, Result.REFUSED, folded.reason, consulted, folded.refused, conflicts=folded.conflicts
        )
    if edit.is_new and not effects and not edit.link.replicas:
        return Report(Direction.OUTBOUND, Result.SKIPPED, Reason.UNKNOWN_MAILBOX, consulted)
    left_out = tuple(attendance.left_out(edit))
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
