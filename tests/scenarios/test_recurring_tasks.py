"""Recurring tasks between a CRM and task lists: one item that goes from one occurrence to the next (S27)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from exchangelib import Task
from exchangelib.ewsdatetime import EWSDate
from exchangelib.recurrence import DailyRegeneration, TaskRecurrence

from tests.scenarios.test_tasks import ANNA, BOB, answers, edited, made
from tests.support.house import Clock, House, a_house, house_time, options

FIRST = date(2027, 3, 5)  # a Friday
WEEKLY = {"frequency": "weekly", "weekdays": ["FR"]}
BOTH = ["u-anna", "u-bob"]


def day(number: int) -> date:
    """The day of an occurrence, counted from 1."""
    return FIRST + timedelta(weeks=number - 1)


def held(house: House) -> dict[str, Any]:
    """The recurring task that the CRM holds."""
    [record] = [item for item in house.items() if item["item"].get("recurrence")]
    return dict(record["item"])


async def a_series(house: House, *names: str, **more: Any) -> str:
    """A CRM user makes a recurring task for some people."""
    return await made(house, recurrence=WEEKLY, assign_to=[f"u-{name}" for name in names], **more)


async def current(house: House, name: str) -> Task:
    """The recurring task in somebody's list."""
    [found] = [each for each in await house.does(house.outlook(name).tasks) if each.is_recurring]
    return found


async def done(house: House, name: str) -> list[date]:
    """The days of what is completed and over in somebody's list."""
    found = await house.does(house.outlook(name).tasks)
    return sorted(each.due_date for each in found if not each.is_recurring and each.status == "Completed")


async def acts(house: House, name: str, act: str, *args: Any, **kwargs: Any) -> None:
    """What somebody does to his recurring task, and all that follows."""
    person, found = house.outlook(name), await current(house, name)
    await house.does(getattr(person, act), str(found.id), *args, **kwargs)
    await house.quiet()


async def all_show(house: House, number: int, *names: str) -> None:
    """Everybody is at that occurrence, and nobody has begun it."""
    assert (held(house)["due"], held(house).get("status", "outstanding")) == (day(number).isoformat(), "outstanding")
    for name in names:
        shown = await current(house, name)
        assert (name, shown.due_date, shown.status) == (name, day(number), "NotStarted")


def writes(house: House, operation: str) -> int:
    """How many calls of an operation the daemon made."""
    return sum(written.operation == operation for written in house.watch.written)


@pytest.mark.rule("REC-1", "REC-5", "ID-7", "CON-3")
@pytest.mark.scenario("S27")
async def test_s27_completing_one_instance_of_a_recurring_task_completes_one(store: Path) -> None:
    """Given the CRM's weekly task in two lists, when Bob completes his, then all show the next, and one is over."""
    async with a_house(store, "anna", "bob") as house:
        await a_series(house, "anna", "bob")
        await all_show(house, 1, "anna", "bob")
        assert held(house)["recurrence"] == WEEKLY

        await acts(house, "bob", "complete_task")

        await all_show(house, 2, "anna", "bob")
        assert held(house)["recurrence"] == WEEKLY
        assert (await done(house, "bob"), await done(house, "anna")) == ([day(1)], [])
        assert len(house.items()) == 1
        [said] = house.outcomes(direction="inbound")
        assert said["writes"] == [{"mailbox": ANNA, "operation": "update", "fields": ["due"]}]


@pytest.mark.rule("REC-1", "MAP-1", "CON-3")
@pytest.mark.scenario("S27")
async def test_s27_completed_in_the_crm_one_occurrence_is_completed_in_every_list(store: Path) -> None:
    """Given a weekly task, when a CRM user completes it, then its item shows the next one, as every list does."""
    async with a_house(store, "anna", "bob") as house:
        crm_id = await a_series(house, "anna", "bob")

        await edited(house, crm_id, status="completed")

        await all_show(house, 2, "anna", "bob")
        assert (await done(house, "anna"), await done(house, "bob")) == ([day(1)], [day(1)])
        said = house.outcomes(direction="outbound")[-1]
        assert sorted((write["mailbox"], *write["fields"]) for write in said["writes"]) == [
            (ANNA, "status"),
            (BOB, "status"),
        ]
        assert len(house.items()) == 1


@pytest.mark.rule("REC-4", "CON-3")
@pytest.mark.scenario("S27")
async def test_s27_deleting_the_current_occurrence_in_outlook_is_going_on_to_the_next(store: Path) -> None:
    """Given a weekly task in two lists, when Anna deletes one occurrence, then it is gone everywhere, and no more."""
    async with a_house(store, "anna", "bob") as house:
        await a_series(house, "anna", "bob")
        await acts(house, "anna", "skip_task")
        await all_show(house, 2, "anna", "bob")
        assert (await done(house, "anna"), await done(house, "bob")) == ([], [])


@pytest.mark.rule("REC-1", "REC-5", "ID-7")
@pytest.mark.scenario("S27")
async def test_s27_the_last_occurrence_stays_completed(store: Path) -> None:
    """Given a task of two occurrences made in Outlook, when both are completed, then it is over, and stays there."""
    async with a_house(store, "anna", "bob") as house:
        await house.does(house.outlook("anna").make_weekly_task, due=FIRST, count=2)
        await house.quiet()
        pattern = {name: value for name, value in held(house)["recurrence"].items() if value}
        assert pattern == {**WEEKLY, "interval": 1, "end": "after", "count": 2}
        crm_id = house.items()[0]["id"]
        await edited(house, crm_id, assign_to=BOTH)
        await all_show(house, 1, "anna", "bob")

        await edited(house, crm_id, status="completed")
        await all_show(house, 2, "anna", "bob")
        assert held(house)["recurrence"]["count"] == 1
        await acts(house, "bob", "complete_task")

        assert (held(house)["status"], held(house)["due"]) == ("completed", day(2).isoformat())
        assert [(await current(house, name)).status for name in ("anna", "bob")] == ["Completed"] * 2
        # What is left of a task that was born in Outlook has no marker: it is Anna's, completed.
        assert [item["item"]["due"] for item in house.items() if item["id"] != crm_id] == [day(1).isoformat()]


@pytest.mark.rule("REC-1", "CON-3")
async def test_rec_1_the_crm_goes_on_to_a_later_date_by_skipping(store: Path) -> None:
    """Given a weekly task, when it becomes due three weeks later, then what is between is skipped, not torn out."""
    async with a_house(store, "anna", "bob") as house:
        crm_id = await a_series(house, "anna", "bob")
        await edited(house, crm_id, due=day(4).isoformat())
        await all_show(house, 4, "anna", "bob")
        for name in ("anna", "bob"):
            assert len(await house.does(house.outlook(name).tasks)) == 1
        assert {tuple(write["fields"]) for write in house.outcomes(direction="outbound")[-1]["writes"]} == {("due",)}


@pytest.mark.rule("REC-5")
@pytest.mark.parametrize("due", [day(2) + timedelta(days=1), day(1) - timedelta(days=7), None])
async def test_rec_5_days_that_are_none_of_its_pattern_are_refused_and_put_back(store: Path, due: date | None) -> None:
    """Given a weekly task, when it becomes due on another day, then nothing moves, and the outcome says why."""
    async with a_house(store, "anna") as house:
        crm_id = await a_series(house, "anna")
        await edited(house, crm_id, due=due and due.isoformat())
        assert answers(house)[-1] == ("refused", "pattern")
        await all_show(house, 1, "anna")


@pytest.mark.rule("REC-5")
@pytest.mark.parametrize(
    "wrong",
    [
        {"recurrence": {**WEEKLY, "interval": 100}},
        {"recurrence": {"frequency": "monthly", "weekdays": ["MO"], "week_of_month": 5}},
        {"recurrence": {**WEEKLY, "weekdays": ["MO"]}},
        {"due": None},
    ],
)
async def test_rec_5_a_pattern_that_exchange_cannot_hold_makes_no_task(store: Path, wrong: dict[str, Any]) -> None:
    """Given such a task, then nothing is made, and the outcome says why; mended, it is."""
    async with a_house(store, "anna") as house:
        crm_id = await made(house, **{"recurrence": WEEKLY, "assign_to": ["u-anna"]} | wrong)
        assert answers(house) == [("skipped", "pattern")]
        assert await house.does(house.outlook("anna").tasks) == []
        await edited(house, crm_id, recurrence=WEEKLY, due=FIRST.isoformat())
        await all_show(house, 1, "anna")


@pytest.mark.rule("REC-5")
async def test_rec_5_a_task_that_regenerates_stays_out_of_the_crm_and_says_so_once(store: Path) -> None:
    """Given a task that comes back so long after it was done, which the CRM has no words for, then it is skipped."""
    async with a_house(store, "anna") as house:
        pattern = TaskRecurrence(pattern=DailyRegeneration(interval=3), start=EWSDate.from_date(FIRST))
        anna = house.outlook("anna")
        task_id = await house.does(anna.make_task, "Water", due=FIRST, recurrence=pattern)
        await house.quiet()
        await house.does(anna.edit_task, task_id, importance="High")
        await house.quiet()
        assert answers(house, "inbound") == [("skipped", "pattern")]
        assert house.items() == []


@pytest.mark.rule("REC-1", "CON-1")
async def test_rec_1_another_pattern_goes_to_the_other_side_and_the_other_list(store: Path) -> None:
    """Given a weekly task, when the CRM and then Anna change when it recurs, then it does so everywhere."""
    async with a_house(store, "anna", "bob") as house:
        crm_id = await a_series(house, "anna", "bob")
        await edited(house, crm_id, recurrence={"frequency": "daily", "interval": 3})
        await acts(house, "bob", "complete_task")
        assert held(house)["due"] == (FIRST + timedelta(days=3)).isoformat()
        assert (await current(house, "anna")).due_date == FIRST + timedelta(days=3)

        await edited(house, crm_id, recurrence=None)
        [annas] = await house.does(house.outlook("anna").tasks)
        assert len(house.items()) == 1
        assert not annas.is_recurring
        await edited(house, crm_id, due=day(9).isoformat())
        assert [each.due_date for each in await house.does(house.outlook("anna").tasks)] == [day(9)]
        house.excuse(crm_id, "what Bob has completed of it carries its marker")


@pytest.mark.rule("ID-5", "ID-7")
async def test_id_7_an_occurrence_that_gets_other_days_in_outlook_is_a_task_of_its_own(store: Path) -> None:
    """Given a weekly task, when Anna is to do one a day later, then the rest goes on, and that one is hers."""
    async with a_house(store, "anna", "bob") as house:
        crm_id = await a_series(house, "anna", "bob")
        await acts(house, "anna", "edit_task", due_date=day(1) + timedelta(days=1))
        items = {item["id"]: item["item"] for item in house.items()}
        assert items.pop(crm_id)["due"] == day(2).isoformat()
        [own] = items.values()
        assert (own["due"], own["assign_to"]) == ((day(1) + timedelta(days=1)).isoformat(), ["u-anna"])
        assert (await current(house, "bob")).due_date == day(2)
        house.excuse(crm_id, "what left the series carries its marker")


@pytest.mark.rule("ALM-6")
async def test_alm_6_the_alarm_goes_on_with_the_occurrence(store: Path) -> None:
    """Given alarms, when an occurrence is completed, then each is reminded of the next as long before."""
    async with a_house(store, "anna", "bob") as house:
        await house.announce(options(task_alarms=True))
        alarm = datetime(2027, 3, 4, 8, tzinfo=UTC)
        crm_id = await a_series(house, "anna", "bob", alarms={"u-anna": alarm.isoformat(), "u-bob": None})
        await edited(house, crm_id, status="completed")
        later = (alarm + timedelta(weeks=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
        assert held(house)["alarms"] == {"u-anna": later, "u-bob": None}
        assert (await current(house, "anna")).reminder_due_by == alarm + timedelta(weeks=1)


@pytest.mark.rule("DEL-1", "DEL-5")
async def test_del_1_the_whole_task_is_deleted_on_either_side(store: Path) -> None:
    """Given a weekly task with one behind it, when Anna and then the CRM delete it, then what is over is left alone."""
    async with a_house(store, "anna", "bob") as house:
        crm_id = await a_series(house, "anna", "bob")
        await edited(house, crm_id, status="completed")
        await acts(house, "anna", "delete_task")
        assert held(house)["assign_to"] == ["u-bob"]
        await house.crm.delete(crm_id, {"actor": {"user": "u-anna"}})
        await house.quiet()
        for name in ("anna", "bob"):
            found = await house.does(house.outlook(name).tasks)
            assert [(each.due_date, each.is_recurring) for each in found] == [(day(1), False)]
        assert house.items() == []


# exactly once


@pytest.mark.rule("ID-7", "CON-1", "CON-3")
@pytest.mark.scenario("S27")
@pytest.mark.parametrize("is_hint_first", [True, False])
async def test_s27_completed_on_both_sides_at_once_one_is_completed(store: Path, *, is_hint_first: bool) -> None:
    """Given Bob and a CRM user who complete the same occurrence, then the next one is everybody's."""
    async with a_house(store, "anna", "bob") as house:
        crm_id = await a_series(house, "anna", "bob")
        house.hold_hints = True
        bobs = await current(house, "bob")
        await house.does(house.outlook("bob").complete_task, str(bobs.id))
        hints = await house.take_hints()
        if is_hint_first:
            house.hold_hints = False
            house.deliver(hints)
            await house.crm.edit(crm_id, {"actor": {"user": "u-anna"}, "item": {"status": "completed"}})
        else:
            await edited(house, crm_id, status="completed")
            house.hold_hints = False
            house.deliver(hints)
            house.deliver(await house.take_hints())
        await house.quiet()

        await all_show(house, 2, "anna", "bob")
        assert await done(house, "bob") == [day(1)]
        assert all(not said["conflicts"] for said in house.outcomes())


@pytest.mark.rule("ID-7", "CON-3")
async def test_two_who_complete_the_same_occurrence_complete_one(store: Path) -> None:
    """Given Anna and Bob who tick it off at the same moment, then nobody loses the next one."""
    async with a_house(store, "anna", "bob") as house:
        await a_series(house, "anna", "bob")
        house.hold_hints = True
        for name in ("anna", "bob"):
            await house.does(house.outlook(name).complete_task, str((await current(house, name)).id))
        house.hold_hints = False
        house.deliver(await house.take_hints())
        await house.quiet()
        await all_show(house, 2, "anna", "bob")
        assert (await done(house, "anna"), await done(house, "bob")) == ([day(1)], [day(1)])
        assert writes(house, "DeleteItem") == 0


@pytest.mark.rule("ID-5", "CON-3")
@pytest.mark.parametrize("names", [("anna",), ("anna", "bob")])
@pytest.mark.parametrize("fault", ["drop_after", "error_after", "drop_before"])
@pytest.mark.parametrize(("change", "operation"), [("status", "UpdateItem"), ("due", "DeleteItem")])
async def test_what_moves_a_task_on_and_loses_its_answer_moves_it_on_once(
    store: Path, change: str, operation: str, fault: str, names: tuple[str, ...]
) -> None:
    """Given an Exchange that completes or skips, or does not, and says nothing of it, then it is done once."""
    clock = Clock(house_time())
    async with a_house(store, *names, clock=clock) as house:
        crm_id = await a_series(house, *names)
        house.fault(fault, operation=operation, mailbox=f"{names[-1]}@bank.example")
        await edited(house, crm_id, **({"status": "completed"} if change == "status" else {"due": day(2).isoformat()}))
        await house.until(_later(clock, lambda: _is_moved_on(house, f"{names[-1]}@bank.example")))
        await house.quiet()
        await all_show(house, 2, *names)
        assert {len(await done(house, name)) for name in names} <= {int(change == "status"), 0}
        assert all(not said["conflicts"] for said in house.outcomes())


def _is_moved_on(house: House, mailbox: str) -> bool:
    """Whether the CRM shows the next occurrence, and an outcome what was written in this mailbox: that of its event,
    or of the hint that overtook it."""
    if (held(house)["due"], held(house).get("status", "outstanding")) != (day(2).isoformat(), "outstanding"):
        return False
    writes = (write for said in house.outcomes() for write in said["writes"] if write["mailbox"] == mailbox)
    return any(write["fields"] in (["status"], ["due"]) for write in writes)


def _later(clock: Clock, is_so: Callable[[], bool]) -> Callable[[], bool]:
    """Lets time pass before each look: what was put away is due, also if it was put away again."""

    def look() -> bool:
        clock.pass_by(timedelta(minutes=1))
        return is_so()

    return look
