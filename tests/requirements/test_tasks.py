"""Tasks as their owner finds them (MS-OXWSTASK, TaskType)."""

from __future__ import annotations

import pytest

from tests.requirements.ids import core, tasks
from tests.unit.sandbox.bank import Bank, T, id_of, set_field, task, value, values

LISTS = {
    "Companies": "<t:Companies><t:String>Bank</t:String><t:String>Client</t:String></t:Companies>",
    "Contacts": "<t:Contacts><t:String>Carla</t:String><t:String>Xaver</t:String></t:Contacts>",
}


@pytest.mark.parametrize(
    ("name", "given"),
    [
        pytest.param("ActualWork", "90", marks=tasks(42)),
        pytest.param("BillingInformation", "by the hour", marks=tasks(44)),
        pytest.param("CompleteDate", "2026-11-20T00:00:00Z", marks=tasks(48)),
        pytest.param("DueDate", "2026-12-01T00:00:00Z", marks=tasks(53)),
        pytest.param("Mileage", "12 km", marks=tasks(58)),
        pytest.param("PercentComplete", "40"),
        pytest.param("StartDate", "2026-11-30T00:00:00Z", marks=tasks(63)),
        pytest.param("TotalWork", "120", marks=tasks(67)),
        *(
            pytest.param("Status", name, marks=tasks(number, 65))
            for number, name in enumerate(
                ("Completed", "Deferred", "InProgress", "NotStarted", "WaitingOnOthers"), start=102
            )
        ),
    ],
)
def test_a_tasks_property(bank: Bank, name: str, given: str):
    """Kept by a create, and by an update."""
    anna = bank.client("anna")
    markup = f"<t:{name}>{given}</t:{name}>"
    created, updated = (id_of(anna.create(task(content)).item) for content in (markup, ""))
    anna.update(updated, set_field(f"task:{name}", markup, kind="Task"))
    assert [value(anna.get(item).item, name) for item in (created, updated)] == [given, given]


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        pytest.param("Companies", ["Bank", "Client"], marks=tasks(47)),
        pytest.param("Contacts", ["Carla", "Xaver"], marks=tasks(49)),
    ],
)
def test_a_tasks_list(bank: Bank, name: str, kept: list[str]):
    """In its order."""
    anna = bank.client("anna")
    item = id_of(anna.create(task(LISTS[name])).item)
    assert values(anna.get(item).item, f"{name}/String") == kept


@tasks(45)
def test_a_tasks_changes_are_counted(bank: Bank):
    """From the one that made it."""
    anna = bank.client("anna")
    item = id_of(anna.create(task()).item)
    counts = [value(anna.get(item).item, "ChangeCount")]
    for subject in ("a", "b"):
        anna.update(item, set_field("item:Subject", f"<t:Subject>{subject}</t:Subject>", kind="Task"))
        counts.append(value(anna.get(item).item, "ChangeCount"))
    assert counts == ["1", "2", "3"]


@tasks(55, 5555, 5556, 5667)
def test_a_task_is_complete_or_not(bank: Bank):
    """And no part of a recurring one."""
    anna = bank.client("anna")
    open_one, done = (anna.create(task(f"<t:Status>{name}</t:Status>")) for name in ("InProgress", "Completed"))
    read = [anna.get(id_of(each.item)).item for each in (open_one, done)]
    assert [(value(each, "IsComplete"), value(each, "IsRecurring")) for each in read] == [
        ("false", "false"),
        ("true", "false"),
    ]


@pytest.mark.parametrize(
    "way", ["<t:CompleteDate>2026-11-23T00:00:00Z</t:CompleteDate>", "<t:PercentComplete>100</t:PercentComplete>"]
)
@tasks(67001)
def test_a_completion_date_or_all_of_it_completes(bank: Bank, way: str):
    """As the status would."""
    anna = bank.client("anna")
    both = [anna.create(task(content)) for content in (way, "<t:Status>Completed</t:Status>")]
    read = [anna.get(id_of(each.item)).item for each in both]
    names = ("Status", "PercentComplete", "CompleteDate", "IsComplete")
    first, second = ([value(each, name) for name in names] for each in read)
    assert first == second == ["Completed", "100", "2026-11-23T00:00:00Z", "true"]


@tasks(67002)
def test_the_last_of_a_request_determines_the_others(bank: Bank):
    """All of it, done on a day, and then not started: nothing is done."""
    anna = bank.client("anna")
    item = id_of(anna.create(task()).item)
    anna.update(
        item,
        set_field("task:PercentComplete", "<t:PercentComplete>100</t:PercentComplete>", kind="Task"),
        set_field("task:CompleteDate", "<t:CompleteDate>2026-11-20T00:00:00Z</t:CompleteDate>", kind="Task"),
        set_field("task:Status", "<t:Status>NotStarted</t:Status>", kind="Task"),
    )
    read = anna.get(item).item
    assert [value(read, name) for name in ("Status", "PercentComplete", "CompleteDate")] == ["NotStarted", "0", None]


@tasks(85, 88)
def test_nobody_delegates_a_task(bank: Bank):
    """The state of a delegation is never there, and cannot be set."""
    anna = bank.client("anna")
    item = id_of(anna.create(task()).item)
    assert anna.get(item, "task:DelegationState").item.find(f"{T}DelegationState") is None
    for state in ("Accepted", "Declined", "Max", "NoMatch", "Owned", "OwnNew"):
        markup = f"<t:DelegationState>{state}</t:DelegationState>"
        assert anna.create(task(markup)).code == "ErrorInvalidPropertySet"


@core(92, 94, 1330)
def test_a_tasks_reminder(bank: Bank):
    """Its moment is the owner's choice; it is there before it is set."""
    anna = bank.client("anna")
    due_by = "<t:ReminderDueBy>2026-12-03T07:30:00Z</t:ReminderDueBy>"
    made = (anna.create(task(content)) for content in (due_by, due_by + "<t:ReminderIsSet>true</t:ReminderIsSet>"))
    read = [anna.get(id_of(each.item)).item for each in made]
    assert [(value(each, "ReminderIsSet"), value(each, "ReminderDueBy")) for each in read] == [
        ("false", "2026-12-03T07:30:00Z"),
        ("true", "2026-12-03T07:30:00Z"),
    ]
