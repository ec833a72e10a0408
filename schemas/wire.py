"""Between a schedule item on the wire and the canonical one (MAP-2, MAP-4).

On the wire a time carries its zone's offset and people stand in the order in which they were written; canonically an
instant is in UTC and people are sorted. What an event leaves out stays what it was known to be.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import date, datetime
from types import MappingProxyType
from typing import Any

from schemas.activities import (
    ExceptionOnWire,
    ExternalOnWire,
    ForEntryOnWire,
    ItemChanges,
    ItemOnWire,
    OrganizerOnWire,
    RecurrenceOnWire,
    RelatedOnWire,
)
from schemas.addresses import identity
from schemas.instants import read_moment, write_moment
from schemas.items import (
    ITEM_FIELDS,
    External,
    ForEntry,
    Organizer,
    Recurrence,
    Related,
    Response,
    ScheduleItem,
    SeriesException,
    wire_name,
)

_BLANK = ScheduleItem()
_TIMES = frozenset({"start", "end"})


def stated(item: ItemChanges) -> frozenset[str]:
    """The canonical names of the fields that an item on the wire states."""
    return frozenset(item.model_fields_set)


def read_item(item: ItemOnWire, *, known: ScheduleItem = _BLANK) -> ScheduleItem:
    """The canonical item; fields that are not stated are as in `known`."""
    return replace(known, **{name: _read(name, getattr(item, name)) for name in stated(item)})


def write_item(item: ScheduleItem) -> dict[str, Any]:
    """The item as JSON data. Externals are absent, not empty, where nobody has them displayed."""
    hidden = () if item.external_shown_to else ("external", "external_shown_to")
    return {wire_name(name): _write(name, item) for name in ITEM_FIELDS if name not in hidden}


def _read(name: str, value: Any) -> Any:
    reader = READERS.get(name)
    return value if reader is None else reader(value)


def _write(name: str, item: ScheduleItem) -> Any:
    value = getattr(item, name)
    if name in _TIMES:
        return _moment(value, item.zone)
    if name == "exceptions":
        return [_exception_data(exception, item.zone) for exception in value]
    writer = WRITERS.get(name)
    return value if writer is None or value is None else writer(value)


def _moment(moment: datetime | date | None, zone: str | None) -> str | None:
    return None if moment is None else write_moment(moment, zone=zone)


def _ids(ids: tuple[str, ...] | None) -> tuple[str, ...]:
    return tuple(sorted(set(ids or ())))


def _for(entries: tuple[ForEntryOnWire, ...]) -> tuple[ForEntry, ...]:
    """Each contact once; of two entries the CRM's own, which stays when the attendee leaves (FOR-3)."""
    read = sorted(ForEntry(each.contact, each.source, each.response) for each in entries)
    return tuple({each.contact: each for each in reversed(read)}[key] for key in sorted({e.contact for e in read}))


def _external(entries: tuple[ExternalOnWire, ...] | None) -> tuple[External, ...] | None:
    if entries is None:
        return None
    read = (External(identity(e.email, e.name), e.name, e.email, e.reason, e.response) for e in entries)
    first = {each.key: each for each in sorted(read, key=lambda each: each.key, reverse=True)}
    return tuple(first[key] for key in sorted(first))


def _organizer(organizer: OrganizerOnWire | None) -> Organizer | None:
    return None if organizer is None else Organizer(organizer.user, organizer.name, organizer.email)


def _responses(responses: Mapping[str, Response]) -> tuple[tuple[str, Response], ...]:
    return tuple(sorted(responses.items()))


def _alarms(alarms: Mapping[str, tuple[int, ...]]) -> tuple[tuple[str, tuple[int, ...]], ...]:
    return tuple((user, tuple(sorted(set(minutes)))) for user, minutes in sorted(alarms.items()))


def _related(entries: tuple[RelatedOnWire, ...]) -> tuple[Related, ...]:
    return tuple(Related(each.kind, each.id, each.title, each.url, each.text) for each in entries)


def _recurrence(pattern: RecurrenceOnWire | None) -> Recurrence | None:
    return None if pattern is None else Recurrence(**{name: getattr(pattern, name) for name in Recurrence.__slots__})


def _exceptions(exceptions: tuple[ExceptionOnWire, ...]) -> tuple[SeriesException, ...]:
    read = (SeriesException(each.original_start, each.deleted, _changes(each.changes)) for each in exceptions)
    return tuple(sorted(read, key=_original_start))


def _original_start(exception: SeriesException) -> str:
    """Sorts in time order; days and instants, which do not compare, may meet where a series changed its kind."""
    moment = exception.original_start
    return moment.isoformat(timespec="microseconds") if isinstance(moment, datetime) else moment.isoformat()


def _changes(changes: ItemChanges) -> tuple[tuple[str, str], ...]:
    """Wire names with the canonical value as JSON, instants in UTC, so that equal changes are equal text."""
    blank = replace(_BLANK, **{name: _read(name, getattr(changes, name)) for name in stated(changes)})
    return changes_of(blank, stated(changes))


def changes_of(item: ScheduleItem, names: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """Fields of an item as an exception keeps what it changes: see `_changes`."""
    unzoned = replace(item, zone=None)
    values = {name: item.zone if name == "zone" else _write(name, unzoned) for name in names}
    return tuple(sorted((wire_name(name), _canonical_json(value)) for name, value in values.items()))


def read_changes(exception: SeriesException) -> dict[str, Any]:
    """What an exception changes, as canonical values by the item's own field names."""
    stated_data = {name: json.loads(text) for name, text in exception.changes}
    changes = ItemChanges.model_validate(stated_data)
    return {name: _read(name, getattr(changes, name)) for name in stated(changes)}


def _exception_data(exception: SeriesException, zone: str | None) -> dict[str, Any]:
    changes = {name: json.loads(text) for name, text in exception.changes}
    own = changes.get("zone") or zone
    for name in _TIMES & changes.keys():
        changes[name] = write_moment(read_moment(changes[name]), zone=own)
    return {
        "original_start": write_moment(exception.original_start, zone=zone),
        "deleted": exception.deleted,
        "changes": changes,
    }


def _canonical_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def _pattern_data(pattern: Recurrence) -> dict[str, Any]:
    data = _slots(pattern)
    return {**data, "weekdays": list(pattern.weekdays), "until": _moment(pattern.until, None)}


def _slots(value: Any) -> dict[str, Any]:
    return {name: getattr(value, name) for name in type(value).__slots__}


def _without_key(external: External) -> dict[str, Any]:
    return {name: value for name, value in _slots(external).items() if name != "key"}


def _priority(priority: str | None) -> str:
    return priority or "B"


READERS: Mapping[str, Callable[[Any], Any]] = MappingProxyType(
    {
        "priority": _priority,
        "assign_to": _ids,
        "for_": _for,
        "external": _external,
        "external_shown_to": _ids,
        "organizer": _organizer,
        "responses": _responses,
        "alarms": _alarms,
        "related": _related,
        "recurrence": _recurrence,
        "exceptions": _exceptions,
    }
)
"""From a field's value on the wire to the canonical one, where they differ; tasks have most of these, too."""

WRITERS: Mapping[str, Callable[[Any], Any]] = MappingProxyType(
    {
        "assign_to": list,
        "for_": lambda entries: [_slots(each) for each in entries],
        "external": lambda entries: [_without_key(each) for each in entries],
        "external_shown_to": list,
        "organizer": _slots,
        "responses": dict,
        "alarms": lambda alarms: {user: list(minutes) for user, minutes in alarms},
        "related": lambda entries: [_slots(each) for each in entries],
        "recurrence": _pattern_data,
    }
)
