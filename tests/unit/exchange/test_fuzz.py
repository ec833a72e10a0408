"""One bad item among a hundred good ones (S25a)."""

from __future__ import annotations

from xml.sax.saxutils import escape, quoteattr

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from daemon.exchange.ews import decoder, payloads, times
from daemon.exchange.port import Unreadable
from schemas.copies import Copy
from tests.unit.exchange import canned
from tests.unit.exchange.reading import read

GOOD = [canned.meeting(f"good-{i}") for i in range(100)]
EXPECTED = read(canned.answer("GetItem", *map(canned.items, GOOD)))

NAMES = sorted({name.partition(":")[2] for name in payloads.ITEM_FIELDS} | {"ItemId", "ExtendedProperty", "Recurrence"})
TIMES = ["1601-01-01T00:00:00Z", "4501-01-01T00:00:00Z", "2026-12-01T09:00:00Z", "0001-01-01T00:00:00+14:00", "T", "24"]
WORDS = ["true", "0", "Private", "Exception", "Accept", "-1", "99999999999999", "Customized Time Zone", "\ufffd"]

texts = st.one_of(st.sampled_from(TIMES + WORDS), st.text(max_size=30))
broken = st.sampled_from(["&#xD800;", "&#x0;", "\x02", "\ud83d"])


@st.composite
def elements(draw: st.DrawFn, depth: int = 0) -> str:
    """Any element that EWS could nest, with any text, attributes and children."""
    name = draw(st.sampled_from([*NAMES, "Mailbox", "Attendee", "EmailAddress", "ExtendedFieldURI", "Value"]))
    attributes = draw(
        st.dictionaries(st.sampled_from(["Id", "Name", "PropertyId", "PropertySetId"]), texts, max_size=2)
    )
    listed = "".join(f" {key}={quoteattr(value)}" for key, value in attributes.items())
    children = draw(st.lists(elements(depth + 1), max_size=3)) if depth < 3 else []
    text = escape(draw(texts)) + draw(st.one_of(st.just(""), broken))
    return f"<t:{name}{listed}>{text}{''.join(children)}</t:{name}>"


@pytest.mark.scenario("S25a")
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(elements(), max_size=12), st.integers(0, 100))
def test_s25a_a_fuzzed_item_is_read_or_quarantined_and_the_others_are_read(fuzzed: list[str], place: int) -> None:
    """Whatever stands in it, the hundred others are what they are without it."""
    bad = f"<t:CalendarItem>{''.join(fuzzed)}</t:CalendarItem>"
    good = list(map(canned.items, GOOD))
    items = read(canned.answer("GetItem", *good[:place], canned.items(bad), *good[place:]))
    assert items[:place] + items[place + 1 :] == EXPECTED
    assert isinstance(items[place], Copy) or _has_rule(items[place])


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
