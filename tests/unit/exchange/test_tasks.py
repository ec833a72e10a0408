"""Tasks as Exchange states them, read into copies."""

from __future__ import annotations

import base64
from datetime import UTC, date, datetime
from typing import Any
from xml.sax.saxutils import escape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.exchange.ews import envelopes, payloads, recurrences, tasks
from daemon.exchange.ews.decoder import Reading
from daemon.exchange.port import Unreadable, Written
from handlers import patterns
from schemas.copies import Folder, Kind, TaskCopy
from schemas.edits import Edit, New
from schemas.items import Recurrence
from tests.unit.exchange import canned
from tests.unit.exchange.reading import FOLDERS, MAILBOX
from tests.unit.exchange.reference import needs_schema, schema

NONE = "4501-01-01T00:00:00Z"


def extended(value: str, **attributes: str) -> str:
    names = "".join(f' {name}="{text}"' for name, text in attributes.items())
    return f"<t:ExtendedProperty><t:ExtendedFieldURI{names}/><t:Value>{value}</t:Value></t:ExtendedProperty>"


def day(number: str, value: str, **spelled: str) -> str:
    attributes = spelled or {"DistinguishedPropertySetId": "Task"}
    return extended(value, **attributes, PropertyId=number, PropertyType="SystemTime")


def task(*extra: str, **properties: str) -> str:
    plain = "".join(f"<t:{name}>{value}</t:{name}>" for name, value in {"Subject": "Call", **properties}.items())
    return (
        '<t:Task><t:ItemId Id="task-1" ChangeKey="CK"/>'
        f'<t:ParentFolderId Id="{canned.TASKS_ID}"/>{plain}{"".join(extra)}</t:Task>'
    )


def read(element: str) -> TaskCopy | Unreadable:
    [message] = envelopes.messages(canned.answer("GetItem", canned.items(element)))
    [found] = tasks.items(message, Reading(MAILBOX, FOLDERS))
    return found


def copy_of(*extra: str, **properties: str) -> TaskCopy:
    found = read(task(*extra, **properties))
    assert isinstance(found, TaskCopy), f"not readable: {found}"
    return found


@needs_schema
def test_the_request_is_valid() -> None:
    schema().assertValid(payloads.get_tasks(["a", "b"]))


def test_a_task_that_says_nothing_is_one_that_is_not_started() -> None:
    assert copy_of() == TaskCopy(MAILBOX, "task-1", "CK", Folder.TASKS, subject="Call")


@pytest.mark.rule("ID-5", "ID-7")
def test_a_task_is_read_with_all_it_has() -> None:
    marker = {
        "PropertySetId": "8C1F5F0E-6A0B-4F0E-9A55-6D1C7C2F3A10",
        "PropertyName": "exsyncd-crm-id",
        "PropertyType": "String",
    }
    found = copy_of(
        extended("crm-2", **marker),
        extended(base64.b64encode(b"\x01\xfe").decode(), PropertyTag="0x300b", PropertyType="Binary"),
        '<t:Body BodyType="HTML">&lt;p&gt;One&lt;/p&gt;</t:Body>',
        Sensitivity="Personal",
        Importance="High",
        ReminderDueBy="2026-12-01T08:30:00Z",
        ReminderIsSet="true",
        LastModifiedTime="2026-11-01T10:00:00Z",
        CompleteDate="2026-12-02T23:00:00Z",
        IsRecurring="1",
        PercentComplete="62.5",
        Status="Deferred",
    )
    assert (found.marker, found.search_key) == ("crm-2", "01FE")
    assert (found.body, found.html) == ("<p>One</p>", True)
    assert (found.sensitivity, found.importance) == ("Personal", "High")
    assert found.remind_at == datetime(2026, 12, 1, 8, 30, tzinfo=UTC)
    assert found.modified_at == datetime(2026, 11, 1, 10, tzinfo=UTC)
    assert (found.status, found.percent, found.completed_on) == ("Deferred", 62.5, date(2026, 12, 3))
    assert found.is_recurring


@pytest.mark.rule("MAP-2")
@pytest.mark.parametrize(
    ("stated", "of"),
    [
        ("2026-12-01T00:00:00Z", "whoever asks in UTC"),
        ("2026-11-30T23:00:00Z", "Berlin in winter"),
        ("2026-11-30T22:00:00.000Z", "Berlin in summer"),
        ("2026-11-30T11:00:00Z", "Auckland in summer"),
        ("2026-12-01T05:00:00Z", "New York"),
        ("2026-12-01T10:00:00Z", "Honolulu"),
        ("2026-12-01T00:00:00+05:30", "an offset that is stated"),
        ("2026-12-01T00:00:00", "no zone at all"),
    ],
)
def test_a_day_stated_as_somebodys_midnight_is_that_day(stated: str, of: str) -> None:
    found = copy_of(StartDate=stated, DueDate=stated)
    assert (found.start_day, found.due_day) == (date(2026, 12, 1), date(2026, 12, 1)), of


@pytest.mark.rule("MAP-2")
@pytest.mark.parametrize(
    "spelled",
    [{"DistinguishedPropertySetId": "Task"}, {"PropertySetId": "{00062003-0000-0000-C000-000000000046}"}],
    ids=["by name", "by number"],
)
def test_the_day_itself_counts_more_than_its_instant(spelled: dict[str, str]) -> None:
    """The instant is Samoa's: thirteen hours ahead of the day, which no guess tells from Honolulu's."""
    found = copy_of(
        day("33029", "2026-12-01T00:00:00Z", **spelled),
        day("0x8104", "2026-11-30T00:00:00Z", **spelled),
        DueDate="2026-11-30T10:00:00Z",
        StartDate="2026-11-29T10:00:00Z",
    )
    assert (found.start_day, found.due_day) == (date(2026, 11, 30), date(2026, 12, 1))


@pytest.mark.rule("MAP-4")
@pytest.mark.parametrize("odd", ["", NONE, "1601-01-01T00:00:00Z", "soon", "0000-00-00T00:00:00Z"])
def test_a_day_that_means_none_is_none(odd: str) -> None:
    found = copy_of(
        day("33029", odd), StartDate=odd, DueDate=odd, CompleteDate=odd, ReminderDueBy=odd, ReminderIsSet="true"
    )
    assert (found.start_day, found.due_day, found.completed_on, found.remind_at) == (None, None, None, None)


@pytest.mark.rule("ALM-6")
def test_a_reminder_that_is_off_is_none_whatever_moment_it_names() -> None:
    assert copy_of(ReminderDueBy="2026-12-01T08:30:00Z", ReminderIsSet="false").remind_at is None


def test_a_body_beyond_the_bound_makes_a_task_unreadable() -> None:
    found = read(task("<t:Body>" + "x" * 1_000_001 + "</t:Body>"))
    assert found == Unreadable("task-1", "body_too_large")


def test_another_kind_of_item_is_no_task() -> None:
    assert read(canned.meeting("item-1")) == Unreadable("item-1", tasks.NO_TASK)


@pytest.mark.scenario("S25a")
@given(
    st.dictionaries(st.sampled_from(["StartDate", "PercentComplete", "Status", "IsRecurring", "Subject"]), st.text())
)
def test_s25a_no_value_raises(properties: dict[str, Any]) -> None:
    assert read(task(**{name: escape(value) for name, value in properties.items()}))


# recurring tasks

WEEKLY = "<t:WeeklyRecurrence><t:Interval>1</t:Interval><t:DaysOfWeek>Tuesday</t:DaysOfWeek></t:WeeklyRecurrence>"
FOREVER = "<t:NoEndRecurrence><t:StartDate>2026-12-01Z</t:StartDate></t:NoEndRecurrence>"
AFTER = "<t:{0}Regeneration><t:Interval>2</t:Interval></t:{0}Regeneration>"


def recurring(pattern: str) -> TaskCopy:
    return copy_of(f"<t:Recurrence>{pattern}{FOREVER}</t:Recurrence>", IsRecurring="true")


@pytest.mark.rule("REC-1")
def test_a_recurring_task_has_its_pattern_and_the_day_it_is_counted_from() -> None:
    found = recurring(WEEKLY)
    assert (found.recurrence, found.recurs_from) == (Recurrence("weekly", weekdays=("TU",)), date(2026, 12, 1))
    assert (found.is_recurring, found.unheld) == (True, None)


@pytest.mark.rule("REC-5")
@pytest.mark.parametrize("period", ["Daily", "Weekly", "Monthly", "Yearly"])
def test_a_task_that_comes_again_when_it_was_done_has_no_pattern_in_the_crms_terms(period: str) -> None:
    found = recurring(AFTER.format(period))
    assert (found.recurrence, found.unheld, found.subject) == (None, recurrences.REGENERATING, "Call")


@pytest.mark.rule("REC-5")
def test_a_tasks_pattern_that_leaves_its_months_open_says_so() -> None:
    every_other = "<t:AbsoluteMonthlyRecurrence><t:Interval>2</t:Interval><t:DayOfMonth>7</t:DayOfMonth>"
    found = recurring(f"{every_other}</t:AbsoluteMonthlyRecurrence>")
    assert (found.recurrence, found.unheld) == (None, patterns.START_OFF_PATTERN)


@needs_schema
@pytest.mark.rule("REC-1")
@pytest.mark.parametrize("days", [{"start_day": date(2026, 12, 1)}, {"due_day": date(2026, 12, 1)}])
def test_a_recurring_task_is_written_from_its_day_on(days: dict[str, date]) -> None:
    edit = Edit(recurrence=Recurrence("monthly"), **days)
    payload = payloads.create_item(New(kind=Kind.TASK, marker="crm-2", uid=None, edit=edit))
    schema().assertValid(payload)
    schema().assertValid(payloads.update_item(Written("task-1", "CK"), edit, Kind.TASK))
    schema().assertValid(payloads.skip_occurrence("task-1"))
    assert payload.findtext(".//t:AbsoluteMonthlyRecurrence/t:DayOfMonth", None, canned.NAMES) == "1"
    assert payload.findtext(".//t:NoEndRecurrence/t:StartDate", None, canned.NAMES) == "2026-12-01"


@pytest.mark.rule("MAP-1")
def test_a_pattern_needs_the_day_it_is_counted_from_and_can_be_cleared() -> None:
    with pytest.raises(ValueError, match="day"):
        payloads.update_item(Written("t", "CK"), Edit(recurrence=Recurrence("daily")), Kind.TASK)
    [update] = payloads.update_item(Written("t", "CK"), Edit(recurrence=None), Kind.TASK).find(
        ".//t:Updates", canned.NAMES
    )
    assert update[0].get("FieldURI") == "task:Recurrence"
    assert len(update) == 1, "nothing is set"
