"""Delegates over EWS on the sandbox Exchange: the suite of the port's delegates, and what people see of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from daemon.exchange import port
from daemon.exchange.port import Written
from daemon.sandbox.exchange import ExchangeSandbox, People
from schemas.copies import Attendee, Copy, Kind, Role
from schemas.delegates import CALENDAR_EDITOR, EDITOR, Rights
from schemas.edits import Edit
from schemas.items import Recurrence
from schemas.sending import Sending, Whom
from tests.unit.exchange.behaviour import ANNA, BOB, CLEO, PEOPLE, START, XENIA
from tests.unit.exchange.delegating import BOB_MAILS_ALL, BY_BOB, MEETING, DelegatingBehaviour, invite, let, meet, to
from tests.unit.exchange.test_ews_writing import SandboxDesk
from tests.unit.exchange.writing import UID

Seen = list[tuple[str, str, str]]


@pytest.fixture
async def desk() -> AsyncIterator[SandboxDesk]:
    sandbox = ExchangeSandbox(People.read(PEOPLE))
    running = SandboxDesk(sandbox, await sandbox.start())
    yield running
    await running.exchange.close()
    await sandbox.stop()


async def does(desk: SandboxDesk, person: str, what: str, *args: Any, **how: Any) -> Any:
    """Somebody does something in Outlook."""
    return await asyncio.to_thread(lambda: getattr(desk.outlook(person), what)(*args, **how))


async def read_by(desk: SandboxDesk, person: str) -> Seen:
    """The meeting messages somebody got: what, from whom, and who sent it."""
    return [(each.kind, each.author, each.sender) for each in await does(desk, person, "received")]


class TestEwsDelegating(DelegatingBehaviour):
    """Nothing of its own: what EWS alone does is tested below."""


@pytest.mark.rule("INV-2")
async def test_who_is_invited_reads_for_whom_and_by_whom_and_the_delegate_keeps_it(desk: SandboxDesk) -> None:
    await let(desk)
    made = await meet(desk, sending=BOB_MAILS_ALL)
    copy = await desk.copy(ANNA, made.item_id)
    await desk.exchange.update(ANNA, Written(copy.item_id, copy.change_key), Edit(location="Room 4"), sending=BY_BOB)
    copy = await desk.copy(ANNA, made.item_id)
    moved = Edit(subject="Moved")
    await desk.exchange.update(ANNA, Written(copy.item_id, copy.change_key), moved, sending=Sending(Whom.ALL))
    await desk.exchange.delete(ANNA, made.item_id, sending=BOB_MAILS_ALL)
    assert await read_by(desk, CLEO) == [("invitation", ANNA, BOB), ("update", ANNA, ANNA), ("cancellation", ANNA, BOB)]
    assert await read_by(desk, ANNA) == []
    assert await read_by(desk, BOB) == []


@pytest.mark.rule("INV-1")
async def test_a_delegate_made_in_outlook_and_one_made_by_us_are_alike(desk: SandboxDesk) -> None:
    await does(desk, ANNA, "add_delegate", BOB, deliver="DelegatesAndMe", calendar="Author", tasks="Reviewer")
    found = await desk.exchange.delegates(ANNA)
    assert (found.deliver, found.rights) == ("DelegatesAndMe", {BOB: Rights("Author", "Reviewer")})
    wanted = found.rights[BOB].as_editor()
    await desk.exchange.update_delegate(ANNA, BOB, wanted, deliver=found.deliver)
    [bob] = (await does(desk, ANNA, "delegates")).values()
    levels = bob.delegate_permissions
    assert (levels.calendar_folder_permission_level, levels.tasks_folder_permission_level) == (EDITOR, "Reviewer")
    await desk.exchange.update_delegate(ANNA, BOB, found.rights[BOB].restorable(), deliver=found.deliver)
    assert await desk.exchange.delegates(ANNA) == found
    await does(desk, ANNA, "remove_delegate", BOB)
    with pytest.raises(port.Missing):
        await desk.exchange.remove_delegate(ANNA, BOB)


@pytest.mark.rule("INV-1")
async def test_a_calendar_of_rights_that_nobody_can_name_is_closed_at_the_end(desk: SandboxDesk) -> None:
    """And a folder of such rights that is none of our business is left alone."""
    await let(desk, Rights("Author"))
    delegates = desk.sandbox.world.delegates
    unnamed = {"calendar": "Custom", "inbox": "Custom"}
    delegates.update(ANNA, BOB, delegates.rights(ANNA, BOB).changed(unnamed))
    prior = (await desk.exchange.delegates(ANNA)).rights[BOB]
    await desk.exchange.update_delegate(ANNA, BOB, prior.as_editor(), deliver="")
    assert (await desk.exchange.delegates(ANNA)).rights == {BOB: replace(prior, calendar=EDITOR)}
    await desk.exchange.update_delegate(ANNA, BOB, prior.restorable(), deliver="")
    assert (await desk.exchange.delegates(ANNA)).rights == {BOB: replace(prior, calendar="None")}


@pytest.mark.rule("INV-1")
@pytest.mark.parametrize(
    ("delegate", "kind"), [("nobody@bank.example", port.Rejected), ("xaver@else.example", port.Rejected)]
)
async def test_who_has_no_mailbox_here_becomes_nobodys_delegate(
    desk: SandboxDesk, delegate: str, kind: type[port.ExchangeError]
) -> None:
    with pytest.raises(kind):
        await desk.exchange.add_delegate(ANNA, delegate, CALENDAR_EDITOR, deliver="")
    assert (await desk.exchange.delegates(ANNA)).rights == {}


@pytest.mark.rule("INV-1")
async def test_the_delegates_of_a_mailbox_that_is_closed_to_us_are_denied(desk: SandboxDesk) -> None:
    for attempt in (
        lambda: desk.exchange.delegates(CLEO),
        lambda: desk.exchange.add_delegate(CLEO, BOB, CALENDAR_EDITOR, deliver=""),
        lambda: desk.exchange.remove_delegate(CLEO, BOB),
    ):
        with pytest.raises(port.Denied) as denied:
            await attempt()
        assert denied.value.mailbox == CLEO


@pytest.mark.rule("INV-2")
async def test_a_delegate_whom_we_may_not_be_is_denied_and_nobody_is_mailed(desk: SandboxDesk) -> None:
    """The right to impersonate must reach delegates, too; to be a delegate is another thing."""
    await desk.exchange.add_delegate(ANNA, CLEO, CALENDAR_EDITOR, deliver="")
    with pytest.raises(port.Denied) as denied:
        await meet(desk, sending=Sending(Whom.ALL, acting=CLEO))
    assert (denied.value.mailbox, desk.sent()) == (CLEO, to())
    assert await desk.found("crm-1", Kind.SCHEDULE_ITEM) == []


@pytest.mark.rule("INV-2")
async def test_a_delegate_with_an_old_name_mails_as_himself(desk: SandboxDesk) -> None:
    await desk.exchange.add_delegate(ANNA, XENIA, CALENDAR_EDITOR, deliver="")
    await meet(desk, sending=Sending(Whom.ALL, acting=XENIA))
    assert desk.sent() == to(CLEO, sender=XENIA)


@pytest.mark.rule("INV-4")
@pytest.mark.parametrize("operation", ["CreateItem", "UpdateItem", "DeleteItem"])
async def test_a_delegates_write_whose_answer_was_lost_is_made_and_mailed_once(
    desk: SandboxDesk, operation: str
) -> None:
    await let(desk)
    made = await invite(desk) if operation != "CreateItem" else Written("", "")
    writes: dict[str, Callable[[], Awaitable[object]]] = {
        "CreateItem": lambda: meet(desk, sending=BOB_MAILS_ALL),
        "UpdateItem": lambda: desk.exchange.update(ANNA, made, Edit(subject="Other"), sending=BOB_MAILS_ALL),
        "DeleteItem": lambda: desk.exchange.delete(ANNA, made.item_id, sending=BOB_MAILS_ALL),
    }
    desk.lose_answer(operation)
    with pytest.raises(port.Unavailable):
        await writes[operation]()
    assert [(mail.sender, mail.to) for mail in desk.sandbox.world.mails] == [(BOB, (CLEO,))]


@pytest.mark.rule("INV-1", "INV-4")
@pytest.mark.parametrize("operation", ["AddDelegate", "UpdateDelegate", "RemoveDelegate"])
async def test_a_change_of_delegates_whose_answer_was_lost_is_made(desk: SandboxDesk, operation: str) -> None:
    if operation != "AddDelegate":
        await let(desk, Rights("Author"))
    changes: dict[str, Callable[[], Awaitable[object]]] = {
        "AddDelegate": lambda: let(desk),
        "UpdateDelegate": lambda: desk.exchange.update_delegate(ANNA, BOB, CALENDAR_EDITOR, deliver=""),
        "RemoveDelegate": lambda: desk.exchange.remove_delegate(ANNA, BOB),
    }
    desk.lose_answer(operation)
    with pytest.raises(port.Unavailable):
        await changes[operation]()
    there = {name: rights.level("calendar") for name, rights in desk.sandbox.world.delegates.of(ANNA).items()}
    assert there == ({} if operation == "RemoveDelegate" else {BOB: EDITOR})


@pytest.mark.rule("INV-2", "INV-3")
async def test_a_delegate_invites_to_a_series_and_to_one_occurrence_more(desk: SandboxDesk) -> None:
    await let(desk)
    made = await meet(
        desk, replace(MEETING, recurrence=Recurrence("weekly", end="after", count=3)), sending=BOB_MAILS_ALL
    )
    second = await desk.exchange.occurrence(ANNA, made.item_id, 2)
    assert isinstance(second, Copy)
    guest = Attendee(Role.OPTIONAL, "Xenia Moved", XENIA)
    await desk.exchange.update(
        ANNA,
        Written(second.item_id, second.change_key),
        Edit(attendees=(*MEETING.attendees, guest)),
        sending=Sending(Whom.ADDED, acting=BOB),
    )
    told = await does(desk, XENIA, "received")
    assert [(each.kind, each.author, each.sender) for each in told] == [("invitation", ANNA, BOB)]
    assert told[0].start == second.start
    assert await read_by(desk, CLEO) == [("invitation", ANNA, BOB)]
    [theirs] = await desk.exchange.find_by_uid(XENIA, UID)
    assert isinstance(theirs, Copy)
    assert theirs.start is not None
    assert theirs.start > START
