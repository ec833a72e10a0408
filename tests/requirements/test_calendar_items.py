"""Calendar items as their organizer and their attendees find them (MS-OXWSMTGS, CalendarItemType)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.requirements.ids import cdata, mtgs
from tests.unit.sandbox.bank import (
    Bank,
    M,
    T,
    attendee_list,
    calendar_item,
    delete_field,
    id_of,
    set_field,
    value,
    values,
)

LOCATION = (
    "<t:EnhancedLocation><t:DisplayName>Room 721</t:DisplayName><t:Annotation>third floor</t:Annotation>"
    "<t:PostalAddress><t:Street>Bank Street 1</t:Street><t:Type>Business</t:Type></t:PostalAddress>"
    "</t:EnhancedLocation>"
)
BERLIN = '<t:StartTimeZone Id="W. Europe Standard Time"/><t:EndTimeZone Id="W. Europe Standard Time"/>'


@pytest.mark.parametrize(
    ("given", "path", "kept"),
    [
        pytest.param("<t:UID>uid-1</t:UID>", "UID", "uid-1", marks=mtgs(151)),
        pytest.param("", "Start", "2026-12-01T09:00:00Z", marks=mtgs(157)),
        pytest.param("", "End", "2026-12-01T10:00:00Z", marks=mtgs(159)),
        pytest.param("", "IsAllDayEvent", "false", marks=mtgs(721)),
        pytest.param(
            "<t:LegacyFreeBusyStatus>Busy</t:LegacyFreeBusyStatus>", "LegacyFreeBusyStatus", "Busy", marks=mtgs(16500)
        ),
        pytest.param(
            "<t:LegacyFreeBusyStatus>Free</t:LegacyFreeBusyStatus>", "LegacyFreeBusyStatus", "Free", marks=mtgs(16501)
        ),
        pytest.param(
            "<t:LegacyFreeBusyStatus>NoData</t:LegacyFreeBusyStatus>",
            "LegacyFreeBusyStatus",
            "NoData",
            marks=mtgs(16502),
        ),
        pytest.param(
            "<t:LegacyFreeBusyStatus>OOF</t:LegacyFreeBusyStatus>", "LegacyFreeBusyStatus", "OOF", marks=mtgs(16503)
        ),
        pytest.param(
            "<t:LegacyFreeBusyStatus>Tentative</t:LegacyFreeBusyStatus>",
            "LegacyFreeBusyStatus",
            "Tentative",
            marks=mtgs(16504),
        ),
        pytest.param(
            "<t:LegacyFreeBusyStatus>WorkingElsewhere</t:LegacyFreeBusyStatus>",
            "LegacyFreeBusyStatus",
            "WorkingElsewhere",
            marks=cdata(4001),
        ),
        pytest.param("<t:Location>Room 4</t:Location>", "Location", "Room 4", marks=mtgs(167)),
        pytest.param("<t:When>Tuesday at ten</t:When>", "When", "Tuesday at ten", marks=mtgs(169)),
        pytest.param("", "IsMeeting", "false", marks=mtgs(729)),
        pytest.param("", "IsCancelled", "false", marks=mtgs(731)),
        pytest.param("", "IsRecurring", "false", marks=mtgs(733)),
        pytest.param("", "MeetingRequestWasSent", "false", marks=mtgs(735)),
        pytest.param(
            "<t:IsResponseRequested>true</t:IsResponseRequested>", "IsResponseRequested", "true", marks=mtgs(179, 736)
        ),
        pytest.param(
            "<t:IsResponseRequested>false</t:IsResponseRequested>", "IsResponseRequested", "false", marks=mtgs(737)
        ),
        pytest.param("", "CalendarItemType", "Single", marks=mtgs(181, 53)),
        pytest.param("", "AppointmentState", "0", marks=mtgs(514)),
        pytest.param("", "AppointmentSequenceNumber", "0"),
        pytest.param("", "Duration", "PT1H0M"),
        pytest.param(
            "<t:AllowNewTimeProposal>true</t:AllowNewTimeProposal>",
            "AllowNewTimeProposal",
            "true",
            marks=mtgs(229, 744),
        ),
        pytest.param(
            "<t:AllowNewTimeProposal>false</t:AllowNewTimeProposal>", "AllowNewTimeProposal", "false", marks=mtgs(745)
        ),
        pytest.param("", "IsOnlineMeeting", "false", marks=mtgs(747)),
        pytest.param(
            "<t:MeetingWorkspaceUrl>http://bank.example/w</t:MeetingWorkspaceUrl>",
            "MeetingWorkspaceUrl",
            "http://bank.example/w",
            marks=mtgs(233),
        ),
        pytest.param(
            "<t:NetShowUrl>http://bank.example/n</t:NetShowUrl>", "NetShowUrl", "http://bank.example/n", marks=mtgs(235)
        ),
        pytest.param(LOCATION, "EnhancedLocation/DisplayName", "Room 721", marks=mtgs(542, 696, 697)),
        pytest.param(LOCATION, "Location", "Room 721"),
        pytest.param(LOCATION, "EnhancedLocation/Annotation", "third floor", marks=mtgs(543)),
        pytest.param(LOCATION, "EnhancedLocation/PostalAddress/Street", "Bank Street 1", marks=mtgs(544)),
        pytest.param(BERLIN, "StartWallClock", "2026-12-01T10:00:00Z", marks=mtgs(699)),
        pytest.param(BERLIN, "EndWallClock", "2026-12-01T11:00:00Z", marks=mtgs(700)),
        pytest.param(BERLIN, "StartTimeZoneId", "W. Europe Standard Time", marks=mtgs(701)),
        pytest.param(BERLIN, "EndTimeZoneId", "W. Europe Standard Time", marks=mtgs(702)),
        pytest.param("", "IsOrganizer", "true", marks=mtgs(80048)),
        pytest.param("", "MyResponseType", "Organizer", marks=mtgs(80)),
        pytest.param("", "Organizer/Mailbox/EmailAddress", "anna@bank.example", marks=mtgs(185, 18407)),
    ],
)
def test_a_calendar_items_property(bank: Bank, given: str, path: str, kept: str):
    """What its organizer reads after creating it."""
    anna = bank.client("anna")
    item = anna.get(id_of(anna.create(calendar_item(given)).item)).item
    assert value(item, path) == kept


@mtgs(713, 714)
def test_both_time_zones_are_definitions(bank: Bank):
    """Named by their Windows ids."""
    anna = bank.client("anna")
    item = anna.get(id_of(anna.create(calendar_item(BERLIN)).item)).item
    zones = [item.find(f"{T}{name}").get("Id") for name in ("StartTimeZone", "EndTimeZone")]
    assert zones == ["W. Europe Standard Time", "W. Europe Standard Time"]


@mtgs(163, 720)
def test_an_all_day_item_lasts_from_midnight_to_midnight(bank: Bank):
    """Of its zone, whatever times were given."""
    anna = bank.client("anna")
    made = anna.create(calendar_item("<t:IsAllDayEvent>true</t:IsAllDayEvent>", BERLIN))
    item = anna.get(id_of(made.item)).item
    assert (value(item, "IsAllDayEvent"), value(item, "Start"), value(item, "End")) == (
        "true",
        "2026-11-30T23:00:00Z",
        "2026-12-01T23:00:00Z",
    )


@mtgs(171, 728, 738, 187, 189, 137)
def test_an_organizers_meeting(bank: Bank):
    """With attendees it is a meeting in state 1; they are resolved addresses."""
    anna = bank.client("anna")
    optional = attendee_list("OptionalAttendees", ("A.ADLER", "cleo"))
    item = anna.get(anna.meet(optional, invite="SendToNone")).item
    assert (value(item, "IsMeeting"), value(item, "AppointmentState")) == ("true", "1")
    assert values(item, "RequiredAttendees/Attendee/Mailbox/EmailAddress") == ["bob@bank.example"]
    assert values(item, "RequiredAttendees/Attendee/Mailbox/Name") == ["Bob Braun"]
    assert values(item, "OptionalAttendees/Attendee/Mailbox/EmailAddress") == ["anna@bank.example", "cleo@bank.example"]


@mtgs(739, 84, 512, 177, 734, 703)
def test_an_attendees_copy(bank: Bank):
    """State 3, unanswered, and how the organizer wants it shown."""
    bank.client("anna").meet("<t:LegacyFreeBusyStatus>OOF</t:LegacyFreeBusyStatus>")
    copy = bank.client("bob").only_in("calendar")
    names = ("AppointmentState", "MyResponseType", "MeetingRequestWasSent", "IntendedFreeBusyStatus", "IsOrganizer")
    assert [value(copy, name) for name in names] == ["3", "NoResponseReceived", "true", "OOF", "false"]


@mtgs(1047, 191)
def test_when_and_resources_stay_with_the_organizer(bank: Bank):
    """The attendee's copy has neither."""
    room = attendee_list("Resources", ("room4",))
    meeting = bank.client("anna").meet("<t:When>Tuesday</t:When>", room)
    own, copy = bank.client("anna").get(meeting).item, bank.client("bob").only_in("calendar")
    assert values(own, "Resources/Attendee/Mailbox/EmailAddress") == ["room4@bank.example"]
    assert (value(own, "When"), value(copy, "When")) == ("Tuesday", None)
    assert copy.find(f"{T}Resources") is None


@mtgs(79, 1282)
def test_who_has_not_answered_is_unknown_to_the_organizer(bank: Bank):
    """Until an answer comes."""
    anna = bank.client("anna")
    item = anna.get(anna.meet()).item
    assert values(item, "RequiredAttendees/Attendee/ResponseType") == ["Unknown"]


@pytest.mark.parametrize(
    ("element", "response"),
    [
        pytest.param("AcceptItem", "Accept", marks=mtgs(82)),
        pytest.param("TentativelyAcceptItem", "Tentative", marks=mtgs(81)),
        pytest.param("DeclineItem", "Decline", marks=mtgs(83)),
    ],
)
@mtgs(139, 141, 205)
def test_an_answer_on_both_sides(bank: Bank, element: str, response: str):
    """The organizer reads answer and time, the attendee his answer and when he gave it."""
    meeting, bob = bank.client("anna").meet(), bank.client("bob")
    bank.clock.advance(timedelta(hours=1))
    bob.respond(element, id_of(bob.only_in("inbox")))
    own = bank.client("anna").get(meeting).item
    assert value(own, "RequiredAttendees/Attendee/ResponseType") == response
    assert value(own, "RequiredAttendees/Attendee/LastResponseTime") == "2026-11-23T09:00:00Z"
    folder = "deleteditems" if response == "Decline" else "calendar"
    copy = bob.only_in(folder, kind="CalendarItem")
    assert (value(copy, "MyResponseType"), value(copy, "AppointmentReplyTime")) == (response, "2026-11-23T09:00:00Z")


@mtgs(193, 195, 197, 199)
@cdata(8852)
def test_conflicting_and_adjacent_meetings(bank: Bank):
    """What overlaps conflicts, what touches is adjacent, what is free does neither."""
    anna = bank.client("anna")
    for subject, start, end in (
        ("overlaps", "09:30", "10:30"),
        ("before", "08:00", "09:00"),
        ("after", "10:00", "11:00"),
    ):
        times = {"start": f"2026-12-01T{start}:00Z", "end": f"2026-12-01T{end}:00Z"}
        anna.create(calendar_item(f"<t:Subject>{subject}</t:Subject>", **times))
    anna.create(calendar_item("<t:LegacyFreeBusyStatus>Free</t:LegacyFreeBusyStatus>"))
    item = anna.get(id_of(anna.create(calendar_item()).item)).item
    assert (value(item, "ConflictingMeetingCount"), value(item, "AdjacentMeetingCount")) == ("1", "2")
    assert values(item, "ConflictingMeetings/CalendarItem/Subject") == ["overlaps"]
    assert values(item, "AdjacentMeetings/CalendarItem/Subject") == ["before", "after"]
    counted = anna.find("calendar", "calendar:ConflictingMeetingCount", base="IdOnly").items
    assert [value(each, "ConflictingMeetingCount") for each in counted] == ["2", "0", "1", "2", "1"]


@mtgs(209, 740, 1052, 741, 173, 730)
def test_the_states_of_a_cancelled_meeting(bank: Bank):
    """5 in the organizer's Deleted Items, 7 in the attendee's calendar."""
    anna = bank.client("anna")
    anna.respond("CancelCalendarItem", anna.meet())
    own = anna.only_in("deleteditems")
    copy = bank.client("bob").only_in("calendar")
    assert [value(each, "AppointmentState") for each in (own, copy)] == ["5", "7"]
    assert [value(each, "IsCancelled") for each in (own, copy)] == ["true", "true"]


@mtgs(2000)
def test_whether_it_is_a_meeting_cannot_be_set(bank: Bank):
    """Attendees make it one."""
    reply = bank.client("anna").create(calendar_item("<t:IsMeeting>true</t:IsMeeting>"))
    assert (reply.code, reply.classes) == ("ErrorInvalidPropertySet", ["Error"])


@mtgs(2301)
def test_whether_it_is_online_cannot_be_set(bank: Bank):
    """Neither at creation nor later."""
    anna = bank.client("anna")
    online = "<t:IsOnlineMeeting>true</t:IsOnlineMeeting>"
    assert anna.create(calendar_item(online)).code == "ErrorInvalidPropertySet"
    item = id_of(anna.create(calendar_item()).item)
    assert anna.update(item, set_field("calendar:IsOnlineMeeting", online)).code == "ErrorInvalidPropertySet"
    assert anna.update(item, delete_field("calendar:IsOnlineMeeting")).code == "ErrorInvalidPropertySet"


@mtgs(507)
def test_the_calendar_is_a_folder_of_its_own_kind(bank: Bank):
    """With what every folder has."""
    reply = bank.client("anna").call(
        "<m:GetFolder><m:FolderShape><t:BaseShape>AllProperties</t:BaseShape></m:FolderShape>"
        '<m:FolderIds><t:DistinguishedFolderId Id="calendar"/></m:FolderIds></m:GetFolder>'
    )
    (folder,) = reply.messages[0].find(f"{M}Folders")
    assert folder.tag == f"{T}CalendarFolder"
    assert [value(folder, name) for name in ("FolderClass", "DisplayName", "TotalCount")] == [
        "IPF.Appointment",
        "Calendar",
        "0",
    ]
