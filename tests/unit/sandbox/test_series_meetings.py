"""Series and single occurrences between mailboxes, as people in Outlook find them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from exchangelib.errors import (
    ErrorCalendarOccurrenceIsDeletedFromRecurrence,
    ErrorInvalidPropertyDelete,
    ErrorItemNotFound,
    ErrorOccurrenceCrossingBoundary,
)
from exchangelib.items import SEND_ONLY_TO_CHANGED

from tests.support.outlook import Outlook, _attendees
from tests.unit.sandbox.bank import Bank, address, value

START = datetime(2026, 12, 1, 9, tzinfo=UTC)
WINTER = START - timedelta(days=1), START + timedelta(days=90)
WEEK = timedelta(days=7)


def person(bank: Bank, name: str) -> Outlook:
    return Outlook(bank.url, address(name), name)


def people(bank: Bank) -> tuple[Outlook, Outlook]:
    """Anna, who makes series, and Bob, who is invited to them."""
    return person(bank, "anna"), person(bank, "bob")


def jour_fixe(anna: Outlook, *guests: str, **more: object) -> str:
    return anna.meet_weekly(start=START, required=[address(each) for each in guests or ("bob",)], **more)


def starts(who: Outlook) -> list[datetime]:
    return [item.start for item in who.view(*WINTER)]


def test_exchangelib_reads_a_series(bank: Bank):
    """Masters in lists, occurrences in views, each leading to the other."""
    anna = person(bank, "anna")
    uid = anna.meet_weekly(start=START, count=4)
    master = anna.copy(uid)
    assert (master.type, master.recurrence.boundary.number, master.start) == ("RecurringMaster", 4, START)
    assert (master.first_occurrence.start, master.last_occurrence.start) == (START, START + 3 * WEEK)
    third = anna.occurrence(uid, 3)
    assert (third.type, third.start, third.original_start, third.uid) == ("Occurrence", *[START + 2 * WEEK] * 2, uid)
    back = third.recurring_master()
    back.refresh()
    assert back.id == master.id
    assert [item.type for item in anna.view(*WINTER)] == ["Occurrence"] * 4


def test_exchangelib_saves_and_deletes_occurrences(bank: Bank):
    """And finds them again where the master names them."""
    anna = person(bank, "anna")
    uid = anna.meet_weekly(start=START, count=4)
    anna.edit_occurrence(uid, 2, subject="Retro")
    anna.move_occurrence(uid, 2, START + WEEK + timedelta(days=2))
    anna.delete_occurrence(uid, 3)
    master = anna.copy(uid)
    (modified,), (deleted,) = master.modified_occurrences, master.deleted_occurrences
    assert (modified.original_start, modified.start) == (START + WEEK, START + WEEK + timedelta(days=2))
    assert deleted.start == START + 2 * WEEK
    assert anna.account.calendar.get(id=modified.id).subject == "Retro"
    with pytest.raises(ErrorCalendarOccurrenceIsDeletedFromRecurrence):
        anna.occurrence(uid, 3)


def test_a_whole_exception_cannot_be_saved(bank: Bank):
    """A client that writes whole items takes away what only the series has."""
    anna = person(bank, "anna")
    uid = anna.meet_weekly(start=START, count=4, location="Room 4")
    anna.edit_occurrence(uid, 2, subject="Retro")
    exception = anna.occurrence(uid, 2)
    exception.subject = "Retrospective"
    with pytest.raises(ErrorInvalidPropertyDelete):
        exception.save()
    found = anna.occurrence(uid, 2)
    assert (found.subject, found.location, found.type) == ("Retro", "Room 4", "Exception")


def test_a_first_occurrence_moved_earlier_is_still_the_first(bank: Bank):
    """Under one id, and the first that was modified."""
    anna = person(bank, "anna")
    uid = anna.meet_weekly(start=START, count=4)
    anna.move_occurrence(uid, 1, START - timedelta(days=2))
    master = anna.copy(uid)
    assert master.first_occurrence.id == master.modified_occurrences[0].id == anna.occurrence(uid, 1).id
    assert master.first_occurrence.start == START - timedelta(days=2)


def test_past_its_neighbour_no_occurrence_is_moved(bank: Bank):
    """It stays where it was."""
    anna = person(bank, "anna")
    uid = anna.meet_weekly(start=START, count=4)
    with pytest.raises(ErrorOccurrenceCrossingBoundary):
        anna.move_occurrence(uid, 2, START + 2 * WEEK + timedelta(days=1))
    assert starts(anna) == [START + index * WEEK for index in range(4)]


# Invitations


def about(bank: Bank, name: str, *, kind: str = "") -> list[str | None]:
    """Which occurrences the messages in somebody's inbox are about; None is the whole series."""
    return [value(each, "RecurrenceId") for each in bank.client(name).all_in("inbox", kind=kind)]


def test_who_is_invited_to_a_series_has_all_of_it(bank: Bank):
    """With the exceptions and the gaps that it has already."""
    anna, bob = people(bank)
    uid = jour_fixe(anna, silent=True)
    anna.edit_occurrence(uid, 2, silent=True, subject="Retro", reminder_minutes_before_start=1)
    anna.delete_occurrence(uid, 3)
    anna.edit(uid, location="Room 4")
    copy = bob.copy(uid)
    assert (copy.type, copy.my_response_type, copy.location) == ("RecurringMaster", "NoResponseReceived", "Room 4")
    assert starts(bob) == starts(anna)
    second = bob.occurrence(uid, 2)
    assert (second.subject, second.location, second.reminder_minutes_before_start) == ("Retro", "Room 4", 15)
    (request,) = bob.account.inbox.all()
    assert (request.meeting_request_type, request.type, request.is_recurring) == (
        "NewMeetingRequest",
        "RecurringMaster",
        True,
    )
    assert request.recurrence == copy.recurrence
    assert request.associated_calendar_item_id.id == copy.id
    assert request.first_occurrence.id == copy.first_occurrence.id


def test_a_change_of_the_series_reaches_every_copy(bank: Bank):
    """But not what was customized there, by either side."""
    anna, bob = people(bank)
    uid = jour_fixe(anna)
    bob.set_reminder(uid, 5)
    bob.edit_occurrence(uid, 2, reminder_minutes_before_start=30, reminder_is_set=True)
    anna.edit_occurrence(uid, 3, subject="Retro")
    anna.edit(uid, subject="Weekly", location="Room 4")
    seen = [(each.subject, each.location, each.reminder_minutes_before_start) for each in bob.view(*WINTER)][:4]
    assert seen == [("Weekly", "Room 4", 5), ("Weekly", "Room 4", 30), ("Retro", "Room 4", 5), ("Weekly", "Room 4", 5)]


def test_one_moved_occurrence_is_moved_for_everybody(bank: Bank):
    """A request about that occurrence alone; the others stay accepted."""
    anna, bob = people(bank)
    uid = jour_fixe(anna)
    bob.accept(uid)
    moved = START + WEEK + timedelta(hours=3)
    anna.move_occurrence(uid, 2, moved)
    assert [each.start for each in bob.view(*WINTER)][:3] == [START, moved, START + 2 * WEEK]
    assert [bob.occurrence(uid, index).my_response_type for index in (1, 2)] == ["Accept", "NoResponseReceived"]
    (request,) = bob.account.inbox.all()
    assert request.start == moved
    assert about(bank, "bob") == ["2026-12-08T09:00:00Z"]
    assert request.associated_calendar_item_id.id == bob.occurrence(uid, 2).id
    assert [mail["kind"] for mail in bank.mails()] == ["invitation", "response", "update"]


@pytest.mark.parametrize(("answer", "shown"), [("accept", "Accept"), ("tentatively_accept", "Tentative")])
def test_an_answer_to_one_occurrence_is_for_that_one(bank: Bank, answer: str, shown: str):
    """On either side."""
    anna, bob = people(bank)
    uid = jour_fixe(anna)
    getattr(bob.occurrence(uid, 2), answer)()
    assert [bob.occurrence(uid, index).my_response_type for index in (1, 2)] == ["NoResponseReceived", shown]
    tracked = [anna.occurrence(uid, index).required_attendees[0].response_type for index in (1, 2)]
    assert tracked == ["Unknown", shown]
    assert about(bank, "anna") == ["2026-12-08T09:00:00Z"]


def test_a_declined_occurrence_is_gone_from_the_copy(bank: Bank):
    """Until the organizer moves it, which asks anew."""
    anna, bob = people(bank)
    uid = jour_fixe(anna)
    bob.occurrence(uid, 2).decline()
    assert START + WEEK not in starts(bob)
    assert START + WEEK in starts(anna)
    assert anna.occurrence(uid, 2).required_attendees[0].response_type == "Decline"
    anna.move_occurrence(uid, 2, START + WEEK + timedelta(hours=1))
    assert START + WEEK + timedelta(hours=1) in starts(bob)


def test_a_cancelled_occurrence_stays_with_the_attendee_until_he_removes_it(bank: Bank):
    """As cancelled; for the organizer it is gone."""
    anna, bob = people(bank)
    uid = jour_fixe(anna)
    anna.delete_occurrence(uid, 2, silent=False)
    assert START + WEEK not in starts(anna)
    assert [each.is_cancelled for each in bob.view(*WINTER)][:3] == [False, True, False]
    assert about(bank, "bob", kind="MeetingCancellation") == ["2026-12-08T09:00:00Z"]
    anna.edit(uid, location="Room 4")
    assert [each.is_cancelled for each in bob.view(*WINTER)][:3] == [False, True, False]
    bob.delete_occurrence(uid, 2)
    assert START + WEEK not in starts(bob)


def test_an_occurrence_deleted_silently_stays_with_the_others(bank: Bank):
    """Nobody is told."""
    anna, bob = people(bank)
    uid = jour_fixe(anna)
    anna.delete_occurrence(uid, 2)
    assert START + WEEK in starts(bob)
    assert bank.mails("cancellation") == []


def test_a_guest_of_one_occurrence_has_that_one_alone(bank: Bank):
    """As an item that stands for itself, with the series' UID, until he is invited to the series."""
    anna, bob = people(bank)
    cleo = person(bank, "cleo")
    uid = jour_fixe(anna)
    second = anna.occurrence(uid, 2)
    second.required_attendees = [*second.required_attendees, *_attendees([address("cleo")])]
    second.save(update_fields=["required_attendees"], send_meeting_invitations=SEND_ONLY_TO_CHANGED)
    alone = cleo.copy(uid)
    assert (alone.type, alone.is_recurring, alone.start, alone.recurrence_id) == ("Single", True, *[START + WEEK] * 2)
    assert alone.recurrence is None
    assert [mail["to"] for mail in bank.mails("invitation")] == [[address("bob")], [address("cleo")]]
    anna.edit_occurrence(uid, 2, subject="Retro")
    assert cleo.copy(uid).subject == "Retro"
    anna.invite(uid, address("cleo"))
    assert cleo.copy(uid).type == "RecurringMaster"
    assert starts(cleo) == starts(anna)
    assert cleo.occurrence(uid, 2).subject == "Retro"
    assert bob.occurrence(uid, 1).subject == "Jour fixe"


def test_a_guest_of_one_occurrence_hears_that_the_series_is_off(bank: Bank):
    """As the others do."""
    anna = person(bank, "anna")
    cleo = person(bank, "cleo")
    uid = jour_fixe(anna)
    second = anna.occurrence(uid, 2)
    anna.edit_occurrence(uid, 2, required_attendees=[*second.required_attendees, *_attendees([address("cleo")])])
    anna.cancel(uid)
    assert cleo.copy(uid).is_cancelled
    assert sorted(to for mail in bank.mails("cancellation") for to in mail["to"]) == [address("bob"), address("cleo")]


def test_taken_out_of_one_occurrence_one_keeps_the_others(bank: Bank):
    """That one is cancelled for him."""
    anna, bob = people(bank)
    uid = jour_fixe(anna, "bob", "cleo")
    left = [each for each in anna.occurrence(uid, 2).required_attendees if "bob" not in each.mailbox.email_address]
    anna.edit_occurrence(uid, 2, required_attendees=left)
    assert [each.is_cancelled for each in bob.view(*WINTER)][:3] == [False, True, False]
    assert not any(each.is_cancelled for each in person(bank, "cleo").view(*WINTER))


def test_another_pattern_makes_the_copies_anew(bank: Bank):
    """What was customized is gone with the organizer's, and everybody is asked again."""
    anna, bob = people(bank)
    uid = jour_fixe(anna)
    bob.accept(uid)
    anna.edit_occurrence(uid, 2, subject="Retro")
    anna.edit(uid, start=START + timedelta(hours=1), end=START + timedelta(hours=2))
    copy = bob.copy(uid)
    assert copy.modified_occurrences is None
    assert copy.my_response_type == "NoResponseReceived"
    assert starts(bob) == [START + index * WEEK + timedelta(hours=1) for index in range(10)]


def test_a_series_that_ends_earlier_keeps_what_was_made_of_the_rest(bank: Bank):
    """On both sides; its guests are asked again."""
    anna, bob = people(bank)
    uid = jour_fixe(anna)
    bob.accept(uid)
    bob.edit_occurrence(uid, 1, reminder_minutes_before_start=30, reminder_is_set=True)
    for index in (2, 8):
        anna.edit_occurrence(uid, index, subject="Retro")
    for index in (3, 9):
        anna.delete_occurrence(uid, index, silent=False)
    recurrence = anna.copy(uid).recurrence
    recurrence.boundary.number = 4
    anna.edit(uid, recurrence=recurrence)
    for who in (anna, bob):
        master = who.copy(uid)
        assert START + WEEK in [each.original_start for each in master.modified_occurrences]
        assert max(starts(who)) == START + 3 * WEEK
    assert [each.start for each in anna.copy(uid).deleted_occurrences] == [START + 2 * WEEK]
    assert (bob.copy(uid).my_response_type, bob.occurrence(uid, 1).reminder_minutes_before_start) == (
        "NoResponseReceived",
        30,
    )


def test_people_change_an_occurrence_and_all_that_follow(bank: Bank):
    """By two series, of which the first keeps what was made of it."""
    anna, bob = people(bank)
    uid = jour_fixe(anna)
    anna.edit_occurrence(uid, 2, subject="Retro")
    other = anna.split(uid, 4, subject="Weekly")
    assert other != uid
    assert [each.subject for each in bob.view(*WINTER)] == ["Jour fixe", "Retro", "Jour fixe"] + ["Weekly"] * 7
    assert starts(bob) == [START + index * WEEK for index in range(10)]


def test_a_room_takes_series_and_gives_single_occurrences_back(bank: Bank):
    """By itself."""
    anna = person(bank, "anna")
    uid = anna.meet_weekly(start=START, resources=[address("room4")])
    assert anna.copy(uid).resources[0].response_type == "Accept"
    anna.delete_occurrence(uid, 2, silent=False)
    room = bank.sandbox.world.items(address("room4"), "calendar")
    assert [len(each.get("DeletedDays")) for each in room] == [1]


def test_a_cancelled_series_is_cancelled_in_all_occurrences(bank: Bank):
    """Until the attendee removes it."""
    anna, bob = people(bank)
    uid = jour_fixe(anna)
    anna.cancel(uid)
    assert starts(anna) == []
    assert {each.is_cancelled for each in bob.view(*WINTER)} == {True}


def test_deleting_an_occurrence_one_attends_declines_it_if_the_organizer_is_told(bank: Bank):
    """Otherwise it is merely gone."""
    anna, bob = people(bank)
    uid = jour_fixe(anna)
    bob.delete_occurrence(uid, 2)
    bob.delete_occurrence(uid, 3, silent=False)
    assert len(starts(bob)) == 8
    tracked = [anna.occurrence(uid, index).required_attendees[0].response_type for index in (2, 3)]
    assert tracked == ["Unknown", "Decline"]


# Outsiders

WEEKLY = {"pattern": "WeeklyRecurrence", "days": ["Tuesday"], "count": 4}


def outside_series(**fields: object) -> dict[str, object]:
    return {
        "organizer": {"name": "Olga Outside", "email": "olga@client.example"},
        "attendees": [{"email": "bob@bank.example"}],
        "subject": "Visits",
        "start": "2026-12-01T10:00:00+01:00",
        "end": "2026-12-01T11:00:00+01:00",
        "zone": "W. Europe Standard Time",
        **fields,
    }


def test_an_outsiders_series_and_what_he_does_to_one_occurrence(bank: Bank):
    """Moves it, and calls another one off."""
    bob = person(bank, "bob")
    _, made = bank.control("POST", "external-meetings", outside_series(recurrence=WEEKLY))
    assert (bob.copy(made["uid"]).type, starts(bob)) == (
        "RecurringMaster",
        [START + index * WEEK for index in range(4)],
    )
    second, third = ((START + index * WEEK).isoformat() for index in (1, 2))
    times = {"start": "2026-12-09T10:00:00+01:00", "end": "2026-12-09T11:00:00+01:00"}
    moved = outside_series(happening="update", uid=made["uid"], occurrence=second, **times)
    bank.control("POST", "external-meetings", moved)
    off = outside_series(happening="cancellation", uid=made["uid"], occurrence=third)
    bank.control("POST", "external-meetings", off)
    shown = bob.view(*WINTER)
    assert [each.start for each in shown][1] == START + WEEK + timedelta(days=1)
    assert [each.is_cancelled for each in shown] == [False, False, True, False]


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"recurrence": {**WEEKLY, "days": ["Someday"]}}, "a day of the week"),
        ({"recurrence": {**WEEKLY, "interval": 0}}, "the interval"),
        ({"recurrence": {"pattern": "HourlyRecurrence"}}, "HourlyRecurrence"),
        ({"recurrence": WEEKLY, "occurrence": "2026-12-01T09:00:00Z"}, "does not recur"),
    ],
)
def test_an_outsiders_pattern_makes_sense(bank: Bank, wrong: dict[str, object], why: str):
    """Or nothing happens."""
    status, answer = bank.control("POST", "external-meetings", outside_series(**wrong))
    assert (status, why in answer["error"]) == (400, True), answer
    assert person(bank, "bob").view(*WINTER) == []


def test_a_server_that_rewrites_rewrites_exceptions_too(bank: Bank):
    """Without a change of what they mean."""
    anna = person(bank, "anna")
    uid = anna.meet_weekly(start=START)
    bank.fault("rewrite")
    anna.edit_occurrence(uid, 2, subject="  Retro ")
    assert (anna.occurrence(uid, 2).subject, anna.occurrence(uid, 1).subject) == ("Retro", "Jour fixe")


# Identity


def test_an_occurrences_global_object_id_carries_its_day(bank: Bank):
    """The clean one does not."""
    from exchangelib import CalendarItem, ExtendedProperty

    class Goid(ExtendedProperty):
        distinguished_property_set_id = "Meeting"
        property_id = 3
        property_type = "Binary"

    class CleanGoid(ExtendedProperty):
        distinguished_property_set_id = "Meeting"
        property_id = 0x23
        property_type = "Binary"

    CalendarItem.register("goid", Goid)
    CalendarItem.register("clean_goid", CleanGoid)
    try:
        anna = person(bank, "anna")
        uid = anna.meet_weekly(start=START, count=4)
        master, second = anna.copy(uid), anna.occurrence(uid, 2)
    finally:
        CalendarItem.deregister("goid")
        CalendarItem.deregister("clean_goid")
    assert master.goid == master.clean_goid == second.clean_goid
    assert second.goid == master.goid[:16] + bytes([0x07, 0xEA, 12, 8]) + master.goid[20:]


def test_a_deleted_occurrences_id_leads_nowhere(bank: Bank):
    """Whoever still has it finds no item."""
    anna = person(bank, "anna")
    uid = anna.meet_weekly(start=START, count=4)
    second = anna.occurrence(uid, 2)
    anna.delete_occurrence(uid, 2)
    with pytest.raises(ErrorItemNotFound):
        second.refresh()
