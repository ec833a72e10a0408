"""What travels when people meet: the content of invitations, copies, updates, cancellations and answers.

Only values; who gets them is the business of `meetings`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from daemon.sandbox.exchange.items import ATTENDEE_LISTS, Draft, Item
from daemon.sandbox.exchange.properties import ItemKind
from daemon.sandbox.exchange.reminders import SNOOZED, first_of_invitation
from daemon.sandbox.exchange.values import Attendee, Body, Recipient

CONTENT = (
    "Subject",
    "Body",
    "Sensitivity",
    "Importance",
    "Start",
    "End",
    "IsAllDayEvent",
    "Location",
    "EnhancedLocation",
    "StartTimeZone",
    "EndTimeZone",
    "IsResponseRequested",
    "AllowNewTimeProposal",
    "MeetingWorkspaceUrl",
    "NetShowUrl",
    "AppointmentSequenceNumber",
)
_FIRST_REMINDER = ("ReminderIsSet", "ReminderMinutesBeforeStart")
_TIMES = ("Start", "End", "IsAllDayEvent")
CANCELLED_PREFIX = "Canceled: "


@dataclass(frozen=True, slots=True)
class Meeting:
    """What travels from an organizer, be he one of ours or an outsider."""

    uid: str
    organizer: Recipient
    values: Mapping[str, Any]

    @property
    def attendees(self) -> list[Attendee]:
        return [each for name in ATTENDEE_LISTS for each in self.values.get(name, ())]


def meeting_of(item: Item) -> Meeting:
    """What attendees get of an organizer's item."""
    travelling = (*CONTENT, *_FIRST_REMINDER, *ATTENDEE_LISTS)
    values = {name: item.values[name] for name in travelling if name in item.values}
    values["IntendedFreeBusyStatus"] = item.get("LegacyFreeBusyStatus", "Busy")
    return Meeting(item.uid, item.organizer or Recipient(), values)


_ANSWERS = {"Accept": ("Accepted", "Pos"), "Tentative": ("Tentative", "Tent"), "Decline": ("Declined", "Neg")}


def cancelled_by_organizer(item: Item) -> dict[str, Any]:
    """How an organizer's own item looks once he has called the meeting off."""
    return cancelled(item, state=5)


def cancelled(item: Item, *, state: int) -> dict[str, Any]:
    subject = str(item.get("Subject", ""))
    prefixed = subject if subject.startswith(CANCELLED_PREFIX) else CANCELLED_PREFIX + subject
    return {"IsCancelled": True, "AppointmentState": state, "Subject": prefixed, "LegacyFreeBusyStatus": "Free"}


def _moved_in_time(meeting: Meeting, existing: Item) -> bool:
    return any(meeting.values.get(name) != existing.get(name) for name in _TIMES)


def request_type_of(meeting: Meeting, existing: Item | None) -> str:
    if existing is None:
        return "NewMeetingRequest"
    answered = existing.get("MyResponseType") in ("Accept", "Tentative")
    return "InformationalUpdate" if answered and not _moved_in_time(meeting, existing) else "FullUpdate"


def _shown_attendees(meeting: Meeting) -> dict[str, tuple[Attendee, ...]]:
    """What an attendee sees: the organizer first among the required, no resources, nobody's answers."""
    host = Attendee(meeting.organizer, "Organizer")
    required = [replace(each, response="Unknown", replied=None) for each in meeting.values.get("RequiredAttendees", ())]
    optional = [replace(each, response="Unknown", replied=None) for each in meeting.values.get("OptionalAttendees", ())]
    shown: dict[str, tuple[Attendee, ...]] = {"RequiredAttendees": (host, *required)}
    if optional:
        shown["OptionalAttendees"] = tuple(optional)
    return shown


def copy_values(meeting: Meeting, existing: Item | None) -> dict[str, Any]:
    """The properties of an attendee's copy; of an existing one those that change."""
    values: dict[str, Any] = {name: meeting.values.get(name) for name in CONTENT}
    values |= {"OptionalAttendees": None, **_shown_attendees(meeting)}
    values |= {
        "UID": meeting.uid,
        "ItemClass": "IPM.Appointment",
        "Organizer": meeting.organizer,
        "IntendedFreeBusyStatus": meeting.values.get("IntendedFreeBusyStatus", "Busy"),
        "IsMeeting": True,
        "IsCancelled": False,
        "MeetingRequestWasSent": True,
        "AppointmentState": 3,
    }
    if existing is None or _moved_in_time(meeting, existing):
        values[SNOOZED] = None
        values |= {"MyResponseType": "NoResponseReceived", "LegacyFreeBusyStatus": "Tentative"}
        values["AppointmentReplyTime"] = None
    if existing is not None:
        return values
    values |= first_of_invitation(meeting.values)
    return {name: value for name, value in values.items() if value is not None}


def _message_values(meeting: Meeting) -> dict[str, Any]:
    named = ("Subject", "Body", "Sensitivity", "Importance", "Start", "End", "Location", "EnhancedLocation")
    values = {name: meeting.values[name] for name in named if name in meeting.values}
    return {
        **values,
        "UID": meeting.uid,
        "From": meeting.organizer,
        "Sender": meeting.organizer,
        "ToRecipients": tuple(each.recipient for each in meeting.values.get("RequiredAttendees", ())),
        "CcRecipients": tuple(each.recipient for each in meeting.values.get("OptionalAttendees", ())),
        "IsRead": False,
        "Organizer": meeting.organizer,
    }


def request_draft(
    meeting: Meeting,
    *,
    request_type: str = "NewMeetingRequest",
    my_response: str = "NoResponseReceived",
    to_organizer: bool = False,
) -> Draft:
    values = {name: meeting.values[name] for name in CONTENT if name in meeting.values}
    shown = {name: meeting.values[name] for name in ATTENDEE_LISTS[:2] if name in meeting.values}
    values |= _message_values(meeting) | (shown if to_organizer else _shown_attendees(meeting))
    values |= {
        "ItemClass": "IPM.Schedule.Meeting.Request",
        "MeetingRequestType": request_type,
        "IntendedFreeBusyStatus": meeting.values.get("IntendedFreeBusyStatus", "Busy"),
        "LegacyFreeBusyStatus": "Tentative",
        "IsOutOfDate": False,
        "HasBeenProcessed": False,
        "ResponseType": "NoResponseReceived",
        "MyResponseType": "Organizer" if to_organizer else my_response,
        "IsMeeting": True,
        "IsCancelled": False,
        "MeetingRequestWasSent": True,
        "AppointmentState": 3,
    }
    return Draft(ItemKind.REQUEST, values)


def cancellation_draft(meeting: Meeting) -> Draft:
    subject = CANCELLED_PREFIX + str(meeting.values.get("Subject", "")).removeprefix(CANCELLED_PREFIX)
    fixed = {"ItemClass": "IPM.Schedule.Meeting.Canceled", "Subject": subject, "IsOutOfDate": False}
    return Draft(ItemKind.CANCELLATION, {**_message_values(meeting), **fixed})


def response_draft(copy: Item, *, response: str, body: Body | None, me: Recipient, moment: datetime) -> Draft:
    """An attendee's answer as a message."""
    word, suffix = _ANSWERS[response]
    values = {
        "ItemClass": f"IPM.Schedule.Meeting.Resp.{suffix}",
        "Subject": f"{word}: {copy.get('Subject', '')}",
        "Body": body or Body("Text", ""),
        "ResponseType": response,
        "From": me,
        "Sender": me,
        "ToRecipients": (copy.organizer,),
        "UID": copy.uid,
        "IsRead": False,
        "Start": copy.get("Start"),
        "End": copy.get("End"),
        "Location": copy.get("Location", ""),
        "Sensitivity": copy.get("Sensitivity", "Normal"),
        "DateTimeStamp": moment,
    }
    return Draft(ItemKind.RESPONSE, values)
