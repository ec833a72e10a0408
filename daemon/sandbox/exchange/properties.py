"""The properties of each item class: name, field URI, form, and what clients may do with them.

The tables are in schema order, because answers must be. A property that is not listed is not modelled: no item has it,
and a request that sets it is refused, so that nobody believes it was kept.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Flag, StrEnum, auto
from functools import lru_cache

from daemon.sandbox.exchange.values import Form


class ItemKind(StrEnum):
    """The element an item is in EWS."""

    CALENDAR_ITEM = "CalendarItem"
    MESSAGE = "Message"
    REQUEST = "MeetingRequest"
    RESPONSE = "MeetingResponse"
    CANCELLATION = "MeetingCancellation"
    TASK = "Task"


class Trait(Flag):
    """What is special about a property.

    `WRITE`: clients may set it. `IGNORED`: clients may set it, to no effect. `DEFAULT`: part of the Default shape.
    `HEAVY`: only GetItem returns it, neither FindItem nor SyncFolderItems. `ASKED`: only returned when asked for.
    """

    NONE = 0
    WRITE = auto()
    IGNORED = auto()
    DEFAULT = auto()
    HEAVY = auto()
    ASKED = auto()


@dataclass(frozen=True, slots=True)
class Property:
    """One property of an item class."""

    name: str
    uri: str
    form: Form
    traits: Trait = Trait.NONE

    @property
    def writable(self) -> bool:
        return Trait.WRITE in self.traits

    @property
    def heavy(self) -> bool:
        return Trait.HEAVY in self.traits


_NONE, _WRITE, _IGNORED = Trait.NONE, Trait.WRITE, Trait.IGNORED
_DEFAULT, _HEAVY, _ASKED = Trait.DEFAULT, Trait.HEAVY, Trait.ASKED


def _of(prefix: str, *rows: tuple[str, Form, Trait]) -> tuple[Property, ...]:
    return tuple(Property(name, f"{prefix}:{name}", form, traits) for name, form, traits in rows)


_ITEM = _of(
    "item",
    ("ItemId", Form.MARKUP, _DEFAULT),
    ("ParentFolderId", Form.MARKUP, _NONE),
    ("ItemClass", Form.TEXT, _WRITE),
    ("Subject", Form.TEXT, _WRITE | _DEFAULT),
    ("Sensitivity", Form.TEXT, _WRITE | _DEFAULT),
    ("Body", Form.BODY, _WRITE | _DEFAULT | _HEAVY),
    ("DateTimeReceived", Form.INSTANT, _NONE),
    ("Size", Form.INT, _DEFAULT),
    ("Categories", Form.STRINGS, _WRITE),
    ("Importance", Form.TEXT, _WRITE),
    ("InReplyTo", Form.TEXT, _WRITE),
    ("IsSubmitted", Form.BOOL, _NONE),
    ("IsDraft", Form.BOOL, _NONE),
    ("IsFromMe", Form.BOOL, _NONE),
    ("IsResend", Form.BOOL, _NONE),
    ("IsUnmodified", Form.BOOL, _NONE),
    ("DateTimeSent", Form.INSTANT, _NONE),
    ("DateTimeCreated", Form.INSTANT, _NONE),
    ("ResponseObjects", Form.MARKUP, _HEAVY),
    ("ReminderDueBy", Form.INSTANT, _IGNORED),
    ("ReminderIsSet", Form.BOOL, _WRITE),
    ("ReminderNextTime", Form.INSTANT, _NONE),
    ("ReminderMinutesBeforeStart", Form.INT, _WRITE),
    ("DisplayCc", Form.TEXT, _NONE),
    ("DisplayTo", Form.TEXT, _NONE),
    ("HasAttachments", Form.BOOL, _DEFAULT),
    ("Culture", Form.TEXT, _WRITE),
    ("EffectiveRights", Form.MARKUP, _NONE),
    ("LastModifiedName", Form.TEXT, _NONE),
    ("LastModifiedTime", Form.INSTANT, _NONE),
    ("IsAssociated", Form.BOOL, _NONE),
    ("ConversationId", Form.MARKUP, _NONE),
    ("UniqueBody", Form.BODY, _HEAVY | _ASKED),
    ("StoreEntryId", Form.TEXT, _IGNORED),
    ("InstanceKey", Form.TEXT, _NONE),
    ("NormalizedBody", Form.BODY, _HEAVY | _ASKED),
    ("Preview", Form.TEXT, _NONE),
    ("TextBody", Form.BODY, _HEAVY | _ASKED),
)

_MESSAGE = _of(
    "message",
    ("Sender", Form.PERSON, _WRITE | _DEFAULT),
    ("ToRecipients", Form.PEOPLE, _WRITE | _DEFAULT | _HEAVY),
    ("CcRecipients", Form.PEOPLE, _WRITE | _HEAVY),
    ("BccRecipients", Form.PEOPLE, _WRITE | _HEAVY),
    ("IsReadReceiptRequested", Form.BOOL, _WRITE),
    ("IsDeliveryReceiptRequested", Form.BOOL, _WRITE),
    ("From", Form.PERSON, _WRITE | _DEFAULT),
    ("InternetMessageId", Form.TEXT, _WRITE),
    ("IsRead", Form.BOOL, _WRITE | _DEFAULT),
    ("IsResponseRequested", Form.BOOL, _WRITE),
)

_MEETING_MESSAGE = (
    *_of(
        "meeting",
        ("AssociatedCalendarItemId", Form.MARKUP, _DEFAULT),
        ("IsDelegated", Form.BOOL, _DEFAULT),
        ("IsOutOfDate", Form.BOOL, _DEFAULT),
        ("HasBeenProcessed", Form.BOOL, _DEFAULT),
        ("ResponseType", Form.TEXT, _DEFAULT),
    ),
    *_of(
        "calendar",
        ("UID", Form.TEXT, _NONE),
        ("RecurrenceId", Form.INSTANT, _NONE),
        ("DateTimeStamp", Form.INSTANT, _NONE),
        ("IsOrganizer", Form.BOOL, _NONE),
    ),
)

_REQUEST = (
    *_of(
        "meetingRequest",
        ("MeetingRequestType", Form.TEXT, _DEFAULT),
        ("IntendedFreeBusyStatus", Form.TEXT, _DEFAULT),
    ),
    *_of(
        "calendar",
        ("Start", Form.INSTANT, _DEFAULT),
        ("End", Form.INSTANT, _DEFAULT),
        ("OriginalStart", Form.INSTANT, _NONE),
        ("IsAllDayEvent", Form.BOOL, _NONE),
        ("LegacyFreeBusyStatus", Form.TEXT, _NONE),
        ("Location", Form.TEXT, _DEFAULT),
        ("IsMeeting", Form.BOOL, _NONE),
        ("IsCancelled", Form.BOOL, _NONE),
        ("IsRecurring", Form.BOOL, _NONE),
        ("MeetingRequestWasSent", Form.BOOL, _NONE),
        ("CalendarItemType", Form.TEXT, _NONE),
        ("MyResponseType", Form.TEXT, _NONE),
        ("Organizer", Form.PERSON, _DEFAULT),
        ("RequiredAttendees", Form.ATTENDEES, _HEAVY),
        ("OptionalAttendees", Form.ATTENDEES, _HEAVY),
        ("ConflictingMeetingCount", Form.INT, _NONE),
        ("AdjacentMeetingCount", Form.INT, _NONE),
        ("ConflictingMeetings", Form.MARKUP, _HEAVY),
        ("AdjacentMeetings", Form.MARKUP, _HEAVY),
        ("Duration", Form.TEXT, _NONE),
        ("AppointmentReplyTime", Form.INSTANT, _NONE),
        ("AppointmentSequenceNumber", Form.INT, _NONE),
        ("AppointmentState", Form.INT, _NONE),
        ("Recurrence", Form.RECURRENCE, _HEAVY),
        ("FirstOccurrence", Form.MARKUP, _HEAVY),
        ("LastOccurrence", Form.MARKUP, _HEAVY),
        ("ModifiedOccurrences", Form.MARKUP, _HEAVY),
        ("DeletedOccurrences", Form.MARKUP, _HEAVY),
        ("StartTimeZone", Form.ZONE, _NONE),
        ("EndTimeZone", Form.ZONE, _NONE),
        ("AllowNewTimeProposal", Form.BOOL, _NONE),
        ("IsOnlineMeeting", Form.BOOL, _NONE),
        ("MeetingWorkspaceUrl", Form.TEXT, _NONE),
        ("NetShowUrl", Form.TEXT, _NONE),
        ("EnhancedLocation", Form.MARKUP, _HEAVY),
        ("StartWallClock", Form.INSTANT, _NONE),
        ("EndWallClock", Form.INSTANT, _NONE),
        ("StartTimeZoneId", Form.TEXT, _NONE),
        ("EndTimeZoneId", Form.TEXT, _NONE),
    ),
)

_RESPONSE = _of(
    "calendar",
    ("Start", Form.INSTANT, _DEFAULT),
    ("End", Form.INSTANT, _DEFAULT),
    ("Location", Form.TEXT, _DEFAULT),
    ("Recurrence", Form.RECURRENCE, _HEAVY),
    ("CalendarItemType", Form.TEXT, _NONE),
    ("EnhancedLocation", Form.MARKUP, _HEAVY),
)

_CALENDAR_ITEM = _of(
    "calendar",
    ("UID", Form.TEXT, _WRITE),
    ("RecurrenceId", Form.INSTANT, _NONE),
    ("DateTimeStamp", Form.INSTANT, _NONE),
    ("Start", Form.INSTANT, _WRITE | _DEFAULT),
    ("End", Form.INSTANT, _WRITE | _DEFAULT),
    ("OriginalStart", Form.INSTANT, _NONE),
    ("IsAllDayEvent", Form.BOOL, _WRITE),
    ("LegacyFreeBusyStatus", Form.TEXT, _WRITE | _DEFAULT),
    ("Location", Form.TEXT, _WRITE | _DEFAULT),
    ("When", Form.TEXT, _WRITE),
    ("IsMeeting", Form.BOOL, _NONE),
    ("IsCancelled", Form.BOOL, _NONE),
    ("IsRecurring", Form.BOOL, _NONE),
    ("MeetingRequestWasSent", Form.BOOL, _NONE),
    ("IsResponseRequested", Form.BOOL, _WRITE),
    ("CalendarItemType", Form.TEXT, _DEFAULT),
    ("MyResponseType", Form.TEXT, _NONE),
    ("Organizer", Form.PERSON, _DEFAULT),
    ("RequiredAttendees", Form.ATTENDEES, _WRITE | _HEAVY),
    ("OptionalAttendees", Form.ATTENDEES, _WRITE | _HEAVY),
    ("Resources", Form.ATTENDEES, _WRITE | _HEAVY),
    ("ConflictingMeetingCount", Form.INT, _NONE),
    ("AdjacentMeetingCount", Form.INT, _NONE),
    ("ConflictingMeetings", Form.MARKUP, _HEAVY),
    ("AdjacentMeetings", Form.MARKUP, _HEAVY),
    ("Duration", Form.TEXT, _NONE),
    ("AppointmentReplyTime", Form.INSTANT, _NONE),
    ("AppointmentSequenceNumber", Form.INT, _NONE),
    ("AppointmentState", Form.INT, _NONE),
    ("Recurrence", Form.RECURRENCE, _WRITE | _HEAVY),
    ("FirstOccurrence", Form.MARKUP, _HEAVY),
    ("LastOccurrence", Form.MARKUP, _HEAVY),
    ("ModifiedOccurrences", Form.MARKUP, _HEAVY),
    ("DeletedOccurrences", Form.MARKUP, _HEAVY),
    ("MeetingTimeZone", Form.ZONE, _WRITE | _ASKED),
    ("StartTimeZone", Form.ZONE, _WRITE),
    ("EndTimeZone", Form.ZONE, _WRITE),
    ("AllowNewTimeProposal", Form.BOOL, _WRITE),
    ("IsOnlineMeeting", Form.BOOL, _NONE),
    ("MeetingWorkspaceUrl", Form.TEXT, _WRITE),
    ("NetShowUrl", Form.TEXT, _WRITE),
    ("EnhancedLocation", Form.MARKUP, _WRITE | _HEAVY),
    ("StartWallClock", Form.INSTANT, _NONE),
    ("EndWallClock", Form.INSTANT, _NONE),
    ("StartTimeZoneId", Form.TEXT, _NONE),
    ("EndTimeZoneId", Form.TEXT, _NONE),
    ("IntendedFreeBusyStatus", Form.TEXT, _NONE),
    ("IsOrganizer", Form.BOOL, _NONE),
)

# A task's reminder is due when its owner says, an appointment's when it starts.
_TASK_ITEM = tuple(replace(each, traits=_WRITE) if each.name == "ReminderDueBy" else each for each in _ITEM)

_TASK = _of(
    "task",
    ("ActualWork", Form.INT, _WRITE),
    ("BillingInformation", Form.TEXT, _WRITE),
    ("ChangeCount", Form.INT, _NONE),
    ("Companies", Form.STRINGS, _WRITE),
    ("CompleteDate", Form.DAY, _WRITE),
    ("Contacts", Form.STRINGS, _WRITE),
    ("DueDate", Form.DAY, _WRITE | _DEFAULT),
    ("IsComplete", Form.BOOL, _NONE),
    ("IsRecurring", Form.BOOL, _NONE),
    ("Mileage", Form.TEXT, _WRITE),
    ("Owner", Form.TEXT, _NONE),
    ("PercentComplete", Form.FLOAT, _WRITE | _DEFAULT),
    ("Recurrence", Form.RECURRENCE, _WRITE | _HEAVY),
    ("StartDate", Form.DAY, _WRITE | _DEFAULT),
    ("Status", Form.TEXT, _WRITE | _DEFAULT),
    ("StatusDescription", Form.TEXT, _NONE),
    ("TotalWork", Form.INT, _WRITE),
)

_OF_KIND = {
    ItemKind.CALENDAR_ITEM: (*_ITEM, *_CALENDAR_ITEM),
    ItemKind.MESSAGE: (*_ITEM, *_MESSAGE),
    ItemKind.REQUEST: (*_ITEM, *_MESSAGE, *_MEETING_MESSAGE, *_REQUEST),
    ItemKind.RESPONSE: (*_ITEM, *_MESSAGE, *_MEETING_MESSAGE, *_RESPONSE),
    ItemKind.CANCELLATION: (*_ITEM, *_MESSAGE, *_MEETING_MESSAGE, *_RESPONSE),
    ItemKind.TASK: (*_TASK_ITEM, *_TASK),
}

# What EWS knows and no item of the sandbox ever has. Clients name these when they ask for everything.
_ABSENT = {
    "item": (
        "MimeContent",
        "Attachments",
        "InternetMessageHeaders",
        "Flag",
        "EntityExtractionResult",
        "PolicyTag",
        "ArchiveTag",
        "RetentionDate",
        "NextPredictedAction",
        "GroupingAction",
        "PredictedActionReason",
        "IsClutter",
        "RightsManagementLicenseData",
        "BlockStatus",
        "HasBlockedImages",
        "WebClientReadFormQueryString",
        "WebClientEditFormQueryString",
        "IconIndex",
        "Hashtags",
        "Mentions",
        "MentionedMe",
        "PendingSocialActivityTagIds",
        "MimeContentUTF8",
        "SearchKey",
        "SortKey",
    ),
    "message": (
        "ConversationIndex",
        "ConversationTopic",
        "References",
        "ReplyTo",
        "ReceivedBy",
        "ReceivedRepresenting",
        "ApprovalRequestData",
        "VotingInformation",
        "ReminderMessageData",
    ),
    "meeting": (
        "ProposedStart",
        "ProposedEnd",
    ),
    "meetingRequest": ("ChangeHighlights",),
    "calendar": (
        "InboxReminders",
        "TimeZone",
        "ConferenceType",
        "JoinOnlineMeetingUrl",
        "OnlineMeetingSettings",
    ),
    "task": (
        "AssignedTime",
        "DelegationState",
        "Delegator",
        "IsAssignmentEditable",
        "IsTeamTask",
    ),
}

# ExtendedProperty is no property but a list of them; answers have it between these two.
EXTENDED_COME_BEFORE = "Culture"


def properties_of(kind: ItemKind) -> tuple[Property, ...]:
    """All properties of an item class, in schema order."""
    return _OF_KIND[kind]


@lru_cache
def by_uri(kind: ItemKind) -> dict[str, Property]:
    return {each.uri: each for each in _OF_KIND[kind]}


@lru_cache
def by_name(kind: ItemKind) -> dict[str, Property]:
    return {each.name: each for each in _OF_KIND[kind]}


# Classes of items that no mailbox of the sandbox holds; their properties may be asked for.
_OTHER_CLASSES = ("contacts:", "distributionlist:", "postitem:", "conversation:", "persona:", "person:")


def is_known(uri: str) -> bool:
    """Whether one may ask for it; asking an item for another class's property is no error."""
    return uri in _known_uris() or uri.startswith(_OTHER_CLASSES)


@lru_cache
def _known_uris() -> frozenset[str]:
    absent = (f"{prefix}:{name}" for prefix, names in _ABSENT.items() for name in names)
    return frozenset((*absent, *(each.uri for table in _OF_KIND.values() for each in table)))
