"""One bad item among a hundred good ones (S25a)."""

from __future__ import annotations

from random import Random
from xml.sax.saxutils import escape, quoteattr

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.exchange.ews import decoder, envelopes, payloads, tasks, times
from daemon.exchange.ews.decoder import Reading
from daemon.exchange.port import Unreadable
from schemas.copies import Copy, TaskCopy
from tests.unit.exchange import canned
from tests.unit.exchange.reading import FOLDERS, MAILBOX, read

GOOD = [canned.meeting(f"good-{i}") for i in range(100)]
EXPECTED = read(canned.answer("GetItem", *map(canned.items, GOOD)))

NAMES = sorted(
    {name.partition(":")[2] for name in (*payloads.ITEM_FIELDS, *payloads.TASK_FIELDS)}
    | {"ItemId", "ExtendedProperty", "Recurrence"}
)
TIMES = ["1601-01-01T00:00:00Z", "4501-01-01T00:00:00Z", "2026-12-01T09:00:00Z", "0001-01-01T00:00:00+14:00", "T", "24"]
WORDS = ["true", "0", "Private", "Exception", "Accept", "-1", "99999999999999", "Customized Time Zone", "\ufffd"]

BROKEN = ["", "", "", "&#xD800;", "&#x0;", "\x02", "\ud83d"]
NESTED = [*NAMES, "Mailbox", "Attendee", "EmailAddress", "ExtendedFieldURI", "Value"]
ATTRIBUTES = ["Id", "Name", "PropertyId", "PropertySetId", "PropertyTag", "DistinguishedPropertySetId"]


def text(chance: Random) -> str:
    if chance.random() < 0.5:
        return chance.choice(TIMES + WORDS)
    return "".join(
        chr(chance.choice([9, 10, 32, 60, 38, 65, 0xE9, 0x1F370, 0x200B])) for _ in range(chance.randrange(9))
    )


def element(chance: Random, depth: int = 0) -> str:
    """Any element that EWS could nest, with any text, attributes and children."""
    name = chance.choice(NESTED)
    attributes = "".join(f" {key}={quoteattr(text(chance))}" for key in ATTRIBUTES if chance.random() < 0.2)
    children = "".join(element(chance, depth + 1) for _ in range(chance.randrange(3) if depth < 3 else 0))
    return f"<t:{name}{attributes}>{escape(text(chance))}{chance.choice(BROKEN)}{children}</t:{name}>"


@pytest.mark.scenario("S25a")
@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2**64), st.integers(0, 100))
def test_s25a_a_fuzzed_item_is_read_or_quarantined_and_the_others_are_read(seed: int, place: int) -> None:
    """Whatever stands in it, the hundred others are what they are without it."""
    chance = Random(seed)
    fuzzed = "".join(element(chance) for _ in range(chance.randrange(12)))
    bad = f"<t:CalendarItem>{fuzzed}</t:CalendarItem>"
    good = list(map(canned.items, GOOD))
    items = read(canned.answer("GetItem", *good[:place], canned.items(bad), *good[place:]))
    assert items[:place] + items[place + 1 :] == EXPECTED
    assert isinstance(items[place], Copy) or _has_rule(items[place])


@pytest.mark.scenario("S25a")
@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2**64))
def test_s25a_a_fuzzed_task_is_read_or_quarantined(seed: int) -> None:
    chance = Random(seed)
    fuzzed = "".join(element(chance) for _ in range(chance.randrange(12)))
    [message] = envelopes.messages(canned.answer("GetItem", canned.items(f"<t:Task>{fuzzed}</t:Task>")))
    [item] = tasks.items(message, Reading(MAILBOX, FOLDERS))
    assert isinstance(item, TaskCopy | Unreadable)


def _has_rule(item: Copy | Unreadable) -> bool:
    assert isinstance(item, Unreadable)
    return item.rule in {
        times.NO_START,
        times.NO_END,
        times.END_BEFORE_START,
        times.TIME_NOT_UNDERSTOOD,
        times.YEAR_OUT_OF_RANGE,
        decoder.SHAPE_UNKNOWN,
    }


@pytest.mark.scenario("S25a")
def test_s25a_an_exception_without_a_rule_is_read_as_what_it_is() -> None:
    [item] = read(canned.answer("GetItem", canned.items(canned.meeting("i", CalendarItemType="Exception"))))
    assert isinstance(item, Copy)
    assert item.shape.value == "Exception"
