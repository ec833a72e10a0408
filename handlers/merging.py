"""The three-way merge: what was agreed, what changed in Exchange, what the CRM holds (CON-1, FOR-3, PART-6).

A field changed on one side flows to the other; changed to equal values is no conflict; changed differently is one, and
the policy decides (CON-2). Times are one field, or a start of one side would meet an end of the other; the zone that
Exchange left alone is still the CRM's, which may have another name for it. People merge as sets: base + adds - removes.
Exceptions of a series merge one by one, by original start (REC-3).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from handlers import conflicts
from handlers.conflicts import Side
from handlers.moments import in_time
from handlers.policy import Policy
from handlers.privacy import REDACTED_FIELDS
from schemas.items import ForEntry, Moment, Response, ScheduleItem, SeriesException, Source, differing, wire_name

TIMES = ("start", "end", "zone", "all_day")
_GROUPS: tuple[tuple[str, ...], ...] = (
    ("subject",),
    ("notes",),
    ("location",),
    TIMES,
    ("priority",),
    ("restricted",),
    ("recurrence",),
)
"""What both sides may change, as far as Exchange has a word for it."""

_FROM_EXCHANGE = ("owner", "organizer", "external", "external_shown_to", "read_only", "redacted", "responses")
"""What only Exchange, or a decision about Exchange's people, can say."""


@dataclass(frozen=True, slots=True)
class Conflict:
    """A field both sides had changed differently, and whose value stands. Never the values."""

    field: str
    winner: str


@dataclass(frozen=True, slots=True)
class Merged:
    """What both sides shall hold now. `owed`: the fields that Exchange does not hold so yet, for the CRM's stands."""

    item: ScheduleItem
    conflicts: tuple[Conflict, ...] = ()
    owed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Terms:
    """On what terms both sides are merged.

    `settled`: what was agreed on has been written to Exchange, and where that says otherwise, it is what the server
    made of it. Else such a difference is a change of the CRM's on its way there. Nobody noted when that was made: where
    the latest wins, it does (CON-2).
    """

    policy: Policy = field(default_factory=Policy)
    settled: bool = False


ON_ITS_WAY = Terms()


def merge_exchange(
    agreed: ScheduleItem, *, before: ScheduleItem, now: ScheduleItem, terms: Terms = ON_ITS_WAY
) -> Merged:
    """The agreed item after Exchange went from `before` to `now`."""
    forced = REDACTED_FIELDS if now.redacted or before.redacted else frozenset[str]()
    taken: dict[str, Any] = {name: getattr(now, name) for name in _FROM_EXCHANGE}
    edited, moved = frozenset(differing(agreed, before)), frozenset(differing(before, now))
    met: list[Conflict] = []
    owed: list[str] = []
    for group in _GROUPS:
        if not forced.isdisjoint(group):
            # What is hidden is hidden whatever the CRM holds, and what is shown again comes back whole.
            taken |= {name: getattr(now, name) for name in group}
            continue
        is_moved = not moved.isdisjoint(group)
        is_pending = not terms.settled and _is_changed(group, edited, moved)
        crossed = _differing(group, now, agreed) if is_pending and is_moved else []
        side = conflicts.winner(group[0], policy=terms.policy)
        met.extend(Conflict(name, side.value) for name in crossed)
        if is_pending and (not is_moved or side is Side.CRM):
            owed.extend(_differing(group, now, agreed))
        elif is_moved:
            taken |= _followed(group, agreed, before=before, now=now)
    crm_wins = conflicts.winner("exceptions", policy=terms.policy) is Side.CRM
    exceptions = merge_exceptions(
        agreed.exceptions if not terms.settled else before.exceptions,
        before=before.exceptions,
        now=now.exceptions,
        held_wins=crm_wins,
    )
    taken["exceptions"] = exceptions.exceptions
    if exceptions.crossed:
        met.append(Conflict("exceptions", (Side.CRM if crm_wins else Side.EXCHANGE).value))
    taken["assign_to"] = merge_users(agreed.assign_to, before=before.assign_to, now=now.assign_to)
    matched = merge_for(agreed.for_, before=before.for_, now=now.for_)
    taken["for_"] = tuple(entry for entry in matched if entry.source is Source.CRM) if now.redacted else matched
    return Merged(replace(agreed, **taken), tuple(met), tuple(owed))


def _is_changed(group: Sequence[str], edited: Collection[str], moved: Collection[str]) -> bool:
    """Whether the CRM changed any of these fields; a zone alone is only another name, unless Exchange changed it."""
    fields = [name for name in group if name in edited]
    return bool(fields) and (fields != ["zone"] or "zone" in moved)


def _followed(group: Sequence[str], agreed: ScheduleItem, *, before: ScheduleItem, now: ScheduleItem) -> dict[str, Any]:
    values = {name: getattr(now, name) for name in group}
    if "zone" in values and before.zone == now.zone:
        values["zone"] = agreed.zone
    return values


def merge_for(
    agreed: Sequence[ForEntry], *, before: Sequence[ForEntry], now: Sequence[ForEntry]
) -> tuple[ForEntry, ...]:
    """For after Exchange's matches went from `before` to `now`.

    An entry the CRM added stays when its attendee leaves, without his answer (FOR-3); one the CRM removed does not come
    back while its attendee stays (PART-6).
    """
    entries = {entry.contact: entry for entry in agreed}
    old = {entry.contact: entry for entry in before}
    new = {entry.contact: entry for entry in now}
    for contact in entries.keys() & (old.keys() - new.keys()):
        if entries[contact].source is Source.EXCHANGE:
            del entries[contact]
        else:
            entries[contact] = replace(entries[contact], response=Response.NONE)
    for contact, entry in new.items():
        known = entries.get(contact)
        if known is not None:
            entries[contact] = replace(entry, source=known.source)
        elif contact not in old:
            entries[contact] = entry
    return tuple(sorted(entries.values()))


def merge_users(agreed: Sequence[str], *, before: Sequence[str], now: Sequence[str]) -> tuple[str, ...]:
    """Assign To after Exchange's users went from `before` to `now`: what the CRM added or removed stays so (PART-6)."""
    return tuple(sorted((set(agreed) | (set(now) - set(before))) - (set(before) - set(now))))


@dataclass(frozen=True, slots=True)
class MergedExceptions:
    """A series' exceptions after both sides were heard; `crossed`: both had changed the same, differently."""

    exceptions: tuple[SeriesException, ...]
    crossed: bool = False


def merge_exceptions(
    agreed: Sequence[SeriesException],
    *,
    before: Sequence[SeriesException],
    now: Sequence[SeriesException],
    held_wins: bool = True,
) -> MergedExceptions:
    """Exceptions after one side's went from `before` to `now`: each occurrence for itself, field by field (REC-3).

    `held_wins`: what both sides changed differently stays as was agreed. A delete wins over an edit (CON-5); when an
    occurrence is, is one field.
    """
    sides = [{each.original_start: each for each in side} for side in (agreed, before, now)]
    starts = sorted({start for side in sides for start in side}, key=in_time)
    merged, crossed = [], False
    for start in starts:
        held, old, new = (_opened(side.get(start)) for side in sides)
        values = dict(held)
        for name in held.keys() | old.keys() | new.keys():
            if new.get(name) == old.get(name):
                continue
            is_crossed = held.get(name) not in (old.get(name), new.get(name))
            crossed = crossed or is_crossed
            if is_crossed and held_wins and not new.get(_DELETED):
                continue
            values[name] = new.get(name, ())
        merged.append(_closed(start, values))
    return MergedExceptions(tuple(each for each in merged if each.deleted or each.changes), crossed)


_DELETED = "deleted"
_WHEN = frozenset({"start", "end", "all_day", "zone"})

_Changes = tuple[tuple[str, str], ...]


def _opened(exception: SeriesException | None) -> dict[str, _Changes]:
    """What an exception says, by what merges as one."""
    if exception is None:
        return {}
    if exception.deleted:
        return {_DELETED: ((_DELETED, ""),)}
    when = tuple(change for change in exception.changes if change[0] in _WHEN)
    others = {change[0]: (change,) for change in exception.changes if change[0] not in _WHEN}
    return others | ({"when": when} if when else {})


def _closed(start: Moment, values: Mapping[str, _Changes]) -> SeriesException:
    if values.get(_DELETED):
        return SeriesException(start, deleted=True)
    return SeriesException(start, changes=tuple(sorted(change for changes in values.values() for change in changes)))


def names(fields: Sequence[str]) -> tuple[str, ...]:
    """Fields as the wire calls them."""
    return tuple(wire_name(name) for name in fields)


def _differing(group: Sequence[str], one: ScheduleItem, other: ScheduleItem) -> list[str]:
    return [name for name in group if getattr(one, name) != getattr(other, name)]
