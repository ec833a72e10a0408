"""Recurring calendar items: a master that holds everything, and its occurrences as seen through it.

The mailbox keeps one item, the master; what people do to single occurrences is kept within it, by the civil day on
which the pattern has the occurrence, whether it is moved or not. An occurrence's id is made of the master's and that
day. What an occurrence does not have of its own it has of the master, so that a change of the series reaches all but
what was customized. Who changes the pattern or the hours of a series loses what was customized and deleted
(MS-OXOCAL 3.1.4.7.3.5); who only lets it end earlier or later loses what lies behind the end. No two occurrences lie on
one day, and none is moved past its neighbour.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from itertools import islice, pairwise
from typing import Any

from daemon.sandbox.exchange import recurrence
from daemon.sandbox.exchange.errors import EwsError
from daemon.sandbox.exchange.items import ExtendedName, ExtendedValue, Item, Part
from daemon.sandbox.exchange.properties import ItemKind
from daemon.sandbox.exchange.recurrence import Recurrence
from daemon.sandbox.exchange.timezones import zone_of
from daemon.sandbox.exchange.values import Value

# Not properties of EWS: what a master keeps of its occurrences, and how far its reminders were dismissed
# or when one that was snoozed rings again (as a single item's does).
VARIATIONS = "Variations"
DELETED = "DeletedDays"
DISMISSED = "DismissedUntil"
SNOOZED = "SnoozedUntil"
CUSTOMIZED = frozenset((VARIATIONS, DELETED))
_OF_THE_WHOLE = frozenset(("Recurrence", VARIATIONS, DELETED, DISMISSED, SNOOZED))
_ID_MARK = "AFRA"
_A_DAY = timedelta(days=1)
_FIRST_FEW = 60


@dataclass(frozen=True, slots=True)
class Variation:
    """How one occurrence differs from its series; None is a property taken away."""

    day: date
    values: Mapping[str, Value]
    extended: Mapping[ExtendedName, ExtendedValue | None] = field(default_factory=dict)


def is_series(item: Item) -> bool:
    """Whether the item is the master of a series."""
    return item.kind is ItemKind.CALENDAR_ITEM and "Recurrence" in item.values


# Ids


def occurrence_id(master_id: str, day: date) -> str:
    return master_id + _ID_MARK + base64.b64encode(day.strftime("%Y%m%d").encode()).decode()


def split_id(item_id: str) -> tuple[str, date] | None:
    """The master's id and the day behind an occurrence's id; None if it is none."""
    master_id, mark, rest = item_id.rpartition(_ID_MARK)
    if not mark:
        return None
    try:
        return master_id, date.fromisoformat(base64.b64decode(rest, validate=True).decode())
    except (binascii.Error, ValueError):
        return None


# Hours


def zone(values: Mapping[str, Value]) -> tzinfo:
    """Where a series' days and hours are counted."""
    named = values.get("StartTimeZone")
    return (zone_of(named.id) if named else None) or UTC


def _clock(values: Mapping[str, Value]) -> tuple[time, timedelta]:
    """At what time of the day it starts, and how long it lasts by the clock on the wall."""
    place = zone(values)
    start, end = (values[name].astimezone(place).replace(tzinfo=None) for name in ("Start", "End"))
    return start.time(), end - start


def _hours_on(values: Mapping[str, Value], day: date) -> tuple[datetime, datetime]:
    """Start and end of the occurrence that the pattern has on a day."""
    place, (begins, lasts) = zone(values), _clock(values)
    start = datetime.combine(day, begins)
    return start.replace(tzinfo=place).astimezone(UTC), (start + lasts).replace(tzinfo=place).astimezone(UTC)


def settled(stored: Mapping[str, Value]) -> dict[str, Value]:
    """Start and end of a series: those of its first occurrence.

    Raises:
        EwsError: an occurrence would last longer than until the next, or the pattern is one of tasks.
    """
    pattern: Recurrence | None = stored.get("Recurrence")
    if pattern is None:
        return {}
    if pattern.regenerates:
        raise EwsError("ErrorCalendarInvalidRecurrence", "Only tasks regenerate.")
    hours = [_hours_on(stored, day) for day in islice(recurrence.days(pattern), _FIRST_FEW)]
    if any(end > start for (_, end), (start, _) in pairwise(hours)):
        raise EwsError("ErrorOccurrenceTimeSpanTooBig", "An occurrence lasts longer than until the next one.")
    return dict(zip(("Start", "End"), hours[0], strict=True))


def is_rescheduled(before: Mapping[str, Value], after: Mapping[str, Value]) -> bool:
    """Whether pattern, hours or zone became others, and nothing customized can stay."""
    return _timing(before) != _timing(after)


def _timing(values: Mapping[str, Value]) -> tuple[Any, ...]:
    pattern: Recurrence | None = values.get("Recurrence")
    if pattern is None:
        return (None,)
    endless = replace(pattern, until=None, count=None)
    return endless, _clock(values), str(zone(values)), values.get("IsAllDayEvent", False)


def trimmed(values: Mapping[str, Value]) -> dict[str, Value]:
    """What a series keeps of single occurrences, without those that its pattern no longer has."""
    pattern: Recurrence | None = values.get("Recurrence")
    if pattern is None:
        return {}
    kept = {
        VARIATIONS: tuple(each for each in values.get(VARIATIONS, ()) if recurrence.is_day(pattern, each.day)),
        DELETED: tuple(day for day in values.get(DELETED, ()) if recurrence.is_day(pattern, day)),
    }
    return {name: days for name, days in kept.items() if days}


# Occurrences


def occurrence(master: Item, day: date) -> Item | None:
    """The occurrence that the pattern has on a day; None if there is none, or it was deleted."""
    if day in master.get(DELETED, ()) or not recurrence.is_day(master.get("Recurrence"), day):
        return None
    return _seen(master, day)


def _seen(master: Item, day: date) -> Item:
    variation = _variation(master, day)
    start, end = _hours_on(master.values, day)
    inherited = {name: value for name, value in master.values.items() if name not in _OF_THE_WHOLE}
    own = variation.values if variation else {}
    values = {**inherited, "Start": start, "End": end, **own, "RecurrenceId": start, "OriginalStart": start}
    extended = {**master.extended, **(variation.extended if variation else {})}
    return replace(
        master,
        id=occurrence_id(master.id, day),
        values={name: value for name, value in values.items() if value is not None},
        extended={name: value for name, value in extended.items() if value is not None},
        part=Part(master, day, is_exception=variation is not None),
    )


def nth(master: Item, index: int) -> Item:
    """An occurrence by its place in the pattern, counted from 1, deleted ones included.

    Raises:
        EwsError: the pattern has no such place, or the occurrence was deleted.
    """
    day = recurrence.nth_day(master.get("Recurrence"), index)
    if day is None:
        code = "ErrorCalendarOccurrenceIndexIsOutOfRecurrenceRange"
        raise EwsError(code, "Occurrence index is out of recurrence range.")
    if day in master.get(DELETED, ()):
        text = "Occurrence with this index was previously deleted from the recurrence."
        raise EwsError("ErrorCalendarOccurrenceIsDeletedFromRecurrence", text)
    return _seen(master, day)


def at(master: Item, start: datetime, *, deleted_too: bool = False) -> Item | None:
    """The occurrence that the pattern has at an instant; None if there is none, or it was deleted."""
    day = start.astimezone(zone(master.values)).date()
    if not recurrence.is_day(master.get("Recurrence"), day) or _hours_on(master.values, day)[0] != start:
        return None
    return _seen(master, day) if deleted_too else occurrence(master, day)


def first(master: Item) -> Item | None:
    """The first that is not deleted, wherever it was moved."""
    return next(_existing(master, recurrence.days(master.get("Recurrence"))), None)


def last(master: Item) -> Item | None:
    """None of a series that does not end."""
    pattern: Recurrence = master.get("Recurrence")
    end = recurrence.last_day(pattern)
    if end is None:
        return None
    return next(_existing(master, reversed(recurrence.days_between(pattern, pattern.start, end))), None)


def exceptions(master: Item) -> list[Item]:
    """The occurrences that were customized, in the pattern's order."""
    return [_seen(master, variation.day) for variation in master.get(VARIATIONS, ())]


def deleted_starts(master: Item) -> list[datetime]:
    return [_hours_on(master.values, day)[0] for day in master.get(DELETED, ())]


def touching(master: Item, start: datetime, end: datetime) -> list[Item]:
    """The occurrences that touch a stretch of time, where they are and not where the pattern has them."""
    place, (_, lasts) = zone(master.values), _clock(master.values)
    earliest = (start - lasts).astimezone(place).date() - _A_DAY
    latest = end.astimezone(place).date() + _A_DAY
    near = set(recurrence.days_between(master.get("Recurrence"), earliest, latest))
    near |= {variation.day for variation in master.get(VARIATIONS, ())}
    found = _existing(master, sorted(near))
    return [each for each in found if each.get("Start") < end and start < each.get("End")]


def after(master: Item, moment: datetime) -> Iterator[Item]:
    """The occurrences that start after an instant, in the pattern's order; a series may not end."""
    earliest = moment.astimezone(zone(master.values)).date() - _A_DAY
    moved = [variation.day for variation in master.get(VARIATIONS, ()) if variation.day < earliest]
    later = recurrence.days(master.get("Recurrence"), after=earliest - _A_DAY)
    for days in (moved, later):
        yield from (each for each in _existing(master, days) if each.get("Start") > moment)


def within(items: Iterable[Item], start: datetime, end: datetime) -> list[Item]:
    """What of calendar items touches a stretch of time: single ones, and the occurrences of series."""
    found: list[Item] = []
    for item in items:
        if is_series(item):
            found += touching(item, start, end)
        elif item.get("Start") < end and start < item.get("End"):
            found.append(item)
    return found


def pending(master: Item) -> Item | None:
    """The first occurrence since the series was made whose reminder is set and was not dismissed."""
    since: datetime = master.get(DISMISSED) or master.created
    set_for_all = master.get("ReminderIsSet")
    later = after(master, since) if set_for_all else (each for each in exceptions(master) if each.get("Start") > since)
    return next((each for each in later if each.get("ReminderIsSet")), None)


def _existing(master: Item, days: Iterable[date]) -> Iterator[Item]:
    deleted = master.get(DELETED, ())
    return (_seen(master, day) for day in days if day not in deleted)


def _variation(master: Item, day: date) -> Variation | None:
    return next((each for each in master.get(VARIATIONS, ()) if each.day == day), None)


# Changes of single occurrences, as changes of their master


def customized(
    master: Item, day: date, values: Mapping[str, Value], extended: Mapping[ExtendedName, ExtendedValue] | None
) -> dict[str, Value]:
    """The master's properties once an occurrence has some of its own; one that was deleted is there again."""
    before = _variation(master, day) or Variation(day, {})
    seen = _seen(master, day)
    own = {name: value for name, value in values.items() if seen.get(name) != value}
    wanted = seen.extended if extended is None else extended
    named = {*wanted, *seen.extended}
    own_extended = {name: wanted.get(name) for name in named if wanted.get(name) != seen.extended.get(name)}
    changed = Variation(day, {**before.values, **own}, {**before.extended, **own_extended})
    others = (each for each in master.get(VARIATIONS, ()) if each.day != day)
    return {
        VARIATIONS: tuple(sorted((*others, changed), key=lambda each: each.day)),
        DELETED: tuple(each for each in master.get(DELETED, ()) if each != day),
    }


def without(master: Item, day: date) -> dict[str, Value]:
    """The master's properties once an occurrence is deleted."""
    return {
        VARIATIONS: tuple(each for each in master.get(VARIATIONS, ()) if each.day != day),
        DELETED: tuple(sorted({*master.get(DELETED, ()), day})),
    }


def refuse_crossing(part: Part, start: datetime, end: datetime) -> None:
    """Raises EwsError if an occurrence with these times would share a day with a neighbour, meet it or pass it."""
    master, place = part.master, zone(part.master.values)
    earlier, later = recurrence.neighbours(master.get("Recurrence"), part.day)
    previous, following = (next(_existing(master, days), None) for days in (earlier, later))
    day = start.astimezone(place).date()
    too_early = previous is not None and (
        day <= previous.get("Start").astimezone(place).date() or start < previous.get("End")
    )
    too_late = following is not None and (
        day >= following.get("Start").astimezone(place).date() or end > following.get("Start")
    )
    if too_early or too_late:
        text = "Modified occurrence is crossing or overlapping adjacent occurrence."
        raise EwsError("ErrorOccurrenceCrossingBoundary", text)
