"""What a CRM event says: the CRM's side of the merge (CON-1, CON-2, CON-6, DEL-5, ID-6, PART-7, PRIV-4, PRIV-6).

An event states what the CRM holds now; its change is from what the CRM last said to that, never from what was agreed:
an event may predate a command we have sent. Refusal is per field: what may be applied is, the rest is put back.
What comes of it in Exchange is decided in `outbound`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from handlers import conflicts, occurrences, recurrences
from handlers.alarms import paired
from handlers.conflicts import Moments, Side
from handlers.echoes import alike
from handlers.links import Link, State
from handlers.merging import TIMES, Conflict
from handlers.plans import Explanation, Plan
from handlers.policy import Policy
from handlers.privacy import REDACTED_FIELDS
from schemas.items import ForEntry, Response, ScheduleItem, SeriesException, differing, wire_name
from schemas.outcomes import Decision, Reason

CONTENT = frozenset(
    {"subject", "notes", "location", *TIMES, "priority", "restricted", "assign_to", "recurrence", "exceptions"}
)
"""What the CRM may change and Exchange has a word for."""

_CRM_ONLY = frozenset({"status", "alarms", "related", "split_from", "for_"})
"""What the CRM may change and is not content of the meeting."""

_FOLLOWED = CONTENT | _CRM_ONLY | {"responses"}
_PATTERN = frozenset({*TIMES, "recurrence"})
"""What decides when a series takes place: its exceptions depend on all of it."""

_SETS = frozenset({"assign_to", "for_", "alarms", "exceptions"})
_UNSAID = frozenset({Response.NONE, Response.UNKNOWN})


class Kind(StrEnum):
    """What happened to the item in the CRM."""

    CHANGED = "changed"
    DELETED = "deleted"
    OUT_OF_SCOPE = "out_of_scope"


@dataclass(frozen=True, slots=True)
class CrmChange:
    """One CRM event. `ours`: the CRM applied one of our commands (`origin: sync`); `revision` is the last it applied.

    `before` is what the event says it was before: of use only if the CRM has never spoken of the item. `notify` is who
    is to be told of it (`none`, `all`, `added`), `actor` who made it, if a user did, and `on_behalf_of` in whose name
    (INV-2); `at` when the broker noted it. `replayed`: it was dealt with before the store was lost or put back
    to an older state, so that it is no news to Exchange. `split_of`: the series that a new one was split from.
    """

    id: str
    version: int
    kind: Kind = Kind.CHANGED
    ours: bool = False
    revision: int = 0
    before: ScheduleItem | None = None
    after: ScheduleItem | None = None
    notify: str = "none"
    actor: str | None = None
    on_behalf_of: str | None = None
    at: datetime | None = None
    replayed: bool = False
    split_of: ScheduleItem | None = None


@dataclass(frozen=True, slots=True)
class Terms:
    """What an edit is judged by. `is_fine`: Exchange's own word for its privacy says more than the CRM can (PRIV-6)."""

    policy: Policy
    moments: Moments = conflicts.NO_MOMENTS
    is_fine: bool = False


@dataclass(frozen=True, slots=True)
class Folded:
    """What a user's edit did to the agreed item: what was taken over, what was refused and why.

    `adjusted`: the fields that followed from others, and of which the CRM is to be told.
    """

    agreed: ScheduleItem
    taken: tuple[str, ...] = ()
    refused: tuple[Explanation, ...] = ()
    reason: Reason | None = None
    conflicts: tuple[Conflict, ...] = ()
    adjusted: frozenset[str] = frozenset()


def is_stale(link: Link, change: CrmChange) -> bool:
    """Whether the CRM had said this, or something newer, before (DEL-5)."""
    return bool(link.crm_version) and change.version <= link.crm_version


def is_overtaken(link: Link, change: CrmChange) -> bool:
    """Whether a user asked to tell somebody of a change that the CRM has said something newer than since."""
    return change.version < link.crm_version and change.notify != "none" and not change.ours and not change.replayed


def heard(link: Link, change: CrmChange) -> Link:
    """The link that knows of an event: its version, and the revision the CRM had applied by then."""
    return replace(
        link,
        crm_id=change.id,
        crm_version=change.version,
        crm_revision=max(link.crm_revision, change.revision),
        revision=max(link.revision, change.revision),
    )


def confirmed(link: Link, change: CrmChange, *, is_remembered: bool) -> Plan:
    """The CRM holds what a command asked for. A store that forgot the link, or the command, learns it again (ID-8)."""
    if change.kind is not Kind.CHANGED or change.after is None:
        return Plan(replace(link, crm=None))
    if link.agreed is None or not is_remembered:
        return learnt(link, change.after)
    return Plan(replace(link, crm=change.after))


def learnt(link: Link, after: ScheduleItem) -> Plan:
    """Both sides are taken to stand where the CRM does: what Exchange changed since shows at its next hint."""
    return Plan(replace(link, crm=after, agreed=after, exchange=after, state=State.ACTIVE, content=None))


def unheld(item: ScheduleItem) -> str | None:
    """Why Exchange cannot hold the pattern of an item, if it has one (REC-5)."""
    if item.recurrence is None or item.start is None:
        return None
    return recurrences.unheld(item.recurrence, item.start, item.zone)


def create(after: ScheduleItem, *, split_of: ScheduleItem | None = None) -> Folded:
    """A new item, and what of it cannot stand. A series split from another keeps everybody's alarms (REC-2)."""
    item = made(after)
    exceptions = occurrences.admitted(ScheduleItem(), was=ScheduleItem(), after=item)
    item = replace(item, exceptions=exceptions.exceptions)
    adjusted = frozenset[str]()
    if split_of is not None and split_of.alarms and not item.alarms:
        known = set(item.assign_to) | {item.owner}
        item = replace(item, alarms=tuple(each for each in split_of.alarms if each[0] in known))
        adjusted = frozenset({"alarms"})
    return Folded(
        item, differing(item, ScheduleItem()), exceptions.refused, reason=exceptions.reason, adjusted=adjusted
    )


def made(after: ScheduleItem) -> ScheduleItem:
    """A new item without what only Exchange can say of it: who organizes, who is a guest, who answered what."""
    unsaid = tuple(replace(entry, response=Response.NONE) for entry in after.for_)
    return replace(
        after,
        for_=unsaid,
        external=None,
        external_shown_to=(),
        read_only=False,
        redacted=False,
        organizer=None,
        responses=(),
    )


def fold(agreed: ScheduleItem, *, was: ScheduleItem, after: ScheduleItem, terms: Terms) -> Folded:
    """The agreed item after a CRM user changed what the CRM last said to what it says now."""
    timed = _timed(agreed, was=was, after=after, terms=terms)
    exceptions = occurrences.admitted(agreed, was=was, after=after, timed=timed)
    after = replace(after, exceptions=exceptions.exceptions)
    changed = [name for name in differing(was, after) if name in _FOLLOWED]
    reasons = {name: reason for name in changed if (reason := _refusal(agreed, after, name, terms=terms)) is not None}
    accepted = [name for name in changed if name not in reasons]
    lost = frozenset(name for name in accepted if _is_lost(name, agreed, was=was, after=after, terms=terms))
    taken = tuple(name for name in accepted if name not in lost)
    values = dict(pair for name in taken for pair in _values(name, agreed, was=was, after=after, terms=terms))
    taken = tuple(dict.fromkeys((*taken, *(name for name in values if values[name] != getattr(agreed, name)))))
    refused = [_refused(name, *reasons[name]) for name in reasons]
    if _forges_answers(was.for_, after.for_):
        refused.append(_refused("for_", "PART-7", Reason.NOT_AUTHORITATIVE))
        taken = tuple(name for name in taken if name != "for_" or values[name] != agreed.for_)
    first = next((reason for _, reason in reasons.values()), Reason.NOT_AUTHORITATIVE if refused else None)
    met = tuple(_conflicts(accepted, agreed, was=was, after=after, terms=terms))
    item = replace(agreed, **values)
    refused.extend(exceptions.refused)
    item, adjusted = _carried_over(item, was=agreed, taken=taken)
    return Folded(item, taken, tuple(refused), reason=first or exceptions.reason, conflicts=met, adjusted=adjusted)


def _timed(agreed: ScheduleItem, *, was: ScheduleItem, after: ScheduleItem, terms: Terms) -> ScheduleItem:
    """The agreed item with what will stand of the CRM's pattern: Exchange's may be another by now, or win."""
    changed = (name for name in differing(was, after) if name in _PATTERN)
    accepted = (name for name in changed if _refusal(agreed, after, name, terms=terms) is None)
    taken = [name for name in accepted if not _is_lost(name, agreed, was=was, after=after, terms=terms)]
    return replace(agreed, **{each: getattr(after, each) for name in taken for each in _group(name)})


def _carried_over(
    item: ScheduleItem, *, was: ScheduleItem, taken: tuple[str, ...]
) -> tuple[ScheduleItem, frozenset[str]]:
    """The item with the exceptions that are still in its pattern, if that changed (REC-3)."""
    if _PATTERN.isdisjoint(taken):
        return item, frozenset()
    exceptions = occurrences.carried_over(item, was=was)
    if exceptions == item.exceptions:
        return item, frozenset()
    return replace(item, exceptions=exceptions), frozenset({"exceptions"})


def _refusal(agreed: ScheduleItem, after: ScheduleItem, name: str, *, terms: Terms) -> tuple[str, Reason] | None:
    """Why the CRM may not change a field of this item: by which rule, and in the outcome's word."""
    if name == "responses":
        return "PART-7", Reason.NOT_AUTHORITATIVE
    if agreed.read_only and name in CONTENT:
        return "ID-6", Reason.READ_ONLY
    if name in _PATTERN and unheld(after) is not None:
        return "REC-5", Reason.PATTERN
    if agreed.redacted and name in (REDACTED_FIELDS - {"for_"}) | {"exceptions"}:
        return "PRIV-4", Reason.REDACTED
    if name == "restricted" and terms.is_fine and not after.restricted:
        return "PRIV-6", Reason.READ_ONLY
    return None


def _refused(name: str, rule: str, reason: Reason) -> Explanation:
    because = "a finer word in Exchange" if rule == "PRIV-6" else reason.value
    return Explanation(rule, wire_name(name), Decision.REFUSED, f"{because}: put back")


def _forges_answers(was: Iterable[ForEntry], after: Iterable[ForEntry]) -> bool:
    """Whether somebody's answer was edited, which only he can give (PART-7)."""
    known = {entry.contact: entry.response for entry in was}
    return any(
        entry.response != known[entry.contact] if entry.contact in known else entry.response not in _UNSAID
        for entry in after
    )


def _values(
    name: str, agreed: ScheduleItem, *, was: ScheduleItem, after: ScheduleItem, terms: Terms
) -> Iterator[tuple[str, Any]]:
    """What a field that was taken over is now; times go together."""
    if name == "assign_to":
        added, removed = set(after.assign_to) - set(was.assign_to), set(was.assign_to) - set(after.assign_to)
        yield name, tuple(sorted((set(agreed.assign_to) | added) - removed))
    elif name == "for_":
        yield name, _fold_for(agreed.for_, was=was.for_, after=after.for_)
    elif name == "exceptions":
        yield name, _fold_exceptions(agreed, was=was, after=after, terms=terms)[0]
    elif name == "alarms":
        yield name, _fold_alarms(agreed, was=was, after=after, terms=terms)
    else:
        yield from ((each, getattr(after, each)) for each in _group(name))


def _fold_for(
    agreed: Iterable[ForEntry], *, was: Iterable[ForEntry], after: Iterable[ForEntry]
) -> tuple[ForEntry, ...]:
    """Adds and removes of the CRM; everybody's answer is Exchange's to state (PART-7)."""
    entries = {entry.contact: entry for entry in agreed}
    old, new = {entry.contact for entry in was}, {entry.contact: entry for entry in after}
    for contact in old - new.keys():
        entries.pop(contact, None)
    for contact in new.keys() - old:
        entries.setdefault(contact, replace(new[contact], response=Response.NONE))
    return tuple(sorted(entries.values()))


def _fold_exceptions(
    agreed: ScheduleItem, *, was: ScheduleItem, after: ScheduleItem, terms: Terms
) -> tuple[tuple[SeriesException, ...], bool]:
    """Occurrence by occurrence; and whether any was changed differently in Exchange."""
    wins = conflicts.winner("exceptions", policy=terms.policy, moments=terms.moments) is Side.EXCHANGE
    return occurrences.folded(agreed, was=was, stands=after.exceptions, exchange_wins=wins)


def _fold_alarms(
    agreed: ScheduleItem, *, was: ScheduleItem, after: ScheduleItem, terms: Terms
) -> tuple[tuple[str, tuple[int, ...]], ...]:
    """Everybody's alarms are his own: what the CRM changed of one says nothing of another's (ALM-2)."""
    held, old, new = dict(agreed.alarms), dict(was.alarms), dict(after.alarms)
    crossed = _crossed_alarms(agreed, was=was, after=after)
    crm_wins = conflicts.winner("alarms", policy=terms.policy, moments=terms.moments) is Side.CRM
    for user in old.keys() | new.keys():
        if old.get(user) == new.get(user) or (user in crossed and not crm_wins):
            continue
        if _keeps_paired(old, new, user):
            held[user] = _beside_paired(held.get(user, old[user]), was=old[user], now=new[user])
        elif user in new:
            held[user] = new[user]
        else:
            held.pop(user, None)
    return tuple(sorted(held.items()))


def _crossed_alarms(agreed: ScheduleItem, *, was: ScheduleItem, after: ScheduleItem) -> frozenset[str]:
    """The users whose alarms both sides changed, differently."""
    held, old, new = dict(agreed.alarms), dict(was.alarms), dict(after.alarms)
    return frozenset(
        user
        for user in old.keys() | new.keys()
        if old.get(user) != new.get(user) and held.get(user) not in (old.get(user), new.get(user))
        if not _keeps_paired(old, new, user)
    )


def _keeps_paired(old: Mapping[str, tuple[int, ...]], new: Mapping[str, tuple[int, ...]], user: str) -> bool:
    """Whether the CRM left the alarm alone that Exchange may change, and changed the others (ALM-5)."""
    return user in old and user in new and paired(old[user]) == paired(new[user])


def _beside_paired(held: Iterable[int], *, was: tuple[int, ...], now: tuple[int, ...]) -> tuple[int, ...]:
    """The CRM's other alarms with what Exchange made of the paired one meanwhile."""
    there = frozenset(held)
    return tuple(sorted((frozenset(now) | (there - frozenset(was))) - (frozenset(was) - there)))


def _group(name: str) -> tuple[str, ...]:
    """The fields that stand or fall together with one."""
    return TIMES if name in TIMES else (name,)


def _crosses(name: str, agreed: ScheduleItem, *, was: ScheduleItem, after: ScheduleItem) -> bool:
    """Whether Exchange changed the same meanwhile, differently, and the CRM had not heard of it (CON-1)."""
    moved = any(not alike(getattr(agreed, each), getattr(was, each)) for each in _group(name))
    return moved and any(not alike(getattr(agreed, each), getattr(after, each)) for each in _group(name))


def _is_lost(name: str, agreed: ScheduleItem, *, was: ScheduleItem, after: ScheduleItem, terms: Terms) -> bool:
    """Whether Exchange's value stands against the CRM's."""
    if name in _SETS or not _crosses(name, agreed, was=was, after=after):
        return False
    return conflicts.winner(name, policy=terms.policy, moments=terms.moments) is Side.EXCHANGE


def _conflicts(
    accepted: Iterable[str], agreed: ScheduleItem, *, was: ScheduleItem, after: ScheduleItem, terms: Terms
) -> Iterator[Conflict]:
    """Fields that a command was about to change in the CRM when a user did, differently (CON-2)."""
    groups = dict.fromkeys(_group(name) for name in accepted if name in CONTENT - _SETS)
    for group in groups:
        if not _crosses(group[0], agreed, was=was, after=after):
            continue
        side = conflicts.winner(group[0], policy=terms.policy, moments=terms.moments)
        differing_names = (name for name in group if not alike(getattr(agreed, name), getattr(after, name)))
        yield from (Conflict(wire_name(name), side.value) for name in differing_names)
    if "exceptions" in accepted and _fold_exceptions(agreed, was=was, after=after, terms=terms)[1]:
        side = conflicts.winner("exceptions", policy=terms.policy, moments=terms.moments)
        yield Conflict("exceptions", side.value)
    if "alarms" in accepted and _crossed_alarms(agreed, was=was, after=after):
        yield Conflict("alarms", conflicts.winner("alarms", policy=terms.policy, moments=terms.moments).value)
