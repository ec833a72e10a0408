"""Meetings of organizers outside the bank: invitations, updates and cancellations injected from a description.

The description is JSON (`POST /sandbox/external-meetings`); attendees, addresses and zone are kept exactly as given,
so that blank, X500 and oddly written ones can be made. With a `recurrence` it is a series, whose pattern is told in
EWS's words; with an `occurrence` it is about the one that the pattern has at that instant.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Any, Literal, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from daemon.sandbox.exchange import recurrence, series
from daemon.sandbox.exchange.content import Meeting
from daemon.sandbox.exchange.errors import EwsError, SoapFault
from daemon.sandbox.exchange.items import Cause
from daemon.sandbox.exchange.meetings import Meetings
from daemon.sandbox.exchange.recurrence import Recurrence
from daemon.sandbox.exchange.timezones import zone_of
from daemon.sandbox.exchange.values import Attendee, Body, Recipient, Zone
from daemon.sandbox.exchange.world import World


class Happening(StrEnum):
    """What the outsider does."""

    INVITATION = "invitation"
    UPDATE = "update"
    CANCELLATION = "cancellation"


class OutsidePerson(BaseModel):
    """A person as the outsider's mail names him."""

    model_config = ConfigDict(extra="forbid")

    name: str = ""
    email: str = ""
    routing_type: str = "SMTP"
    mailbox_type: str = "Mailbox"
    role: Literal["required", "optional", "resource"] = "required"


class OutsideRecurrence(BaseModel):
    """How often; `start` is the meeting's day if it is missing, an end there is only with `until` or `count`."""

    model_config = ConfigDict(extra="forbid")

    pattern: str
    start: date | None = None
    until: date | None = None
    count: int | None = None
    interval: int = 1
    days: tuple[str, ...] = ()
    first_day: str = "Sunday"
    index: str = ""
    day_of_month: int = 0
    month: int = 0


class OutsideMeeting(BaseModel):
    """A meeting as an outsider sends it. `uid` is made up if it is missing."""

    model_config = ConfigDict(extra="forbid")

    happening: Happening = Happening.INVITATION
    uid: str | None = None
    organizer: OutsidePerson
    attendees: list[OutsidePerson]
    subject: str = ""
    body: str = ""
    body_type: Literal["Text", "HTML"] = "Text"
    location: str = ""
    start: AwareDatetime
    end: AwareDatetime
    zone: str = "UTC"
    all_day: bool = False
    recurrence: OutsideRecurrence | None = None
    occurrence: AwareDatetime | None = None
    sensitivity: str = "Normal"
    importance: str = "Normal"
    reminder_minutes: int | None = Field(default=15, ge=0)

    @model_validator(mode="after")
    def _recurs_sensibly(self) -> Self:
        if self.recurrence is None:
            return self
        if self.occurrence is not None:
            raise ValueError("an occurrence does not recur")
        try:
            recurrence.check(_recurrence(self, self.recurrence), is_numbered=self.recurrence.count is not None)
        except (EwsError, SoapFault) as error:
            raise ValueError(str(error)) from None
        return self


_LISTS = {"required": "RequiredAttendees", "optional": "OptionalAttendees", "resource": "Resources"}


def happen(world: World, outside: OutsideMeeting, *, account: str = "") -> str:
    """Lets it happen to the invited who have a mailbox here; the meeting's UID."""
    meeting = _meeting(outside, uid=outside.uid or world.new_uid())
    cause = Cause("external", account or outside.organizer.email)
    meetings = Meetings(world)
    if outside.happening is Happening.CANCELLATION:
        meetings.cancel_for(meeting, meeting.attendees, cause)
    else:
        meetings.deliver(meeting, meeting.attendees, cause, kind=outside.happening.value)
    return meeting.uid


def _meeting(outside: OutsideMeeting, *, uid: str) -> Meeting:
    zone = Zone(outside.zone, outside.zone)
    values: dict[str, Any] = {
        "Subject": outside.subject,
        "Body": Body(outside.body_type, outside.body),
        "Location": outside.location,
        "Start": _whole_second(outside.start),
        "End": _whole_second(outside.end),
        "StartTimeZone": zone,
        "EndTimeZone": zone,
        "IsAllDayEvent": outside.all_day,
        "Sensitivity": outside.sensitivity,
        "Importance": outside.importance,
        "IsResponseRequested": True,
        "AllowNewTimeProposal": True,
        "AppointmentSequenceNumber": 0,
        "ReminderIsSet": outside.reminder_minutes is not None,
        "ReminderMinutesBeforeStart": outside.reminder_minutes or 0,
    }
    if outside.recurrence is not None:
        values["Recurrence"] = _recurrence(outside, outside.recurrence)
        values |= series.settled(values)
    if outside.occurrence is not None:
        values["RecurrenceId"] = values["OriginalStart"] = _whole_second(outside.occurrence)
    for role, name in _LISTS.items():
        invited = tuple(Attendee(_recipient(each)) for each in outside.attendees if each.role == role)
        if invited:
            values[name] = invited
    return Meeting(uid, _recipient(outside.organizer), values)


def _recurrence(outside: OutsideMeeting, given: OutsideRecurrence) -> Recurrence:
    terms = given.model_dump()
    is_weekly = given.pattern == "WeeklyRecurrence"
    day = outside.start.astimezone(zone_of(outside.zone) or UTC).date()
    return Recurrence(**{**terms, "start": given.start or day, "first_day": given.first_day if is_weekly else ""})


def _recipient(person: OutsidePerson) -> Recipient:
    return Recipient(person.name or person.email, person.email, person.routing_type, person.mailbox_type)


def _whole_second(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(microsecond=0)
