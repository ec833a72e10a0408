"""What a CRM event means for the link: the CRM's side of the merge (CON-1, CON-6, DEL-5, ID-6, PRIV-4, PART-7).

An event states what the CRM holds now; its change is from what the CRM last said to that, never from what was agreed:
an event may predate a command we have sent. Writing to Exchange is not built yet: what a merge would write there is
agreed on, remembered and reported as `held`, `not_yet`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from handlers import plans
from handlers.links import Link, State
from handlers.merging import TIMES, Conflict
from handlers.plans import Explanation, Plan, Report
from handlers.privacy import REDACTED_FIELDS
from schemas.items import ForEntry, ScheduleItem, differing, wire_name
from schemas.outcomes import Decision, Direction, Reason, Result

_CONTENT = frozenset(
    {"subject", "notes", "location", *TIMES, "priority", "restricted", "assign_to", "recurrence", "exceptions"}
)
"""What the CRM may change and Exchange has a word for."""

_CRM_ONLY = frozenset({"status", "alarms", "related", "split_from", "for_"})
"""What the CRM may change and Exchange is not told of, or not yet."""


class Kind(StrEnum):
    """What happened to the item in the CRM."""

    CHANGED = "changed"
    DELETED = "deleted"
    OUT_OF_SCOPE = "out_of_scope"


@dataclass(frozen=True, slots=True)
class CrmChange:
    """One CRM event. `ours`: the CRM applied one of our commands (`origin: sync`); `revision` is the last it applied.

    `before` is what the event says it was before: of use only if the CRM has never spoken of the item.
    """

    id: str
    version: int
    kind: Kind = Kind.CHANGED
    ours: bool = False
    revision: int = 0
    before: ScheduleItem | None = None
    after: ScheduleItem | None = None


@dataclass(frozen=True, slots=True)
class _Folded:
    """What a user's edit did to the agreed item: what was taken over, what was refused and why."""

    agreed: ScheduleItem
    taken: tuple[str, ...]
    refused: tuple[Explanation, ...]
    reason: Reason | None
    conflicts: tuple[Conflict, ...]


def decide(link: Link, change: CrmChange, *, generation: int) -> Plan:
    """What the event means. One that says nothing newer than what is known yields an empty plan."""
    if link.crm_version and change.version <= link.crm_version:
        return Plan(link)
    heard = replace(
        link,
        crm_id=change.id,
        crm_version=change.version,
        crm_revision=max(link.crm_revision, change.revision),
        revision=max(link.revision, change.revision),
    )
    if change.ours:
        return _confirmed(heard, change)
    if change.kind is Kind.DELETED:
        return _deleted(heard)
    if change.kind is Kind.OUT_OF_SCOPE:
        ended = heard.state in (State.DELETED, State.ARCHIVED)  # which it will still be when it is in scope again
        state = heard.state if ended else State.OUT_OF_SCOPE
        return Plan(replace(heard, state=state), report=Report(Direction.OUTBOUND, Result.APPLIED))
    if change.after is None:
        return Plan(heard)
    return _edited(heard, change.after, was=link.crm or change.before, generation=generation)


def is_stale(link: Link, change: CrmChange) -> bool:
    """Whether the CRM had said this, or something newer, before (DEL-5)."""
    return bool(link.crm_version) and change.version <= link.crm_version


def _confirmed(link: Link, change: CrmChange) -> Plan:
    """The CRM holds what a command asked for; a store that forgot the link learns it again (ID-8)."""
    if change.kind is not Kind.CHANGED or change.after is None:
        return Plan(replace(link, crm=None))
    known = link
    if link.agreed is None:
        # Both sides are taken to stand where the CRM does: what Exchange changed since shows at its next hint.
        known = replace(link, agreed=change.after, exchange=change.after, state=State.ACTIVE)
    return Plan(replace(known, crm=change.after))


def _deleted(link: Link) -> Plan:
    if link.state is State.DELETED:
        return Plan(replace(link, crm=None))
    gone = replace(link, state=State.DELETED, deleted_by_crm=True, crm=None, content=None)
    if link.exchange is None or link.state is State.ARCHIVED:
        return Plan(gone, report=Report(Direction.OUTBOUND, Result.APPLIED))
    return Plan(gone, report=Report(Direction.OUTBOUND, Result.HELD, Reason.NOT_YET))


def _edited(link: Link, after: ScheduleItem, *, was: ScheduleItem | None, generation: int) -> Plan:
    if link.state is State.DELETED and not link.deleted_by_crm:
        return _edited_after_delete(replace(link, crm=after), generation=generation)
    if link.state is State.ARCHIVED:
        return Plan(replace(link, crm=after), report=Report(Direction.OUTBOUND, Result.SKIPPED, Reason.ARCHIVAL))
    folded = _fold(link, after, was=was)
    private = link.private_from_crm if "restricted" not in folded.taken else folded.agreed.restricted
    settled = replace(
        link, state=State.ACTIVE, deleted_by_crm=False, crm=after, agreed=folded.agreed, private_from_crm=private
    )
    report = _report(settled, folded)
    behind = link.crm_revision < link.revision and differing(plans.as_shown(folded.agreed), after)
    if not behind and not folded.refused:
        return Plan(settled, report=report)
    told, command = plans.upsert(settled, generation=generation)
    return Plan(told, command, report or Report(Direction.OUTBOUND, Result.APPLIED))


def _edited_after_delete(link: Link, *, generation: int) -> Plan:
    """The item is gone from Exchange: the delete wins; the CRM is told again if it had not taken it (CON-6)."""
    report = Report(Direction.OUTBOUND, Result.REFUSED, Reason.TOMBSTONED)
    if link.crm_revision >= link.revision:
        return Plan(link, report=report)
    told, command = plans.delete(link, generation=generation, reason="deleted")
    return Plan(told, command, report)


def _fold(link: Link, after: ScheduleItem, *, was: ScheduleItem | None) -> _Folded:
    if was is None or link.agreed is None:
        return _Folded(after, differing(after, ScheduleItem()), (), None, ())
    changed = [name for name in differing(was, after) if name in _CONTENT | _CRM_ONLY or name == "responses"]
    reasons = {name: reason for name in changed if (reason := _refusal(link.agreed, name)) is not None}
    taken = [name for name in changed if name not in reasons]
    agreed = replace(link.agreed, **{name: _folded_value(name, link.agreed, was, after) for name in taken})
    return _Folded(
        agreed=agreed,
        taken=tuple(taken),
        refused=tuple(_refused(name, *reasons[name]) for name in reasons),
        reason=next((reason for _, reason in reasons.values()), None),
        conflicts=tuple(_conflicts(taken, link.agreed, was=was, after=after)),
    )


def _refusal(agreed: ScheduleItem, name: str) -> tuple[str, Reason] | None:
    """Why the CRM may not change a field of this item: by which rule, and in the outcome's word."""
    if name == "responses":
        return "PART-7", Reason.NOT_AUTHORITATIVE
    if agreed.read_only and name in _CONTENT:
        return "ID-6", Reason.READ_ONLY
    if agreed.redacted and name in REDACTED_FIELDS - {"for_"}:
        return "PRIV-4", Reason.REDACTED
    return None


def _refused(name: str, rule: str, reason: Reason) -> Explanation:
    return Explanation(rule, wire_name(name), Decision.REFUSED, f"{reason.value}: put back")


def _folded_value(name: str, agreed: ScheduleItem, was: ScheduleItem, after: ScheduleItem) -> Any:
    if name == "assign_to":
        added, removed = set(after.assign_to) - set(was.assign_to), set(was.assign_to) - set(after.assign_to)
        return tuple(sorted((set(agreed.assign_to) | added) - removed))
    if name == "for_":
        return _fold_for(agreed.for_, was=was.for_, after=after.for_)
    return getattr(after, name)


def _fold_for(
    agreed: Iterable[ForEntry], *, was: Iterable[ForEntry], after: Iterable[ForEntry]
) -> tuple[ForEntry, ...]:
    """Adds and removes of the CRM; the answers of those who stay are Exchange's to state (PART-7)."""
    entries = {entry.contact: entry for entry in agreed}
    old, new = {entry.contact for entry in was}, {entry.contact: entry for entry in after}
    for contact in old - new.keys():
        entries.pop(contact, None)
    for contact in new.keys() - old:
        entries.setdefault(contact, new[contact])
    return tuple(sorted(entries.values()))


def _conflicts(
    taken: Iterable[str], agreed: ScheduleItem, *, was: ScheduleItem, after: ScheduleItem
) -> Iterable[Conflict]:
    """Fields that a command was about to change in the CRM when a user did, differently: his value stands (CON-2)."""
    for name in taken:
        asked, edited = getattr(agreed, name), getattr(after, name)
        if name in _CONTENT - {"assign_to"} and asked != getattr(was, name) and asked != edited:
            yield Conflict(wire_name(name), "crm")


def _report(link: Link, folded: _Folded) -> Report | None:
    if not folded.taken and not folded.refused:
        return None
    explain, conflicts = folded.refused, folded.conflicts
    if not folded.taken:
        return Report(Direction.OUTBOUND, Result.REFUSED, folded.reason, explain=explain, conflicts=conflicts)
    if _is_for_exchange(link, folded):
        return Report(Direction.OUTBOUND, Result.HELD, Reason.NOT_YET, explain=explain, conflicts=conflicts)
    reason = Reason.PARTLY if folded.refused else None
    return Report(Direction.OUTBOUND, Result.APPLIED, reason, explain=explain, conflicts=conflicts)


def _is_for_exchange(link: Link, folded: _Folded) -> bool:
    if link.exchange is None:
        return True
    wanted = _CONTENT.intersection(folded.taken)
    cancelled = "status" in folded.taken and folded.agreed.status == "cancelled"
    return cancelled or any(getattr(folded.agreed, name) != getattr(link.exchange, name) for name in wanted)
