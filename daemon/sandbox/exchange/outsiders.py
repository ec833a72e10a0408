"""Meetings of organizers outside the bank: invitations, updates and cancellations injected from a description.

The description is JSON (`POST /sandbox/external-meetings`); attendees, addresses and zone are kept exactly as given,
so that blank, X500 and oddly written ones can be made.
"""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from daemon.sandbox.exchange.content import Meeting
from daemon.sandbox.exchange.items import Cause
from daemon.sandbox.exchange.meetings import Meetings
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
    sensitivity: str = "Normal"
    importance: str = "Normal"
    reminder_minutes: int | None = Field(default=15, ge=0)


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
    for role, name in _LISTS.items():
        invited = tuple(Attendee(_recipient(each)) for each in outside.attendees if each.role == role)
        if invited:
            values[name] = invited
    return Meeting(uid, _recipient(outside.organizer), values)


def _recipient(person: OutsidePerson) -> Recipient:
    return Recipient(person.name or person.email, person.email, person.routing_type, person.mailbox_type)


def _whole_second(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(microsecond=0)
