"""What writing does, whatever the server speaks: the suite of the port's writes.

A module of tests subclasses `WritingBehaviour` and gives it a `desk`: mailboxes of Anna and Bob, who has an X500 name
behind him in the directory, the backend under test, and somebody who touches items behind its back.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from daemon.exchange import port
from daemon.exchange.port import Written
from schemas.copies import Attendee, Copy, Folder, Kind, Role, TaskCopy
from schemas.edits import Body, Edit, New, Times
from schemas.items import Response
from tests.unit.exchange.behaviour import ANNA, BOB, ROOM, START, XAVER

UID = "040000008200E00074C5B7101A82E008" + "00000000" + "5E" * 36
HOUR = timedelta(hours=1)
X500 = "/o=Sandbox/ou=Exchange/cn=Recipients/cn=nobody-knows"
PEOPLE = (
    Attendee(Role.REQUIRED, "Bob Braun", BOB),
    Attendee(Role.REQUIRED, "Old Hand", X500, routing_type="EX"),
    Attendee(Role.OPTIONAL, "Xaver Else", XAVER, mailbox_type="OneOff"),
    Attendee(Role.RESOURCE, "Room 4", ROOM),
)
MEETING = Edit(
    subject="Review & plan <b>",
    body=Body("<html><body><p>Bring the <i>map</i></p></body></html>", html=True),
    importance="High",
    sensitivity="Private",
    location="Room 4",
    times=Times(START, START + HOUR, zone="Europe/Berlin"),
    attendees=PEOPLE,
    reminder=0,
)
TASK = Edit(
    subject="Call back",
    body=Body("One\nTwo"),
    importance="Low",
    sensitivity="Private",
    status="InProgress",
    start_day=date(2026, 12, 1),
    due_day=date(2026, 12, 24),
    remind_at=datetime(2026, 12, 23, 8, 30, tzinfo=UTC),
)
STATUSES = ("NotStarted", "InProgress", "Completed", "WaitingOnOthers", "Deferred")


class Desk(ABC):
    """Mailboxes and the backend that writes to them."""

    exchange: port.Exchange

    @abstractmethod
    async def touch(self, mailbox: str, item_id: str) -> None:
        """Somebody else changes an item's subject."""

    @abstractmethod
    def sent(self) -> set[tuple[str, str, str]]:
        """The mails that have left the mailboxes: from whom, sent by whom, to whom."""

    @abstractmethod
    def forget_mails(self) -> None:
        """Those that have left so far count no more."""

    def mails(self) -> int:
        """How many mails have left the mailboxes."""
        return len(self.sent())

    @abstractmethod
    def lose_answer(self, operation: str) -> None:
        """The next such operation is carried out, and nobody is told."""

    async def copy(self, mailbox: str, item_id: str) -> Copy:
        [answer] = await self.exchange.get(mailbox, [item_id])
        assert isinstance(answer, Copy), f"not read: {answer}"
        return answer

    async def task(self, mailbox: str, item_id: str) -> TaskCopy:
        [answer] = await self.exchange.get_tasks(mailbox, [item_id])
        assert isinstance(answer, TaskCopy), f"not read: {answer}"
        return answer

    async def meet(self, edit: Edit = MEETING, *, mailbox: str = ANNA) -> Written:
        """Creates a calendar item of CRM item `crm-1`."""
        new = New(kind=Kind.SCHEDULE_ITEM, marker="crm-1", uid=UID, edit=edit)
        return await self.exchange.create(mailbox, new)

    async def begin(self, edit: Edit = TASK) -> Written:
        """Creates a task of CRM item `crm-2` in Anna's list."""
        return await self.exchange.create(ANNA, New(kind=Kind.TASK, marker="crm-2", uid=None, edit=edit))

    async def found(self, marker: str, kind: Kind) -> list[Copy | TaskCopy]:
        """What Anna's mailbox has under a marker, once the server lets us ask."""
        while True:
            try:
                answers = await self.exchange.find_by_marker(ANNA, marker, kind)
            except port.Busy as busy:
                await asyncio.sleep(busy.back_off.total_seconds())
            else:
                assert all(isinstance(answer, Copy | TaskCopy) for answer in answers)
                return [answer for answer in answers if isinstance(answer, Copy | TaskCopy)]


def same(copy: Copy, other: Copy) -> bool:
    """Whether two copies differ in nothing but what every write changes."""
    return replace(copy, change_key="", modified_at=None) == replace(other, change_key="", modified_at=None)


def people(copy: Copy) -> set[tuple[Role, str, str]]:
    return {(one.role, one.address, one.routing_type) for one in copy.attendees}


class WritingBehaviour:
    """The suite."""

    @pytest.mark.rule("ID-5", "MAP-2")
    async def test_a_meeting_is_created_with_its_identity_and_nobody_is_told(self, desk: Desk) -> None:
        made = await desk.meet()
        copy = await desk.copy(ANNA, made.item_id)
        assert (copy.marker, copy.uid, copy.change_key) == ("crm-1", UID, made.change_key)
        assert (copy.subject, copy.location) == ("Review & plan <b>", "Room 4")
        assert (copy.importance, copy.sensitivity, copy.reminder) == ("High", "Private", 0)
        assert (copy.start, copy.end, copy.all_day) == (START, START + HOUR, False)
        assert (copy.folder, copy.is_meeting, copy.my_response) == (Folder.CALENDAR, True, Response.ORGANIZER)
        assert copy.zone == "Europe/Berlin"
        assert (copy.body, copy.html) == ("<html><body><p>Bring the <i>map</i></p></body></html>", True)
        assert people(copy) == {(one.role, one.address, one.routing_type) for one in PEOPLE}
        assert desk.mails() == 0

    @pytest.mark.rule("ALM-1", "MAP-2")
    async def test_a_plain_appointment_has_no_attendees_and_no_reminder(self, desk: Desk) -> None:
        times = Times(date(2026, 12, 24), date(2026, 12, 27), all_day=True, zone="America/New_York")
        made = await desk.meet(Edit(subject="Away", times=times, reminder=None), mailbox=BOB)
        copy = await desk.copy(BOB, made.item_id)
        assert (copy.is_meeting, copy.attendees, copy.reminder, copy.body) == (False, (), None, "")
        assert (copy.all_day, copy.start, copy.end) == (True, date(2026, 12, 24), date(2026, 12, 27))
        assert copy.zone == "America/New_York"

    @pytest.mark.rule("MAP-1", "MAP-4")
    @pytest.mark.parametrize(
        ("edit", "expected"),
        [
            (Edit(subject=""), {"subject": ""}),
            (Edit(subject="Other"), {"subject": "Other"}),
            (Edit(location=""), {"location": ""}),
            (Edit(importance="Low"), {"importance": "Low"}),
            (Edit(sensitivity="Normal"), {"sensitivity": "Normal"}),
            (Edit(reminder=None), {"reminder": None}),
            (Edit(reminder=30), {"reminder": 30}),
            (Edit(reminder=0), {}),
            (
                Edit(times=Times(START + HOUR, START + 3 * HOUR)),
                {"start": START + HOUR, "end": START + 3 * HOUR},
            ),
            (
                Edit(times=Times(date(2026, 12, 24), date(2026, 12, 25), all_day=True, zone="Europe/Berlin")),
                {"start": date(2026, 12, 24), "end": date(2026, 12, 25), "all_day": True},
            ),
            (Edit(body=Body("Plain\nand short")), {"body": "Plain\nand short", "html": False}),
            (Edit(body=Body("")), {"body": "", "html": False}),
            (Edit(body=Body("<p>Rich</p>", html=True)), {"body": "<p>Rich</p>", "html": True}),
        ],
        ids=lambda value: repr(value)[:60],
    )
    async def test_only_what_the_edit_names_changes(self, desk: Desk, edit: Edit, expected: dict[str, object]) -> None:
        made = await desk.meet()
        before = await desk.copy(ANNA, made.item_id)
        written = await desk.exchange.update(ANNA, made, edit)
        after = await desk.copy(ANNA, made.item_id)
        assert written == Written(made.item_id, after.change_key)
        assert {name: getattr(after, name) for name in expected} == expected
        assert same(after, replace(before, **expected))
        assert desk.mails() == 0

    @pytest.mark.rule("MAP-1")
    async def test_an_empty_edit_writes_nothing(self, desk: Desk) -> None:
        made = await desk.meet()
        assert await desk.exchange.update(ANNA, made, Edit()) == made
        assert (await desk.copy(ANNA, made.item_id)).change_key == made.change_key

    async def test_every_write_leaves_a_change_key_for_the_next(self, desk: Desk) -> None:
        first = await desk.meet()
        second = await desk.exchange.update(ANNA, first, Edit(subject="Second"))
        third = await desk.exchange.update(ANNA, second, Edit(subject="Third"))
        assert len({first.change_key, second.change_key, third.change_key}) == 3
        assert (await desk.copy(ANNA, third.item_id)).change_key == third.change_key

    async def test_what_somebody_changed_meanwhile_is_not_overwritten(self, desk: Desk) -> None:
        made = await desk.meet()
        await desk.touch(ANNA, made.item_id)
        touched = await desk.copy(ANNA, made.item_id)
        for key in (made.change_key, ""):
            with pytest.raises(port.Changed) as changed:
                await desk.exchange.update(ANNA, Written(made.item_id, key), Edit(subject="Ours", reminder=None))
            assert changed.value.mailbox == ANNA
        assert await desk.copy(ANNA, made.item_id) == touched
        await desk.exchange.update(ANNA, Written(made.item_id, touched.change_key), Edit(subject="Ours"))
        assert (await desk.copy(ANNA, made.item_id)).subject == "Ours"

    @pytest.mark.rule("PART-4", "PART-7")
    async def test_attendees_are_written_whole_and_named_as_they_were(self, desk: Desk) -> None:
        made = await desk.meet()
        before = await desk.copy(ANNA, made.item_id)
        fewer = tuple(one for one in before.attendees if one.address != BOB)
        written = await desk.exchange.update(ANNA, made, Edit(attendees=fewer))
        after = await desk.copy(ANNA, made.item_id)
        assert people(after) == people(before) - {(Role.REQUIRED, BOB, "SMTP")}
        assert same(replace(after, attendees=()), replace(before, attendees=()))
        await desk.exchange.update(ANNA, written, Edit(attendees=()))
        assert (await desk.copy(ANNA, made.item_id)).attendees == ()
        assert desk.mails() == 0

    async def test_what_is_deleted_lies_in_deleted_items_under_another_id(self, desk: Desk) -> None:
        made = await desk.meet()
        await desk.exchange.delete(ANNA, made.item_id)
        assert await desk.exchange.get(ANNA, [made.item_id]) == (port.Gone(made.item_id),)
        [deleted] = await desk.found("crm-1", Kind.SCHEDULE_ITEM)
        assert (deleted.folder, deleted.item_id == made.item_id) == (Folder.DELETED_ITEMS, False)
        assert await desk.exchange.find_by_uid(ANNA, UID) == (deleted,)
        assert desk.mails() == 0

    async def test_what_is_not_there_is_missing(self, desk: Desk) -> None:
        made = await desk.meet()
        await desk.exchange.delete(ANNA, made.item_id)
        for attempt in (
            lambda: desk.exchange.update(ANNA, made, Edit(subject="x")),
            lambda: desk.exchange.delete(ANNA, made.item_id),
        ):
            with pytest.raises(port.Missing) as missing:
                await attempt()
            assert missing.value.mailbox == ANNA

    @pytest.mark.rule("ID-5")
    async def test_a_marker_is_found_in_its_mailbox_among_its_kind(self, desk: Desk) -> None:
        meeting = await desk.meet()
        task = await desk.begin()
        await desk.exchange.create(ANNA, New(kind=Kind.TASK, marker="crm-1", uid=None, edit=Edit(subject="Same id")))
        assert [one.item_id for one in await desk.found("crm-1", Kind.SCHEDULE_ITEM)] == [meeting.item_id]
        assert [one.item_id for one in await desk.found("crm-2", Kind.TASK)] == [task.item_id]
        assert await desk.found("crm-2", Kind.SCHEDULE_ITEM) == []
        assert await desk.exchange.find_by_marker(BOB, "crm-1", Kind.SCHEDULE_ITEM) == ()
        await desk.exchange.delete(ANNA, meeting.item_id)
        again = await desk.meet()
        found = await desk.found("crm-1", Kind.SCHEDULE_ITEM)
        assert [one.folder for one in found] == [Folder.CALENDAR, Folder.DELETED_ITEMS]
        assert found[0].item_id == again.item_id

    @pytest.mark.rule("ID-5")
    @pytest.mark.parametrize("kind", [Kind.SCHEDULE_ITEM, Kind.TASK])
    async def test_a_create_whose_answer_was_lost_is_found_by_its_marker(self, desk: Desk, kind: Kind) -> None:
        desk.lose_answer("CreateItem")
        uid = UID if kind is Kind.SCHEDULE_ITEM else None
        edit = MEETING if kind is Kind.SCHEDULE_ITEM else TASK
        with pytest.raises(port.Unavailable):
            await desk.exchange.create(ANNA, New(kind=kind, marker="crm-3", uid=uid, edit=edit))
        [there] = await desk.found("crm-3", kind)
        assert there.subject == edit.subject

    async def test_an_update_whose_answer_was_lost_is_there_under_another_change_key(self, desk: Desk) -> None:
        made = await desk.meet()
        desk.lose_answer("UpdateItem")
        with pytest.raises(port.Unavailable):
            await desk.exchange.update(ANNA, made, Edit(subject="Ours"))
        [there] = await desk.found("crm-1", Kind.SCHEDULE_ITEM)
        assert (there.subject, there.change_key == made.change_key) == ("Ours", False)

    @pytest.mark.rule("ID-7", "MAP-2", "ALM-6")
    async def test_a_task_is_created_and_read_in_civil_days(self, desk: Desk) -> None:
        made = await desk.begin()
        task = await desk.task(ANNA, made.item_id)
        assert (task.marker, task.change_key, task.folder) == ("crm-2", made.change_key, Folder.TASKS)
        assert (task.subject, task.body, task.html) == ("Call back", "One\nTwo", False)
        assert (task.importance, task.sensitivity) == ("Low", "Private")
        assert (task.status, task.percent, task.completed_on) == ("InProgress", 0, None)
        assert (task.start_day, task.due_day) == (date(2026, 12, 1), date(2026, 12, 24))
        assert task.remind_at == datetime(2026, 12, 23, 8, 30, tzinfo=UTC)
        assert task.search_key
        assert not task.is_recurring

    @pytest.mark.rule("MAP-1", "MAP-4", "ALM-6")
    @pytest.mark.parametrize(
        ("edit", "expected"),
        [
            (Edit(subject="Other"), {"subject": "Other"}),
            (Edit(due_day=None), {"due_day": None}),
            (Edit(due_day=date(2027, 1, 5)), {"due_day": date(2027, 1, 5)}),
            (Edit(start_day=None, due_day=None), {"start_day": None, "due_day": None}),
            (Edit(remind_at=None), {"remind_at": None}),
            (Edit(remind_at=START), {"remind_at": START}),
            (Edit(status="WaitingOnOthers"), {"status": "WaitingOnOthers"}),
            (Edit(status="NotStarted"), {"status": "NotStarted", "percent": 0}),
        ],
        ids=lambda value: repr(value)[:60],
    )
    async def test_only_what_the_edit_names_changes_in_a_task(
        self, desk: Desk, edit: Edit, expected: dict[str, object]
    ) -> None:
        made = await desk.begin()
        before = await desk.task(ANNA, made.item_id)
        written = await desk.exchange.update(ANNA, made, edit, kind=Kind.TASK)
        after = await desk.task(ANNA, made.item_id)
        assert written == Written(made.item_id, after.change_key)
        assert after == replace(before, **expected, change_key=after.change_key, modified_at=after.modified_at)

    @pytest.mark.scenario("S27")
    @pytest.mark.parametrize("first", STATUSES)
    async def test_s27_share_and_day_of_completion_follow_the_status_from_wherever_it_was(
        self, desk: Desk, first: str
    ) -> None:
        for second in STATUSES:
            made = await desk.begin(replace(TASK, status=first))
            await desk.exchange.update(ANNA, made, Edit(status=second), kind=Kind.TASK)
            task = await desk.task(ANNA, made.item_id)
            is_complete = second == "Completed"
            expected = (second, 100 if is_complete else 0, is_complete)
            assert (task.status, task.percent, task.completed_on is not None) == expected, first

    @pytest.mark.rule("ID-7")
    async def test_the_search_key_of_a_task_stays_when_it_is_deleted(self, desk: Desk) -> None:
        made = await desk.begin()
        before = await desk.task(ANNA, made.item_id)
        await desk.exchange.delete(ANNA, made.item_id)
        assert await desk.exchange.get_tasks(ANNA, [made.item_id]) == (port.Gone(made.item_id),)
        [deleted] = await desk.found("crm-2", Kind.TASK)
        assert isinstance(deleted, TaskCopy)
        assert (deleted.folder, deleted.search_key) == (Folder.DELETED_ITEMS, before.search_key)

    async def test_what_is_no_task_is_unreadable_as_one(self, desk: Desk) -> None:
        made = await desk.meet()
        [answer] = await desk.exchange.get_tasks(ANNA, [made.item_id])
        assert isinstance(answer, port.Unreadable)
