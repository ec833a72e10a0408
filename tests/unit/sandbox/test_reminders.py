"""Reminders: each copy has its own, rings once, and is snoozed or dismissed."""

from __future__ import annotations

from datetime import timedelta

import pytest
from lxml import etree

from tests.requirements.ids import mtgs
from tests.unit.sandbox.bank import Bank, T, attendee_list, calendar_item, delete_field, id_of, set_field, task, value

SIGNAL = '<t:ExtendedFieldURI DistinguishedPropertySetId="Common" PropertyId="34144" PropertyType="SystemTime"/>'
OFF = "<t:ReminderIsSet>false</t:ReminderIsSet>"
ON = "<t:ReminderIsSet>true</t:ReminderIsSet>"
TASK_REMINDER = "<t:ReminderDueBy>2026-12-03T07:30:00Z</t:ReminderDueBy><t:ReminderIsSet>true</t:ReminderIsSet>"


def minutes(count: int) -> str:
    return f"<t:ReminderMinutesBeforeStart>{count}</t:ReminderMinutesBeforeStart>"


def reminder(bank: Bank, item_id: str, name: str = "anna") -> tuple[str | None, ...]:
    """Whether it is set, the minutes, and when it rings or rang."""
    item = bank.client(name).get(item_id, extended=SIGNAL).item
    kept = (value(item, "ReminderIsSet"), value(item, "ReminderMinutesBeforeStart"))
    return (*kept, value(item, "ExtendedProperty/Value"))


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("", ("true", "15", "2026-12-01T08:45:00Z")),
        (ON + minutes(0), ("true", "0", "2026-12-01T09:00:00Z")),
        (minutes(1440), ("true", "1440", "2026-11-30T09:00:00Z")),
        (OFF, ("false", "15", "2026-12-01T08:45:00Z")),
    ],
)
def test_a_new_items_reminder(bank: Bank, given: str, kept: tuple[str, ...]):
    """The mailbox's own where nothing is said; none, at the start and before are different."""
    item = id_of(bank.client("anna").create(calendar_item(given)).item)
    assert reminder(bank, item) == kept


def test_a_reminder_out_of_range_is_refused(bank: Bank):
    """In an update as in a create; it stays as it was."""
    anna = bank.client("anna")
    item = id_of(anna.create(calendar_item()).item)
    bank.validator.of_requests = False
    too_long = minutes(2_629_801)
    assert anna.create(calendar_item(too_long)).code == "ErrorInvalidValueForProperty"
    changed = anna.update(item, set_field("item:ReminderMinutesBeforeStart", too_long))
    assert changed.code == "ErrorInvalidValueForProperty"
    assert reminder(bank, item)[1] == "15"


def test_a_deleted_reminder_is_none(bank: Bank):
    """Deleting the property switches it off."""
    anna = bank.client("anna")
    item = id_of(anna.create(calendar_item()).item)
    anna.update(item, delete_field("item:ReminderIsSet"))
    assert reminder(bank, item)[0] == "false"


@pytest.mark.parametrize(
    ("organizers", "attendees"),
    [(ON + minutes(30), ("true", "30")), (ON + minutes(0), ("true", "0")), (OFF, ("true", "15"))],
)
def test_an_invitation_brings_a_first_reminder(bank: Bank, organizers: str, attendees: tuple[str, str]):
    """The organizer's; of who wants none himself, the mailbox's own."""
    bank.client("anna").meet(organizers)
    copy = bank.client("bob").only_in("calendar")
    assert (value(copy, "ReminderIsSet"), value(copy, "ReminderMinutesBeforeStart")) == attendees


def test_each_copy_has_its_own_reminder(bank: Bank):
    """What organizer or attendee change later stays with him, also when an update goes round."""
    anna, bob = bank.client("anna"), bank.client("bob")
    meeting = anna.meet()
    copy = id_of(bob.only_in("calendar"))
    anna.update(meeting, set_field("item:ReminderMinutesBeforeStart", minutes(60)), send="SendToAllAndSaveCopy")
    assert reminder(bank, copy, "bob")[:2] == ("true", "15")
    bob.update(copy, set_field("item:ReminderIsSet", OFF))
    anna.update(meeting, set_field("calendar:Location", "<t:Location>Room 5</t:Location>"), send="SendOnlyToAll")
    assert reminder(bank, copy, "bob")[:2] == ("false", "15")
    assert reminder(bank, meeting)[:2] == ("true", "60")
    assert value(bob.get(copy).item, "Location") == "Room 5"


def test_a_dismissed_reminder_is_off_after_it_rang(bank: Bank):
    """Its signal time stays where it was; another copy still rings; a hint tells of the change."""
    anna = bank.client("anna")
    meeting = anna.meet()
    bank.clock.moment += timedelta(days=8, hours=2)
    seen = len(bank.changes)
    assert anna.remind("Dismiss", meeting).code == "NoError"
    assert reminder(bank, meeting) == ("false", "15", "2026-12-01T08:45:00Z")
    assert value(anna.get(meeting).item, "ReminderNextTime") is None
    assert {change.mailbox for change in bank.changes[seen:]} == {"anna@bank.example"}
    assert value(bank.client("bob").only_in("calendar"), "ReminderIsSet") == "true"
    assert len(bank.mails()) == 1


def test_a_snoozed_reminder_rings_later(bank: Bank):
    """Only the signal time moves; who moves the item or the reminder wakes it."""
    anna = bank.client("anna")
    item = id_of(anna.create(calendar_item()).item)
    anna.remind("Snooze", item, until="2026-12-01T08:55:00Z")
    assert reminder(bank, item) == ("true", "15", "2026-12-01T08:55:00Z")
    assert value(anna.get(item).item, "ReminderNextTime") == "2026-12-01T08:55:00Z"
    anna.update(item, set_field("item:Subject", "<t:Subject>New</t:Subject>"))
    assert reminder(bank, item)[2] == "2026-12-01T08:55:00Z"
    anna.update(item, set_field("calendar:End", "<t:End>2026-12-02T10:00:00Z</t:End>"))
    anna.update(item, set_field("calendar:Start", "<t:Start>2026-12-02T09:00:00Z</t:Start>"))
    assert reminder(bank, item) == ("true", "15", "2026-12-02T08:45:00Z")


def test_a_snoozed_reminder_follows_a_meeting_that_moves(bank: Bank):
    """At the attendee's too."""
    anna, bob = bank.client("anna"), bank.client("bob")
    meeting = anna.meet()
    copy = id_of(bob.only_in("calendar"))
    bob.remind("Snooze", copy, until="2026-12-01T08:55:00Z")
    times = set_field("calendar:End", "<t:End>2026-12-02T10:00:00Z</t:End>") + set_field(
        "calendar:Start", "<t:Start>2026-12-02T09:00:00Z</t:Start>"
    )
    anna.update(meeting, times, send="SendOnlyToAll")
    assert reminder(bank, copy, "bob") == ("true", "15", "2026-12-02T08:45:00Z")


def test_nothing_rings_for_what_is_gone_or_off(bank: Bank):
    """An action on it changes nothing and is no error."""
    anna = bank.client("anna")
    item = id_of(anna.create(calendar_item(OFF)).item)
    for item_id in (item, '<t:ItemId Id="nothing"/>'):
        reply = anna.remind("Dismiss", item_id)
        assert (reply.code, ids_in(reply.body, "UpdatedItemIds")) == ("NoError", [])
    assert id_of(anna.get(item).item) == item


def ids_in(body: etree._Element, name: str) -> list[str | None]:
    (holder,) = (each for each in body.iter() if each.tag.endswith("}" + name))
    return [each.get("Id") for each in holder.iter(f"{T}ItemId")]


@mtgs(2124, 2125, 2145, 2200)
def test_a_reminder_action_answers_with_what_it_changed(bank: Bank):
    """The item under its new change key."""
    anna = bank.client("anna")
    item = id_of(anna.create(calendar_item()).item)
    reply = anna.remind("Dismiss", item)
    assert (reply.classes, reply.codes) == (["Success"], ["NoError"])
    assert ids_in(reply.body, "UpdatedItemIds") == [item.split('"')[1]]
    assert id_of(anna.get(item).item) != item


@mtgs(2032, 2033, 2055, 2072, 2077, 2079, 2081, 2083, 2085, 2087, 2091, 20911, 2093, 2099, 2198)
def test_an_appointments_reminder(bank: Bank):
    """With the item's times, and the time at which it rings."""
    anna = bank.client("anna")
    item = id_of(anna.create(calendar_item("<t:Location>Room 4</t:Location>", "<t:UID>uid-1</t:UID>")).item)
    reply = anna.reminders()
    assert (reply.classes, reply.codes) == (["Success"], ["NoError"])
    (found,) = reply.body.iter(f"{T}Reminder")
    assert ids_in(found.getparent(), "Reminder") == [item.split('"')[1]]
    names = ("Subject", "Location", "ReminderTime", "StartDate", "EndDate", "ReminderGroup", "UID")
    assert [value(found, name) for name in names] == [
        "Review",
        "Room 4",
        "2026-12-01T08:45:00Z",
        "2026-12-01T09:00:00Z",
        "2026-12-01T10:00:00Z",
        "Calendar",
        "uid-1",
    ]


@mtgs(20912, 2100)
def test_a_tasks_reminder(bank: Bank):
    """An instant of its own; a task has no times of day."""
    anna = bank.client("anna")
    anna.create(task(TASK_REMINDER))
    (found,) = anna.reminders().body.iter(f"{T}Reminder")
    names = ("ReminderTime", "StartDate", "ReminderGroup")
    assert [value(found, name) for name in names] == ["2026-12-03T07:30:00Z", "0001-01-02T00:00:00Z", "Task"]


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({}, ["first", "call", "second"]),
        ({"most": "1"}, ["first"]),
        ({"begin": "2026-12-02T00:00:00Z"}, ["call", "second"]),
        ({"end": "2026-12-03T07:30:00Z"}, ["first", "call"]),
        ({"kind": "Current"}, ["call", "second"]),
        ({"kind": "Old"}, ["first"]),
    ],
)
def test_the_reminders_of_a_time(bank: Bank, asked: dict[str, str], found: list[str]):
    """The next first; those that are off or dismissed are not among them."""
    anna = bank.client("anna")
    for subject, day in (("second", 4), ("first", 1)):
        times = {"start": f"2026-12-0{day}T09:00:00Z", "end": f"2026-12-0{day}T10:00:00Z"}
        anna.create(calendar_item(f"<t:Subject>{subject}</t:Subject>", **times))
    anna.create(calendar_item("<t:Subject>silent</t:Subject>", OFF))
    anna.create(task(f"<t:Subject>call</t:Subject>{TASK_REMINDER}"))
    anna.remind("Dismiss", id_of(anna.create(calendar_item("<t:Subject>dismissed</t:Subject>")).item))
    bank.clock.moment += timedelta(days=9)
    assert [value(each, "Subject") for each in anna.reminders(**asked).body.iter(f"{T}Reminder")] == found


def test_a_time_that_ends_before_it_begins_has_no_reminders(bank: Bank):
    """It is refused."""
    reply = bank.client("anna").reminders(begin="2026-12-02T00:00:00Z", end="2026-12-01T00:00:00Z")
    assert reply.code == "ErrorInvalidOperation"


def test_reminders_are_searched_by_their_signal_time(bank: Bank):
    """As the property of MAPI that it is."""
    anna = bank.client("anna")
    anna.create(calendar_item("<t:Subject>early</t:Subject>", attendee_list("RequiredAttendees", ("bob",))))
    anna.create(calendar_item("<t:Subject>late</t:Subject>", start="2026-12-02T09:00:00Z", end="2026-12-02T10:00:00Z"))
    before = (
        f"<m:Restriction><t:IsLessThan>{SIGNAL}<t:FieldURIOrConstant>"
        '<t:Constant Value="2026-12-02T00:00:00Z"/></t:FieldURIOrConstant></t:IsLessThan></m:Restriction>'
    )
    assert [value(each, "Subject") for each in anna.find("calendar", restriction=before).items] == ["early"]
