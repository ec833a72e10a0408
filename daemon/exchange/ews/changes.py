"""What an `Edit` is in EWS's properties (MAP-1, MAP-2, MAP-4, ALM-1, ALM-6, REC-1).

Only what the edit names: a property without a value is cleared, one that is not here is not in the request. Switching
a reminder off sends no minutes, which some servers would pass on to the attendees as a reminder. The days of a task
are sent as midnights in UTC, the zone in which this daemon asks, which a server takes for that civil day.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, tzinfo
from zoneinfo import ZoneInfo

from daemon.exchange.ews import recurrences, zones
from daemon.exchange.ews.envelopes import TYPES, Element
from daemon.exchange.ews.markup import t
from handlers import patterns
from schemas.copies import Attendee, Kind, Role
from schemas.edits import Body, Edit, Times, Unset
from schemas.items import Moment, Recurrence

MAILBOX_TYPES = frozenset({"Mailbox", "PublicDL", "Contact", "PublicFolder", "GroupMailbox", "OneOff", "Unknown"})
"""What a request may say of a mailbox. A private list would need an id that no attendee has."""
ZONES = ("StartTimeZone", "EndTimeZone")

_ZONE_TAGS = frozenset(f"{TYPES}{name}" for name in ZONES)
_LISTS = ((Role.REQUIRED, "RequiredAttendees"), (Role.OPTIONAL, "OptionalAttendees"), (Role.RESOURCE, "Resources"))


@dataclass(frozen=True, slots=True)
class Field:
    """A property by its field URI, and its element; None: it is to be cleared."""

    uri: str
    element: Element | None


def common(edit: Edit, kind: Kind) -> Iterator[Field]:
    """The properties to write that every item has, in the order in which its element has them."""
    yield from _text("item", "Subject", edit.subject)
    yield from _text("item", "Sensitivity", edit.sensitivity)
    if not isinstance(edit.body, Unset):
        yield Field("item:Body", _body(edit.body))
    yield from _text("item", "Importance", edit.importance)
    yield from _reminder(edit.remind_at if kind is Kind.TASK else edit.reminder)


def every(edit: Edit, kind: Kind) -> list[Field]:
    """All properties to write, in the order in which a server is to set them: a new zone moves the times it finds."""
    fields = [*common(edit, kind), *own(edit, kind)]
    return sorted(fields, key=lambda field: field.element is None or field.element.tag not in _ZONE_TAGS)


def own(edit: Edit, kind: Kind) -> Iterator[Field]:
    """The properties to write that only items of that kind have, in order."""
    yield from _of_task(edit) if kind is Kind.TASK else _of_calendar_item(edit)


def _reminder(when: datetime | int | Unset | None) -> Iterator[Field]:
    if isinstance(when, Unset):
        return
    if isinstance(when, datetime):
        yield _set("item", "ReminderDueBy", _instant(when))
    yield _set("item", "ReminderIsSet", _flag(when is not None))
    if isinstance(when, int):
        yield _set("item", "ReminderMinutesBeforeStart", str(when))


def _of_calendar_item(edit: Edit) -> Iterator[Field]:
    times = edit.times
    if not isinstance(times, Unset):
        yield from _times(times)
    yield from _text("calendar", "Location", edit.location)
    if not isinstance(edit.attendees, Unset):
        yield from _attendees(edit.attendees)
    if not isinstance(edit.recurrence, Unset):
        yield Field("calendar:Recurrence", _recurrence(edit.recurrence, times))
    if not isinstance(times, Unset):
        yield from _zones(times)


def _of_task(edit: Edit) -> Iterator[Field]:
    yield from _day("DueDate", edit.due_day)
    if not isinstance(edit.recurrence, Unset):
        pattern = edit.recurrence
        yield Field("task:Recurrence", None if pattern is None else recurrences.element_from(pattern, _from_day(edit)))
    yield from _day("StartDate", edit.start_day)
    yield from _text("task", "Status", edit.status)


def unheld(edit: Edit, kind: Kind) -> str | None:
    """Why Exchange cannot hold the pattern that is to be written; None: it can, or there is none."""
    if not isinstance(edit.recurrence, Recurrence):
        return None
    if kind is Kind.TASK:
        return patterns.unheld(edit.recurrence, _from_day(edit))
    return recurrences.unheld(edit.recurrence, _starting(edit.times))


def zone_id(edit: Edit) -> str:
    """The zone in which the request is made. Servers cut whole days by it, some by the item's: they are the same."""
    known = None if isinstance(edit.times, Unset) else _zone_id(edit.times)
    return known or zones.UTC_ID


def _text(prefix: str, name: str, value: str | Unset) -> Iterator[Field]:
    if not isinstance(value, Unset):
        yield _set(prefix, name, value)


def _day(name: str, value: date | Unset | None) -> Iterator[Field]:
    if isinstance(value, Unset):
        return
    yield Field(f"task:{name}", None) if value is None else _set("task", name, _instant(_midnight(value, UTC)))


def _times(times: Times) -> Iterator[Field]:
    zone = _zone(times)
    yield _set("calendar", "Start", _instant(_at(times.start, zone)))
    yield _set("calendar", "End", _instant(_at(times.end, zone)))
    yield _set("calendar", "IsAllDayEvent", _flag(times.all_day))


def _zones(times: Times) -> Iterator[Field]:
    known = _zone_id(times)
    if known is not None:
        for name in ZONES:
            yield Field(f"calendar:{name}", t(name, Id=known))


def _zone_id(times: Times) -> str | None:
    """Exchange's name of the zone of both ends. Days are always somewhere's: without a zone it knows, UTC's."""
    known = zones.windows_name(times.zone) if times.zone else None
    return zones.UTC_ID if known is None and times.all_day else known


def _zone(times: Times) -> ZoneInfo | None:
    if times.zone is None or zones.windows_name(times.zone) is None:
        return None
    return ZoneInfo(times.zone)


def _attendees(attendees: tuple[Attendee, ...]) -> Iterator[Field]:
    """All three lists: an attendee may have gone from one to another."""
    for role, name in _LISTS:
        people = [t("Attendee", _mailbox(one)) for one in attendees if one.role is role]
        yield Field(f"calendar:{name}", t(name, *people) if people else None)


def _recurrence(pattern: Recurrence | None, times: Times | Unset) -> Element | None:
    return None if pattern is None else recurrences.element(pattern, _starting(times))


def _starting(times: Times | Unset) -> Times:
    if isinstance(times, Unset):
        raise ValueError("a pattern is counted from the times it is written with")
    return times


def _from_day(edit: Edit) -> date:
    for day in (edit.start_day, edit.due_day):
        if isinstance(day, date):
            return day
    raise ValueError("a pattern is counted from the day it is written with")


def _mailbox(person: Attendee) -> Element:
    """The person as Exchange named him, X500 names and all, so that nobody becomes somebody else."""
    stated = {
        "Name": person.name,
        "EmailAddress": person.address,
        "RoutingType": person.routing_type if person.address else "",
        "MailboxType": person.mailbox_type if person.mailbox_type in MAILBOX_TYPES else "",
    }
    return t("Mailbox", *(t(name, text=value) for name, value in stated.items() if value))


def _body(body: Body) -> Element:
    return t("Body", text=body.text, BodyType="HTML" if body.html else "Text")


def _set(prefix: str, name: str, value: str) -> Field:
    return Field(f"{prefix}:{name}", t(name, text=value))


def _flag(value: bool) -> str:
    return "true" if value else "false"


def _at(moment: Moment, zone: ZoneInfo | None) -> datetime:
    return moment if isinstance(moment, datetime) else _midnight(moment, zone or UTC)


def _midnight(day: date, zone: tzinfo) -> datetime:
    return datetime.combine(day, time(), tzinfo=zone)


def _instant(moment: datetime) -> str:
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="seconds") + "Z"
