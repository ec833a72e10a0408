"""Meeting requests, responses and cancellations (MS-OXWSMTGS)."""

from __future__ import annotations

import pytest

from tests.requirements.ids import mtgs
from tests.requirements.test_calendar_items import BERLIN, LOCATION
from tests.unit.sandbox.bank import Bank, attendee_list, calendar_item, id_of, set_field, value, values

NEW_LOCATION = set_field("calendar:Location", "<t:Location>Room 5</t:Location>")


def received(bank: Bank, *given: str) -> object:
    """Bob's request of a meeting of Anna's."""
    bank.client("anna").meet(*given)
    return bank.client("bob").only_in("inbox")


@pytest.mark.parametrize(
    ("given", "path", "kept"),
    [
        pytest.param("", "MeetingRequestType", "NewMeetingRequest", marks=mtgs(283, 72)),
        *(
            pytest.param(
                f"<t:LegacyFreeBusyStatus>{status}</t:LegacyFreeBusyStatus>",
                "IntendedFreeBusyStatus",
                status,
                marks=mtgs(number),
            )
            for number, status in enumerate(("Busy", "Free", "NoData", "OOF", "Tentative"), 28500)
        ),
        pytest.param("", "Start", "2026-12-01T09:00:00Z", marks=mtgs(500)),
        pytest.param("", "End", "2026-12-01T10:00:00Z", marks=mtgs(287)),
        pytest.param("", "IsAllDayEvent", "false", marks=mtgs(755)),
        pytest.param("<t:IsAllDayEvent>true</t:IsAllDayEvent>", "IsAllDayEvent", "true", marks=mtgs(293)),
        pytest.param("<t:Location>Room 4</t:Location>", "Location", "Room 4", marks=mtgs(297)),
        pytest.param("<t:When>Tuesday</t:When>", "When", None, marks=mtgs(299)),
        pytest.param("", "IsMeeting", "true", marks=mtgs(301, 756, 7561)),
        pytest.param("", "IsCancelled", "false", marks=mtgs(303, 759)),
        pytest.param("", "IsRecurring", "false", marks=mtgs(761)),
        pytest.param("", "MeetingRequestWasSent", "true", marks=mtgs(307, 762, 763)),
        pytest.param("", "CalendarItemType", "Single", marks=mtgs(309)),
        pytest.param("", "Organizer/Mailbox/EmailAddress", "anna@bank.example", marks=mtgs(313)),
        pytest.param("", "Duration", "PT1H0M", marks=mtgs(329)),
        pytest.param("", "AppointmentSequenceNumber", "0", marks=mtgs(335)),
        pytest.param("", "AppointmentState", "3", marks=mtgs(337, 555)),
        pytest.param("", "IsOnlineMeeting", "false", marks=mtgs(767)),
        pytest.param(
            "<t:MeetingWorkspaceUrl>http://bank.example/w</t:MeetingWorkspaceUrl>",
            "MeetingWorkspaceUrl",
            "http://bank.example/w",
            marks=mtgs(361),
        ),
        pytest.param(
            "<t:NetShowUrl>http://bank.example/n</t:NetShowUrl>", "NetShowUrl", "http://bank.example/n", marks=mtgs(363)
        ),
        pytest.param("", "IsOutOfDate", "false", marks=mtgs(751)),
        pytest.param("", "IsDelegated", "false", marks=mtgs(749)),
        pytest.param("", "IsOrganizer", "false", marks=mtgs(80049)),
        pytest.param(LOCATION, "EnhancedLocation/DisplayName", "Room 721", marks=mtgs(707)),
        pytest.param(BERLIN, "StartWallClock", "2026-12-01T10:00:00Z", marks=mtgs(708)),
        pytest.param(BERLIN, "EndWallClock", "2026-12-01T11:00:00Z", marks=mtgs(709)),
        pytest.param(BERLIN, "StartTimeZoneId", "W. Europe Standard Time", marks=mtgs(710)),
        pytest.param(BERLIN, "EndTimeZoneId", "W. Europe Standard Time", marks=mtgs(711)),
    ],
)
def test_a_requests_property(bank: Bank, given: str, path: str, kept: str | None):
    """As the attendee finds it in his inbox."""
    assert value(received(bank, given), path) == kept


@mtgs(718, 719)
def test_a_request_names_its_zones(bank: Bank):
    """By Windows id."""
    request = received(bank, BERLIN)
    zones = [each.get("Id") for each in request if each.tag.endswith(("}StartTimeZone", "}EndTimeZone"))]
    assert zones == ["W. Europe Standard Time"] * 2


@mtgs(315, 317, 319)
def test_a_requests_attendees(bank: Bank):
    """The organizer and the attendee are required, the optional ones optional; the room is not told."""
    optional, room = attendee_list("OptionalAttendees", ("cleo",)), attendee_list("Resources", ("room4",))
    request = received(bank, optional, room)
    assert values(request, "RequiredAttendees/Attendee/Mailbox/EmailAddress") == [
        "anna@bank.example",
        "bob@bank.example",
    ]
    assert values(request, "OptionalAttendees/Attendee/Mailbox/EmailAddress") == ["cleo@bank.example"]
    assert values(request, "Resources/Attendee") == []


@mtgs(321, 323, 325, 327)
def test_a_requests_neighbours_in_the_attendees_calendar(bank: Bank):
    """What he already has at and around the time."""
    bob = bank.client("bob")
    bob.create(calendar_item("<t:Subject>dentist</t:Subject>"))
    bob.create(calendar_item("<t:Subject>lunch</t:Subject>", start="2026-12-01T10:00:00Z", end="2026-12-01T11:00:00Z"))
    request = received(bank)
    assert (value(request, "ConflictingMeetingCount"), value(request, "AdjacentMeetingCount")) == ("1", "1")
    assert values(request, "ConflictingMeetings/CalendarItem/Subject") == ["dentist"]
    assert values(request, "AdjacentMeetings/CalendarItem/Subject") == ["lunch"]


@mtgs(268, 750)
def test_an_answered_request_turns_out_of_date_with_an_update(bank: Bank):
    """In Deleted Items, where the answer put it."""
    meeting, bob = bank.client("anna").meet(), bank.client("bob")
    bob.respond("AcceptItem", id_of(bob.only_in("inbox")))
    assert value(bob.only_in("deleteditems"), "IsOutOfDate") == "false"
    bank.client("anna").update(meeting, NEW_LOCATION, send="SendOnlyToAll")
    assert value(bob.only_in("deleteditems"), "IsOutOfDate") == "true"


@mtgs(484, 485)
def test_an_update_of_an_unanswered_meeting_is_a_full_one(bank: Bank):
    """The attendee still has to answer."""
    meeting, bob = bank.client("anna").meet(), bank.client("bob")
    bank.client("anna").update(meeting, NEW_LOCATION, send="SendOnlyToAll")
    types = [(value(each, "MeetingRequestType"), value(each, "IsOutOfDate")) for each in bob.all_in("inbox")]
    assert types == [("NewMeetingRequest", "true"), ("FullUpdate", "false")]


@pytest.mark.parametrize("answer", ["AcceptItem", "TentativelyAcceptItem"])
@mtgs(71, 587)
def test_an_update_of_an_answered_meeting_informs(bank: Bank, answer: str):
    """Who accepted, tentatively too, need not do so again."""
    meeting, bob = bank.client("anna").meet(), bank.client("bob")
    bob.respond(answer, id_of(bob.only_in("inbox")))
    bank.client("anna").update(meeting, NEW_LOCATION, send="SendOnlyToAll")
    assert value(bob.only_in("inbox"), "MeetingRequestType") == "InformationalUpdate"


@mtgs(900, 901, 902, 904, 80003)
def test_a_cancellations_properties(bank: Bank):
    """When and where the meeting would have been."""
    anna = bank.client("anna")
    anna.respond("CancelCalendarItem", anna.meet(LOCATION))
    message = bank.client("bob").only_in("inbox", kind="MeetingCancellation")
    paths = ("Start", "End", "Location", "CalendarItemType", "EnhancedLocation/Annotation")
    assert [value(message, path) for path in paths] == [
        "2026-12-01T09:00:00Z",
        "2026-12-01T10:00:00Z",
        "Room 721",
        "Single",
        "third floor",
    ]


@mtgs(906, 907, 908, 910, 80011)
def test_a_responses_properties(bank: Bank):
    """When and where the answered meeting is."""
    bank.client("anna").meet("<t:Location>Room 4</t:Location>")
    bob = bank.client("bob")
    bob.respond("AcceptItem", id_of(bob.only_in("inbox")))
    message = bank.client("anna").only_in("inbox")
    paths = ("Start", "End", "Location", "CalendarItemType", "EnhancedLocation/DisplayName")
    assert [value(message, path) for path in paths] == [
        "2026-12-01T09:00:00Z",
        "2026-12-01T10:00:00Z",
        "Room 4",
        "Single",
        "Room 4",
    ]


@mtgs(488)
def test_creating_a_meeting_makes_request_messages(bank: Bank):
    """Of their own item class."""
    assert value(received(bank), "ItemClass") == "IPM.Schedule.Meeting.Request"


@pytest.mark.parametrize(
    ("answer", "item_class"),
    [
        ("AcceptItem", "IPM.Schedule.Meeting.Resp.Pos"),
        ("TentativelyAcceptItem", "IPM.Schedule.Meeting.Resp.Tent"),
        ("DeclineItem", "IPM.Schedule.Meeting.Resp.Neg"),
    ],
)
@mtgs(489, 1284)
def test_creating_an_answer_makes_a_response_message(bank: Bank, answer: str, item_class: str):
    """For the organizer, with the attendee's words."""
    bank.client("anna").meet()
    bob = bank.client("bob")
    body = '<t:Body BodyType="Text">my words</t:Body>'
    reply = bob.respond(answer, id_of(bob.only_in("inbox")), body=body)
    assert [each.tag.rpartition("}")[2] for each in reply.items] == ["CalendarItem", "MeetingResponse"]
    message = bank.client("anna").only_in("inbox")
    assert (value(message, "ItemClass"), value(message, "Body")) == (item_class, "my words")


@mtgs(490)
def test_who_declined_still_gets_the_cancellation(bank: Bank):
    """He is on the list of attendees."""
    anna, bob = bank.client("anna"), bank.client("bob")
    meeting = anna.meet()
    bob.respond("DeclineItem", id_of(bob.only_in("inbox")))
    anna.respond("CancelCalendarItem", meeting)
    assert value(bob.only_in("inbox"), "ItemClass") == "IPM.Schedule.Meeting.Canceled"


@mtgs(491)
def test_a_meeting_is_cancelled_through_a_responses_calendar_item(bank: Bank):
    """Whose id the response carries."""
    anna, bob = bank.client("anna"), bank.client("bob")
    anna.meet()
    bob.respond("AcceptItem", id_of(bob.only_in("inbox")))
    response = anna.only_in("inbox")
    associated = next(each for each in response if each.tag.endswith("AssociatedCalendarItemId"))
    reply = anna.respond("CancelCalendarItem", f'<t:ItemId Id="{associated.get("Id")}"/>')
    assert reply.code == "NoError"
    assert value(bob.only_in("calendar"), "IsCancelled") == "true"


@mtgs(492)
def test_a_cancelled_meeting_is_removed_with_its_message(bank: Bank):
    """By the attendee."""
    anna, bob = bank.client("anna"), bank.client("bob")
    anna.respond("CancelCalendarItem", anna.meet())
    reply = bob.respond("RemoveItem", id_of(bob.only_in("inbox", kind="MeetingCancellation")))
    assert reply.code == "NoError"
    assert bob.all_in("calendar") == []
    assert bob.all_in("inbox", kind="MeetingCancellation") == []
