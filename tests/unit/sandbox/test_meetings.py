"""Meetings between mailboxes, as people with exchangelib see them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from exchangelib import CalendarItem, EWSDateTime
from exchangelib.errors import ErrorCalendarIsOrganizerForAccept
from exchangelib.items import (
    SEND_ONLY_TO_ALL,
    SEND_ONLY_TO_CHANGED,
    SEND_TO_ALL_AND_SAVE_COPY,
    SEND_TO_NONE,
    MeetingCancellation,
    MeetingRequest,
    MeetingResponse,
)
from exchangelib.properties import Attendee, Mailbox

from tests.unit.sandbox.bank import BERLIN, Bank, value

START = EWSDateTime(2026, 12, 1, 10, tzinfo=BERLIN)
END = EWSDateTime(2026, 12, 1, 11, tzinfo=BERLIN)


def meet(bank: Bank, *, send: str = SEND_ONLY_TO_ALL, by: str = "anna", **fields) -> CalendarItem:
    """A meeting that somebody makes and invites to, as he has it afterwards."""
    account = bank.account(by)
    given = {"subject": "Review", "start": START, "end": END, "required_attendees": ["bob@bank.example"], **fields}
    item = CalendarItem(account=account, folder=account.calendar, **given).save(send_meeting_invitations=send)
    return account.calendar.get(id=item.id)


def copy_of(bank: Bank, name: str) -> CalendarItem:
    """The only item in somebody's calendar."""
    (item,) = bank.account(name).calendar.all()
    return item


def addresses(attendees) -> list[str]:
    return [each.mailbox.email_address for each in attendees or ()]


def answers(item: CalendarItem) -> dict[str, str]:
    everybody = (*(item.required_attendees or ()), *(item.optional_attendees or ()), *(item.resources or ()))
    return {each.mailbox.email_address: each.response_type for each in everybody}


def test_who_is_invited_has_the_meeting_at_once(bank: Bank):
    """Unanswered, tentative, with the organizer's UID and his own item id."""
    meeting = meet(bank, location="Room 4", body="Agenda", sensitivity="Private", reminder_minutes_before_start=30)
    copy = copy_of(bank, "bob")
    assert (copy.uid, copy.id == meeting.id) == (meeting.uid, False)
    assert (copy.subject, copy.location, copy.body, copy.sensitivity) == ("Review", "Room 4", "Agenda", "Private")
    assert (copy.start, copy.end, copy.my_response_type) == (START, END, "NoResponseReceived")
    assert (copy.organizer.email_address, copy.legacy_free_busy_status) == ("anna@bank.example", "Tentative")
    assert addresses(copy.required_attendees) == ["anna@bank.example", "bob@bank.example"]
    (request,) = bank.account("bob").inbox.all()
    assert isinstance(request, MeetingRequest)
    assert (request.meeting_request_type, request.associated_calendar_item_id.id) == ("NewMeetingRequest", copy.id)
    assert meeting.meeting_request_was_sent
    assert answers(meeting) == {"bob@bank.example": "Unknown"}


def test_send_to_none_sends_nothing(bank: Bank):
    """The meeting is the organizer's alone, attendees and all."""
    meeting = meet(bank, send=SEND_TO_NONE)
    assert (meeting.is_meeting, meeting.meeting_request_was_sent) == (True, False)
    assert bank.account("bob").calendar.all().count() == 0
    assert bank.mails() == []


@pytest.mark.parametrize(("send", "kept"), [(SEND_ONLY_TO_ALL, 0), (SEND_TO_ALL_AND_SAVE_COPY, 1)])
def test_only_save_copy_leaves_something_in_sent_items(bank: Bank, send: str, kept: int):
    """Whatever the disposition says."""
    meet(bank, send=send)
    assert bank.account("anna").sent.all().count() == kept


def test_mails_are_recorded_with_their_cause(bank: Bank):
    """Who wrote to whom, by which call of which account."""
    meeting = meet(bank, required_attendees=["bob@bank.example", "xaver@else.example"])
    assert bank.mails() == [
        {
            "from": "anna@bank.example",
            "sender": "anna@bank.example",
            "to": ["bob@bank.example", "xaver@else.example"],
            "kind": "invitation",
            "uid": meeting.uid,
            "caused_by": {"operation": "CreateItem", "account": "anna@bank.example"},
        }
    ]


@pytest.mark.parametrize(
    ("answer", "shown", "busy"), [("accept", "Accept", "OOF"), ("tentatively_accept", "Tentative", "Tentative")]
)
def test_an_answer_comes_back_to_the_organizer(bank: Bank, answer: str, shown: str, busy: str):
    """The copy stays, the request goes to Deleted Items, the tracking shows answer and time."""
    meeting = meet(bank, legacy_free_busy_status="OOF")
    bank.clock.advance(timedelta(minutes=5))
    bob = bank.account("bob")
    getattr(bob.inbox.get(), answer)()
    copy = copy_of(bank, "bob")
    assert (copy.my_response_type, copy.legacy_free_busy_status) == (shown, busy)
    assert copy.appointment_reply_time == bank.clock.moment
    meeting.refresh()
    (tracked,) = meeting.required_attendees
    assert (tracked.response_type, tracked.last_response_time) == (shown, bank.clock.moment)
    assert (bob.inbox.all().count(), isinstance(bob.trash.get(), MeetingRequest)) == (0, True)
    response = bank.account("anna").inbox.get()
    assert isinstance(response, MeetingResponse)
    assert response.response_type == shown
    assert [mail["to"] for mail in bank.mails("response")] == [["anna@bank.example"]]


def test_a_declined_copy_lies_in_deleted_items(bank: Bank):
    """Also when the calendar item itself is declined; the organizer sees it."""
    meeting = meet(bank)
    copy_of(bank, "bob").decline(body="No time")
    bob = bank.account("bob")
    assert bob.calendar.all().count() == 0
    gone = bob.trash.get(item_class="IPM.Appointment")
    assert (gone.uid, gone.my_response_type) == (meeting.uid, "Decline")
    meeting.refresh()
    assert answers(meeting) == {"bob@bank.example": "Decline"}
    assert bank.account("anna").inbox.get().body == "No time"


def test_the_organizer_does_not_answer_himself(bank: Bank):
    """With Exchange's own error."""
    with pytest.raises(ErrorCalendarIsOrganizerForAccept):
        meet(bank).accept()


def test_an_update_keeps_the_attendees_own_facets(bank: Bank):
    """Answer, reminder and categories are his; the content follows."""
    meeting = meet(bank, reminder_is_set=True, reminder_minutes_before_start=15)
    copy = copy_of(bank, "bob")
    copy.accept()
    copy = copy_of(bank, "bob")
    copy.reminder_minutes_before_start, copy.categories = 45, ["mine"]
    copy.save(update_fields=["reminder_minutes_before_start", "categories"])
    meeting.location = "Room 5"
    meeting.save(update_fields=["location"], send_meeting_invitations=SEND_ONLY_TO_ALL)
    copy = copy_of(bank, "bob")
    assert (copy.location, copy.my_response_type) == ("Room 5", "Accept")
    assert (copy.reminder_minutes_before_start, copy.categories) == (45, ["mine"])
    assert bank.account("bob").inbox.get().meeting_request_type == "InformationalUpdate"
    assert [mail["kind"] for mail in bank.mails()] == ["invitation", "response", "update"]


def test_new_times_ask_for_new_answers(bank: Bank):
    """On both sides the old answer is gone."""
    meeting = meet(bank)
    copy_of(bank, "bob").accept()
    meeting.refresh()
    meeting.start, meeting.end = START + timedelta(hours=2), END + timedelta(hours=2)
    meeting.save(update_fields=["start", "end"], send_meeting_invitations=SEND_ONLY_TO_ALL)
    copy = copy_of(bank, "bob")
    assert (copy.start, copy.my_response_type, copy.appointment_reply_time) == (
        START + timedelta(hours=2),
        "NoResponseReceived",
        None,
    )
    meeting.refresh()
    assert answers(meeting) == {"bob@bank.example": "Unknown"}


def test_a_silent_update_stays_with_the_organizer(bank: Bank):
    """The others see the old state."""
    meeting = meet(bank)
    meeting.subject = "Secret"
    meeting.save(update_fields=["subject"], send_meeting_invitations=SEND_TO_NONE)
    assert copy_of(bank, "bob").subject == "Review"
    assert [mail["kind"] for mail in bank.mails()] == ["invitation"]


def test_changed_attendees_alone_hear_of_it_if_asked(bank: Bank):
    """Who comes is invited, who goes gets a cancellation, who stays hears nothing."""
    meeting = meet(bank, required_attendees=["bob@bank.example", "cleo@bank.example"])
    meeting.required_attendees = ["bob@bank.example", "xenia@bank.example"]
    meeting.subject = "New"
    meeting.save(update_fields=["required_attendees", "subject"], send_meeting_invitations=SEND_ONLY_TO_CHANGED)
    assert copy_of(bank, "bob").subject == "Review"
    assert copy_of(bank, "xenia").subject == "New"
    assert copy_of(bank, "cleo").is_cancelled
    assert [(mail["kind"], mail["to"]) for mail in bank.mails()[1:]] == [
        ("cancellation", ["cleo@bank.example"]),
        ("invitation", ["xenia@bank.example"]),
    ]


def test_invited_for_the_first_time_by_an_update(bank: Bank):
    """A meeting made silently and then sent is an invitation."""
    meeting = meet(bank, send=SEND_TO_NONE)
    meeting.subject = "Now"
    meeting.save(update_fields=["subject"], send_meeting_invitations=SEND_ONLY_TO_ALL)
    assert copy_of(bank, "bob").subject == "Now"
    assert [mail["kind"] for mail in bank.mails()] == ["invitation"]


def test_who_was_added_silently_is_invited_by_the_next_update(bank: Bank):
    """For him it is no update; who was removed before he was told hears nothing."""
    meeting = meet(bank)
    meeting.required_attendees = ["bob@bank.example", "cleo@bank.example", "xenia@bank.example"]
    meeting.save(update_fields=["required_attendees"], send_meeting_invitations=SEND_TO_NONE)
    meeting.required_attendees = ["bob@bank.example", "cleo@bank.example"]
    meeting.save(update_fields=["required_attendees"], send_meeting_invitations=SEND_ONLY_TO_ALL)
    assert [(mail["kind"], mail["to"]) for mail in bank.mails()[1:]] == [
        ("invitation", ["cleo@bank.example"]),
        ("update", ["bob@bank.example"]),
    ]


def test_a_declined_meeting_is_back_when_it_is_accepted_after_all(bank: Bank):
    """Out of Deleted Items, under a new id."""
    meeting = meet(bank)
    copy_of(bank, "bob").decline()
    declined = bank.account("bob").trash.get(item_class="IPM.Appointment")
    declined.accept()
    back = copy_of(bank, "bob")
    assert (back.my_response_type, back.id == declined.id) == ("Accept", False)
    meeting.refresh()
    assert answers(meeting) == {"bob@bank.example": "Accept"}


def test_a_cancelled_meeting_stays_with_the_attendee_until_he_removes_it(bank: Bank):
    """The organizer's item goes to Deleted Items at once."""
    meeting = meet(bank)
    meeting.cancel(new_body="Sorry")
    anna, bob = bank.account("anna"), bank.account("bob")
    assert anna.calendar.all().count() == 0
    assert anna.trash.get().is_cancelled
    copy = copy_of(bank, "bob")
    assert (copy.is_cancelled, copy.subject) == (True, "Canceled: Review")
    message = bob.inbox.get(item_class="IPM.Schedule.Meeting.Canceled")
    assert isinstance(message, MeetingCancellation)
    assert message.body == "Sorry"
    bank.client("bob").respond("RemoveItem", f'<t:ItemId Id="{message.id}"/>')
    assert bob.calendar.all().count() == 0
    assert {type(each).__name__ for each in bob.trash.all()} == {"CalendarItem", "MeetingCancellation"}


def test_deleting_ones_own_meeting_cancels_it_if_others_are_told(bank: Bank):
    """And leaves it in their calendars if not."""
    told, silent = meet(bank), meet(bank, subject="Other", required_attendees=["cleo@bank.example"])
    told.delete(send_meeting_cancellations=SEND_ONLY_TO_ALL)
    silent.delete()
    assert (copy_of(bank, "bob").is_cancelled, copy_of(bank, "cleo").is_cancelled) == (True, False)
    assert [mail["to"] for mail in bank.mails("cancellation")] == [["bob@bank.example"]]


def test_an_attendees_delete_declines_if_the_organizer_is_told(bank: Bank):
    """And tells nothing if not."""
    meeting = meet(bank, required_attendees=["bob@bank.example", "cleo@bank.example"])
    copy_of(bank, "bob").delete(send_meeting_cancellations=SEND_ONLY_TO_ALL)
    copy_of(bank, "cleo").delete()
    meeting.refresh()
    assert answers(meeting) == {"bob@bank.example": "Decline", "cleo@bank.example": "Unknown"}


def test_a_list_reaches_its_members_and_stays_a_list(bank: Bank):
    """The organizer, if he is one of them, is not invited to his own meeting."""
    meeting = meet(bank, by="bob", required_attendees=["desk@bank.example"])
    (attendee,) = meeting.required_attendees
    assert (attendee.mailbox.email_address, attendee.mailbox.mailbox_type) == ("desk@bank.example", "PublicDL")
    assert copy_of(bank, "cleo").uid == meeting.uid
    assert copy_of(bank, "bob").id == meeting.id
    assert [mail["to"] for mail in bank.mails()] == [["cleo@bank.example"]]


def test_a_room_accepts_by_itself_and_is_no_attendee_to_others(bank: Bank):
    """Resources never reach the attendees."""
    meeting = meet(bank, resources=["room4@bank.example"])
    assert answers(meeting) == {"bob@bank.example": "Unknown", "room4@bank.example": "Accept"}
    copy = copy_of(bank, "bob")
    assert (copy.resources, addresses(copy.required_attendees)) == (None, ["anna@bank.example", "bob@bank.example"])
    assert [mail["from"] for mail in bank.mails("response")] == ["room4@bank.example"]


def test_a_person_known_by_x500_is_shown_so_to_others(bank: Bank):
    """His own mailbox shows his address; the X500 name is resolved by the directory."""
    meeting = meet(bank, required_attendees=["xenia@bank.example"])
    dn = bank.sandbox.people.find("xenia@bank.example").legacy_dn
    (attendee,) = meeting.required_attendees
    assert (attendee.mailbox.email_address, attendee.mailbox.routing_type) == (dn, "EX")
    assert addresses(copy_of(bank, "xenia").required_attendees)[1] == "xenia@bank.example"
    (resolved,) = meeting.account.protocol.resolve_names([dn])
    assert resolved.email_address == "xenia@bank.example"


def test_an_attendee_given_by_x500_keeps_his_name_and_gets_his_copy(bank: Bank):
    """One of a deleted user, and one without any address, are kept and reach nobody."""
    dn = bank.sandbox.people.find("cleo@bank.example").legacy_dn
    gone = "/o=Sandbox/ou=Exchange Administrative Group/cn=Recipients/cn=gone"
    given = [
        Attendee(mailbox=Mailbox(name="Cleo", email_address=dn, routing_type="EX")),
        Attendee(mailbox=Mailbox(name="Gone", email_address=gone, routing_type="EX")),
    ]
    meeting = meet(bank, required_attendees=given)
    assert [(each.mailbox.email_address, each.mailbox.routing_type) for each in meeting.required_attendees] == [
        (dn, "EX"),
        (gone, "EX"),
    ]
    copy_of(bank, "cleo").accept()
    meeting.refresh()
    assert answers(meeting) == {dn: "Accept", gone: "Unknown"}


def outside_meeting(**fields: object) -> dict[str, object]:
    return {
        "organizer": {"name": "Olga Outside", "email": "olga@client.example"},
        "attendees": [{"email": "a.adler@bank.example"}, {"name": "Blank"}, {"email": "bob@bank.example"}],
        "subject": "Visit",
        "start": "2026-12-02T09:00:00+01:00",
        "end": "2026-12-02T10:00:00+01:00",
        "zone": "W. Europe Standard Time",
        **fields,
    }


def test_an_outsider_invites_changes_and_cancels(bank: Bank):
    """His attendees, zone and addresses are kept as he wrote them; answers go nowhere but out."""
    status, made = bank.control("POST", "external-meetings", outside_meeting())
    assert status == 201
    copy = copy_of(bank, "bob")
    assert (copy.organizer.email_address, copy.uid) == ("olga@client.example", made["uid"])
    assert [each.mailbox.name for each in copy.required_attendees][2:] == ["Blank", "bob@bank.example"]
    copy.accept()
    assert [(mail["from"], mail["to"]) for mail in bank.mails("response")] == [
        ("bob@bank.example", ["olga@client.example"])
    ]
    update = outside_meeting(happening="update", uid=made["uid"], subject="Longer visit")
    bank.control("POST", "external-meetings", update)
    assert (copy_of(bank, "bob").subject, copy_of(bank, "anna").subject) == ("Longer visit", "Longer visit")
    bank.control("POST", "external-meetings", outside_meeting(happening="cancellation", uid=made["uid"]))
    assert copy_of(bank, "bob").is_cancelled


def test_an_outsiders_zone_may_be_one_that_nobody_knows(bank: Bank):
    """The instants count; the name is passed on."""
    bank.control("POST", "external-meetings", outside_meeting(zone="Customized Time Zone"))
    copy = bank.client("bob").only_in("calendar")
    assert value(copy, "StartTimeZoneId") == "Customized Time Zone"
    assert value(copy, "Start") == "2026-12-02T08:00:00Z"


def test_a_wrong_description_of_an_outsiders_meeting_names_the_field(bank: Bank):
    """And changes nothing."""
    status, answer = bank.control("POST", "external-meetings", outside_meeting(start="soon"))
    assert (status, "start" in answer["error"]) == (400, True)
    assert bank.account("bob").calendar.all().count() == 0
