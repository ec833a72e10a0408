"""Writes over EWS against a server of canned bytes: one call each, and what every ending means."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from aiohttp import web
from lxml import etree
from structlog.testing import capture_logs

from daemon.exchange import port
from daemon.exchange.ews import answers, envelopes, fetching, tasks
from daemon.exchange.ews.backend import Call, EwsExchange
from daemon.exchange.ews.config import EwsConfig
from daemon.exchange.port import Unknown, Unreadable, Written
from schemas.copies import Kind
from schemas.edits import Body, Edit, New, Times
from tests.unit.exchange import canned
from tests.unit.exchange.canned import Asked, CannedExchange
from tests.unit.exchange.reference import needs_schema, schema
from tests.unit.exchange.test_limits import Clock

ANNA = "anna@bank.example"
DAY = date(2026, 12, 24)
ITEM = Written("item-1", "CK-1")
EDIT = Edit(subject="canary merger", body=Body("<p>canary body</p>", html=True))
NEW = New(kind=Kind.SCHEDULE_ITEM, marker="crm-1", uid="canary-uid", edit=EDIT)
OPERATIONS = {"create": "CreateItem", "update": "UpdateItem", "delete": "DeleteItem"}
WRITES: dict[str, Callable[[EwsExchange], Awaitable[Written | None]]] = {
    "create": lambda exchange: exchange.create(ANNA, NEW),
    "update": lambda exchange: exchange.update(ANNA, ITEM, EDIT),
    "delete": lambda exchange: exchange.delete(ANNA, ITEM.item_id),
}


class World:
    """A canned server that takes every write, and a backend on it."""

    def __init__(self, server: CannedExchange, stack: AsyncExitStack) -> None:
        self.server = server
        self.clock = Clock()
        self.calls: list[Call] = []
        config = EwsConfig(server.url, username="sync@bank.example", password="secret-word")
        self.exchange = EwsExchange(config, observe=self.calls.append, clock=self.clock)
        stack.push_async_callback(self.exchange.close)

    def answer(self, answer: canned.Handler | canned.Answer) -> None:
        """What the server says to any write."""
        self.server.answers.update(dict.fromkeys(OPERATIONS.values(), answer))

    async def error_of(self, write: str) -> port.ExchangeError:
        with pytest.raises(port.ExchangeError) as failed:
            await WRITES[write](self.exchange)
        return failed.value


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with canned.canned() as server, AsyncExitStack() as stack:
        running = World(server, stack)
        running.answer(done)
        yield running


def done(asked: Asked) -> bytes:
    if asked.operation == "DeleteItem":
        return canned.answer("DeleteItem", canned.fine(""))
    return canned.answer(
        asked.operation, canned.items('<t:CalendarItem><t:ItemId Id="i" ChangeKey="k"/></t:CalendarItem>')
    )


def refused(code: str) -> canned.Handler:
    return lambda asked: canned.answer(asked.operation, canned.failed(code))


def fault(code: str) -> canned.Handler:
    return lambda _: canned.fault(code)


def page(status: int) -> canned.Handler:
    return lambda _: web.Response(status=status, text="<html>canary</html>", content_type="text/html")


@needs_schema
@pytest.mark.parametrize("write", WRITES)
async def test_a_write_is_one_valid_call_for_its_mailbox(world: World, write: str) -> None:
    written = await WRITES[write](world.exchange)
    assert written == (None if write == "delete" else Written("i", "k"))
    [asked] = world.server.asked
    assert (asked.operation, asked.mailbox) == (OPERATIONS[write], ANNA)
    schema().assertValid(asked.payload)


ENDINGS: list[tuple[str, canned.Handler | canned.Answer, type[port.ExchangeError]]] = [
    ("ErrorIrresolvableConflict", refused("ErrorIrresolvableConflict"), port.Changed),
    ("ErrorStaleObject", refused("ErrorStaleObject"), port.Changed),
    ("ErrorInvalidChangeKey", refused("ErrorInvalidChangeKey"), port.Changed),
    ("ErrorChangeKeyRequired", refused("ErrorChangeKeyRequired"), port.Changed),
    (
        "ErrorChangeKeyRequiredForWriteOperations",
        refused("ErrorChangeKeyRequiredForWriteOperations"),
        port.Changed,
    ),
    ("ErrorItemNotFound", refused("ErrorItemNotFound"), port.Missing),
    ("ErrorInvalidIdMalformed", refused("ErrorInvalidIdMalformed"), port.Missing),
    ("ErrorCalendarCannotUpdateDeletedItem", refused("ErrorCalendarCannotUpdateDeletedItem"), port.Missing),
    ("ErrorInvalidPropertySet", refused("ErrorInvalidPropertySet"), port.Rejected),
    ("ErrorPropertyValidationFailure", refused("ErrorPropertyValidationFailure"), port.Rejected),
    (
        "ErrorCalendarEndDateIsEarlierThanStartDate",
        refused("ErrorCalendarEndDateIsEarlierThanStartDate"),
        port.Rejected,
    ),
    ("ErrorCalendarDurationIsTooLong", refused("ErrorCalendarDurationIsTooLong"), port.Rejected),
    ("ErrorMessageSizeExceeded", refused("ErrorMessageSizeExceeded"), port.Rejected),
    ("ErrorContentConversionFailed", refused("ErrorContentConversionFailed"), port.Rejected),
    ("ErrorInvalidPropertyRequest", refused("ErrorInvalidPropertyRequest"), port.Rejected),
    ("ErrorInvalidRecipients", fault("ErrorInvalidRecipients"), port.Rejected),
    ("ErrorSchemaValidation", fault("ErrorSchemaValidation"), port.Rejected),
    ("Http413", page(413), port.Rejected),
    ("ErrorAccessDenied", refused("ErrorAccessDenied"), port.Denied),
    ("ErrorImpersonateUserDenied", fault("ErrorImpersonateUserDenied"), port.Denied),
    ("ErrorServerBusy", fault("ErrorServerBusy"), port.Busy),
    ("Http503", page(503), port.Busy),
    ("ErrorInternalServerError", refused("ErrorInternalServerError"), port.Unavailable),
    ("ErrorQuotaExceeded", refused("ErrorQuotaExceeded"), port.Unavailable),
    ("ErrorOfNextYear", refused("ErrorOfNextYear"), port.Unavailable),
    ("Http502", page(502), port.Unavailable),
    ("ErrorNonExistentMailbox", fault("ErrorNonExistentMailbox"), port.NoMailbox),
    ("Http401", page(401), port.Misconfigured),
    (envelopes.CUT_OFF, b"", port.Unavailable),
    (envelopes.NOT_WELL_FORMED, b"<a><b></a></s:Envelope>", port.Unavailable),
    (answers.ANSWER_SHORT, lambda asked: canned.answer(asked.operation), port.Unavailable),
]


@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize(
    ("code", "answer", "kind"), ENDINGS, ids=[f"{code}-{kind.__name__}" for code, _, kind in ENDINGS]
)
async def test_a_write_that_fails_is_made_once_and_classified(
    world: World, write: str, code: str, answer: canned.Answer, kind: type[port.ExchangeError]
) -> None:
    world.answer(answer)
    error = await world.error_of(write)
    assert (type(error), error.code, error.mailbox) == (kind, code, ANNA)
    assert len(world.server.asked) == 1
    assert [call.result for call in world.calls] == [code]


@pytest.mark.parametrize("write", ["create", "update"])
async def test_a_success_that_names_no_item_does_not_say_what_became_of_it(world: World, write: str) -> None:
    world.answer(lambda asked: canned.answer(asked.operation, canned.items()))
    error = await world.error_of(write)
    assert (type(error), error.code) == (port.Unavailable, answers.ITEM_MISSING)


@pytest.mark.parametrize("code", ["ErrorIrresolvableConflict", "ErrorItemNotFound", "ErrorInvalidPropertySet"])
async def test_a_refusal_of_one_item_leaves_its_mailbox_open(world: World, code: str) -> None:
    world.answer(refused(code))
    await world.error_of("update")
    assert world.exchange.back_offs() == {}
    world.answer(done)
    assert await world.exchange.update(ANNA, ITEM, EDIT) == Written("i", "k")


@pytest.mark.scenario("S23a")
async def test_s23a_a_busy_mailbox_is_not_written_to_before_its_pause_ends(world: World) -> None:
    world.answer(lambda _: canned.fault("ErrorServerBusy", values={"BackOffMilliseconds": "60000"}))
    first, second = await world.error_of("update"), await world.error_of("delete")
    assert isinstance(first, port.Busy)
    assert isinstance(second, port.Busy)
    assert (first.back_off, second.back_off) == (timedelta(minutes=1), timedelta(minutes=1))
    assert len(world.server.asked) == 1
    world.clock.pass_(timedelta(minutes=1))
    world.answer(done)
    await world.exchange.delete(ANNA, "item-1")


@pytest.mark.rule("MAP-2")
@pytest.mark.parametrize(
    ("edit", "zone_id"),
    [
        (Edit(subject="x"), "UTC"),
        (Edit(times=Times(DAY, DAY + timedelta(days=1), all_day=True)), "UTC"),
        (Edit(times=Times(DAY, DAY + timedelta(days=1), all_day=True, zone="Mars/Olympus")), "UTC"),
        (Edit(times=Times(DAY, DAY + timedelta(days=1), all_day=True, zone="Asia/Tokyo")), "Tokyo Standard Time"),
    ],
    ids=["no times", "no zone", "an unknown zone", "a zone"],
)
async def test_a_write_is_made_in_the_zone_of_its_days(world: World, edit: Edit, zone_id: str) -> None:
    await world.exchange.update(ANNA, ITEM, edit)
    await world.exchange.create(ANNA, replace(NEW, edit=edit))
    for asked in world.server.asked:
        [definition] = etree.fromstring(asked.body).iterfind(".//t:TimeZoneContext/t:TimeZoneDefinition", canned.NAMES)
        assert definition.get("Id") == zone_id


@pytest.mark.parametrize("item_id", ["", " ", "a\x00b", "x" * 5000], ids=ascii)
async def test_an_id_that_cannot_be_sent_is_missing(world: World, item_id: str) -> None:
    for attempt in (
        lambda: world.exchange.update(ANNA, Written(item_id, "CK"), EDIT),
        lambda: world.exchange.delete(ANNA, item_id),
    ):
        with pytest.raises(port.Missing) as missing:
            await attempt()
        assert missing.value.code == fetching.ID_NOT_SENDABLE
    assert world.server.asked == []


async def test_nothing_written_is_in_a_log_or_an_error(world: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    told: list[str] = []
    with capture_logs() as logs:
        for write in WRITES:
            world.answer(done)
            await WRITES[write](world.exchange)
            for _, answer, _ in ENDINGS:
                world.answer(answer)
                told.append(repr(await world.error_of(write)))
                world.clock.pass_(timedelta(hours=1))
    text = "\n".join([caplog.text, str(logs), *told, str(world.calls)]).lower()
    assert [word for word in ("canary", "secret", ANNA, "item-1", "crm-1") if word in text] == []


# Tasks


MARKER_PATH = (
    '<t:ExtendedFieldURI PropertySetId="8c1f5f0e-6a0b-4f0e-9a55-6d1c7c2f3a10" PropertyName="exsyncd-crm-id" '
    'PropertyType="String"/>'
)


def task(item_id: str, marker: str = "crm-1") -> str:
    return (
        f'<t:Task><t:ItemId Id="{item_id}" ChangeKey="CK"/><t:ParentFolderId Id="{canned.TASKS_ID}"/>'
        f"<t:ExtendedProperty>{MARKER_PATH}<t:Value>{marker}</t:Value></t:ExtendedProperty></t:Task>"
    )


def tasks_there(asked: Asked) -> bytes:
    return canned.answer("GetItem", *(canned.items(task(item_id)) for item_id in asked.item_ids))


async def test_tasks_are_fetched_in_batches_in_the_order_asked_for(world: World) -> None:
    world.server.answers["GetItem"] = tasks_there
    ids = [f"t{number}" for number in range(25)]
    found = await world.exchange.get_tasks(ANNA, [*ids, "t3"])
    assert [answer.item_id for answer in found] == [*ids, "t3"]
    assert [len(one.item_ids) for one in world.server.asked if one.operation == "GetItem"] == [10, 10, 5]


async def test_an_item_that_refuses_a_tasks_properties_is_no_task(world: World) -> None:
    said: dict[str, Any] = {"a": canned.items(task("a")), "b": canned.failed("ErrorInvalidPropertyRequest")}
    said["c"] = canned.failed("ErrorItemNotFound")
    said["d"] = canned.failed("ErrorOfNextYear")
    world.server.answers["GetItem"] = lambda asked: canned.answer("GetItem", *(said[one] for one in asked.item_ids))
    found = await world.exchange.get_tasks(ANNA, list("abcd"))
    assert found[1:] == (
        Unreadable("b", tasks.NO_TASK),
        port.Gone("c"),
        Unknown("d", "ErrorOfNextYear"),
    )
    assert world.server.count("GetItem") == 1


@pytest.mark.rule("ID-5")
async def test_a_marker_is_searched_in_every_task_list_and_in_deleted_items(world: World) -> None:
    world.server.answers["FindFolder"] = canned.folder_list(
        ("mine", "root", "IPF.Task"), ("calendar-2", "root", "IPF.Appointment"), ("notes", "root", "IPF.StickyNote")
    )
    world.server.answers["FindItem"] = canned.found(([], True), (["t1"], True), (["t2"], True))
    world.server.answers["GetItem"] = tasks_there
    found = await world.exchange.find_by_marker(ANNA, "crm-1", Kind.TASK)
    assert [answer.item_id for answer in found] == ["t1", "t2"]
    [search] = [one for one in world.server.asked if one.operation == "FindItem"]
    folders = [one.get("Id") for one in search.payload.iterfind("m:ParentFolderIds/t:FolderId", canned.NAMES)]
    assert folders == [canned.DELETED_ID, canned.TASKS_ID, "mine"]
    assert search.payload.find(".//t:Constant", canned.NAMES).get("Value") == "crm-1"


@pytest.mark.rule("ID-5")
async def test_a_marker_that_differs_in_case_is_another_items(world: World) -> None:
    world.server.answers["FindItem"] = canned.found((["t1", "t2"], True), ([], True))
    world.server.answers["GetItem"] = canned.answer(
        "GetItem", canned.items(task("t1", "CRM-1")), canned.items(task("t2", "crm-1"))
    )
    found = await world.exchange.find_by_marker(ANNA, "crm-1", Kind.TASK)
    assert [answer.item_id for answer in found] == ["t2"]


@pytest.mark.rule("ID-5")
@pytest.mark.scenario("S02c")
@pytest.mark.parametrize("kind", [Kind.SCHEDULE_ITEM, Kind.TASK])
async def test_s02c_a_partial_search_for_a_marker_is_unavailable_and_never_empty(world: World, kind: Kind) -> None:
    world.server.answers["FindItem"] = canned.found(([], True), ([], True), total=1)
    with pytest.raises(port.Unavailable):
        await world.exchange.find_by_marker(ANNA, "crm-1", kind)


@pytest.mark.rule("ID-5")
async def test_an_item_that_moved_between_search_and_fetch_is_not_taken_for_gone(world: World) -> None:
    world.server.answers["FindItem"] = canned.found((["t1"], True), ([], True))
    world.server.answers["GetItem"] = canned.answer("GetItem", canned.failed("ErrorItemNotFound"))
    with pytest.raises(port.Unavailable):
        await world.exchange.find_by_marker(ANNA, "crm-1", Kind.TASK)


async def test_a_marker_that_says_nothing_is_nobodys(world: World) -> None:
    assert await world.exchange.find_by_marker(ANNA, " ", Kind.TASK) == ()
    assert world.server.asked == []
