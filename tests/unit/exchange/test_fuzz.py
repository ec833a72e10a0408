"""One bad item among a hundred good ones (S25a)."""

from __future__ import annotations

from random import Random
from xml.sax.saxutils import escape, quoteattr

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.exchange.ews import decoder, delegates, envelopes, payloads, tasks, times
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


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**64))
def test_a_fuzzed_delegate_is_read_or_left_out_and_the_others_are_read(seed: int) -> None:
    """Levels that nobody knows cannot be written back."""
    chance = Random(seed)
    names = ("UserId", "PrimarySmtpAddress", "DelegatePermissions", "CalendarFolderPermissionLevel", "ViewPrivateItems")

    def some(depth: int = 0) -> str:
        inner = "".join(some(depth + 1) for _ in range(chance.randrange(3) if depth < 3 else 0))
        name = chance.choice(names)
        return f"<t:{name}>{escape(text(chance))}{chance.choice(BROKEN)}{inner}</t:{name}>"

    def message(content: str) -> str:
        return f'<m:X ResponseClass="Success"><m:DelegateUser>{content}</m:DelegateUser></m:X>'

    good = "<t:UserId><t:PrimarySmtpAddress>good@bank.example</t:PrimarySmtpAddress></t:UserId>"
    fuzzed = "".join(some() for _ in range(chance.randrange(6)))
    listed = f"<m:ResponseMessages>{message(fuzzed)}{message(good)}</m:ResponseMessages>"
    answer = canned.envelope(f'<m:GetDelegateResponse ResponseClass="Success">{listed}</m:GetDelegateResponse>')
    found = delegates.read(envelopes.messages(answer)).rights
    assert "good@bank.example" in found
    assert {rights.calendar for rights in found.values()} <= {"", "Custom"}


PATTERNS = ("Daily", "Weekly", "AbsoluteMonthly", "RelativeMonthly", "AbsoluteYearly", "RelativeYearly", "Lunar")
RANGES = ("NoEnd", "EndDate", "Numbered")
SAID: dict[str, list[str]] = {
    "Interval": ["1", "2", "0", "-1", "99", "99999999999", "often", ""],
    "DaysOfWeek": ["Monday", "Tuesday Friday", "Weekday", "Day", "Friday Friday", "Doomsday", "", "WeekendDay Monday"],
    "FirstDayOfWeek": ["Sunday", "Monday", "Day", "Doomsday", ""],
    "DayOfWeekIndex": ["First", "Last", "Fifth", ""],
    "DayOfMonth": ["1", "31", "0", "32", "-5", "last"],
    "Month": ["February", "December", "Smarch", ""],
    "StartDate": ["2026-12-01", "2026-12-01+13:00", "2027-02-29", "1601-01-01", "9999-12-31", "4500-09-01", "soon", ""],
    "EndDate": ["2026-12-31", "2026-01-01", "9999-12-31", "4500-08-31", "", "later"],
    "NumberOfOccurrences": ["10", "1", "0", "-1", "99999999", "some"],
}


def series(chance: Random) -> str:
    """A series whose pattern, range and lists say anything."""

    def some(names: list[str]) -> str:
        return "".join(f"<t:{name}>{chance.choice(SAID[name])}</t:{name}>" for name in names if chance.random() < 0.8)

    kind, extent = f"{chance.choice(PATTERNS)}Recurrence", f"{chance.choice(RANGES)}Recurrence"
    pattern = f"<t:{kind}>{some(list(SAID)[:6])}</t:{kind}><t:{extent}>{some(list(SAID)[6:])}</t:{extent}>"
    zone = chance.choice(["W. Europe Standard Time", "Customized Time Zone", "Samoa Standard Time"])
    starts = "".join(f"<t:Start>{chance.choice(TIMES)}</t:Start>" for _ in range(chance.randrange(2)))
    lists = f"<t:DeletedOccurrences><t:DeletedOccurrence>{starts}</t:DeletedOccurrence></t:DeletedOccurrences>"
    return canned.meeting(
        "series",
        f"<t:Recurrence>{pattern}</t:Recurrence>",
        lists if chance.random() < 0.3 else "",
        f'<t:StartTimeZone Id="{zone}"/>',
        CalendarItemType="RecurringMaster",
        IsAllDayEvent=chance.choice(["true", "false"]),
    )


@pytest.mark.rule("REC-5")
@pytest.mark.scenario("S25a")
@settings(max_examples=300, deadline=None)
@given(st.integers(0, 2**64))
def test_s25a_a_fuzzed_series_is_held_or_says_why_not(seed: int) -> None:
    [item] = read(canned.answer("GetItem", canned.items(series(Random(seed)))))
    assert isinstance(item, Unreadable) or (item.recurrence is None) is not (item.unheld is None)


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
