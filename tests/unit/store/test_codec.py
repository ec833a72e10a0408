"""What the store keeps of an item is the item."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given

from daemon.store import codec
from schemas.items import Response, ScheduleItem
from tests.unit.store.items import items, patient


@patient
@given(items)
def test_any_item_comes_back_equal(item: ScheduleItem) -> None:
    """Every field of every class survives, with its type."""
    back = codec.load(codec.dump(item))

    assert back == item
    assert hash(back) == hash(item)


@patient
@given(items)
def test_any_item_is_plain_ascii_json(item: ScheduleItem) -> None:
    """Whatever people type, no database meets a character it cannot hold."""
    text = codec.dump(item)

    assert text.isascii()
    assert set(json.loads(text)) == set(ScheduleItem.__slots__)


def test_instants_come_back_in_utc_and_dates_as_dates() -> None:
    """An all-day item has no time of day, before and after."""
    berlin = datetime(2026, 12, 1, 10, tzinfo=ZoneInfo("Europe/Berlin"))

    back = codec.load(codec.dump(ScheduleItem(start=berlin, end=date(2026, 12, 2))))

    assert back.start == datetime(2026, 12, 1, 9, tzinfo=UTC)
    assert isinstance(back.start, datetime)
    assert back.start.tzinfo is UTC
    assert back.end == date(2026, 12, 2)
    assert not isinstance(back.end, datetime)


def test_fractions_of_seconds_and_odd_zones_are_kept() -> None:
    """The instant is what counts, to the microsecond."""
    odd = datetime(1601, 1, 1, 0, 0, 0, 7, tzinfo=timezone(timedelta(hours=-11, minutes=-30)))

    assert codec.load(codec.dump(ScheduleItem(start=odd))).start == odd


def test_an_instant_without_a_zone_is_refused_without_being_told() -> None:
    """Nobody could say later which instant it was."""
    naive = datetime(2026, 12, 1, 10)  # noqa: DTZ001 -- the mistake under test

    with pytest.raises(ValueError, match=r"^an instant must be aware$"):
        codec.dump(ScheduleItem(start=naive))


def test_an_answer_comes_back_as_an_answer() -> None:
    """A plain string would be equal to it, and still be something else."""
    back = codec.load(codec.dump(ScheduleItem(responses=(("u-bob", Response.ACCEPTED),))))

    assert isinstance(back.responses[0][1], Response)


def test_a_row_from_before_a_field_existed_gets_its_default() -> None:
    """An item stored by an older version is readable by a newer one, and the reverse."""
    older = json.loads(codec.dump(ScheduleItem(subject="Review", priority="A")))
    del older["priority"]
    older["of_a_later_version"] = True

    assert codec.load(json.dumps(older)) == ScheduleItem(subject="Review")
