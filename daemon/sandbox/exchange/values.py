"""The values that EWS properties take, and how each is read from a request and written into an answer.

A property's `Form` says which Python type its value has: `TEXT` str, `BOOL` bool, `INT` int, `FLOAT` float, `INSTANT`
an aware datetime in UTC of whole seconds, `DAY` Day, `BODY` Body, `STRINGS` a tuple of str, `PERSON` Recipient,
`PEOPLE` a tuple of them, `ATTENDEES` a tuple of Attendee, `ZONE` Zone, `RECURRENCE` Recurrence, `MARKUP` the element
as it was given.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, tzinfo
from enum import Enum, auto
from typing import Any

from lxml import etree

from daemon.sandbox.exchange import recurrence
from daemon.sandbox.exchange.errors import EwsError
from daemon.sandbox.exchange.markup import Element, boolean, child, child_text, children, t, text
from daemon.sandbox.exchange.timezones import display_name, zone_of


class Form(Enum):
    """What kind of value a property has."""

    TEXT = auto()
    BOOL = auto()
    INT = auto()
    FLOAT = auto()
    INSTANT = auto()
    DAY = auto()
    BODY = auto()
    STRINGS = auto()
    PERSON = auto()
    PEOPLE = auto()
    ATTENDEES = auto()
    ZONE = auto()
    RECURRENCE = auto()
    MARKUP = auto()


@dataclass(frozen=True, slots=True)
class Body:
    """An item's text; `type` is `HTML` or `Text`."""

    type: str
    text: str
    is_truncated: bool = False


@dataclass(frozen=True, slots=True)
class Recipient:
    """A person, list or room as EWS names it; `address` may be blank or an X500 name."""

    name: str = ""
    address: str = ""
    routing_type: str = "SMTP"
    mailbox_type: str = "Mailbox"


@dataclass(frozen=True, slots=True)
class Attendee:
    """Somebody invited, with his answer as this copy knows it."""

    recipient: Recipient
    response: str = "Unknown"
    replied: datetime | None = None


@dataclass(frozen=True, slots=True)
class Zone:
    """A time zone by its Windows name."""

    id: str
    name: str = ""


@dataclass(frozen=True, slots=True, order=True)
class Day:
    """A civil date, and the instant at which it begins where its writer sits.

    Mail programs know the date; EWS shows the instant to clients that do not say in which zone they ask.
    """

    begins: datetime
    civil: date

    @classmethod
    def of(cls, day: date, zone: tzinfo = UTC) -> Day:
        return cls(datetime.combine(day, time(), tzinfo=zone).astimezone(UTC), day)


Value = Any
"""What a property holds; its `Form` tells the type."""


def read(form: Form, element: Element, *, zone: tzinfo) -> Value:
    """A property's value from a request; times without an offset are of `zone`."""
    if form is Form.INSTANT:
        return read_instant(text(element), zone)
    if form is Form.DAY:
        return read_day(text(element), zone)
    return _READERS[form](element)


def write(form: Form, tag: str, value: Value) -> Element:
    """A property's element for an answer."""
    return _WRITERS[form](tag, value)


def read_instant(value: str, zone: tzinfo = UTC) -> datetime:
    try:
        parsed = datetime.fromisoformat(value)
    except ValueError:
        raise EwsError("ErrorInvalidValueForProperty", "The date and time cannot be read.") from None
    aware = parsed if parsed.tzinfo else parsed.replace(tzinfo=zone)
    return aware.astimezone(UTC).replace(microsecond=0)


def read_day(value: str, zone: tzinfo = UTC) -> Day:
    """The day of a time: a midnight is of the day that it begins, as it is written; another time is of `zone`'s day."""
    moment = read_instant(value, zone)
    is_midnight = value[10:19] in ("", "T00:00:00")
    return Day.of(date.fromisoformat(value[:10]) if is_midnight else moment.astimezone(zone).date(), zone)


def write_day(tag: str, value: Day, zone: tzinfo | None) -> Element:
    """A day's midnight: in the zone that the client asked for, else the instant that it was to its writer."""
    if zone is None:
        return t(tag, instant(value.begins))
    return t(tag, datetime.combine(value.civil, time(), tzinfo=zone).isoformat())


def instant(value: datetime) -> str:
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ").rjust(20, "0")


def recipient_markup(value: Recipient, tag: str = "Mailbox") -> Element:
    return t(
        tag,
        t("Name", value.name),
        t("EmailAddress", value.address) if value.address else None,
        t("RoutingType", value.routing_type) if value.address else None,
        t("MailboxType", value.mailbox_type),
    )


def read_recipient(element: Element | None) -> Recipient:
    return Recipient(
        name=child_text(element, "Name"),
        address=child_text(element, "EmailAddress"),
        routing_type=child_text(element, "RoutingType") or "SMTP",
        mailbox_type=child_text(element, "MailboxType") or "Mailbox",
    )


def _read_attendee(element: Element) -> Attendee:
    """Answers are the server's business: what a client says about them is not heard."""
    return Attendee(read_recipient(child(element, "Mailbox")))


def _read_zone(element: Element) -> Zone:
    name = element.get("Id") or element.get("TimeZoneName") or ""
    if zone_of(name) is None:
        raise EwsError("ErrorTimeZone", "The server does not know this time zone.")
    return Zone(name, display_name(name))


def _read_whole(element: Element) -> int:
    try:
        return int(text(element))
    except ValueError:
        raise EwsError("ErrorInvalidValueForProperty", "The value is not a whole number.") from None


def _read_body(element: Element) -> Body:
    return Body(element.get("BodyType", "Text"), element.text or "")


_READERS: dict[Form, Callable[[Element], Value]] = {
    Form.TEXT: lambda element: element.text or "",
    Form.BOOL: lambda element: boolean(text(element)),
    Form.INT: _read_whole,
    Form.FLOAT: lambda element: float(text(element)),
    Form.BODY: _read_body,
    Form.STRINGS: lambda element: tuple(each.text or "" for each in children(element)),
    Form.PERSON: lambda element: read_recipient(child(element, "Mailbox")),
    Form.PEOPLE: lambda element: tuple(read_recipient(each) for each in children(element)),
    Form.ATTENDEES: lambda element: tuple(_read_attendee(each) for each in children(element)),
    Form.ZONE: _read_zone,
    Form.RECURRENCE: recurrence.read,
    Form.MARKUP: lambda element: etree.tostring(element, with_tail=False),
}


def _write_attendee(value: Attendee) -> Element:
    return t(
        "Attendee",
        recipient_markup(value.recipient),
        t("ResponseType", value.response),
        t("LastResponseTime", instant(value.replied)) if value.replied else None,
    )


def _write_zone(tag: str, value: Zone) -> Element:
    return t(tag, Id=value.id, Name=value.name)


def _write_body(tag: str, value: Body) -> Element:
    return t(tag, value.text, BodyType=value.type, IsTruncated="true" if value.is_truncated else "false")


def _write_markup(_tag: str, value: bytes | Element) -> Element:
    return etree.fromstring(value) if isinstance(value, bytes) else deepcopy(value)


_WRITERS: dict[Form, Callable[[str, Value], Element]] = {
    Form.TEXT: lambda tag, value: t(tag, value),
    Form.BOOL: lambda tag, value: t(tag, "true" if value else "false"),
    Form.INT: lambda tag, value: t(tag, str(value)),
    Form.FLOAT: lambda tag, value: t(tag, f"{value:g}"),
    Form.INSTANT: lambda tag, value: t(tag, instant(value)),
    Form.DAY: lambda tag, value: write_day(tag, value, None),
    Form.BODY: _write_body,
    Form.STRINGS: lambda tag, value: t(tag, *(t("String", each) for each in value)),
    Form.PERSON: lambda tag, value: t(tag, recipient_markup(value)),
    Form.PEOPLE: lambda tag, value: t(tag, *(recipient_markup(each) for each in value)),
    Form.ATTENDEES: lambda tag, value: t(tag, *(_write_attendee(each) for each in value)),
    Form.ZONE: _write_zone,
    Form.RECURRENCE: recurrence.write,
    Form.MARKUP: _write_markup,
}
