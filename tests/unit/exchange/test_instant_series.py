"""The instant Exchange keeps series as a real one does, as far as tests of the daemon need it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from daemon.exchange import port
from daemon.exchange.port import Gone, Written
from schemas.copies import Copy, Kind, Shape, TaskCopy
from schemas.edits import Edit, New
from tests.support.instant import InstantExchange
from tests.unit.exchange.behaviour import ANNA
from tests.unit.exchange.test_ews_series import SERIES, TIMES, WEEKLY, start
from tests.unit.exchange.writing import HOUR


@pytest.fixture
async def exchange() -> InstantExchange:
    made = InstantExchange()
    await made.create(ANNA, New(kind=Kind.SCHEDULE_ITEM, marker="crm-1", uid="AB", edit=SERIES))
    return made


async def series(exchange: InstantExchange) -> Copy:
    [copy] = await exchange.find_by_uid(ANNA, "AB")
    assert isinstance(copy, Copy)
    return copy


async def nth(exchange: InstantExchange, index: int) -> Copy:
    copy = await exchange.occurrence(ANNA, (await series(exchange)).item_id, index)
    assert isinstance(copy, Copy), f"there is no {index}th"
    return copy


async def test_a_series_has_its_occurrences(exchange: InstantExchange) -> None:
    master, fourth = await series(exchange), await nth(exchange, 4)
    assert (master.shape, master.recurrence) == (Shape.MASTER, WEEKLY)
    assert (fourth.shape, fourth.original_start, fourth.start, fourth.end) == (
        Shape.OCCURRENCE,
        start(4),
        start(4),
        start(4) + HOUR,
    )
    assert (fourth.recurrence, fourth.uid, fourth.subject) == (None, master.uid, master.subject)
    assert await exchange.occurrence(ANNA, master.item_id, 11) == Gone(master.item_id)


async def test_one_occurrence_is_changed_again_and_deleted(exchange: InstantExchange) -> None:
    fourth = await nth(exchange, 4)
    written = await exchange.update(ANNA, Written(fourth.item_id, fourth.change_key), Edit(subject="Other"))
    await exchange.update(ANNA, written, Edit(location="Room 9"))
    with pytest.raises(port.Changed):
        await exchange.update(ANNA, written, Edit(location="Room 8"))
    [exception] = (await series(exchange)).exceptions
    assert (exception.original_start, exception.subject, exception.location) == (start(4), "Other", "Room 9")
    assert exception == await nth(exchange, 4)
    await exchange.delete(ANNA, fourth.item_id)
    left = await series(exchange)
    assert (left.exceptions, left.deleted_starts) == ((), (start(4),))
    assert await exchange.occurrence(ANNA, left.item_id, 4) == Gone(left.item_id)
    with pytest.raises(port.Missing):
        await exchange.delete(ANNA, fourth.item_id)


async def test_another_pattern_drops_what_was_customized(exchange: InstantExchange) -> None:
    fourth = await nth(exchange, 4)
    await exchange.update(ANNA, Written(fourth.item_id, fourth.change_key), Edit(subject="Other"))
    master = await series(exchange)
    await exchange.update(ANNA, Written(master.item_id, master.change_key), Edit(times=TIMES, recurrence=None))
    assert ((await series(exchange)).shape, (await series(exchange)).exceptions) == (Shape.SINGLE, ())


async def test_a_recurring_task_is_skipped_until_its_last_occurrence(exchange: InstantExchange) -> None:
    edit = Edit(due_day=start(1).date(), recurrence=replace(WEEKLY, count=2))
    made = await exchange.create(ANNA, New(kind=Kind.TASK, marker="crm-2", uid=None, edit=edit))
    await exchange.skip(ANNA, made.item_id)
    [task] = await exchange.get_tasks(ANNA, [made.item_id])
    assert isinstance(task, TaskCopy)
    assert (task.due_day, task.is_recurring) == (start(2).date(), True)
    with pytest.raises(port.Rejected):
        await exchange.skip(ANNA, made.item_id)
