"""The EWS backend against a server of canned bytes: every way in which a call can fail."""

from __future__ import annotations

import asyncio
import base64
import gzip
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from structlog.testing import capture_logs

from daemon.exchange import port
from daemon.exchange.ews import backend, envelopes, failures, fetching, limits, transport, uids
from daemon.exchange.ews.backend import Call, EwsExchange
from daemon.exchange.ews.config import EwsConfig
from daemon.exchange.port import Answer, Gone, Unknown, Unreadable
from schemas.copies import Copy, Folder, Kind
from tests.unit.exchange import canned
from tests.unit.exchange.canned import Asked, CannedExchange
from tests.unit.exchange.certificates import authority
from tests.unit.exchange.reference import needs_schema, schema
from tests.unit.exchange.test_limits import Clock

ANNA, BEN = "anna@bank.example", "ben@bank.example"
UID = "040000008200E00074C5B7101A82E00800000000" + "22" * 20


class World:
    """A canned server, and backends that are closed when the test ends."""

    def __init__(self, server: CannedExchange, clock: Clock, stack: AsyncExitStack) -> None:
        self.server = server
        self.clock = clock
        self.calls: list[Call] = []
        self._stack = stack

    def exchange(self, **config: Any) -> EwsExchange:
        settings = {"endpoint": self.server.url, "username": "sync@bank.example", "password": "secret-word", **config}
        made = EwsExchange(EwsConfig(**settings), observe=self.calls.append, clock=self.clock)
        self._stack.push_async_callback(made.close)
        return made


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with canned.canned() as server, AsyncExitStack() as stack:
        server.answers["GetItem"] = items_there
        server.answers["FindItem"] = canned.found(([], True), ([], True))
        server.answers["GetServerTimeZones"] = canned.answer("GetServerTimeZones", canned.fine(""))
        yield World(server, Clock(), stack)


def items_there(asked: Asked) -> bytes:
    return canned.answer("GetItem", *(canned.items(canned.meeting(item_id)) for item_id in asked.item_ids))


def per_item(answer_to: Callable[[str], str]) -> canned.Handler:
    return lambda asked: canned.answer("GetItem", *map(answer_to, asked.item_ids))


def in_turn(*answers: canned.Answer | canned.Handler) -> canned.Handler:
    """One answer after the other; the last one stays."""
    left = list(answers)

    def handler(asked: Asked) -> Any:
        answer = left.pop(0) if len(left) > 1 else left[0]
        return answer(asked) if callable(answer) else answer

    return handler


def page(status: int = 200, text: str = "<html><body>Sign in</body></html>", **headers: str) -> canned.Handler:
    return lambda _: web.Response(status=status, text=text, content_type="text/html", headers=headers)


def said(found: tuple[Answer, ...]) -> list[str]:
    return [f"{type(answer).__name__} {answer.item_id}" for answer in found]


async def error_of(exchange: EwsExchange, mailbox: str = ANNA) -> port.ExchangeError:
    with pytest.raises(port.ExchangeError) as failed:
        await exchange.get(mailbox, ["a"])
    return failed.value


# What is asked


async def test_items_are_fetched_with_one_call_and_the_folders_once_a_mailbox(world: World) -> None:
    exchange = world.exchange()
    first = await exchange.get(ANNA, ["a", "b"])
    await exchange.get(ANNA, ["c"])
    assert said(first) == ["Copy a", "Copy b"]
    assert all(isinstance(copy, Copy) and copy.folder is Folder.CALENDAR for copy in first)
    assert [one.operation for one in world.server.asked] == ["GetFolder", "FindFolder", "GetItem", "GetItem"]


async def test_each_call_impersonates_its_mailbox_and_is_routed_to_it(world: World) -> None:
    exchange = world.exchange()
    await asyncio.gather(exchange.get(ANNA, ["a"]), exchange.get(BEN, ["b"]))
    seen = {(one.mailbox, one.headers["X-AnchorMailbox"]) for one in world.server.asked}
    assert seen == {(ANNA, ANNA), (BEN, BEN)}


async def test_the_service_account_signs_in_with_basic_authentication(world: World) -> None:
    await world.exchange().probe()
    scheme, _, encoded = world.server.asked[0].headers["Authorization"].partition(" ")
    assert (scheme, base64.b64decode(encoded)) == ("Basic", b"sync@bank.example:secret-word")
    assert world.server.asked[0].mailbox is None


async def test_many_items_are_fetched_in_batches_in_the_order_asked_for(world: World) -> None:
    ids = [f"i{number}" for number in range(25)]
    found = await world.exchange().get(ANNA, [*ids, "i3"])
    assert [answer.item_id for answer in found] == [*ids, "i3"]
    assert [len(one.item_ids) for one in world.server.asked if one.operation == "GetItem"] == [10, 10, 5]


async def test_nothing_is_asked_for_nothing(world: World) -> None:
    exchange = world.exchange()
    assert await exchange.get(ANNA, []) == ()
    assert await exchange.find_by_uid(ANNA, " ") == ()
    assert await exchange.resolve(ANNA, " ") == ()
    assert world.server.asked == []


@pytest.mark.parametrize("item_id", ["", " ", "a\x00b", "\ud83d", "x" * 5000], ids=ascii)
async def test_an_id_that_cannot_be_sent_is_unreadable_and_stops_no_other(world: World, item_id: str) -> None:
    found = await world.exchange().get(ANNA, [item_id, "b"])
    assert found[0] == Unreadable(item_id, fetching.ID_NOT_SENDABLE)
    assert isinstance(found[1], Copy)


@needs_schema
async def test_every_request_is_valid_by_microsofts_schema(world: World) -> None:
    world.server.answers["FindItem"] = in_turn(canned.found((["a"], False), ([], True)), canned.found((["b"], True)))
    world.server.answers["GetItem"] = in_turn(
        canned.answer("GetItem", canned.failed("ErrorInvalidPropertyRequest"), canned.items(canned.meeting("b"))),
        canned.answer("GetItem", canned.items(canned.meeting("a").replace("CalendarItem", "Message"))),
    )
    world.server.answers["ResolveNames"] = canned.resolved(("anna@bank.example",))
    exchange = world.exchange()
    await exchange.find_by_uid(ANNA, UID)
    await exchange.resolve(ANNA, "/o=bank/cn=anna & <co>")
    await exchange.probe()
    asked = [one.operation for one in world.server.asked]
    assert sorted(asked) == sorted(
        ["FindItem", "FindItem", "FindFolder", "GetFolder", "GetItem", "GetItem", "ResolveNames", "GetServerTimeZones"]
    )
    for one in world.server.asked:
        schema().assertValid(one.payload)


# Finding by UID


@pytest.mark.rule("ID-1")
async def test_a_meeting_is_found_by_the_bytes_of_its_uid_those_outside_deleted_items_first(world: World) -> None:
    world.server.answers["FindItem"] = canned.found((["alive"], True), (["dead"], True))
    world.server.answers["GetItem"] = per_item(
        lambda item_id: canned.items(
            canned.meeting(item_id).replace(canned.CALENDAR_ID, canned.DELETED_ID)
            if item_id == "dead"
            else canned.meeting(item_id)
        )
    )
    exchange = world.exchange()
    for order in ((["alive"], ["dead"]), (["dead"], ["alive"])):
        world.server.answers["FindItem"] = canned.found(*((ids, True) for ids in order))
        assert said(await exchange.find_by_uid(ANNA, UID.lower())) == ["Copy alive", "Copy dead"]
    search = next(one for one in world.server.asked if one.operation == "FindItem")
    constant = search.payload.find(".//t:Constant", canned.NAMES).get("Value")
    assert base64.b64decode(constant) == uids.to_bytes(UID) == bytes.fromhex(UID)
    folders = [one.get("Id") for one in search.payload.iterfind(".//t:FolderId", canned.NAMES)]
    assert folders == [canned.CALENDAR_ID, canned.DELETED_ID]


async def test_a_complete_search_that_finds_nothing_is_empty(world: World) -> None:
    assert await world.exchange().find_by_uid(ANNA, UID) == ()
    assert world.server.count("GetItem") == 0


async def test_a_search_is_paged_on_to_its_end(world: World) -> None:
    """A folder that says it has more is asked again, alone and from where it stopped."""

    def pages(asked: Asked) -> bytes:
        offset = int(asked.payload.find("m:IndexedPageItemView", canned.NAMES).get("Offset"))
        folders = [one.get("Id") for one in asked.payload.iterfind(".//t:FolderId", canned.NAMES)]
        seen.append((offset, folders))
        calendar = ([f"c{offset}"], offset == 2)
        return canned.found(calendar, (["d"], True)) if len(folders) == 2 else canned.found(calendar, total=3)

    seen: list[tuple[int, list[str]]] = []
    world.server.answers["FindItem"] = pages
    found = await world.exchange().find_by_uid(ANNA, UID)
    assert [answer.item_id for answer in found] == ["c0", "c1", "c2", "d"]
    assert seen == [(0, [canned.CALENDAR_ID, canned.DELETED_ID]), (1, [canned.CALENDAR_ID]), (2, [canned.CALENDAR_ID])]


@pytest.mark.rule("DEL-4")
@pytest.mark.scenario("S02c")
@pytest.mark.parametrize(
    "answer",
    [
        canned.found(([], True), ([], True), total=2),
        canned.found((["a"], True), ([], True), total=2),
        canned.found(([], False), ([], True)),
        canned.found(([], True)),
        canned.answer("FindItem"),
        canned.answer("FindItem", canned.failed("ErrorInternalServerError"), canned.failed("ErrorItemNotFound")),
        canned.answer("FindItem", canned.failed("ErrorFolderNotFound"), canned.failed("ErrorFolderNotFound")),
        canned.found(([], True), ([], True))[:-40],
        b"",
    ],
    ids=["empty page", "short page", "more but nothing", "one folder", "none", "error", "no folder", "cut", "no bytes"],
)
async def test_s02c_a_partial_search_is_unavailable_and_never_empty(world: World, answer: bytes) -> None:
    world.server.answers["FindItem"] = answer
    with pytest.raises(port.Unavailable):
        await world.exchange().find_by_uid(ANNA, UID)


@pytest.mark.rule("DEL-4")
async def test_an_item_that_moved_between_search_and_fetch_is_not_taken_for_gone(world: World) -> None:
    world.server.answers["FindItem"] = canned.found((["a"], True), ([], True))
    world.server.answers["GetItem"] = canned.answer("GetItem", canned.failed("ErrorItemNotFound"))
    with pytest.raises(port.Unavailable, match=backend.CHANGED_MEANWHILE):
        await world.exchange().find_by_uid(ANNA, UID)


# Names


@pytest.mark.rule("PART-3", "PART-4")
async def test_a_name_is_resolved_to_all_addresses_of_the_one_it_means_and_kept(world: World) -> None:
    world.server.answers["ResolveNames"] = canned.resolved(("anna@bank.example", "a.adler@bank.example"))
    exchange = world.exchange()
    expected = ("anna@bank.example", "a.adler@bank.example")
    assert await exchange.resolve(ANNA, "/o=Bank/cn=Anna") == expected
    assert await exchange.resolve(BEN, " /O=BANK/CN=ANNA ") == expected
    assert world.server.count("ResolveNames") == 1


@pytest.mark.rule("PART-4")
@pytest.mark.scenario("S09c")
@pytest.mark.parametrize(
    "answer",
    [
        canned.answer("ResolveNames", canned.failed("ErrorNameResolutionNoResults").replace("<m:Items/>", "")),
        canned.answer("ResolveNames", canned.failed("ErrorNameResolutionMultipleResults").replace("<m:Items/>", "")),
        canned.resolved(("a@x.example",), ("b@x.example",)),
        canned.resolved(),
    ],
    ids=["none", "several", "two candidates", "no candidate"],
)
async def test_s09c_a_name_that_means_nobody_or_several_resolves_to_none(world: World, answer: bytes) -> None:
    """Not kept for long: somebody may be adding it just now."""
    world.server.answers["ResolveNames"] = answer
    exchange = world.exchange()
    assert await exchange.resolve(ANNA, "/o=bank/cn=gone") == ()
    world.server.answers["ResolveNames"] = canned.resolved(("new@bank.example",))
    world.clock.pass_(timedelta(minutes=1))
    assert await exchange.resolve(ANNA, "/o=bank/cn=gone") == ()
    world.clock.pass_(timedelta(minutes=5))
    assert await exchange.resolve(ANNA, "/o=bank/cn=gone") == ("new@bank.example",)


# Failures of the whole call

FAILURES: list[tuple[str, canned.Handler | canned.Answer, type[port.ExchangeError], str]] = [
    ("403", page(403), port.Denied, "Http403"),
    ("404", page(404), port.Misconfigured, "Http404"),
    ("401", page(401), port.Misconfigured, "Http401"),
    ("a redirect", page(302, location="https://login.example/"), port.Misconfigured, "Http302"),
    ("an error page", page(302, location="/ews/GenericErrorPage.htm?x=1"), port.Unavailable, "HttpGenericErrorPage"),
    ("a login page", page(200), port.Misconfigured, "NotAnExchangeAnswer"),
    ("500 in HTML", page(500), port.Unavailable, "Http500"),
    ("502", page(502), port.Unavailable, "Http502"),
    ("503", page(503), port.Busy, "Http503"),
    ("no bytes", b"", port.Unavailable, envelopes.CUT_OFF),
    ("plain text", lambda _: web.Response(text="restarting"), port.Unavailable, envelopes.CUT_OFF),
    ("denied", lambda _: canned.fault("ErrorImpersonateUserDenied"), port.Denied, "ErrorImpersonateUserDenied"),
    ("no mailbox", lambda _: canned.fault("ErrorNonExistentMailbox"), port.NoMailbox, "ErrorNonExistentMailbox"),
    ("schema", lambda _: canned.fault("ErrorSchemaValidation"), port.Misconfigured, "ErrorSchemaValidation"),
    ("moving", lambda _: canned.fault("ErrorMailboxMoveInProgress"), port.Unavailable, "ErrorMailboxMoveInProgress"),
    ("new", lambda _: canned.fault("ErrorOfNextYear"), port.Unavailable, "ErrorOfNextYear"),
    ("crowded", lambda _: canned.fault("ErrorExceededConnectionCount"), port.Busy, "ErrorExceededConnectionCount"),
    ("as message", canned.answer("GetItem", canned.failed("ErrorAccessDenied")), port.Denied, "ErrorAccessDenied"),
]


@pytest.mark.parametrize(
    ("answer", "kind", "code"), [case[1:] for case in FAILURES], ids=[case[0] for case in FAILURES]
)
async def test_a_failed_call_is_made_once_and_classified(
    world: World, answer: canned.Answer, kind: type[port.ExchangeError], code: str
) -> None:
    """Exactly one request, whatever the server says: no retry, no other version of the protocol."""
    world.server.answers["GetItem"] = answer
    error = await error_of(world.exchange())
    assert (type(error), error.code, error.mailbox) == (kind, code, ANNA)
    assert world.server.count("GetItem") == 1
    assert [call.result for call in world.calls] == ["ok", "ok", code]


@pytest.mark.rule("DEL-4")
@pytest.mark.scenario("S22d")
async def test_s22d_a_denied_mailbox_is_denied_and_the_others_run(world: World) -> None:
    """It is denied at the next attempt too, never empty and never gone."""

    def folders(asked: Asked) -> Any:
        return canned.fault("ErrorImpersonateUserDenied") if asked.mailbox == ANNA else canned.folders_answer()

    world.server.answers["GetFolder"] = folders
    exchange = world.exchange()
    for _ in range(2):
        assert isinstance(await error_of(exchange, ANNA), port.Denied)
        with pytest.raises(port.Denied):
            await exchange.find_by_uid(ANNA, UID) or await exchange.get(ANNA, ["a"])
    assert said(await exchange.get(BEN, ["b"])) == ["Copy b"]


async def test_a_wrong_password_is_sent_once_and_not_again_for_a_while(world: World) -> None:
    """More refused sign-ins would lock the service account."""
    for operation in ("GetFolder", "GetItem", "FindItem"):
        world.server.answers[operation] = page(401)
    exchange = world.exchange()
    errors = await asyncio.gather(*(error_of(exchange, f"m{number}@bank.example") for number in range(50)))
    assert {(type(error), error.code) for error in errors} == {(port.Misconfigured, "Http401")}
    assert len(world.server.asked) == 1
    world.clock.pass_(timedelta(minutes=1))
    world.server.answers["GetFolder"] = canned.folders_answer()
    world.server.answers["GetItem"] = items_there
    assert said(await exchange.get(ANNA, ["a"])) == ["Copy a"]


# Busy

INNER = {"InnerErrorResponseCode": "ErrorServerBusy", "BackOffMilliseconds": "300000"}
BUSY: dict[str, canned.Handler | canned.Answer] = {
    "a fault": lambda _: canned.fault("ErrorServerBusy", values={"BackOffMilliseconds": "300000"}),
    "an inner error": canned.answer("GetItem", canned.failed("ErrorInternalServerError", values=INNER)),
    "503 with a hint": page(503, **{"Retry-After": "300"}),
}


@pytest.mark.scenario("S23a")
@pytest.mark.parametrize("answer", BUSY.values(), ids=BUSY)
async def test_s23a_a_busy_mailbox_is_not_called_before_the_five_minutes_end(
    world: World, answer: canned.Handler
) -> None:
    """Every way Exchange says it; whoever asks meanwhile is told at once how long it still is; others continue."""
    exchange = world.exchange()
    await exchange.get(ANNA, ["a"])
    world.server.answers["GetItem"] = answer
    first = await error_of(exchange)
    assert isinstance(first, port.Busy)
    assert first.back_off == timedelta(minutes=5)
    world.server.answers["GetItem"] = items_there
    calls = len(world.server.asked)
    world.clock.pass_(timedelta(minutes=4, seconds=59))
    for refused in (exchange.get(ANNA, ["a"]), exchange.find_by_uid(ANNA, UID), exchange.resolve(ANNA, "x")):
        with pytest.raises(port.Busy) as error:
            await refused
        assert (error.value.back_off, error.value.code) == (timedelta(seconds=1), limits.PAUSED)
    assert len(world.server.asked) == calls
    assert exchange.back_offs() == {ANNA: timedelta(seconds=1)}
    assert said(await exchange.get(BEN, ["b"])) == ["Copy b"]
    world.clock.pass_(timedelta(seconds=1))
    assert said(await exchange.get(ANNA, ["a"])) == ["Copy a"]


@pytest.mark.scenario("S23d")
@pytest.mark.parametrize("how", ["503", "drop", "cut off"])
async def test_s23d_back_off_without_a_hint_is_jittered_and_grows(world: World, how: str) -> None:
    """A dropped connection is a way to say busy; each one in a row makes the pause longer, an answer makes it short."""

    def abort(asked: Asked) -> web.StreamResponse:
        return Dropped()

    handlers: dict[str, canned.Handler] = {"503": page(503), "drop": abort, "cut off": short_of_its_length}
    exchange = world.exchange()
    await exchange.get(ANNA, ["a"])
    pauses = []
    for _ in range(4):
        world.server.answers["GetItem"] = handlers[how]
        await error_of(exchange)
        pauses.append(exchange.back_offs()[ANNA].total_seconds())
        world.clock.pass_(timedelta(minutes=5))
    for number, pause in enumerate(pauses):
        assert 0.5 * 2**number <= pause <= 2**number
    world.server.answers["GetItem"] = items_there
    await exchange.get(ANNA, ["a"])
    world.server.answers["GetItem"] = handlers[how]
    await error_of(exchange)
    assert exchange.back_offs()[ANNA] <= timedelta(seconds=1)


class Dropped(web.Response):
    """A connection that ends instead of an answer."""

    async def prepare(self, request: web.BaseRequest) -> Any:
        assert request.transport is not None
        request.transport.close()
        return await super().prepare(request)


class Short(web.StreamResponse):
    """An answer that promises more than it holds."""

    async def prepare(self, request: web.BaseRequest) -> Any:
        self.content_type = "text/xml"
        self.content_length = 100_000
        writer = await super().prepare(request)
        await self.write(items_there(ASKED_A)[:300])
        assert request.transport is not None
        request.transport.close()
        return writer


def short_of_its_length(_asked: Asked) -> web.StreamResponse:
    return Short()


ASKED_A = Asked("GetItem", ANNA, canned.envelope('<m:GetItem><t:ItemId Id="a"/></m:GetItem>'), {})


async def test_items_of_which_only_some_are_refused_leave_the_mailbox_alone_too(world: World) -> None:
    world.server.answers["GetItem"] = per_item(
        lambda item_id: canned.failed("ErrorServerBusy") if item_id == "b" else canned.items(canned.meeting(item_id))
    )
    exchange = world.exchange()
    found = await exchange.get(ANNA, ["a", "b"])
    assert found[1] == Unknown("b", "ErrorServerBusy")
    assert ANNA in exchange.back_offs()


# One bad item


@pytest.mark.scenario("S25a")
@pytest.mark.parametrize(
    ("body", "rule"),
    [("x" * 20_000_000, envelopes.TOO_LARGE), ("x" * 2_000_000, "body_too_large")],
    ids=["20 MB", "2 MB"],
)
async def test_s25a_a_huge_body_is_quarantined_and_its_neighbours_are_read(world: World, body: str, rule: str) -> None:
    """An answer that cannot be read as a whole is asked for item by item."""
    world.server.answers["GetItem"] = per_item(
        lambda item_id: canned.items(canned.meeting(item_id, Body=body if item_id == "bad" else "fine"))
    )
    found = await world.exchange().get(ANNA, ["a", "bad", "c"])
    assert said(found) == ["Copy a", "Unreadable bad", "Copy c"]
    assert found[1] == Unreadable("bad", rule)


async def test_an_answer_without_end_is_cut_at_the_bound(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also when it is small on the wire and unpacks to more."""
    monkeypatch.setattr(envelopes, "LARGEST_ANSWER", 100_000)

    def packed(asked: Asked) -> web.Response:
        huge = canned.answer("GetItem", canned.items(canned.meeting("a", Body="x" * 10_000_000)))
        headers = {"Content-Encoding": "gzip", "Content-Type": "text/xml"}
        return web.Response(body=gzip.compress(huge), headers=headers)

    world.server.answers["GetItem"] = packed
    assert await world.exchange().get(ANNA, ["a"]) == (Unreadable("a", envelopes.TOO_LARGE),)


async def test_an_item_of_another_kind_is_told_from_a_calendar_item_that_refuses(world: World) -> None:
    """Mails have no start; asked for one, Exchange refuses them. A calendar item that refuses is a puzzle."""

    def handler(asked: Asked) -> bytes:
        if "calendar:Start" in asked.body.decode():
            return canned.answer(
                "GetItem",
                *(
                    canned.failed("ErrorInvalidPropertyRequest")
                    if item_id != "c"
                    else canned.items(canned.meeting("c"))
                    for item_id in asked.item_ids
                ),
            )
        kinds = {"mail": "Message", "task": "Task", "odd": "CalendarItem"}
        bare = {item_id: canned.meeting(item_id, Start=None, End=None) for item_id in asked.item_ids}
        return canned.answer(
            "GetItem", *(canned.items(bare[one].replace("CalendarItem", kinds[one])) for one in asked.item_ids)
        )

    world.server.answers["GetItem"] = handler
    mail, calendar, task, odd = await world.exchange().get(ANNA, ["mail", "c", "task", "odd"])
    assert [copy.kind for copy in (mail, calendar, task) if isinstance(copy, Copy)] == [
        Kind.OTHER,
        Kind.SCHEDULE_ITEM,
        Kind.TASK,
    ]
    assert odd == Unreadable("odd", backend.PROPERTIES_REFUSED)


async def test_a_gone_item_is_gone(world: World) -> None:
    world.server.answers["GetItem"] = canned.answer("GetItem", canned.failed("ErrorItemNotFound"))
    assert await world.exchange().get(ANNA, ["a"]) == (Gone("a"),)


# Folders


@pytest.mark.scenario("S21a")
async def test_s21a_a_mailbox_whose_folders_have_new_ids_is_asked_for_them_again(world: World) -> None:
    """As after a migration; an item in an unknown folder is the sign. Not more often than every few minutes."""
    exchange = world.exchange()
    await exchange.get(ANNA, ["a"])
    world.server.answers["GetFolder"] = canned.folders_answer(("new-calendar", "new-deleted", "new-tasks"))
    world.server.answers["GetItem"] = canned.answer(
        "GetItem", canned.items(canned.meeting("a").replace(canned.CALENDAR_ID, "new-deleted"))
    )
    [early] = await exchange.get(ANNA, ["a"])
    world.clock.pass_(timedelta(minutes=6))
    [late] = await exchange.get(ANNA, ["a"])
    [again] = await exchange.get(ANNA, ["a"])
    assert [copy.folder for copy in (early, late, again) if isinstance(copy, Copy)] == [
        Folder.OTHER,
        Folder.DELETED_ITEMS,
        Folder.DELETED_ITEMS,
    ]
    assert world.server.count("GetFolder") == 2


@pytest.mark.rule("ID-1")
@pytest.mark.scenario("S21a")
async def test_s21a_a_meeting_is_found_in_every_calendar_and_deleted_with_its_calendar(world: World) -> None:
    """Moved to another calendar, it is still there; thrown away with that calendar, it is deleted."""
    world.server.answers["FindFolder"] = canned.folder_list(
        (canned.CALENDAR_ID, "root", "IPF.Appointment"),
        ("projects", "root", "IPF.Appointment"),
        ("mails", "root", "IPF.Note"),
        (canned.DELETED_ID, "root", "IPF.Note"),
        ("attic", canned.DELETED_ID, "IPF.Note"),
        ("old projects", "attic", "IPF.Appointment"),
    )
    world.server.answers["FindItem"] = canned.found(([], True), ([], True), (["a"], True), (["b"], True))
    parents = {"a": "projects", "b": "old projects"}
    world.server.answers["GetItem"] = per_item(
        lambda one: canned.items(canned.meeting(one).replace(canned.CALENDAR_ID, parents[one]))
    )
    found = await world.exchange().find_by_uid(ANNA, UID)
    assert [(copy.item_id, copy.folder) for copy in found if isinstance(copy, Copy)] == [
        ("a", Folder.OTHER),
        ("b", Folder.DELETED_ITEMS),
    ]
    search = world.server.asked[2].payload.iterfind(".//t:FolderId", canned.NAMES)
    assert [one.get("Id") for one in search] == [canned.CALENDAR_ID, canned.DELETED_ID, "projects", "old projects"]


async def test_an_incomplete_list_of_folders_is_no_list(world: World) -> None:
    world.server.answers["FindFolder"] = canned.folder_list(("x", "root", "IPF.Appointment"), total=2)
    with pytest.raises(port.Unavailable):
        await world.exchange().find_by_uid(ANNA, UID)


@pytest.mark.parametrize("code", ["ErrorFolderNotFound", "ErrorItemNotFound"])
async def test_a_search_in_folders_that_are_gone_makes_us_ask_for_them_again(world: World, code: str) -> None:
    exchange = world.exchange()
    world.server.answers["FindItem"] = canned.answer("FindItem", canned.failed(code), canned.failed(code))
    with pytest.raises(port.Unavailable):
        await exchange.find_by_uid(ANNA, UID)
    world.clock.pass_(timedelta(seconds=1))
    world.server.answers["FindItem"] = canned.found(([], True), ([], True))
    assert await exchange.find_by_uid(ANNA, UID) == ()
    assert world.server.count("GetFolder") == 2


async def test_a_mailbox_without_tasks_is_one_and_without_a_calendar_is_not(world: World) -> None:
    good = [
        canned.fine(f'<m:Folders><t:Folder><t:FolderId Id="{one}"/></t:Folder></m:Folders>')
        for one in (canned.CALENDAR_ID, canned.DELETED_ID)
    ]
    missing = canned.failed("ErrorFolderNotFound").replace("<m:Items/>", "<m:Folders/>")
    exchange = world.exchange()
    world.server.answers["GetFolder"] = canned.answer("GetFolder", *good, missing)
    assert said(await exchange.get(ANNA, ["a"])) == ["Copy a"]
    world.server.answers["GetFolder"] = canned.answer("GetFolder", missing, *good)
    assert isinstance(await error_of(exchange, BEN), port.Unavailable)


# Limits, time, connections


@pytest.mark.scenario("S23b")
async def test_s23b_two_hundred_mailboxes_at_once_stay_within_the_limits(world: World) -> None:
    async def slowly(asked: Asked) -> bytes:
        for _ in range(20):
            await asyncio.sleep(0)
        return items_there(asked)

    world.server.answers["GetItem"] = slowly
    exchange = world.exchange(threads=6)
    wanted = [exchange.get(f"m{number % 200}@bank.example", ["a"]) for number in range(400)]
    found = await asyncio.gather(*wanted)
    assert all(isinstance(answer, Copy) for (answer,) in found)
    most = world.server.most_at_once
    assert most[None] <= 6
    assert max(count for mailbox, count in most.items() if mailbox) == 1


async def test_a_server_that_never_answers_costs_the_time_out_and_not_the_thread(world: World) -> None:
    forever = asyncio.Event()

    async def hang(asked: Asked) -> bytes:
        await forever.wait()
        return b""

    world.server.answers["GetItem"] = hang
    exchange = world.exchange(timeout=timedelta(milliseconds=300), threads=1, slow_threads=1)
    error = await error_of(exchange)
    assert (type(error), error.code) == (port.Unavailable, "TimedOut")
    world.server.answers["GetItem"] = items_there
    assert said(await exchange.get(BEN, ["b"])) == ["Copy b"]


async def test_a_server_that_drips_costs_the_time_out_too(world: World) -> None:
    """Each byte comes in time, the answer never does."""

    class Dripping(web.StreamResponse):
        async def prepare(self, request: web.BaseRequest) -> Any:
            self.content_type = "text/xml"
            writer = await super().prepare(request)
            while request.transport and not request.transport.is_closing():
                await self.write(b" ")
                await asyncio.sleep(0.02)
            return writer

    world.server.answers["GetItem"] = lambda _: Dripping()
    error = await error_of(world.exchange(timeout=timedelta(milliseconds=300)))
    assert (type(error), error.code) == (port.Unavailable, "TimedOut")


async def test_an_endpoint_where_nobody_listens_is_unavailable(world: World) -> None:
    error = await error_of(world.exchange(endpoint="http://127.0.0.1:1/EWS/Exchange.asmx"))
    assert (type(error), error.code) == (port.Unavailable, "ConnectionFailed")


@pytest.mark.parametrize("endpoint", ["exchange.example/EWS", "ftp://exchange.example/"])
async def test_an_endpoint_that_is_none_is_misconfigured(world: World, endpoint: str) -> None:
    error = await error_of(world.exchange(endpoint=endpoint))
    assert (type(error), error.code) == (port.Misconfigured, "EndpointNotUsable")


async def test_lost_connections_are_replaced_however_many(world: World) -> None:
    """Sessions that failed do not count against those that may exist."""
    exchange = world.exchange(threads=2)
    for _ in range(10):
        world.server.answers["GetItem"] = lambda _: Dropped()
        await error_of(exchange)
        world.clock.pass_(timedelta(hours=1))
    world.server.answers["GetItem"] = items_there
    found = await asyncio.gather(*(exchange.get(f"m{number}@x", ["a"]) for number in range(4)))
    assert [said(one) for one in found] == [["Copy a"]] * 4


async def test_connections_are_used_again(world: World) -> None:
    """A new one for every call would cost a TLS handshake and, with NTLM, a sign-in each."""
    exchange = world.exchange()
    for _ in range(5):
        await exchange.get(ANNA, ["a"])
        assert isinstance((await exchange.get(ANNA, ["a"]))[0], Copy)
    assert len(world.server.connections) == 1


async def test_credentials_that_cannot_be_sent_are_misconfigured(world: World) -> None:
    error = await error_of(world.exchange(password="пароль"))
    assert (type(error), error.code) == (port.Misconfigured, "CredentialsNotSendable")


async def test_being_denied_shows_that_the_sign_in_works(world: World) -> None:
    """So the other mailboxes need not go one by one."""
    both = asyncio.Barrier(2)

    async def folders(asked: Asked) -> Any:
        if asked.mailbox == ANNA:
            return canned.fault("ErrorImpersonateUserDenied")
        await both.wait()
        return canned.folders_answer()

    world.server.answers["GetFolder"] = folders
    exchange = world.exchange(timeout=timedelta(seconds=10))
    assert isinstance(await error_of(exchange, ANNA), port.Denied)
    found = await asyncio.gather(*(exchange.get(mailbox, ["a"]) for mailbox in (BEN, "cleo@bank.example")))
    assert [said(one) for one in found] == [["Copy a"]] * 2


async def test_cookies_of_one_mailbox_do_not_ride_along_with_another(world: World) -> None:
    def baked(asked: Asked) -> web.Response:
        answer = web.Response(body=items_there(asked), content_type="text/xml")
        answer.set_cookie("X-BackEndCookie", asked.mailbox or "")
        return answer

    world.server.answers["GetItem"] = baked
    exchange = world.exchange(threads=1)
    for mailbox in (ANNA, BEN):
        await exchange.get(mailbox, ["a"])
    assert not any("Cookie" in one.headers for one in world.server.asked)


async def test_probing_tells_whether_the_server_is_reached_and_lets_us_in(world: World) -> None:
    exchange = world.exchange()
    await exchange.probe()
    world.server.answers["GetServerTimeZones"] = page(401)
    with pytest.raises(port.Misconfigured, match="Http401"):
        await exchange.probe()


# TLS


async def test_a_certificate_is_trusted_by_the_configured_authority_alone(tmp_path: Path) -> None:
    """Two backends at once, one with the CA file and one without: neither setting reaches the other."""
    ca_file, context = authority(tmp_path)
    async with canned.canned(context, GetItem=items_there) as server, AsyncExitStack() as stack:
        world = World(server, Clock(), stack)
        trusting, doubting = world.exchange(ca_file=str(ca_file)), world.exchange()
        assert said(await trusting.get(ANNA, ["a"])) == ["Copy a"]
        error = await error_of(doubting)
        assert (type(error), error.code) == (port.Misconfigured, "CertificateNotTrusted")
        assert said(await trusting.get(BEN, ["b"])) == ["Copy b"]


async def test_the_configured_authority_wins_over_the_environments(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    other_ca, _ = authority(other)
    ca_file, context = authority(tmp_path)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(other_ca))
    async with canned.canned(context, GetItem=items_there) as server, AsyncExitStack() as stack:
        exchange = World(server, Clock(), stack).exchange(ca_file=str(ca_file))
        assert said(await exchange.get(ANNA, ["a"])) == ["Copy a"]


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_a_ca_file_that_is_none_is_told_at_the_start(tmp_path: Path, content: str | None) -> None:
    ca_file = tmp_path / "ca.pem"
    if content is not None:
        ca_file.write_text(content)
    with pytest.raises(port.Misconfigured, match="CaFileNotUsable"):
        transport.Transport(EwsConfig("https://x.example/", ca_file=str(ca_file)))


@pytest.mark.parametrize("auth", ["ntlm", "oauth2", "basic"])
def test_every_way_to_sign_in_is_wired(auth: str) -> None:
    """Only basic is tested against a server; the others are handed to exchangelib as it wants them."""
    config = EwsConfig(
        "https://x.example/EWS/Exchange.asmx", auth=auth, username="u", password="p", client_id="c", client_secret="s"
    )
    made = transport.Transport(config)
    assert made._protocol.auth_type == transport.AUTH_TYPES[auth]
    made.close()


def test_a_way_to_sign_in_that_is_not_installed_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(transport.AUTH_TYPE_MAP, transport.GSSAPI, raising=False)
    with pytest.raises(port.Misconfigured, match="AuthenticationNotInstalled"):
        transport.Transport(EwsConfig("https://x.example/", auth="gssapi"))


# Secrets


@pytest.mark.rule("PRIV-5")
async def test_no_log_and_no_error_holds_what_was_sent_or_received(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    """Canaries in the subject, the address, the password and the server's texts, at the most talkative level."""
    caplog.set_level(logging.DEBUG)
    secret = canned.meeting("i", canned.attendee("Canary Carla", "canary@client.example"), Subject="canary merger")
    told: list[str] = []
    with capture_logs() as logs:
        exchange = world.exchange()
        world.server.answers["GetItem"] = canned.answer("GetItem", canned.items(secret))
        await exchange.get(ANNA, ["i"])
        for _, answer, *_ in FAILURES:
            world.server.answers["GetItem"] = answer
            told.append(repr(await error_of(exchange)))
            world.clock.pass_(timedelta(hours=1))
        world.server.answers["GetItem"] = canned.answer("GetItem", canned.items(secret))[:-60]
        told.append(repr(await error_of(exchange)))
    text = "\n".join([caplog.text, str(logs), *told, str(world.calls), repr(EwsConfig("x", password="secret-word"))])
    secret_words = ("canary", "secret", base64.b64encode(b"sync@bank.example:secret-word").decode(), ANNA)
    assert [word for word in secret_words if word.lower() in text.lower()] == []


def test_every_code_has_one_meaning() -> None:
    tables = [failures.GONE, failures.UNREADABLE, failures.OTHER_KIND, failures.DENIED, failures.BUSY]
    tables += [failures.SIGN_IN, failures.PERMANENT, failures.CHANGED, failures.REJECTED, failures.NOT_LIVE]
    assert len(frozenset().union(*tables)) == sum(map(len, tables))
