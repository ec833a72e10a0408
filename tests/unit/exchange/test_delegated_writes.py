"""Writes that mail somebody, and writes that a delegate makes: what is asked, in whose name, and what every ending
means."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import timedelta

import pytest

from daemon.exchange import port
from daemon.exchange.ews.backend import EwsExchange
from daemon.exchange.ews.config import EwsConfig
from daemon.exchange.port import Written
from schemas.copies import Kind
from schemas.edits import Edit, New
from schemas.sending import SILENT, Sending, Whom
from tests.unit.exchange import canned
from tests.unit.exchange.canned import NAMES, CannedExchange
from tests.unit.exchange.reference import needs_schema, schema
from tests.unit.exchange.test_limits import Clock
from tests.unit.exchange.test_writes import done, fault, refused

ANNA, BEN = "anna@bank.example", "ben@bank.example"
ITEM = Written("item-1", "CK-1")
EDIT = Edit(subject="Review")
NEW = New(kind=Kind.SCHEDULE_ITEM, marker="crm-1", uid="uid-1", edit=EDIT)
OPERATIONS = {"create": "CreateItem", "update": "UpdateItem", "delete": "DeleteItem"}
MODES = {
    "create": "SendMeetingInvitations",
    "update": "SendMeetingInvitationsOrCancellations",
    "delete": "SendMeetingCancellations",
}
Write = Callable[[EwsExchange, Sending], Awaitable[Written | None]]
WRITES: dict[str, Write] = {
    "create": lambda exchange, sending: exchange.create(ANNA, NEW, sending=sending),
    "update": lambda exchange, sending: exchange.update(ANNA, ITEM, EDIT, sending=sending),
    "delete": lambda exchange, sending: exchange.delete(ANNA, ITEM.item_id, sending=sending),
}
BY_BEN = Sending(Whom.ALL, acting=BEN)


class World:
    """A canned server, and a backend on it by which Ben writes for Anna."""

    def __init__(self, server: CannedExchange, stack: AsyncExitStack) -> None:
        self.server = server
        self.clock = Clock()
        config = EwsConfig(server.url, username="sync@bank.example", password="secret-word")
        self.exchange = EwsExchange(config, clock=self.clock)
        stack.push_async_callback(self.exchange.close)

    def answer(self, answer: canned.Handler | canned.Answer) -> None:
        """What the server says to any write."""
        self.server.answers.update(dict.fromkeys(OPERATIONS.values(), answer))

    def there(self, code: str = "") -> None:
        """What the server says to somebody who asks for an item."""
        message = canned.failed(code) if code else canned.items(canned.meeting("item-1"))
        self.server.answers["GetItem"] = canned.answer("GetItem", message)

    def written(self) -> list[canned.Asked]:
        return [asked for asked in self.server.asked if asked.operation in OPERATIONS.values()]

    async def error_of(self, write: str, sending: Sending = BY_BEN) -> port.ExchangeError:
        with pytest.raises(port.ExchangeError) as failed:
            await WRITES[write](self.exchange, sending)
        return failed.value


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with canned.canned() as server, AsyncExitStack() as stack:
        running = World(server, stack)
        running.answer(done)
        running.there()
        yield running


# What is asked


@needs_schema
@pytest.mark.rule("INV-3", "INV-4")
@pytest.mark.parametrize(
    ("write", "whom", "mode"),
    [
        ("create", Whom.NOBODY, "SendToNone"),
        ("create", Whom.ALL, "SendToAllAndSaveCopy"),
        ("create", Whom.ADDED, "SendToAllAndSaveCopy"),
        ("update", Whom.NOBODY, "SendToNone"),
        ("update", Whom.ALL, "SendToAllAndSaveCopy"),
        ("update", Whom.ADDED, "SendToChangedAndSaveCopy"),
        ("delete", Whom.NOBODY, "SendToNone"),
        ("delete", Whom.ALL, "SendToAllAndSaveCopy"),
        ("delete", Whom.ADDED, "SendToNone"),
    ],
)
async def test_a_write_mails_whom_it_should(world: World, write: str, whom: Whom, mode: str) -> None:
    for sending in (Sending(whom), Sending(whom, acting=BEN)):
        await WRITES[write](world.exchange, sending)
    for asked in world.server.asked:
        assert asked.payload.get(MODES[write]) == mode
        schema().assertValid(asked.payload)


@pytest.mark.rule("INV-4")
async def test_a_task_mails_nobody_whatever_is_said(world: World) -> None:
    await world.exchange.create(ANNA, replace(NEW, kind=Kind.TASK, uid=None), sending=Sending(Whom.ALL))
    await world.exchange.update(ANNA, ITEM, EDIT, kind=Kind.TASK, sending=Sending(Whom.ALL))
    created, updated = world.server.asked
    assert created.payload.get(MODES["create"]) is None
    assert updated.payload.get(MODES["update"]) == "SendToNone"


@pytest.mark.rule("INV-2")
@pytest.mark.parametrize("to", [Whom.NOBODY, Whom.ALL])
@pytest.mark.parametrize("write", WRITES)
async def test_a_delegates_write_is_his_own_call_about_the_owners_mailbox(world: World, write: str, to: Whom) -> None:
    await WRITES[write](world.exchange, Sending(to, acting=BEN))
    [asked] = world.server.asked
    assert (asked.mailbox, asked.headers["X-AnchorMailbox"]) == (BEN, BEN)
    owner = asked.payload.findtext(".//t:DistinguishedFolderId[@Id='calendar']/t:Mailbox/t:EmailAddress", None, NAMES)
    assert owner == (ANNA if write == "create" else None)
    assert asked.item_ids == ([] if write == "create" else ["item-1"])


async def test_the_owners_own_write_names_no_mailbox(world: World) -> None:
    await WRITES["create"](world.exchange, Sending(Whom.ALL))
    [asked] = world.server.asked
    assert asked.mailbox == ANNA
    assert asked.payload.find(".//t:Mailbox", NAMES) is None


# What is answered


@pytest.mark.rule("INV-2")
@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize(
    "code", ["ErrorAccessDenied", "ErrorCreateItemAccessDenied", "ErrorFolderNotFound", "ErrorSendAsDenied"]
)
async def test_a_delegate_who_may_not_is_told_from_a_mailbox_that_is_closed(
    world: World, write: str, code: str
) -> None:
    world.answer(refused(code))
    error = await world.error_of(write)
    assert (type(error), error.code, error.mailbox) == (port.NotAllowed, code, ANNA)
    assert len(world.server.asked) == 1
    assert world.exchange.back_offs() == {}


@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("ErrorImpersonateUserDenied", port.Denied),
        ("ErrorImpersonationDenied", port.Denied),
        ("ErrorAccountDisabled", port.Denied),
        ("ErrorNonExistentMailbox", port.NoMailbox),
        ("ErrorNonPrimarySmtpAddress", port.Misconfigured),
    ],
)
async def test_a_delegate_whom_we_may_not_be_is_about_his_own_mailbox(
    world: World, write: str, code: str, kind: type[port.ExchangeError]
) -> None:
    world.answer(fault(code))
    error = await world.error_of(write)
    assert (type(error), error.code, error.mailbox) == (kind, code, BEN)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("ErrorIrresolvableConflict", port.Changed),
        ("ErrorInvalidPropertySet", port.Rejected),
        ("ErrorInvalidRecipients", port.Rejected),
        ("ErrorOfNextYear", port.Unavailable),
        ("ErrorInvalidIdMalformed", port.Missing),
    ],
)
async def test_what_is_said_of_the_item_is_so_for_a_delegate_too(
    world: World, code: str, kind: type[port.ExchangeError]
) -> None:
    world.answer(refused(code))
    error = await world.error_of("update")
    assert (type(error), error.code, error.mailbox) == (kind, code, ANNA)
    assert len(world.server.asked) == 1


@pytest.mark.rule("INV-2")
@pytest.mark.parametrize("write", ["update", "delete"])
async def test_an_item_that_is_hidden_from_the_delegate_is_not_gone(world: World, write: str) -> None:
    world.answer(refused("ErrorItemNotFound"))
    error = await world.error_of(write)
    assert (type(error), error.mailbox) == (port.NotAllowed, ANNA)
    assert [asked.mailbox for asked in world.written()] == [BEN]
    assert {asked.mailbox for asked in world.server.asked if asked.operation == "GetItem"} == {ANNA}


@pytest.mark.rule("INV-2")
@pytest.mark.parametrize("code", ["ErrorItemNotFound", "ErrorFolderNotFound"])
async def test_a_calendar_that_is_hidden_from_the_delegate_is_not_gone(world: World, code: str) -> None:
    world.answer(refused(code))
    error = await world.error_of("create")
    assert (type(error), error.code, error.mailbox) == (port.NotAllowed, code, ANNA)
    assert len(world.server.asked) == 1


@pytest.mark.parametrize("write", ["update", "delete"])
async def test_an_item_that_its_owner_does_not_have_either_is_gone(world: World, write: str) -> None:
    world.answer(refused("ErrorItemNotFound"))
    world.there("ErrorItemNotFound")
    assert type(await world.error_of(write)) is port.Missing


@pytest.mark.parametrize("write", ["update", "delete"])
async def test_an_item_of_which_nobody_can_tell_is_neither(world: World, write: str) -> None:
    world.answer(refused("ErrorItemNotFound"))
    world.there("ErrorInternalServerError")
    assert type(await world.error_of(write)) is port.Unavailable


async def test_what_the_owner_misses_himself_is_looked_for_no_further(world: World) -> None:
    world.answer(refused("ErrorItemNotFound"))
    assert type(await world.error_of("delete", SILENT)) is port.Missing
    assert len(world.server.asked) == 1


# When it is not made at all


@pytest.mark.scenario("S23a")
@pytest.mark.parametrize("busy", [ANNA, BEN])
async def test_s23a_a_delegate_waits_for_both_mailboxes(world: World, busy: str) -> None:
    world.answer(lambda _: canned.fault("ErrorServerBusy", values={"BackOffMilliseconds": "60000"}))
    with pytest.raises(port.Busy):
        await world.exchange.delete(busy, "item-2")
    world.answer(done)
    error = await world.error_of("update")
    assert isinstance(error, port.Busy)
    assert error.back_off == timedelta(minutes=1)
    assert [asked.mailbox for asked in world.server.asked] == [busy]
    world.clock.pass_(timedelta(minutes=1))
    await WRITES["update"](world.exchange, BY_BEN)
    assert [asked.mailbox for asked in world.server.asked] == [busy, BEN]


@pytest.mark.scenario("S23a")
async def test_s23a_after_a_delegates_call_was_too_much_both_mailboxes_are_left_alone(world: World) -> None:
    world.answer(lambda _: canned.fault("ErrorServerBusy", values={"BackOffMilliseconds": "60000"}))
    error = await world.error_of("update")
    assert isinstance(error, port.Busy)
    assert error.back_off == timedelta(minutes=1)
    assert world.exchange.back_offs() == {ANNA: timedelta(minutes=1), BEN: timedelta(minutes=1)}


async def test_a_delegate_of_himself_takes_one_turn(world: World) -> None:
    await world.exchange.update(ANNA, ITEM, EDIT, sending=Sending(acting=ANNA))
    assert [asked.mailbox for asked in world.server.asked] == [ANNA]
