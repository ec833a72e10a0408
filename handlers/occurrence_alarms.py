"""Alarms of single occurrences, where they are not the series' (ALM-4, REC-3).

Each user's own, from his own copy, whoever's copy counts: what everybody changed in one occurrence stands side by side
in that exception. A deleted occurrence has none.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from handlers.alarms import Alarms, followed, paired
from handlers.moments import in_time, instant_of
from schemas.copies import Copy
from schemas.items import Moment, ScheduleItem, SeriesException
from schemas.wire import changes_of, read_changes

OccurrenceAlarms = tuple[tuple[Moment, Alarms], ...]
"""Everybody's alarms of single occurrences, by original start, where they differ from the series'."""

_ALARMS = "alarms"


def alarms_in(exceptions: Iterable[SeriesException]) -> OccurrenceAlarms:
    """Everybody's alarms of single occurrences."""
    found = ((each.original_start, read_changes(each).get(_ALARMS, ())) for each in exceptions if not each.deleted)
    return tuple((start, alarms) for start, alarms in found if alarms)


def with_alarms(exceptions: Iterable[SeriesException], alarms: OccurrenceAlarms) -> tuple[SeriesException, ...]:
    """These exceptions with these alarms instead of their own."""
    by_start = {each.original_start: each for each in without_alarms(exceptions)}
    for start, own in alarms:
        known = by_start.get(start, SeriesException(start))
        if own and not known.deleted:
            told = changes_of(ScheduleItem(alarms=own), [_ALARMS])
            by_start[start] = replace(known, changes=tuple(sorted((*known.changes, *told))))
    return in_order(by_start.values())


def in_order(exceptions: Iterable[SeriesException]) -> tuple[SeriesException, ...]:
    """Each original start once, in the order of time."""
    by_start = {each.original_start: each for each in exceptions}
    return tuple(by_start[start] for start in sorted(by_start, key=in_time))


def told_by(known: OccurrenceAlarms, copy: Copy, *, user: str, now: datetime) -> OccurrenceAlarms:
    """Everybody's alarms after this user's copy of the series was read; what was not read stays as it was."""
    alarms = {start: dict(own) for start, own in known}
    read = {each.original_start: each for each in copy.exceptions if each.original_start is not None}
    for start in (alarms.keys() | read.keys()).difference(copy.unread):
        own = alarms.setdefault(start, {})
        exception = read.get(start)
        if exception is None or exception.reminder == copy.reminder:
            own.pop(user, None)
        elif not _has_passed(exception, now=now):
            minutes = own.get(user, ())
            own[user] = followed(minutes, was=paired(minutes), now=exception.reminder)
    return tuple(
        (start, tuple(sorted(alarms[start].items()))) for start in sorted(alarms, key=in_time) if alarms[start]
    )


def without_alarms(exceptions: Iterable[SeriesException]) -> tuple[SeriesException, ...]:
    """What is content of these exceptions; one that differs in alarms alone is none."""
    bare = (replace(e, changes=tuple(change for change in e.changes if change[0] != _ALARMS)) for e in exceptions)
    return tuple(each for each in bare if each.deleted or each.changes)


def _has_passed(exception: Copy, *, now: datetime) -> bool:
    """Whether its reminder says nothing any more: it went off, or was dismissed (ALM-7, ALM-8)."""
    return exception.end is not None and instant_of(exception.end, zone=exception.zone) < now
