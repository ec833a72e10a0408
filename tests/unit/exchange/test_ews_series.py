"""Series over EWS with the sandbox Exchange: people edit in Outlook and the backend reads, or the other way round."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from daemon.exchange import port
from daemon.exchange.ews.backend import EwsExchange
from daemon.exchange.ews.config import EwsConfig
from daemon.exchange.port import Gone, Written
from daemon.sandbox.exchange import PATH, ExchangeSandbox, People
from handlers.recurrences import Series
from schemas.copies import Attendee, Copy, Kind, Role, Shape
from schemas.edits import Edit, Times
from schemas.items import Recurrence
from tests.unit.exchange.behaviour import ANNA, BOB, PEOPLE, START, XAVER
from tests.unit.exchange.test_ews_writing import SandboxDesk
from tests.unit.exchange.writing import HOUR, MEETING, TASK

NOW = datetime(2026, 12, 10, 8, tzinfo=UTC)
WEEK = timedelta(days=7)
WEEKLY = Recurrence("weekly", weekdays=("TU",), end="after", count=10)
TIMES = Times(START, START + HOUR, zone="Europe/Berlin")
SERIES = replace(MEETING, attendees=(), recurrence=WEEKLY)


class SeriesDesk(SandboxDesk):
    """A desk where it is always the same day."""

    def __init__(self, sandbox: ExchangeSandbox, url: str) -> None:
        super().__init__(sandbox, url)
        config = EwsConfig(url + PATH, username="sync@bank.example", password="secret")
        self.exchange = EwsExchange(config, now=lambda: NOW)

    async def does(self, person: str, what: str, *args: Any, **how: Any) -> Any:
        """Somebody does something in Outlook."""
        return await asyncio.to_thread(lambda: getattr(self.outlook(person), what)(*args, **how))

    async def master(self, person: str, uid: str) -> Copy:
        [found] = await self.exchange.find_by_uid(person, uid)
        assert isinstance(found, Copy), f"not read: {found}"
        return found

    async def nth(self, master: Copy, index: int) -> Copy:
        found = await self.exchange.occurrence(master.mailbox, master.item_id, index)
        assert isinstance(found, Copy), f"not read: {found}"
        return found

    async def edit_nth(self, master: Copy, index: int, edit: Edit) -> None:
        occurrence = await self.nth(master, index)
        await self.exchange.update(master.mailbox, Written(occurrence.item_id, occurrence.change_key), edit)


def start(index: int) -> datetime:
    """Tuesdays at ten in Berlin."""
    day = START.date() + (index - 1) * WEEK
    return datetime.combine(day, time(10), tzinfo=ZoneInfo("Europe/Berlin")).astimezone(UTC)


@pytest.fixture
async def desk() -> AsyncIterator[SeriesDesk]:
    sandbox = ExchangeSandbox(People.read(PEOPLE), clock=lambda: NOW)
    running = SeriesDesk(sandbox, await sandbox.start())
    yield running
    await running.exchange.close()
    await sandbox.stop()


@pytest.mark.rule("REC-1", "REC-4", "ID-1")
@pytest.mark.scenario("S04a")
async def test_s04a_what_was_done_to_single_occurrences_in_outlook_is_read(desk: SeriesDesk) -> None:
    """The fourth was moved by two days, the sixth deleted, the eighth given another subject."""
    uid = await desk.does(ANNA, "meet_weekly", "Jour fixe", start=START, count=10)
    await desk.does(ANNA, "move_occurrence", uid, 4, start(4) + timedelta(days=2))
    await desk.does(ANNA, "delete_occurrence", uid, 6)
    await desk.does(ANNA, "edit_occurrence", uid, 8, subject="Retrospective")
    master = await desk.master(ANNA, uid)
    assert (master.shape, master.recurrence, master.unheld) == (Shape.MASTER, WEEKLY, None)
    assert (master.start, master.end, master.zone) == (start(1), start(1) + HOUR, "Europe/Berlin")
    fourth, eighth = master.exceptions
    assert (fourth.original_start, fourth.start, fourth.subject) == (
        start(4),
        start(4) + 2 * timedelta(days=1),
        "Jour fixe",
    )
    assert (eighth.original_start, eighth.start, eighth.subject) == (start(8), start(8), "Retrospective")
    assert {fourth.uid, eighth.uid} == {master.uid}
    assert (master.deleted_starts, master.unread) == ((start(6),), ())


@pytest.mark.rule("REC-4")
@pytest.mark.scenario("S04c")
async def test_s04c_the_right_day_of_an_all_day_series_made_elsewhere_is_gone(desk: SeriesDesk) -> None:
    outlook = desk.outlook(ANNA, zone="Pacific/Auckland")
    day = date(2026, 12, 1)
    uid = await asyncio.to_thread(lambda: outlook.meet_weekly(start=day, end=day + timedelta(days=1)))
    await asyncio.to_thread(lambda: outlook.delete_occurrence(uid, 3))
    master = await desk.master(ANNA, uid)
    assert (master.start, master.all_day, master.zone) == (day, True, "Pacific/Auckland")
    assert master.deleted_starts == (day + 2 * WEEK,)


@pytest.mark.rule("ALM-4", "REC-3")
async def test_an_alarm_of_one_occurrence_is_read_with_it(desk: SeriesDesk) -> None:
    uid = await desk.does(ANNA, "meet_weekly", start=START, reminder_is_set=True, reminder_minutes_before_start=15)
    await desk.does(ANNA, "edit_occurrence", uid, 3, reminder_minutes_before_start=60)
    master = await desk.master(ANNA, uid)
    assert (master.reminder, [(one.original_start, one.reminder) for one in master.exceptions]) == (
        15,
        [(start(3), 60)],
    )


@pytest.mark.rule("REC-1", "ID-5", "ID-8", "INV-4")
@pytest.mark.parametrize(
    "pattern",
    [
        WEEKLY,
        Recurrence("daily", 2),
        Recurrence("weekly", weekdays=("MO", "TU", "WE", "TH", "FR")),
        Recurrence("monthly", day_of_month=1, end="by", until=date(2027, 11, 1)),
        Recurrence("monthly", weekdays=("TU",), week_of_month=1),
        Recurrence("yearly", day_of_month=1, month=12),
        Recurrence("yearly", 2, weekdays=("TU",), week_of_month=1, month=12),
    ],
)
async def test_a_series_is_created_with_its_pattern_and_read_as_it_was_written(
    desk: SeriesDesk, pattern: Recurrence
) -> None:
    made = await desk.meet(replace(MEETING, recurrence=pattern))
    [found] = await desk.exchange.find_by_marker(ANNA, "crm-1", Kind.SCHEDULE_ITEM)
    assert isinstance(found, Copy)
    assert (found.item_id, found.recurrence, found.start) == (made.item_id, pattern, START)
    second = await desk.nth(found, 2)
    assert second.original_start == Series(pattern, START, "Europe/Berlin").start_of(2)
    assert desk.mails() == 0


@pytest.mark.rule("REC-2", "MAP-1")
async def test_a_single_item_becomes_a_series_and_a_series_a_single_item(desk: SeriesDesk) -> None:
    made = await desk.meet(replace(MEETING, attendees=()))
    series = await desk.exchange.update(ANNA, made, Edit(times=TIMES, recurrence=WEEKLY))
    assert (await desk.copy(ANNA, series.item_id)).recurrence == WEEKLY
    single = await desk.exchange.update(ANNA, series, Edit(recurrence=None))
    copy = await desk.copy(ANNA, single.item_id)
    assert (copy.shape, copy.recurrence, copy.start) == (Shape.SINGLE, None, START)


@pytest.mark.rule("REC-3", "MAP-1", "ALM-4", "INV-4")
async def test_one_occurrence_is_changed_by_its_own_id_and_nobody_is_told(desk: SeriesDesk) -> None:
    uid = await desk.does(ANNA, "meet_weekly", start=START, required=[BOB])
    mails = desk.mails()
    master = await desk.master(ANNA, uid)
    await desk.edit_nth(master, 3, Edit(location="Room 9", reminder=5))
    await desk.edit_nth(master, 5, Edit(times=Times(start(5) + HOUR, start(5) + 2 * HOUR)))
    changed = await desk.master(ANNA, uid)
    third, fifth = changed.exceptions
    assert (third.original_start, third.location, third.reminder, third.start) == (start(3), "Room 9", 5, start(3))
    assert (fifth.original_start, fifth.start, fifth.location) == (start(5), start(5) + HOUR, master.location)
    assert replace(changed, change_key=master.change_key, modified_at=master.modified_at, exceptions=()) == master, (
        "the series itself is what it was"
    )
    assert desk.mails() == mails


@pytest.mark.rule("REC-3", "ID-1")
async def test_an_occurrence_of_an_all_day_series_that_was_given_an_hour_is_known_by_its_day(desk: SeriesDesk) -> None:
    day = START.date()
    uid = await desk.does(ANNA, "meet_weekly", start=day, end=day + timedelta(days=1))
    master = await desk.master(ANNA, uid)
    await desk.edit_nth(master, 3, Edit(times=Times(start(3), start(3) + HOUR, zone="Europe/Berlin")))
    third = await desk.nth(master, 3)
    assert (third.original_start, third.start, third.all_day) == (day + 2 * WEEK, start(3), False)
    [exception] = (await desk.master(ANNA, uid)).exceptions
    assert (exception.original_start, exception.start) == (third.original_start, third.start)


@pytest.mark.rule("REC-4", "INV-4", "DEL-1")
async def test_one_occurrence_is_deleted_and_the_series_remains(desk: SeriesDesk) -> None:
    uid = await desk.does(ANNA, "meet_weekly", start=START, required=[BOB])
    mails = desk.mails()
    master = await desk.master(ANNA, uid)
    await desk.exchange.delete(ANNA, (await desk.nth(master, 6)).item_id)
    assert await desk.exchange.occurrence(ANNA, master.item_id, 6) == Gone(master.item_id)
    left = await desk.master(ANNA, uid)
    assert (left.item_id, left.deleted_starts) == (master.item_id, (start(6),))
    assert (await desk.nth(left, 7)).original_start == start(7), "deleted ones count"
    assert desk.mails() == mails


@pytest.mark.rule("ID-1")
@pytest.mark.parametrize("index", [0, -1, 11])
async def test_there_is_no_occurrence_beyond_the_pattern(desk: SeriesDesk, index: int) -> None:
    uid = await desk.does(ANNA, "meet_weekly", start=START, count=10)
    master = await desk.master(ANNA, uid)
    assert await desk.exchange.occurrence(ANNA, master.item_id, index) == Gone(master.item_id)


@pytest.mark.rule("REC-5")
@pytest.mark.scenario("S04d")
async def test_s04d_an_occurrence_is_not_moved_past_its_neighbour(desk: SeriesDesk) -> None:
    uid = await desk.does(ANNA, "meet_weekly", start=START)
    master = await desk.master(ANNA, uid)
    with pytest.raises(port.Rejected) as refused:
        await desk.edit_nth(master, 3, Edit(times=Times(start(5), start(5) + HOUR)))
    assert refused.value.code == "ErrorOccurrenceCrossingBoundary"
    assert await desk.master(ANNA, uid) == master


@pytest.mark.rule("REC-3", "INV-4")
async def test_a_change_of_the_series_leaves_what_was_customized(desk: SeriesDesk) -> None:
    uid = await desk.does(ANNA, "meet_weekly", "Jour fixe", start=START, location="Room 1")
    await desk.does(ANNA, "edit_occurrence", uid, 8, subject="Retrospective")
    master = await desk.master(ANNA, uid)
    await desk.exchange.update(
        ANNA, Written(master.item_id, master.change_key), Edit(subject="Team", location="Room 2")
    )
    [eighth] = (await desk.master(ANNA, uid)).exceptions
    assert (eighth.subject, eighth.location) == ("Retrospective", "Room 2")


@pytest.mark.rule("REC-2")
async def test_a_series_that_ends_earlier_is_shorter(desk: SeriesDesk) -> None:
    """As the first half of a series does that was split."""
    uid = await desk.does(ANNA, "meet_weekly", start=START, count=10)
    master = await desk.master(ANNA, uid)
    half = replace(WEEKLY, end="by", count=None, until=start(4).date())
    await desk.exchange.update(ANNA, Written(master.item_id, master.change_key), Edit(times=TIMES, recurrence=half))
    assert (await desk.master(ANNA, uid)).recurrence == half
    assert await desk.exchange.occurrence(ANNA, master.item_id, 5) == Gone(master.item_id)


@pytest.mark.rule("REC-3", "ID-1", "ALM-2")
@pytest.mark.scenario("S21c")
async def test_s21c_an_attendees_copy_of_a_series_has_his_own_exceptions_under_the_same_uid(desk: SeriesDesk) -> None:
    uid = await desk.does(ANNA, "meet_weekly", start=START, required=[BOB])
    await desk.does(BOB, "edit_occurrence", uid, 3, silent=True, reminder_minutes_before_start=60)
    annas, bobs = await desk.master(ANNA, uid), await desk.master(BOB, uid)
    assert (annas.uid, annas.recurrence, annas.exceptions) == (bobs.uid, bobs.recurrence, ())
    assert [(one.original_start, one.reminder) for one in bobs.exceptions] == [(start(3), 60)]


@pytest.mark.rule("REC-3", "ID-1")
@pytest.mark.scenario("S21c")
async def test_s21c_who_is_invited_to_one_occurrence_has_that_one_under_the_series_uid(desk: SeriesDesk) -> None:
    uid = await desk.does(ANNA, "meet_weekly", start=START, required=[XAVER])
    await desk.does(ANNA, "edit_occurrence", uid, 3, required_attendees=[XAVER, BOB])
    [third] = (await desk.master(ANNA, uid)).exceptions
    assert {one.address for one in third.attendees} == {XAVER, BOB}
    [alone] = await desk.exchange.find_by_uid(BOB, uid)
    assert isinstance(alone, Copy)
    assert (alone.original_start, alone.recurrence, alone.uid) == (start(3), None, third.uid)


@pytest.mark.rule("PART-6", "REC-3")
async def test_somebody_is_added_to_one_occurrence_without_a_word(desk: SeriesDesk) -> None:
    uid = await desk.does(ANNA, "meet_weekly", start=START)
    await desk.edit_nth(await desk.master(ANNA, uid), 3, Edit(attendees=(Attendee(Role.REQUIRED, "Bob", BOB),)))
    [third] = (await desk.master(ANNA, uid)).exceptions
    assert [one.address for one in third.attendees] == [BOB]
    assert desk.mails() == 0


# tasks

TASKS = Recurrence("weekly", weekdays=("TU",), end="after", count=3)
DUE = START.date()


@pytest.mark.rule("REC-1", "MAP-2")
async def test_a_task_made_to_recur_in_outlook_is_read_with_its_pattern(desk: SeriesDesk) -> None:
    task = await desk.task(ANNA, await desk.does(ANNA, "make_weekly_task", due=DUE, count=3))
    assert (task.recurrence, task.recurs_from, task.due_day, task.is_recurring) == (TASKS, DUE, DUE, True)


@pytest.mark.rule("REC-1", "ID-7")
async def test_a_recurring_task_that_is_completed_shows_its_next_occurrence(desk: SeriesDesk) -> None:
    """It keeps its id; the answer names what was done, which lies beside it from then on."""
    made = await desk.begin(replace(TASK, start_day=DUE, due_day=DUE, status="NotStarted", recurrence=TASKS))
    task = await desk.task(ANNA, made.item_id)
    assert (task.recurrence, task.recurs_from, task.marker) == (TASKS, DUE, "crm-2")
    written = await desk.exchange.update(ANNA, made, Edit(status="Completed"), kind=Kind.TASK)
    following, done = await desk.task(ANNA, made.item_id), await desk.task(ANNA, written.item_id)
    assert (following.status, following.due_day, following.recurrence) == ("NotStarted", DUE + WEEK, TASKS)
    assert (done.status, done.due_day, done.is_recurring) == ("Completed", DUE, False)
    assert len(await desk.does(ANNA, "tasks")) == 2


@pytest.mark.rule("REC-4")
async def test_the_current_occurrence_of_a_task_is_skipped_and_the_last_one_is_not(desk: SeriesDesk) -> None:
    task_id = await desk.does(ANNA, "make_weekly_task", due=DUE, count=2)
    await desk.exchange.skip(ANNA, task_id)
    assert (await desk.task(ANNA, task_id)).due_day == DUE + WEEK
    with pytest.raises(port.Rejected) as refused:
        await desk.exchange.skip(ANNA, task_id)
    assert refused.value.code == "ErrorCannotDeleteTaskOccurrence"
    assert len(await desk.does(ANNA, "tasks")) == 1, "what is skipped leaves nothing behind"
