"""Single occurrences of a series, as the CRM states them and as they are written (REC-2..5, ALM-4, S04d).

An exception is known by its original start. What Exchange could not hold of it is refused and put back: an occurrence
that the pattern has not, one moved past its neighbour, one deleted that comes back. After the pattern or the time
of a series changed, exceptions that are still in it are written anew, for Exchange gives them up (REC-3).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from handlers.effects import CONTENT
from handlers.merging import merge_exceptions
from handlers.moments import in_time
from handlers.occurrence_alarms import in_order
from handlers.outgoing import Occurrence
from handlers.plans import Explanation
from handlers.recurrences import Series
from schemas.edits import UNSET, Unset
from schemas.items import Moment, ScheduleItem, SeriesException, wire_name
from schemas.outcomes import Decision, Reason
from schemas.wire import read_changes

_SAYABLE = frozenset({*CONTENT, "alarms"}) - {"recurrence"}

Exceptions = Mapping[Moment, SeriesException]


@dataclass(frozen=True, slots=True)
class Admitted:
    """What may stand of the CRM's exceptions, and what may not: put back."""

    exceptions: tuple[SeriesException, ...]
    refused: tuple[Explanation, ...] = ()
    reason: Reason | None = None


def admitted(
    agreed: ScheduleItem, *, was: ScheduleItem, after: ScheduleItem, timed: ScheduleItem | None = None
) -> Admitted:
    """The CRM's exceptions without those Exchange could not hold; these stay as was agreed. `timed`: the item with the
    pattern that will stand, if that is not the CRM's.
    """
    old, new, held = _by_start(was.exceptions), _by_start(after.exceptions), _by_start(agreed.exceptions)
    series = _series(timed or after)
    stands = dict(new)
    refused: list[Explanation] = []
    reason: Reason | None = None
    for start in sorted(old.keys() | new.keys(), key=in_time):
        if old.get(start) == new.get(start):
            continue
        why = _refusal(start, old, new, series=series)
        if why is None:
            continue
        reason = reason or why.reason
        refused.append(Explanation(why.rule, "exceptions", Decision.REFUSED, f"{why.because}: put back"))
        stands.pop(start, None)
        if start in held:
            stands[start] = held[start]
    return Admitted(in_order(stands.values()), tuple(dict.fromkeys(refused)), reason)


def folded(
    agreed: ScheduleItem, *, was: ScheduleItem, stands: Iterable[SeriesException], exchange_wins: bool
) -> tuple[tuple[SeriesException, ...], bool]:
    """The agreed exceptions after the CRM's, and whether both sides had changed the same, differently."""
    merged = merge_exceptions(agreed.exceptions, before=was.exceptions, now=tuple(stands), held_wins=exchange_wins)
    return merged.exceptions, merged.crossed


def carried_over(item: ScheduleItem, *, was: ScheduleItem) -> tuple[SeriesException, ...]:
    """The exceptions of a series whose pattern or time changed: those still in it, by the day they were on (REC-3)."""
    now, before = _series(item), _series(was)
    if now is None:
        return ()
    moved = (_carried(each, now=now, before=before or now) for each in item.exceptions)
    return in_order(each for each in moved if each is not None)


def of(item: ScheduleItem, exception: SeriesException) -> ScheduleItem:
    """An occurrence as an item of its own; what it does not change is as in the series."""
    changes = {name: value for name, value in read_changes(exception).items() if name in CONTENT}
    start = changes.get("start", exception.original_start)
    whole = replace(item, **{**changes, "start": start, "end": start + _length(item)}, recurrence=None, exceptions=())
    return replace(whole, end=changes["end"]) if "end" in changes else whole


def wanted(before: ScheduleItem, item: ScheduleItem, *, user: str, anew: bool) -> Iterator[Occurrence]:
    """What is to be written of single occurrences to a user's copy. `anew`: nothing of them is there yet."""
    series = _series(item)
    if series is None:
        return
    old, new = {} if anew else _by_start(before.exceptions), _by_start(item.exceptions)
    for start in sorted(old.keys() | new.keys(), key=in_time):
        index = series.index_of(start)
        if index is not None and old.get(start) != new.get(start):
            now = new.get(start) or SeriesException(start)
            yield replace(_occurrence(item, old.get(start), now, user=user, index=index), again=anew)


def _occurrence(
    item: ScheduleItem, was: SeriesException | None, now: SeriesException, *, user: str, index: int
) -> Occurrence:
    whole = of(item, now)
    if now.deleted:
        return Occurrence(start=now.original_start, index=index, item=whole, delete=True)
    old, new = read_changes(was) if was else {}, read_changes(now)
    names = {name for name in old.keys() | new.keys() if old.get(name) != new.get(name)}
    fields = tuple(name for name in CONTENT if name in names)
    return Occurrence(
        start=now.original_start, index=index, item=whole, fields=fields, alarms=_alarms(item, old, new, user=user)
    )


def _alarms(
    item: ScheduleItem, old: Mapping[str, Any], new: Mapping[str, Any], *, user: str
) -> tuple[int, ...] | Unset:
    """A user's alarms of an occurrence, if they were changed: the series' where it has none of its own any more."""
    before, now = dict(old.get("alarms", ())), dict(new.get("alarms", ()))
    if before.get(user) == now.get(user):
        return UNSET
    own: tuple[int, ...] | None = now.get(user, dict(item.alarms).get(user))
    return UNSET if own is None else own


@dataclass(frozen=True, slots=True)
class _Refusal:
    rule: str
    because: str
    reason: Reason


def _refusal(start: Moment, old: Exceptions, new: Exceptions, *, series: Series | None) -> _Refusal | None:
    was, now = old.get(start), new.get(start)
    if was is not None and was.deleted:
        return _Refusal("REC-4", "a deleted occurrence does not come back", Reason.PATTERN)
    if now is None:
        return None
    index = series.index_of(start) if series else None
    if series is None or index is None:
        return _Refusal("REC-5", "the pattern has no such occurrence", Reason.PATTERN)
    if now.deleted:
        return None
    before, after = read_changes(was) if was else {}, read_changes(now)
    names = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
    if unsaid := sorted(wire_name(name) for name in names - _SAYABLE):
        return _Refusal("REC-3", f"{', '.join(unsaid)} of one occurrence alone", Reason.NOT_YET)
    if "start" in after and _crosses(after["start"], index, new, series=series):
        return _Refusal("REC-5", "an occurrence does not move past its neighbour", Reason.PATTERN)
    return None


def _crosses(start: Moment, index: int, exceptions: Exceptions, *, series: Series) -> bool:
    """Whether an occurrence would come to lie on the day of one beside it, or beyond."""
    day = series.day(start)
    earlier, later = (_day_of(series.start_of(index + step), exceptions, series=series) for step in (-1, 1))
    return (earlier is not None and day <= earlier) or (later is not None and day >= later)


def _day_of(original: Moment | None, exceptions: Exceptions, *, series: Series) -> Any:
    exception = None if original is None else exceptions.get(original)
    if original is None or (exception is not None and exception.deleted):
        return None
    moved = read_changes(exception).get("start", original) if exception else original
    return series.day(moved)


def _carried(exception: SeriesException, *, now: Series, before: Series) -> SeriesException | None:
    if now.index_of(exception.original_start) is not None:
        return exception
    day = before.day(exception.original_start)
    return None if now.index_on(day) is None else replace(exception, original_start=now.start_on(day))


def _series(item: ScheduleItem) -> Series | None:
    if item.recurrence is None or item.start is None:
        return None
    return Series(item.recurrence, item.start, item.zone)


def _length(item: ScheduleItem) -> timedelta:
    if item.start is None or item.end is None:
        return timedelta()
    return item.end - item.start


def _by_start(exceptions: Iterable[SeriesException]) -> dict[Moment, SeriesException]:
    return {each.original_start: each for each in exceptions}
