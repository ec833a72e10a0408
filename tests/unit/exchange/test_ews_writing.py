"""Writing over EWS to the sandbox Exchange: the suite of the port's writes, and what a real server says besides."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date, timedelta

import pytest

from daemon.exchange import port
from daemon.exchange.ews.backend import EwsExchange
from daemon.exchange.ews.config import EwsConfig
from daemon.exchange.port import Written
from daemon.sandbox.exchange import PATH, ExchangeSandbox, People
from schemas.copies import Kind
from schemas.edits import Body, Edit, New, Times
from tests.support.outlook import Outlook
from tests.unit.exchange.behaviour import ANNA, BOB, CLEO, PEOPLE, START
from tests.unit.exchange.writing import HOUR, MEETING, TASK, UID, Desk, WritingBehaviour


class SandboxDesk(Desk):
    """Mailboxes of a sandbox Exchange, whose owners use Outlook."""

    def __init__(self, sandbox: ExchangeSandbox, url: str) -> None:
        self.url = url
        self.sandbox = sandbox
        config = EwsConfig(
            url + PATH,
            username="sync@bank.example",
            password="secret",
            back_off_first=timedelta(milliseconds=20),
        )
        self.exchange = EwsExchange(config)

    def outlook(self, person: str, *, zone: str = "Europe/Berlin") -> Outlook:
        return Outlook(self.url, person, person.partition("@")[0], zone)

    async def touch(self, mailbox: str, item_id: str) -> None:
        copy = await self.copy(mailbox, item_id)
        await asyncio.to_thread(lambda: self.outlook(mailbox).edit(copy.uid, silent=True, subject="Touched"))

    def sent(self) -> set[tuple[str, str, str]]:
        mails = self.sandbox.world.mails
        return {
            (mail.sender_mailbox, mail.cause.mailbox or mail.sender_mailbox, to) for mail in mails for to in mail.to
        }

    def forget_mails(self) -> None:
        self.sandbox.world.mails.clear()

    def lose_answer(self, operation: str) -> None:
        self.fault("drop_after", operation)

    def fault(self, name: str, operation: str) -> None:
        self.sandbox.faults.add([{"fault": name, "operation": operation}])


@pytest.fixture
async def desk() -> AsyncIterator[SandboxDesk]:
    sandbox = ExchangeSandbox(People.read(PEOPLE))
    running = SandboxDesk(sandbox, await sandbox.start())
    yield running
    await running.exchange.close()
    await sandbox.stop()


class TestEwsWriting(WritingBehaviour):
    """Nothing of its own: what EWS alone does is tested below."""


async def test_an_attendees_own_copy_is_written_without_a_word_to_the_organizer(desk: SandboxDesk) -> None:
    uid = await asyncio.to_thread(lambda: desk.outlook(ANNA).meet(start=START, required=[BOB], subject="Theirs"))
    mails = desk.mails()
    [annas], [bobs] = [await desk.exchange.find_by_uid(person, uid) for person in (ANNA, BOB)]
    await desk.exchange.update(BOB, Written(bobs.item_id, bobs.change_key), Edit(subject="Mine", reminder=5))
    assert await desk.copy(ANNA, annas.item_id) == annas
    changed = await desk.copy(BOB, bobs.item_id)
    assert changed == replace(
        bobs, subject="Mine", reminder=5, change_key=changed.change_key, modified_at=changed.modified_at
    )
    await desk.exchange.delete(BOB, bobs.item_id)
    assert await desk.copy(ANNA, annas.item_id) == annas
    assert desk.mails() == mails


@pytest.mark.rule("PART-7")
async def test_who_stays_invited_keeps_his_answer(desk: SandboxDesk) -> None:
    uid = await asyncio.to_thread(lambda: desk.outlook(ANNA).meet(start=START, required=[BOB], subject="Theirs"))
    await asyncio.to_thread(lambda: desk.outlook(BOB).accept(uid))
    [annas] = await desk.exchange.find_by_uid(ANNA, uid)
    more = (*annas.attendees, *(one for one in MEETING.attendees if one.address != BOB))
    await desk.exchange.update(ANNA, Written(annas.item_id, annas.change_key), Edit(attendees=more))
    answers = {one.address: one.response for one in (await desk.copy(ANNA, annas.item_id)).attendees}
    assert answers[BOB] is annas.attendees[0].response
    assert len(answers) == len(more)


async def test_what_a_person_made_in_outlook_is_updated_and_deleted_too(desk: SandboxDesk) -> None:
    task_id = await asyncio.to_thread(lambda: desk.outlook(ANNA).make_task("Hers", due=date(2026, 12, 24)))
    task = await desk.task(ANNA, task_id)
    assert (task.subject, task.due_day, task.marker) == ("Hers", date(2026, 12, 24), None)
    edit = Edit(status="Completed", due_day=date(2026, 12, 31))
    done = await desk.exchange.update(ANNA, Written(task_id, task.change_key), edit, kind=Kind.TASK)
    seen = await asyncio.to_thread(lambda: desk.outlook(ANNA).task(task_id))
    assert (seen.status, seen.is_complete, seen.due_date) == ("Completed", True, date(2026, 12, 31))
    task = await desk.task(ANNA, done.item_id)
    assert (task.status, task.percent) == ("Completed", 100)
    assert task.completed_on is not None


@pytest.mark.rule("MAP-2")
@pytest.mark.parametrize("zone", ["Pacific/Auckland", "Pacific/Honolulu", "Asia/Kolkata", "Europe/London"])
async def test_the_days_of_a_task_are_the_same_wherever_its_owner_sits(desk: SandboxDesk, zone: str) -> None:
    made = await desk.begin()
    seen = await asyncio.to_thread(lambda: desk.outlook(ANNA, zone=zone).task(made.item_id))
    assert (seen.start_date, seen.due_date) == (TASK.start_day, TASK.due_day)
    own_id = await asyncio.to_thread(lambda: desk.outlook(ANNA, zone=zone).make_task("Hers", due=date(2026, 12, 24)))
    assert (await desk.task(ANNA, own_id)).due_day == date(2026, 12, 24)


@pytest.mark.rule("ID-5")
@pytest.mark.parametrize("fault", ["drop_after", "error_after"])
async def test_after_an_error_that_came_too_late_the_item_is_found(desk: SandboxDesk, fault: str) -> None:
    desk.fault(fault, "CreateItem")
    with pytest.raises(port.Unavailable):
        await desk.meet()
    [there] = await desk.found("crm-1", Kind.SCHEDULE_ITEM)
    desk.fault(fault, "UpdateItem")
    with pytest.raises(port.Unavailable):
        await desk.exchange.update(ANNA, Written(there.item_id, there.change_key), Edit(subject="Ours"))
    [there] = await desk.found("crm-1", Kind.SCHEDULE_ITEM)
    assert there.subject == "Ours"
    desk.fault(fault, "DeleteItem")
    with pytest.raises(port.Unavailable):
        await desk.exchange.delete(ANNA, there.item_id)
    [there] = await desk.found("crm-1", Kind.SCHEDULE_ITEM)
    assert there.folder == "deleted_items"


@pytest.mark.parametrize(
    ("edit", "code"),
    [
        (Edit(times=Times(START, START - HOUR)), "ErrorCalendarEndDateIsEarlierThanStartDate"),
        (Edit(times=Times(START, START + timedelta(days=4000))), "ErrorCalendarDurationIsTooLong"),
        (Edit(subject="x" * 300), "ErrorPropertyValidationFailure"),
    ],
    ids=["ends before it starts", "eleven years", "long subject"],
)
async def test_what_exchange_will_never_take_is_rejected_and_pauses_nobody(
    desk: SandboxDesk, edit: Edit, code: str
) -> None:
    made = await desk.meet()
    before = await desk.copy(ANNA, made.item_id)
    for attempt in (
        lambda: desk.exchange.update(ANNA, made, edit),
        lambda: desk.exchange.create(ANNA, New(kind=Kind.SCHEDULE_ITEM, marker="crm-9", uid=None, edit=edit)),
    ):
        with pytest.raises(port.Rejected) as rejected:
            await attempt()
        assert (rejected.value.mailbox, rejected.value.code) == (ANNA, code)
    assert await desk.copy(ANNA, made.item_id) == before
    assert await desk.exchange.find_by_marker(ANNA, "crm-9", Kind.SCHEDULE_ITEM) == ()


@pytest.mark.rule("DEL-4")
@pytest.mark.scenario("S22d")
async def test_s22d_a_mailbox_nobody_may_write_to_is_denied(desk: SandboxDesk) -> None:
    for attempt in (
        lambda: desk.meet(mailbox=CLEO),
        lambda: desk.exchange.update(CLEO, Written("AAMk", "CK"), Edit(subject="x")),
        lambda: desk.exchange.delete(CLEO, "AAMk"),
    ):
        with pytest.raises(port.Denied) as denied:
            await attempt()
        assert denied.value.mailbox == CLEO


@pytest.mark.scenario("S25a")
async def test_s25a_what_xml_cannot_carry_is_mended_on_its_way_out(desk: SandboxDesk) -> None:
    made = await desk.meet(
        Edit(subject="Tea \ud83d cake\x0b", body=Body("a\x00b 🍰"), times=Times(START, START + HOUR))
    )
    copy = await desk.copy(ANNA, made.item_id)
    assert (copy.subject, copy.body, copy.uid) == ("Tea \ufffd cake\ufffd", "a\ufffdb 🍰", UID)
