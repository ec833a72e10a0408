"""The three-way merge: what was agreed, what changed in Exchange, what the CRM holds (CON-1, FOR-3, PART-6).

A field changed on one side flows to the other; changed to equal values is no conflict; changed differently is one, and
the policy decides (CON-2). Times are one field, or a start of one side would meet an end of the other. People merge as
sets: base + adds - removes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from handlers.privacy import REDACTED_FIELDS
from schemas.items import ForEntry, Response, ScheduleItem, Source, wire_name

TIMES = ("start", "end", "zone", "all_day")
_GROUPS: tuple[tuple[str, ...], ...] = (("subject",), ("notes",), ("location",), TIMES, ("priority",), ("restricted",))
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
    """What both sides shall hold now."""

    item: ScheduleItem
    conflicts: tuple[Conflict, ...] = ()


def merge_exchange(agreed: ScheduleItem, *, before: ScheduleItem, now: ScheduleItem) -> Merged:
    """The agreed item after Exchange went from `before` to `now`; a CRM change still on its way to Exchange wins."""
    forced = REDACTED_FIELDS if now.redacted or before.redacted else frozenset[str]()
    taken: dict[str, Any] = {name: getattr(now, name) for name in _FROM_EXCHANGE}
    conflicts: list[Conflict] = []
    for group in _GROUPS:
        old, new, held = _values(before, group), _values(now, group), _values(agreed, group)
        if held == new or (old == new and not (now.redacted and forced.issuperset(group))):
            continue
        if held != old and forced.isdisjoint(group):
            conflicts.extend(Conflict(name, "crm") for name in _differing(group, new, held))
            continue
        taken |= zip(group, new, strict=True)
    taken["assign_to"] = merge_users(agreed.assign_to, before=before.assign_to, now=now.assign_to)
    matched = merge_for(agreed.for_, before=before.for_, now=now.for_)
    taken["for_"] = tuple(entry for entry in matched if entry.source is Source.CRM) if now.redacted else matched
    return Merged(replace(agreed, **taken), tuple(conflicts))


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


def names(fields: Sequence[str]) -> tuple[str, ...]:
    """Fields as the wire calls them."""
    return tuple(wire_name(name) for name in fields)


def _values(item: ScheduleItem, group: Sequence[str]) -> tuple[Any, ...]:
    return tuple(getattr(item, name) for name in group)


def _differing(group: Sequence[str], one: Sequence[Any], other: Sequence[Any]) -> list[str]:
    return [name for name, a, b in zip(group, one, other, strict=True) if a != b]
