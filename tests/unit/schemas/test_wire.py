"""The way from the wire to the canonical item and back loses nothing, and adds nothing."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given

from schemas import wire
from schemas.activities import ItemOnWire
from schemas.items import External, ForEntry, Response, ScheduleItem, SeriesException, Source
from tests.unit.schemas.samples import ITEM
from tests.unit.schemas.strategies import items


def read(data: dict[str, Any], **known: ScheduleItem) -> ScheduleItem:
    return wire.read_item(ItemOnWire.model_validate(data), **known)


def test_the_contracts_example_comes_back_letter_by_letter():
    """Order of fields included: people read these."""
    written = wire.write_item(read(dict(ITEM)))

    assert json.dumps(written) == json.dumps(ITEM)


@pytest.mark.rule("MAP-2")
@given(items())
def test_every_item_survives_the_wire(item: ScheduleItem):
    """Whatever its zone, its days, its people and its exceptions."""
    assert read(json.loads(json.dumps(wire.write_item(item)))) == item


@given(items())
def test_writing_what_was_read_writes_the_same(item: ScheduleItem):
    """A second pass changes nothing."""
    written = wire.write_item(item)

    assert wire.write_item(read(written)) == written


@pytest.mark.rule("MAP-2")
def test_times_carry_their_zones_offset_of_that_day():
    """Summer and winter; without a zone UTC."""
    item = ScheduleItem(
        start=datetime(2026, 3, 28, 9, tzinfo=UTC), end=datetime(2026, 3, 29, 9, tzinfo=UTC), zone="Europe/Berlin"
    )

    written = wire.write_item(item)
    unzoned = wire.write_item(replace(item, zone=None))

    assert (written["start"], written["end"]) == ("2026-03-28T10:00:00+01:00", "2026-03-29T11:00:00+02:00")
    assert (unzoned["zone"], unzoned["start"]) == (None, "2026-03-28T09:00:00Z")


@pytest.mark.rule("MAP-2")
def test_an_offset_that_iso_cannot_say_is_not_written():
    """Monrovia was 44 minutes and 30 seconds behind until 1972."""
    start = datetime(1960, 1, 1, 9, tzinfo=UTC)

    assert wire.write_item(ScheduleItem(start=start, zone="Africa/Monrovia"))["start"] == "1960-01-01T09:00:00Z"


@pytest.mark.rule("MAP-2")
def test_days_are_dates_on_both_sides():
    """No zone touches them."""
    item = read({**ITEM, "all_day": True, "start": "2026-12-01", "end": "2026-12-02", "exceptions": []})

    assert (item.start, item.end) == (date(2026, 12, 1), date(2026, 12, 2))
    assert wire.write_item(item)["start"] == "2026-12-01"


@pytest.mark.parametrize("external", [None, (), (External("x@else.example", "Xaver", "x@else.example"),)])
def test_externals_nobody_has_displayed_are_absent_not_empty(external: tuple[External, ...] | None):
    """An empty list would say that there are none."""
    written = wire.write_item(ScheduleItem(external=external, external_shown_to=()))

    assert written.keys().isdisjoint({"external", "external_shown_to"})


def test_externals_somebody_has_displayed_are_there_even_if_none():
    """To him the empty list is an answer."""
    written = wire.write_item(ScheduleItem(external=(), external_shown_to=("u-anna",)))

    assert (written["external"], written["external_shown_to"]) == ([], ["u-anna"])


@pytest.mark.rule("MAP-4")
def test_what_an_item_does_not_state_stays_as_it_was_known():
    """Absent is not empty; empty is."""
    known = read(dict(ITEM))
    bare = {name: ITEM[name] for name in ("subject", "start", "end", "zone", "owner", "assign_to")}

    assert read({**bare, "notes": "", "alarms": {}}, known=known) == replace(known, notes="", alarms=())
    assert read(bare).alarms == ()


@pytest.mark.rule("MAP-4")
def test_the_fields_that_were_stated_can_be_asked_for():
    """In canonical names."""
    bare = {name: ITEM[name] for name in ("subject", "start", "end", "owner", "assign_to", "for")}

    assert wire.stated(ItemOnWire.model_validate(bare)) == {"subject", "start", "end", "owner", "assign_to", "for_"}


def test_people_are_sorted_and_each_of_them_once():
    """The producer's order and repetitions mean nothing."""
    entries = [
        {"contact": "c-9", "source": "exchange"},
        {"contact": "c-1", "source": "exchange"},
        {"contact": "c-9", "source": "crm"},
    ]
    externals = [{"name": "Xaver", "email": "X@else.example"}, {"name": "Xaver E.", "email": "x@else.example"}]

    item = read(
        {
            **ITEM,
            "assign_to": ["u-bob", "u-anna", "u-bob"],
            "for": entries,
            "external": externals,
            "alarms": {"u": [9, 0, 9]},
        }
    )

    assert item.assign_to == ("u-anna", "u-bob")
    assert item.for_ == (ForEntry("c-1", Source.EXCHANGE), ForEntry("c-9", Source.CRM))
    assert [external.key for external in item.external or ()] == ["x@else.example"]
    assert item.alarms == (("u", (0, 9)),)


@pytest.mark.rule("PART-3")
def test_an_externals_key_is_his_normalised_address_or_his_name():
    """So that two spellings are one guest."""
    externals = [{"name": "Yolanda Extern", "email": None}, {"name": "Xaver", "email": "<X@Else.Example>"}]

    keys = [external.key for external in read({**ITEM, "external": externals}).external or ()]

    assert keys == ["x@else.example", "yolanda extern"]


@pytest.mark.parametrize("priority", [None, "B"])
def test_no_priority_is_the_middle_one(priority: str | None):
    """As the field table has it."""
    assert read({**ITEM, "priority": priority}).priority == "B"


def test_equal_exceptions_are_equal_whatever_their_spelling():
    """Offsets, order of people and of fields do not make a change."""
    one = {
        "original_start": "2026-12-08T10:00:00+01:00",
        "changes": {"start": "2026-12-08T11:00:00Z", "assign_to": ["b", "a"]},
    }
    other = {
        "original_start": "2026-12-08T09:00:00Z",
        "changes": {"assign_to": ["a", "b"], "start": "2026-12-08T12:00:00"},
    }

    read_one, read_other = (read({**ITEM, "exceptions": [each]}).exceptions for each in (one, other))

    assert read_one == read_other
    assert read_one == (
        SeriesException(
            datetime(2026, 12, 8, 9, tzinfo=UTC),
            changes=(("assign_to", '["a","b"]'), ("start", '"2026-12-08T11:00:00Z"')),
        ),
    )


def test_responses_and_alarms_are_maps_by_user():
    """Never lists that only position ties together."""
    item = ScheduleItem(responses=(("u-bob", Response.ACCEPTED),), alarms=(("u-anna", (0, 15)), ("u-bob", ())))

    written = wire.write_item(item)

    assert (written["responses"], written["alarms"]) == ({"u-bob": "accepted"}, {"u-anna": [0, 15], "u-bob": []})


def test_exceptions_stand_in_the_order_of_time():
    """A fraction of a second counts, and a day that meets an instant does not break the order."""
    starts = ["2026-12-09T09:00:00.000001Z", "2026-12-09T09:00:00Z", "2026-12-08"]

    exceptions = read({**ITEM, "exceptions": [{"original_start": start} for start in starts]}).exceptions

    assert [each.original_start for each in exceptions] == [
        date(2026, 12, 8),
        datetime(2026, 12, 9, 9, tzinfo=UTC),
        datetime(2026, 12, 9, 9, 0, 0, 1, tzinfo=UTC),
    ]
