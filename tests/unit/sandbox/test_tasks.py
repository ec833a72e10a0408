"""Tasks: progress, days, reminders, and where they show."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.sandbox.exchange.tasks import begun
from daemon.sandbox.exchange.values import Day
from tests.unit.sandbox.bank import (
    Bank,
    append_field,
    calendar_item,
    delete_field,
    id_of,
    set_field,
    task,
    value,
    values,
)
from tests.unit.sandbox.test_reminders import SIGNAL

FIELDS = {
    "Status": st.sampled_from(("NotStarted", "InProgress", "Completed", "WaitingOnOthers", "Deferred")),
    "PercentComplete": st.sampled_from((0.0, 1.0, 50.0, 99.0, 100.0)),
    "CompleteDate": st.dates().map(Day.of),
}
TODAY = st.dates().map(Day.of)


def status(name: str) -> str:
    return f"<t:Status>{name}</t:Status>"


def share(percent: int) -> str:
    return f"<t:PercentComplete>{percent}</t:PercentComplete>"


def completed_on(day: str) -> str:
    return f"<t:CompleteDate>{day}</t:CompleteDate>"


def made(bank: Bank, *content: str) -> str:
    reply = bank.client("anna").create(task(*content))
    assert reply.code == "NoError", reply.text
    return id_of(reply.item)


def progress(bank: Bank, item_id: str) -> tuple[str | None, ...]:
    item = bank.client("anna").get(item_id).item
    return tuple(value(item, name) for name in ("Status", "PercentComplete", "CompleteDate", "IsComplete"))


def changed(bank: Bank, item_id: str, *changes: tuple[str, str]) -> tuple[str | None, ...]:
    """The progress after an update that sets these properties in this order."""
    reply = bank.client("anna").update(
        item_id, *(set_field(f"task:{name}", markup, kind="Task") for name, markup in changes)
    )
    assert reply.code == "NoError", reply.text
    return progress(bank, item_id)


NOT_STARTED = ("NotStarted", "0", None, "false")
DONE_TODAY = ("Completed", "100", "2026-11-23T00:00:00Z", "true")
HALF = ("InProgress", "50", None, "false")


@pytest.mark.parametrize(
    ("content", "kept"),
    [
        ("", NOT_STARTED),
        (status("InProgress"), ("InProgress", "0", None, "false")),
        (status("WaitingOnOthers"), ("WaitingOnOthers", "0", None, "false")),
        (status("Deferred"), ("Deferred", "0", None, "false")),
        (status("Completed"), DONE_TODAY),
        (share(100), DONE_TODAY),
        (share(50), HALF),
        (completed_on("2026-11-20T00:00:00Z"), ("Completed", "100", "2026-11-20T00:00:00Z", "true")),
        (completed_on("2026-11-20T00:00:00Z") + share(100) + status("NotStarted"), NOT_STARTED),
        (share(50) + status("Deferred"), ("Deferred", "50", None, "false")),
    ],
)
def test_a_new_tasks_progress(bank: Bank, content: str, kept: tuple[str | None, ...]):
    """Each of the three drags the others along; the last of a request wins."""
    assert progress(bank, made(bank, content)) == kept


@pytest.mark.parametrize(
    ("before", "changes", "after"),
    [
        (share(50), [("Status", status("Completed"))], DONE_TODAY),
        (share(50), [("PercentComplete", share(0))], NOT_STARTED),
        (share(50), [("Status", status("WaitingOnOthers"))], ("WaitingOnOthers", "50", None, "false")),
        (status("Completed"), [("Status", status("NotStarted"))], NOT_STARTED),
        (status("Completed"), [("Status", status("InProgress"))], ("InProgress", "0", None, "false")),
        (status("Completed"), [("PercentComplete", share(50))], HALF),
        (status("Deferred"), [("PercentComplete", share(50))], ("Deferred", "50", None, "false")),
        (status("Deferred"), [("PercentComplete", share(100))], DONE_TODAY),
        ("", [("PercentComplete", share(100)), ("Status", status("NotStarted"))], NOT_STARTED),
        ("", [("Status", status("NotStarted")), ("PercentComplete", share(100))], DONE_TODAY),
        ("", [("Status", status("Completed")), ("PercentComplete", share(50))], HALF),
        (
            completed_on("2026-11-20T00:00:00Z"),
            [("Status", status("Completed"))],
            ("Completed", "100", "2026-11-20T00:00:00Z", "true"),
        ),
    ],
)
def test_a_changed_tasks_progress(
    bank: Bank, before: str, changes: list[tuple[str, str]], after: tuple[str | None, ...]
):
    """In the order of the request; who is done stays done on the day on which he was."""
    assert changed(bank, made(bank, before), *changes) == after


@pytest.mark.parametrize("name", ["Status", "PercentComplete", "CompleteDate"])
def test_a_task_without_one_of_the_three_is_not_started(bank: Bank, name: str):
    """Deleting the property undoes the work."""
    item = made(bank, status("Completed"))
    bank.client("anna").update(item, delete_field(f"task:{name}"))
    assert progress(bank, item) == NOT_STARTED


@pytest.mark.parametrize("percent", [-1, 101])
def test_a_share_is_between_0_and_100(bank: Bank, percent: int):
    """Another is refused, and nothing changes."""
    anna = bank.client("anna")
    item = made(bank, share(50))
    code = "ErrorInvalidValueForProperty"
    assert anna.update(item, set_field("task:PercentComplete", share(percent), kind="Task")).code == code
    assert anna.create(task(share(percent))).code == code
    assert progress(bank, item) == HALF


@given(order=st.permutations(list(FIELDS)), data=st.data(), today=TODAY)
def test_status_share_and_day_always_agree(order: list[str], data: st.DataObject, today):
    """Whatever is set, in whatever order: completed, all of it, and a day go together."""
    chosen = {name: data.draw(FIELDS[name]) for name in order}
    values = begun(chosen, today=today)
    is_done = values["Status"] == "Completed"
    assert is_done == (values["PercentComplete"] == 100.0) == ("CompleteDate" in values)
    if values["Status"] == "NotStarted":
        assert values["PercentComplete"] == 0.0
    assert values[order[-1]] == chosen[order[-1]]


DAYS = "".join(
    f'<t:ExtendedFieldURI DistinguishedPropertySetId="Task" PropertyId="{tag}" PropertyType="SystemTime"/>'
    for tag in (0x8104, 0x8105, 0x810F)
)


def in_zone(zone: str) -> str:
    return f'<t:TimeZoneContext><t:TimeZoneDefinition Id="{zone}"/></t:TimeZoneContext>' if zone else ""


@pytest.mark.parametrize(
    ("zone", "to_others", "to_himself"),
    [
        ("", "2026-12-01T00:00:00Z", "2026-12-01T00:00:00Z"),
        ("Pacific Standard Time", "2026-12-01T08:00:00Z", "2026-12-01T00:00:00-08:00"),
        ("W. Europe Standard Time", "2026-11-30T23:00:00Z", "2026-12-01T00:00:00+01:00"),
        ("Line Islands Standard Time", "2026-11-30T10:00:00Z", "2026-12-01T00:00:00+14:00"),
    ],
)
def test_a_midnight_is_the_day_it_is_written_as(bank: Bank, zone: str, to_others: str, to_himself: str):
    """In whatever zone the request is; who asks without a zone gets the instant that it was to its writer."""
    anna = bank.client("anna")
    content = task("<t:DueDate>2026-12-01T00:00:00Z</t:DueDate>")
    made_there = anna.call(f"<m:CreateItem><m:Items>{content}</m:Items></m:CreateItem>", header=in_zone(zone))
    item = id_of(made_there.item)
    shown = anna.get(item, extended=DAYS).item
    shape = "<m:ItemShape><t:BaseShape>AllProperties</t:BaseShape></m:ItemShape>"
    asked = f"<m:GetItem>{shape}<m:ItemIds>{item}</m:ItemIds></m:GetItem>"
    assert (value(shown, "DueDate"), value(shown, "StartDate")) == (to_others, None)
    assert value(anna.call(asked, header=in_zone(zone)).item, "DueDate") == to_himself
    assert value(shown, "ExtendedProperty/Value") == "2026-12-01T00:00:00Z"


def test_another_time_is_of_the_day_it_is_in_the_requests_zone(bank: Bank):
    """A client that writes its own midnight as an instant means its own day."""
    anna = bank.client("anna")
    content = task("<t:DueDate>2026-11-30T23:00:00Z</t:DueDate><t:StartDate>2026-11-30T13:00:00</t:StartDate>")
    made_there = anna.call(
        f"<m:CreateItem><m:Items>{content}</m:Items></m:CreateItem>", header=in_zone("W. Europe Standard Time")
    )
    read = anna.get(id_of(made_there.item), extended=DAYS).item
    assert values(read, "ExtendedProperty/Value") == ["2026-11-30T00:00:00Z", "2026-12-01T00:00:00Z"]


def test_a_tasks_reminder_is_an_instant(bank: Bank):
    """Set, moved, snoozed, dismissed and taken away; none where nothing is said."""
    anna = bank.client("anna")
    item = made(bank)

    def reminder() -> tuple[str | None, ...]:
        read = anna.get(item, extended=SIGNAL).item
        return tuple(value(read, name) for name in ("ReminderIsSet", "ReminderDueBy", "ExtendedProperty/Value"))

    def due_by(moment: str) -> str:
        return set_field("item:ReminderDueBy", f"<t:ReminderDueBy>{moment}</t:ReminderDueBy>", kind="Task")

    def is_set(word: str) -> str:
        return set_field("item:ReminderIsSet", f"<t:ReminderIsSet>{word}</t:ReminderIsSet>", kind="Task")

    assert reminder() == ("false", None, None)
    anna.update(item, due_by("2026-12-01T09:00:00Z"), is_set("true"))
    assert reminder() == ("true", "2026-12-01T09:00:00Z", "2026-12-01T09:00:00Z")
    anna.remind("Snooze", item, until="2026-12-01T10:00:00Z")
    assert reminder() == ("true", "2026-12-01T09:00:00Z", "2026-12-01T10:00:00Z")
    anna.update(item, due_by("2026-12-02T09:00:00Z"))
    assert reminder() == ("true", "2026-12-02T09:00:00Z", "2026-12-02T09:00:00Z")
    anna.remind("Dismiss", item)
    assert reminder() == ("false", "2026-12-02T09:00:00Z", "2026-12-02T09:00:00Z")
    anna.update(item, is_set("true"))
    anna.update(item, is_set("false"), delete_field("item:ReminderDueBy"))
    assert reminder() == ("false", None, None)


@pytest.mark.parametrize(
    ("days", "rings"),
    [
        ("<t:DueDate>2026-12-01T00:00:00Z</t:DueDate>", "2026-12-01T08:00:00Z"),
        ("<t:StartDate>2026-11-30T00:00:00Z</t:StartDate>", "2026-11-30T08:00:00Z"),
        ("", "2026-11-23T08:00:00Z"),
    ],
)
def test_a_reminder_without_a_moment_rings_in_the_morning(bank: Bank, days: str, rings: str):
    """Of the day that the task is due."""
    item = made(bank, "<t:ReminderIsSet>true</t:ReminderIsSet>", days)
    assert value(bank.client("anna").get(item).item, "ReminderDueBy") == rings


def test_tasks_show_in_searches_and_synchronizations(bank: Bank):
    """As calendar items do; the days can be compared."""
    anna = bank.client("anna")
    item = made(bank, "<t:DueDate>2026-12-01T00:00:00Z</t:DueDate>")
    made(bank, "<t:Subject>Later</t:Subject>", "<t:DueDate>2026-12-09T00:00:00Z</t:DueDate>")
    made(bank, "<t:Subject>Some day</t:Subject>")
    soon = (
        '<m:Restriction><t:IsLessThan><t:FieldURI FieldURI="task:DueDate"/><t:FieldURIOrConstant>'
        '<t:Constant Value="2026-12-02T00:00:00Z"/></t:FieldURIOrConstant></t:IsLessThan></m:Restriction>'
    )
    assert [id_of(each) for each in anna.find("tasks", restriction=soon).items] == [item]
    first = anna.sync("tasks").messages[0]
    assert [each.tag.rpartition("}")[2] for each in first[3]] == ["Create"] * 3
    anna.update(item, set_field("task:Status", status("InProgress"), kind="Task"))
    anna.delete(item, how="MoveToDeletedItems")
    second = anna.sync("tasks", first[1].text).messages[0]
    assert [each.tag.rpartition("}")[2] for each in second[3]] == ["Delete"]
    assert value(anna.only_in("deleteditems"), "Status") == "InProgress"


def test_each_change_of_a_task_is_told(bank: Bank):
    """In the folder of tasks, and where the task goes from there."""
    anna = bank.client("anna")
    item = made(bank)
    told = [(change.folder, change.kind.value) for change in bank.changes]
    assert told == [("tasks", "created"), ("tasks", "modified")]
    bank.changes.clear()
    anna.update(item, set_field("task:Status", status("Completed"), kind="Task"))
    assert {(change.folder, change.kind.value) for change in bank.changes} == {("tasks", "modified")}
    bank.changes.clear()
    anna.delete(item, how="MoveToDeletedItems")
    assert ("deleted_items", "moved") in [(change.folder, change.kind.value) for change in bank.changes]


def test_a_task_says_whose_it_is_and_how_often_it_changed(bank: Bank):
    """And its status in words."""
    item = made(bank)
    bank.clock.moment += timedelta(minutes=1)
    changed(bank, item, ("Status", status("WaitingOnOthers")))
    read = bank.client("anna").get(item).item
    names = ("Owner", "ChangeCount", "StatusDescription", "IsRecurring")
    assert [value(read, name) for name in names] == ["Anna Adler", "2", "Waiting on someone else", "false"]


def test_lists_of_a_task_can_be_added_to(bank: Bank):
    """Its companies, its body."""
    item = made(bank, '<t:Body BodyType="Text">one</t:Body>', "<t:Companies><t:String>Bank</t:String></t:Companies>")
    anna = bank.client("anna")
    more = "<t:Companies><t:String>Client</t:String></t:Companies>"
    anna.update(
        item,
        append_field("task:Companies", more, kind="Task"),
        append_field("item:Body", '<t:Body BodyType="Text"> two</t:Body>', kind="Task"),
    )
    read = anna.get(item).item
    assert ([each.text for each in read.iter("{*}String")], value(read, "Body")) == (["Bank", "Client"], "one two")


def test_a_task_needs_a_task_folder(bank: Bank):
    """And an appointment a calendar."""
    anna = bank.client("anna")
    calendar, tasks = (f'<t:DistinguishedFolderId Id="{name}"/>' for name in ("calendar", "tasks"))
    assert anna.create(task(), folder=calendar).code == "ErrorCannotCreateTaskInNonTaskFolder"
    assert anna.create(calendar_item(), folder=tasks).code == "ErrorCannotCreateCalendarItemInNonCalendarFolder"
