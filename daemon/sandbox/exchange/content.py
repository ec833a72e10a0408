"""What travels when people meet: the content of invitations, copies, updates, cancellations and answers.

Only values; who gets them is the business of `meetings`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from daemon.sandbox.exchange import series
from daemon.sandbox.exchange.items import ATTENDEE_LISTS, Draft, Item
from daemon.sandbox.exchange.properties import ItemKind
from daemon.sandbox.exchange.reminders import SNOOZED, first_of_invitation
from daemon.sandbox.exchange.series import Variation
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
    "Recurrence",
    "IsResponseRequested",
    "AllowNewTimeProposal",
    "MeetingWorkspaceUrl",
    "NetShowUrl",
    "AppointmentSequenceNumber",
)
_FIRST_REMINDER = ("ReminderIsSet", "ReminderMinutesBeforeStart")
_TIMES = ("Start", "End", "IsAllDayEvent", "Recurrence")
_PLACE = ("RecurrenceId", "OriginalStart")
CANCELLED_PREFIX = "Canceled: "


@dataclass(frozen=True, slots=True)
class Meeting:
    """What travels from an organizer, be he one of ours or an outsider: of a meeting, a series or an occurrence."""

    uid: str
    organizer: Recipient
    values: Mapping[str, Any]
    delegate: Recipient | None = None

    @property
    def sender(self) -> Recipient:
        """Who sends it: the organizer, or a delegate on his behalf."""
        return self.delegate or self.organizer

    @property
    def attendees(self) -> list[Attendee]:
        return [each for name in ATTENDEE_LISTS for each in self.values.get(name, ())]

    @property
    def recurrence_id(self) -> datetime | None:
        """Which occurrence it is about; None for the whole of it."""
        return self.values.get("RecurrenceId")


def meeting_of(item: Item) -> Meeting:
    """What attendees get of an organizer's item."""
    travelling = (*CONTENT, *_PLACE, *_FIRST_REMINDER, *ATTENDEE_LISTS, series.DELETED)
    values = {name: item.values[name] for name in travelling if name in item.values}
    if series.VARIATIONS in item.values:
        values[series.VARIATIONS] = _shared(item.values[series.VARIATIONS])
    values["IntendedFreeBusyStatus"] = item.get("LegacyFreeBusyStatus", "Busy")
    return Meeting(item.uid, item.organizer or Recipient(), values)


def _shared(variations: Iterable[Variation]) -> tuple[Variation, ...]:
    """What of an organizer's exceptions is not his alone."""
    travelling = (*CONTENT, *ATTENDEE_LISTS)
    shared = (
        Variation(each.day, {name: value for name, value in each.values.items() if name in travelling})
        for each in variations
    )
    return tuple(each for each in shared if each.values)


_ANSWERS = {"Accept": ("Accepted", "Pos"), "Tentative": ("Tentative", "Tent"), "Decline": ("Declined", "Neg")}


def cancelled_by_organizer(item: Item) -> dict[str, Any]:
    """How an organizer's own item looks once he has called the meeting off."""
    return cancelled(item, state=5)


def cancelled(item: Item, *, state: int) -> dict[str, Any]:
    subject = cancelled_subject(str(item.get("Subject", "")))
    return {"IsCancelled": True, "AppointmentState": state, "Subject": subject, "LegacyFreeBusyStatus": "Free"}


def cancelled_subject(subject: str) -> str:
    return CANCELLED_PREFIX + subject.removeprefix(CANCELLED_PREFIX)


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


def _occurrences(meeting: Meeting, existing: Item | None) -> dict[str, Any]:
    """What an attendee's copy of a series keeps of single occurrences: the organizer's, and what was his own.

    An occurrence that was called off stays until he removes it.
    """
    theirs = {each.day: _as_shown(meeting, each) for each in meeting.values.get(series.VARIATIONS, ())}
    gone = set(meeting.values.get(series.DELETED, ()))
    if existing is not None and not series.is_rescheduled(existing.values, meeting.values):
        for own in existing.get(series.VARIATIONS, ()):
            theirs[own.day] = replace(own, values={**own.values, **theirs.get(own.day, own).values})
            if own.values.get("IsCancelled"):
                gone.discard(own.day)
        gone |= set(existing.get(series.DELETED, ()))
    left = (theirs[day] for day in sorted(theirs) if day not in gone)
    nothing = {series.VARIATIONS: None, series.DELETED: None}
    kept = {series.VARIATIONS: tuple(left), series.DELETED: tuple(sorted(gone))}
    return {**nothing, **series.trimmed({**meeting.values, **kept})}


def _as_shown(meeting: Meeting, variation: Variation) -> Variation:
    """An exception with its people as attendees see them."""
    if not any(name in variation.values for name in ATTENDEE_LISTS):
        return variation
    values = {name: value for name, value in variation.values.items() if name != "Resources"}
    people = {name: variation.values.get(name) or meeting.values.get(name, ()) for name in ATTENDEE_LISTS}
    return replace(variation, values={**values, **_shown_attendees(replace(meeting, values=people))})


def copy_values(meeting: Meeting, existing: Item | None) -> dict[str, Any]:
    """The properties of an attendee's copy; of an existing one those that change."""
    values: dict[str, Any] = {name: meeting.values.get(name) for name in (*CONTENT, *_PLACE)}
    if "Recurrence" in meeting.values:
        values |= _occurrences(meeting, existing)
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
    named = (
        *("Subject", "Body", "Sensitivity", "Importance", "Start", "End", "Location", "EnhancedLocation"),
        *("Recurrence", *_PLACE),
    )
    values = {name: meeting.values[name] for name in named if name in meeting.values}
    return {
        **values,
        "UID": meeting.uid,
        "From": meeting.organizer,
        "Sender": meeting.sender,
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
    subject = cancelled_subject(str(meeting.values.get("Subject", "")))
    fixed = {"ItemClass": "IPM.Schedule.Meeting.Canceled", "Subject": subject, "IsOutOfDate": False}
    return Draft(ItemKind.CANCELLATION, {**_message_values(meeting), **fixed})


def response_draft(
    copy: Item, *, response: str, body: Body | None, me: Recipient, sender: Recipient, moment: datetime
) -> Draft:
    """An attendee's answer as a message, which another may send on his behalf."""
    word, suffix = _ANSWERS[response]
    values = {
        "ItemClass": f"IPM.Schedule.Meeting.Resp.{suffix}",
        "Subject": f"{word}: {copy.get('Subject', '')}",
        "Body": body or Body("Text", ""),
        "ResponseType": response,
        "From": me,
        "Sender": sender,
        "ToRecipients": (copy.organizer,),
        "UID": copy.uid,
        "RecurrenceId": copy.recurrence_id,
        "Recurrence": copy.get("Recurrence"),
        "IsRead": False,
        "Start": copy.get("Start"),
        "End": copy.get("End"),
        "Location": copy.get("Location", ""),
        "Sensitivity": copy.get("Sensitivity", "Normal"),
        "DateTimeStamp": moment,
    }
    return Draft(ItemKind.RESPONSE, {name: value for name, value in values.items() if value is not None})
