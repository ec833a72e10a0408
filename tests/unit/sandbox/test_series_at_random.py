"""A series that people edit at random, beside a plain list of what it should show."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from daemon.sandbox.exchange import series
from daemon.sandbox.exchange.errors import EwsError
from daemon.sandbox.exchange.items import Draft, Item
from daemon.sandbox.exchange.properties import ItemKind
from daemon.sandbox.exchange.recurrence import Recurrence
from daemon.sandbox.exchange.values import Zone
from daemon.sandbox.exchange.world import World
from daemon.sandbox.people import People
from tests.unit.sandbox.bank import PEOPLE

ANNA = "anna@bank.example"
BERLIN = ZoneInfo("Europe/Berlin")
COUNT = 8
# Over the end of summer time, on the last Sunday of October.
FIRST = date(2026, 10, 13)
DAYS = 3
WHOLE = datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 12, 31, tzinfo=UTC)
HOUR = timedelta(hours=1)

INDEXES = st.integers(0, COUNT - 1)
MOVES = st.builds(timedelta, hours=st.integers(-100, 100))
STEPS = st.one_of(
    st.tuples(st.just("move"), INDEXES, MOVES),
    st.tuples(st.just("rename"), INDEXES, st.sampled_from(["Retro", "Review", "Planning"])),
    st.tuples(st.just("delete"), INDEXES, st.none()),
    st.tuples(st.just("rename all"), st.just(0), st.sampled_from(["Review", "Weekly"])),
)


@dataclass(frozen=True)
class Shown:
    """One occurrence as it should be seen; no subject of its own is the series'."""

    original: datetime
    start: datetime
    subject: str | None = None


@dataclass
class Expected:
    """All occurrences by their place; None is a deleted one."""

    subject: str = "Review"
    shown: list[Shown | None] = field(default_factory=list)

    def left(self) -> list[Shown]:
        return [each for each in self.shown if each is not None]

    def may_move(self, index: int, start: datetime) -> bool:
        """Whether it would still be after those before it and before those after it, and on a day of its own."""
        earlier = [each for each in self.shown[:index] if each is not None]
        later = [each for each in self.shown[index + 1 :] if each is not None]
        day = start.astimezone(BERLIN).date()
        return all(
            each.start + HOUR <= start and each.start.astimezone(BERLIN).date() < day for each in earlier
        ) and all(start + HOUR <= each.start and day < each.start.astimezone(BERLIN).date() for each in later)


def a_series(world: World) -> tuple[Item, Expected]:
    """At nine in the morning of every third day, by the clock in Berlin."""
    zone = Zone("W. Europe Standard Time")
    starts = [
        datetime(FIRST.year, FIRST.month, FIRST.day, 9, tzinfo=BERLIN) + timedelta(days=DAYS * index)
        for index in range(COUNT)
    ]
    values = {
        "Subject": "Review",
        "Start": starts[0].astimezone(UTC),
        "End": starts[0].astimezone(UTC) + HOUR,
        "StartTimeZone": zone,
        "EndTimeZone": zone,
        "UID": "uid-1",
        "Recurrence": Recurrence("DailyRecurrence", FIRST, interval=DAYS, count=COUNT),
    }
    master = world.create(world.folder(ANNA, "calendar"), Draft(ItemKind.CALENDAR_ITEM, values), by=ANNA)
    return master, Expected(shown=[Shown(each.astimezone(UTC), each.astimezone(UTC)) for each in starts])


def move(world: World, item: Item, start: datetime) -> bool:
    """What UpdateItem does with new times; whether it was allowed."""
    assert item.part is not None
    try:
        series.refuse_crossing(item.part, start, start + HOUR)
    except EwsError:
        return False
    world.modify(item, {"Start": start, "End": start + HOUR}, by=ANNA)
    return True


def take(world: World, master: Item, expected: Expected, step: tuple[str, int, object]) -> None:
    """One step, in the mailbox and in the list."""
    name, index, given_value = step
    if name == "rename all":
        expected.subject = str(given_value)
        world.modify(master, {"Subject": given_value}, by=ANNA)
        return
    shown = expected.shown[index]
    if shown is None:
        return
    item = series.nth(world.item(ANNA, master.id), index + 1)
    if name == "rename" and given_value != item.get("Subject"):
        world.modify(item, {"Subject": given_value}, by=ANNA)
        expected.shown[index] = replace(shown, subject=str(given_value))
    if name == "delete" and len(expected.left()) > 1:
        world.delete(item)
        expected.shown[index] = None
    if name == "move" and isinstance(given_value, timedelta):
        start = shown.start + given_value
        assert move(world, item, start) == expected.may_move(index, start), (index, start)
        if expected.may_move(index, start):
            expected.shown[index] = replace(shown, start=start)


@given(st.lists(STEPS, max_size=15))
def test_a_series_shows_what_people_made_of_it(steps: list[tuple[str, int, object]]) -> None:
    """Occurrence by occurrence, in views, by ids, and in what the master says."""
    world = World(People.read(PEOPLE))
    made, expected = a_series(world)
    for step in steps:
        take(world, made, expected, step)
    master = world.item(ANNA, made.id)
    seen = sorted(series.within([master], *WHOLE), key=lambda each: each.get("Start"))
    assert [(each.recurrence_id, each.get("Start"), each.get("Subject")) for each in seen] == [
        (each.original, each.start, each.subject or expected.subject) for each in expected.left()
    ]
    assert [world.item(ANNA, each.id) for each in seen] == seen
    first, last = series.first(master), series.last(master)
    assert (first, last) == (seen[0], seen[-1])
    gone = {each.original for each in a_series(World(People.read(PEOPLE)))[1].left()} - {
        each.recurrence_id for each in seen
    }
    assert set(series.deleted_starts(master)) == gone
    assert {each.id for each in series.exceptions(master)} == {
        each.id for each in seen if each.part is not None and each.part.is_exception
    }
