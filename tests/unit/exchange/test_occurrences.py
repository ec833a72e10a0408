"""Masters read in full, from a server of canned bytes: which of their exceptions, with how many calls."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from daemon.exchange import port
from daemon.exchange.ews.backend import EwsExchange
from daemon.exchange.ews.config import EwsConfig
from daemon.exchange.port import Gone, Unknown, Written
from handlers import patterns
from schemas.copies import Copy, Kind, Shape
from schemas.edits import Edit, New, Times
from schemas.items import Recurrence
from tests.unit.exchange import canned
from tests.unit.exchange.canned import Asked, CannedExchange, meeting
from tests.unit.exchange.reference import needs_schema, schema
from tests.unit.exchange.test_recurrences import BERLIN, START, deleted, master, modified

ANNA = "anna@bank.example"
NOW = datetime(2026, 12, 10, 8, tzinfo=UTC)
WEEK = timedelta(days=7)
AS_SENT = "%Y-%m-%dT%H:%M:%SZ"


class World:
    """A server with one weekly series, and a backend on it; `exceptions` by id with their number."""

    def __init__(self, server: CannedExchange, stack: AsyncExitStack) -> None:
        self.server = server
        self.exceptions: dict[str, int] = {}
        self.deleted: list[int] = []
        self.fails: dict[str, str] = {}
        self.off_by = timedelta(0)  # where the server's rules for the clocks are others
        self._stack = stack
        server.answers["GetItem"] = lambda asked: canned.answer("GetItem", *map(self.item, ids_of(asked)))

    def exchange(self, **config: Any) -> EwsExchange:
        settings = {"endpoint": self.server.url, "username": "sync@bank.example", "password": "secret-word", **config}
        made = EwsExchange(EwsConfig(**settings), now=lambda: NOW)
        self._stack.push_async_callback(made.close)
        return made

    def item(self, item_id: str) -> str:
        if item_id in self.fails:
            return canned.failed(self.fails[item_id])
        if item_id == "series":
            return canned.items(self.series())
        if item_id in self.exceptions:
            moment = start(self.exceptions[item_id]) + self.off_by
            original = f"<t:OriginalStart>{moment.strftime(AS_SENT)}</t:OriginalStart>"
            shape = {"CalendarItemType": "Exception", "Subject": f"Moved {item_id}"}
            return canned.items(meeting(item_id, original, BERLIN, **shape))
        return canned.items(meeting(item_id, BERLIN, CalendarItemType="Single"))

    def series(self) -> str:
        named = [(item_id, at(number, hour=11), at(number)) for item_id, number in self.exceptions.items()]
        extra = [modified(*named)] if named else []
        return master(*extra, *([deleted(*map(at, self.deleted))] if self.deleted else []))

    async def copy(self, **config: Any) -> Copy:
        [answer] = await self.exchange(**config).get(ANNA, ["series"])
        assert isinstance(answer, Copy), f"not read: {answer}"
        return answer

    def calls(self) -> list[list[str]]:
        return [one.item_ids for one in self.server.asked if one.operation == "GetItem"]


def ids_of(asked: Asked) -> list[str]:
    """Items by their ids, and occurrences as the item at their number."""
    items = asked.payload.find("m:ItemIds", canned.NAMES)
    return [one.get("Id") or f"{one.get('RecurringMasterId')}/{one.get('InstanceIndex')}" for one in items]


def start(number: int, *, hour: int = 10) -> datetime:
    day = START.date() + (number - 1) * WEEK
    return datetime.combine(day, time(hour), tzinfo=ZoneInfo("Europe/Berlin")).astimezone(UTC)


def at(number: int, *, hour: int = 10) -> str:
    return start(number, hour=hour).strftime(AS_SENT)


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with canned.canned() as server, AsyncExitStack() as stack:
        yield World(server, stack)


@pytest.mark.rule("REC-1", "REC-4", "ID-1")
@pytest.mark.scenario("S04a")
async def test_s04a_a_master_is_read_with_what_its_occurrences_differ_in(world: World) -> None:
    world.exceptions = {"x": 4, "y": 8}
    world.deleted = [6]
    copy = await world.copy()
    assert [(one.original_start, one.subject, one.shape) for one in copy.exceptions] == [
        (start(4), "Moved x", Shape.EXCEPTION),
        (start(8), "Moved y", Shape.EXCEPTION),
    ]
    assert (copy.deleted_starts, copy.unread) == ((start(6),), ())
    assert world.calls() == [["series"], ["x", "y"]]


@pytest.mark.rule("REC-5")
async def test_single_items_and_series_without_exceptions_take_not_one_call_more(world: World) -> None:
    world.deleted = [2]
    await world.exchange().get(ANNA, ["single", "series"])
    assert world.calls() == [["single", "series"]]


@pytest.mark.rule("REC-5")
@pytest.mark.scenario("S29")
async def test_s29_exceptions_outside_the_window_are_not_read(world: World) -> None:
    """The first two lie too far back, the last too far ahead: what they differ in is not known."""
    world.exceptions = {"past": 1, "near": 3, "ahead": 40}
    copy = await world.copy(occurrences_past=timedelta(days=3), occurrences_future=timedelta(days=30))
    assert [one.item_id for one in copy.exceptions] == ["near"]
    assert copy.unread == (start(1), start(40))
    assert world.calls() == [["series"], ["near"]]


@pytest.mark.rule("REC-5")
@pytest.mark.scenario("S29")
async def test_s29_of_729_exceptions_the_nearest_are_read_in_batches_up_to_a_bound(world: World) -> None:
    world.exceptions = {f"x{number}": number for number in range(1, 730)}
    century = timedelta(days=36525)
    copy = await world.copy(most_exceptions=25, occurrences_past=century, occurrences_future=century)
    assert len(copy.exceptions) == 25
    assert len(copy.unread) == 704
    assert [one.original_start for one in copy.exceptions] == [start(number) for number in range(1, 26)]
    assert [len(ids) for ids in world.calls()] == [1, 10, 10, 5]
    assert sorted((*copy.unread, *(one.original_start for one in copy.exceptions))) == [
        start(number) for number in range(1, 730)
    ]


@pytest.mark.rule("REC-5", "DEL-4")
@pytest.mark.scenario("S04f")
@pytest.mark.parametrize(
    "code", ["ErrorItemNotFound", "ErrorCalendarOccurrenceIsDeletedFromRecurrence", "ErrorCorruptData"]
)
async def test_s04f_an_exception_that_cannot_be_read_is_unknown_and_not_gone(world: World, code: str) -> None:
    world.exceptions = {"x": 4, "y": 5}
    world.fails = {"x": code}
    copy = await world.copy()
    assert [one.item_id for one in copy.exceptions] == ["y"]
    assert (copy.unread, copy.deleted_starts) == ((start(4),), ())


@pytest.mark.rule("REC-5")
@pytest.mark.scenario("S04f")
async def test_s04f_a_server_that_cannot_say_for_the_moment_is_asked_again_for_the_series(world: World) -> None:
    world.exceptions = {"x": 4, "y": 5}
    world.fails = {"x": "ErrorMailboxStoreUnavailable"}
    exchange = world.exchange()
    assert await exchange.get(ANNA, ["series"]) == (Unknown("series", "ErrorMailboxStoreUnavailable"),)
    world.fails = {}
    [copy] = await exchange.get(ANNA, ["series"])
    assert isinstance(copy, Copy)
    assert len(copy.exceptions) == 2


@pytest.mark.rule("ID-1")
@pytest.mark.scenario("S21c")
async def test_s21c_an_occurrence_is_read_by_its_number(world: World) -> None:
    world.exceptions = {"series/4": 4}
    occurrence = await world.exchange().occurrence(ANNA, "series", 4)
    assert isinstance(occurrence, Copy)
    assert (occurrence.item_id, occurrence.original_start) == ("series/4", start(4))
    [asked] = [one for one in world.server.asked if one.operation == "GetItem"]
    _, element = asked.payload.find("m:ItemIds", canned.NAMES)
    assert dict(element.attrib) == {"RecurringMasterId": "series", "InstanceIndex": "4"}


@pytest.mark.rule("ID-1")
@pytest.mark.parametrize("by", [timedelta(0), timedelta(hours=1), timedelta(hours=-1)])
async def test_an_occurrence_is_dated_as_its_series_is_whatever_rules_the_server_has_for_clocks(
    world: World, by: timedelta
) -> None:
    world.exceptions = {"series/4": 4}
    world.off_by = by
    occurrence = await world.exchange().occurrence(ANNA, "series", 4)
    assert isinstance(occurrence, Copy)
    assert occurrence.original_start == start(4)


@pytest.mark.rule("ID-1")
@pytest.mark.parametrize("number", [3, 5])
async def test_an_occurrence_of_another_day_than_its_number_is_dated_as_it_says(world: World, number: int) -> None:
    """Who asked sees that the series is another one by now."""
    world.exceptions = {"series/4": number}
    occurrence = await world.exchange().occurrence(ANNA, "series", 4)
    assert isinstance(occurrence, Copy)
    assert occurrence.original_start == start(number)


@pytest.mark.rule("REC-4")
@pytest.mark.parametrize(
    "code",
    [
        "ErrorCalendarOccurrenceIsDeletedFromRecurrence",
        "ErrorCalendarOccurrenceIndexIsOutOfRecurrenceRange",
        "ErrorCalendarCannotUseIdForRecurringMasterId",
        "ErrorItemNotFound",
    ],
)
async def test_an_occurrence_that_is_not_there_is_gone(world: World, code: str) -> None:
    world.fails = {"series/6": code}
    assert await world.exchange().occurrence(ANNA, "series", 6) == Gone("series")


@pytest.mark.rule("REC-5")
@pytest.mark.parametrize("write", ["create", "update"])
async def test_a_pattern_that_exchange_cannot_hold_is_rejected_without_a_call(world: World, write: str) -> None:
    fifth = Recurrence("monthly", weekdays=("TU",), week_of_month=5)
    edit = Edit(times=Times(START, START + timedelta(hours=1), zone="Europe/Berlin"), recurrence=fifth)
    writes: dict[str, Callable[[EwsExchange], Any]] = {
        "create": lambda exchange: exchange.create(ANNA, New(kind=Kind.SCHEDULE_ITEM, marker="c", uid="AB", edit=edit)),
        "update": lambda exchange: exchange.update(ANNA, Written("series", "CK"), edit),
    }
    with pytest.raises(port.Rejected) as refused:
        await writes[write](world.exchange())
    assert refused.value.code == patterns.FIFTH_WEEK
    assert world.server.asked == []


@pytest.mark.rule("REC-5")
@pytest.mark.scenario("S04d")
async def test_s04d_an_occurrence_moved_past_its_neighbour_is_rejected_for_good(world: World) -> None:
    world.server.answers["UpdateItem"] = canned.answer("UpdateItem", canned.failed("ErrorOccurrenceCrossingBoundary"))
    late = Edit(times=Times(start(6), start(6) + timedelta(hours=1)))
    with pytest.raises(port.Rejected) as refused:
        await world.exchange().update(ANNA, Written("x", "CK"), late)
    assert refused.value.code == "ErrorOccurrenceCrossingBoundary"


@needs_schema
async def test_what_is_asked_of_a_series_is_valid(world: World) -> None:
    world.exceptions = {"x": 4}
    exchange = world.exchange()
    await exchange.get(ANNA, ["series"])
    await exchange.occurrence(ANNA, "series", 4)
    for asked in world.server.asked:
        schema().assertValid(asked.payload)
