"""Recurring tasks: one item that goes from one occurrence to the next."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from exchangelib.errors import ErrorCannotDeleteTaskOccurrence

from tests.support.outlook import Outlook
from tests.unit.sandbox.bank import (
    Bank,
    Client,
    T,
    address,
    calendar_item,
    delete_field,
    id_of,
    recurring,
    set_field,
    task,
    value,
    weekly,
)

DONE = set_field("task:Status", "<t:Status>Completed</t:Status>", kind="Task")
MARKER = '<t:ExtendedFieldURI DistinguishedPropertySetId="PublicStrings" PropertyName="crm-id" PropertyType="String"/>'
MARKED = f"<t:ExtendedProperty>{MARKER}<t:Value>42</t:Value></t:ExtendedProperty>"


def days(day: str, due: str = "") -> tuple[str, str]:
    """Due and start day, in the schema's order."""
    return f"<t:DueDate>{due or day}T00:00:00Z</t:DueDate>", f"<t:StartDate>{day}T00:00:00Z</t:StartDate>"


def made(client: Client, *content: str, recurrence: str = "", day: str = "2026-12-01", due: str = "") -> str:
    due_day, start_day = days(day, due)
    return id_of(client.create(task(*content, due_day, recurrence or weekly(count=3), start_day)).item)


def shown(client: Client, item_id: str) -> tuple[str | None, ...]:
    """Start, due day and status of what a task shows."""
    item = client.get(f'<t:ItemId Id="{item_id.split(chr(34))[1]}"/>').item
    return tuple(value(item, name) for name in ("StartDate", "DueDate", "Status"))


def first(day: str, status: str = "NotStarted") -> tuple[str, str, str]:
    return (f"{day}T00:00:00Z", f"{day}T00:00:00Z", status)


def test_a_recurring_task_shows_its_first_occurrence(bank: Bank):
    """The days given say how long it lasts."""
    anna = bank.client("anna")
    item_id = made(anna, day="2026-11-30", due="2026-12-02")
    assert shown(anna, item_id) == ("2026-12-01T00:00:00Z", "2026-12-03T00:00:00Z", "NotStarted")
    item = anna.get(item_id).item
    assert value(item, "IsRecurring") == "true"
    assert value(item, "Recurrence/WeeklyRecurrence/DaysOfWeek") == "Tuesday"


def test_completing_leaves_a_task_behind_and_shows_the_next(bank: Bank):
    """The answer names the one left behind, a copy in everything, which no longer recurs."""
    anna = bank.client("anna")
    item_id = made(anna, MARKED)
    reply = anna.update(item_id, DONE)
    left = anna.get(id_of(reply.item), extended=MARKER).item
    assert id_of(left) != item_id
    assert shown(anna, id_of(left)) == first("2026-12-01", "Completed")
    assert (value(left, "IsRecurring"), value(left, "ExtendedProperty/Value")) == ("false", "42")
    assert shown(anna, item_id) == first("2026-12-08")
    assert len(anna.all_in("tasks")) == 2


def test_the_last_occurrence_ends_as_any_task(bank: Bank):
    """Under its own id."""
    anna = bank.client("anna")
    item_id = made(anna)
    for _ in range(3):
        reply = anna.update(item_id, DONE)
    assert id_of(reply.item).split('"')[1] == item_id.split('"')[1]
    assert shown(anna, item_id) == first("2026-12-15", "Completed")
    assert len(anna.all_in("tasks")) == 3


def test_deleting_the_current_occurrence_shows_the_next(bank: Bank):
    """Under the same id; nothing else is left, nor is anything in Deleted Items."""
    anna = bank.client("anna")
    item_id = made(anna)
    reply = anna.delete(item_id, how="MoveToDeletedItems", affected="SpecifiedOccurrenceOnly")
    assert reply.code == "NoError"
    assert shown(anna, item_id) == first("2026-12-08")
    assert (len(anna.all_in("tasks")), anna.all_in("deleteditems")) == (1, [])
    anna.delete(item_id)
    assert anna.all_in("tasks") == []


def test_the_last_occurrence_cannot_be_deleted_alone(bank: Bank):
    """The task as a whole can."""
    anna = bank.client("anna")
    item_id = made(anna, recurrence=weekly(count=1))
    assert anna.delete(item_id, affected="SpecifiedOccurrenceOnly").code == "ErrorCannotDeleteTaskOccurrence"
    assert shown(anna, item_id) == first("2026-12-01")
    assert anna.delete(item_id).code == "NoError"


def test_an_occurrence_that_gets_other_days_leaves_the_series(bank: Bank):
    """Which shows the next."""
    anna = bank.client("anna")
    item_id = made(anna)
    due = set_field("task:DueDate", "<t:DueDate>2026-12-03T00:00:00Z</t:DueDate>", kind="Task")
    left = id_of(anna.update(item_id, due).item)
    assert shown(anna, left) == ("2026-12-01T00:00:00Z", "2026-12-03T00:00:00Z", "NotStarted")
    assert shown(anna, item_id) == first("2026-12-08")


def test_another_subject_stays_with_the_series(bank: Bank):
    """And is the next occurrence's too."""
    anna = bank.client("anna")
    item_id = made(anna)
    anna.update(item_id, set_field("item:Subject", "<t:Subject>Weekly report</t:Subject>", kind="Task"))
    anna.update(item_id, DONE)
    assert [value(each, "Subject") for each in anna.all_in("tasks")] == ["Weekly report"] * 2


def test_another_pattern_starts_anew(bank: Bank):
    """Without a task left behind; without a pattern it is single."""
    anna = bank.client("anna")
    item_id = made(anna)
    friday = set_field("task:Recurrence", weekly("Friday", count=3), kind="Task")
    anna.update(item_id, friday)
    assert shown(anna, item_id) == first("2026-12-04")
    anna.update(item_id, delete_field("task:Recurrence"), DONE)
    assert shown(anna, item_id) == first("2026-12-04", "Completed")
    assert [value(each, "IsRecurring") for each in anna.all_in("tasks")] == ["false"]


REGENERATING = "<t:DailyRegeneration><t:Interval>3</t:Interval></t:DailyRegeneration>"


def test_a_regenerating_task_is_due_so_long_after_its_completion(bank: Bank):
    """As often as its range says."""
    anna = bank.client("anna")
    item_id = made(anna, recurrence=recurring(REGENERATING, count=2))
    assert anna.delete(item_id, affected="SpecifiedOccurrenceOnly").code == "ErrorCannotDeleteTaskOccurrence"
    anna.update(item_id, DONE)
    assert shown(anna, item_id) == first("2026-11-26")
    anna.update(item_id, DONE)
    assert shown(anna, item_id) == first("2026-11-26", "Completed")
    assert len(anna.all_in("tasks")) == 2


def test_a_regenerating_task_ends_with_the_day_of_its_range(bank: Bank):
    """No occurrence is due later."""
    anna = bank.client("anna")
    item_id = made(anna, recurrence=recurring(REGENERATING, start="2026-11-20", until="2026-11-25"), day="2026-11-20")
    anna.update(item_id, DONE)
    assert shown(anna, item_id) == first("2026-11-20", "Completed")


def test_a_meeting_does_not_regenerate(bank: Bank):
    """Only tasks do."""
    bank.validator.of_requests = False
    reply = bank.client("anna").create(calendar_item(recurring(REGENERATING)))
    assert reply.code == "ErrorCalendarInvalidRecurrence"


def test_the_reminder_goes_on_to_the_next_occurrence(bank: Bank):
    """At the same hour; what was completed rings no more."""
    anna = bank.client("anna")
    reminder = "<t:ReminderDueBy>2026-12-01T07:30:00Z</t:ReminderDueBy><t:ReminderIsSet>true</t:ReminderIsSet>"
    item_id = made(anna, reminder)
    anna.update(item_id, DONE)
    rings = [value(each, "ReminderTime") for each in anna.reminders().body.iter(f"{T}Reminder")]
    assert rings == ["2026-12-08T07:30:00Z"]


def test_people_complete_and_skip_recurring_tasks(bank: Bank):
    """Through a stock client, which keeps the id."""
    anna = Outlook(bank.url, address("anna"), "anna")
    task_id = anna.make_weekly_task(due=date(2026, 12, 1), count=3, reminder=datetime(2026, 12, 1, 8, tzinfo=UTC))
    anna.complete_task(task_id)
    assert (anna.task(task_id).due_date, anna.task(task_id).status) == (date(2026, 12, 8), "NotStarted")
    anna.skip_task(task_id)
    assert anna.task(task_id).due_date == date(2026, 12, 15)
    with pytest.raises(ErrorCannotDeleteTaskOccurrence):
        anna.skip_task(task_id)
    assert sorted((each.due_date, each.is_complete) for each in anna.tasks()) == [
        (date(2026, 12, 1), True),
        (date(2026, 12, 15), False),
    ]
