"""The planner on series, at random: one series and two of its descendants, one on each side, are brought together.

What is compared is what people see: every occurrence with its time, its name and its place, in the CRM, in the
organizer's calendar and in a direct copy (CON-1, CON-5, REC-3, REC-4). Then a second round does nothing, and nobody's
occurrence was written to that the CRM had not changed (MAP-1).
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from handlers import occurrences
from handlers.recurrences import Series, Window
from handlers.translation import content
from schemas.copies import Copy, Shape
from schemas.items import Recurrence, ScheduleItem, SeriesException
from schemas.wire import changes_of
from tests.support.mirror import Bank, forgetting
from tests.support.world import END, START, a_user, a_world, an_appointment, days

ANNA, BOB = a_user("u-anna"), a_user("u-bob")
WORLD = a_world(ANNA, BOB)
A, B = "anna@bank.example", "bob@bank.example"
WEEKS = 6
WEEKLY = Recurrence("weekly", weekdays=("TU",), end="after", count=WEEKS)
HOUR = END - START
ALWAYS = Window(START - days(30), START + days(400))
CASES = 10_000 if os.environ.get("CI", "").lower() == "true" else 400

Seen = tuple[datetime, str, str]
"""What a person sees of an occurrence: when, what and where."""
DELETED = "deleted"

changes = st.fixed_dictionaries(
    {},
    optional={
        "subject": st.sampled_from(("Special", "Audit")),
        "location": st.sampled_from(("Room 4", "Room 9")),
        "moved": st.sampled_from((timedelta(hours=2), timedelta(days=1))),
    },
)
single = st.one_of(changes, st.just(DELETED))
some_weeks = st.dictionaries(st.integers(2, WEEKS), single, max_size=3)
whole = st.fixed_dictionaries(
    {},
    optional={"subject": st.sampled_from(("Jour fixe", "Weekly")), "location": st.sampled_from(("Room 1", "Room 2"))},
)


@dataclass(frozen=True)
class State:
    """A series as one side has it: what all occurrences share, and what is different of single ones."""

    whole: Mapping[str, str]
    weeks: Mapping[int, Any]

    def changed(self, whole: Mapping[str, str], weeks: Mapping[int, Any]) -> State:
        """After somebody edited it; what was deleted stays so."""
        gone = {week: each for week, each in self.weeks.items() if each == DELETED}
        edited = {week: self._edited(week, each) for week, each in weeks.items()}
        return State({**self.whole, **whole}, {**self.weeks, **edited, **gone})

    def _edited(self, week: int, edit: Any) -> Any:
        known = self.weeks.get(week, {})
        return edit if DELETED in (edit, known) else {**known, **edit}


def at(week: int) -> datetime:
    return START + timedelta(weeks=week - 1)


def exceptions_of(state: State) -> tuple[SeriesException, ...]:
    """As the CRM says them."""
    said = []
    for week, each in sorted(state.weeks.items()):
        if each == DELETED:
            said.append(SeriesException(at(week), deleted=True))
        elif each:
            start = at(week) + each.get("moved", timedelta())
            item = ScheduleItem(
                subject=each.get("subject", ""), location=each.get("location", ""), start=start, end=start + HOUR
            )
            names = [name for name in ("subject", "location") if name in each] + ["start", "end"] * ("moved" in each)
            said.append(SeriesException(at(week), changes=changes_of(item, names)))
    return tuple(said)


def in_outlook(state: State, copy: Copy) -> dict[str, Any]:
    """As Exchange keeps them: an occurrence has everything of its series but what it changed."""
    series = replace(copy, **state.whole)
    kept = [(week, each) for week, each in sorted(state.weeks.items()) if each != DELETED and each]
    return {
        **state.whole,
        "exceptions": tuple(_exception(series, week, each) for week, each in kept),
        "deleted_starts": tuple(at(week) for week, each in sorted(state.weeks.items()) if each == DELETED),
    }


def _exception(series: Copy, week: int, changed: Mapping[str, Any]) -> Copy:
    start = at(week) + changed.get("moved", timedelta())
    bare = replace(series, recurrence=None, exceptions=(), deleted_starts=(), shape=Shape.EXCEPTION)
    texts = {name: changed[name] for name in ("subject", "location") if name in changed}
    return replace(bare, original_start=at(week), start=start, end=start + HOUR, **texts)


def seen_in_crm(item: ScheduleItem) -> Iterator[Seen]:
    """What the CRM shows."""
    assert item.recurrence is not None
    assert item.start is not None
    held = {each.original_start: each for each in item.exceptions}
    for start in Series(item.recurrence, item.start, item.zone).starts(ALWAYS):
        exception = held.get(start, SeriesException(start))
        if not exception.deleted:
            shown = occurrences.of(item, exception)
            assert isinstance(shown.start, datetime)
            yield shown.start, shown.subject, shown.location


def seen_in(copy: Copy) -> Iterator[Seen]:
    """What a calendar shows."""
    assert copy.recurrence is not None
    assert copy.start is not None
    kept = {each.original_start: each for each in copy.exceptions}
    for start in Series(copy.recurrence, copy.start, copy.zone).starts(ALWAYS):
        shown = content(kept[start]) if start in kept else replace(content(copy), start=start)
        if start not in copy.deleted_starts:
            assert isinstance(shown.start, datetime)
            yield shown.start, shown.subject, shown.location


def merged(base: State, theirs: State, ours: State) -> State:
    """What both shall show, by the rules: field by field, the CRM wins, a delete wins over everything."""

    def one(was: Any, there: Any, here: Any) -> Any:
        return there if here == was else here

    shared = {name: one(base.whole[name], theirs.whole[name], ours.whole[name]) for name in base.whole}
    weeks: dict[int, Any] = {}
    for week in sorted({*base.weeks, *theirs.weeks, *ours.weeks}):
        three = [side.weeks.get(week, {}) for side in (base, theirs, ours)]
        if DELETED in three:
            weeks[week] = DELETED
            continue
        names = sorted({name for side in three for name in side})
        weeks[week] = {name: value for name in names if (value := one(*(side.get(name) for side in three))) is not None}
    return State(shared, weeks)


def expected(state: State) -> list[Seen]:
    """Every occurrence of a state."""
    found = []
    for week in range(1, WEEKS + 1):
        changed = state.weeks.get(week, {})
        if changed != DELETED:
            texts = {**state.whole, **changed}
            found.append((at(week) + changed.get("moved", timedelta()), texts["subject"], texts["location"]))
    return found


def played(base: State, theirs: State, ours: State, *, crm_is_heard_first: bool, with_bob: bool) -> Bank:
    """Both sides change at the same moment, then talk it out."""
    bare = an_appointment(ANNA, shape=Shape.MASTER, recurrence=WEEKLY)
    series = replace(bare, **in_outlook(base, bare))
    bank = Bank(WORLD, copies={(A, series.item_id): series})
    bank.hint(A)
    bank.deliver()
    forgetting(bank)
    assert bank.crm is not None
    bank.in_outlook(A, **in_outlook(theirs, series))
    people = ("u-anna", "u-bob") if with_bob else ("u-anna",)
    bank.in_crm(**ours.whole, exceptions=exceptions_of(ours), assign_to=people)
    if not crm_is_heard_first:
        bank.hint(A)
    bank.until_quiet()
    return bank


texts = st.fixed_dictionaries({"subject": st.just("Review"), "location": st.sampled_from(("", "Room 0"))})


@pytest.mark.rule("CON-1", "CON-2", "CON-3", "CON-5", "REC-3", "REC-4", "INV-6", "MAP-1")
@pytest.mark.timeout(900)  # minutes of one core, which it may have to share
@settings(max_examples=CASES, deadline=None, suppress_health_check=list(HealthCheck))
@given(texts, some_weeks, whole, some_weeks, whole, some_weeks, st.booleans(), st.booleans())
def test_both_sides_show_the_same_occurrences(
    shared, weeks, their_whole, their_weeks, our_whole, our_weeks, crm_is_heard_first, with_bob
):
    """Whatever was changed of the whole series and of single occurrences, on both sides, at once."""
    base = State(shared, weeks)
    theirs, ours = base.changed(their_whole, their_weeks), base.changed(our_whole, our_weeks)
    bank = played(base, theirs, ours, crm_is_heard_first=crm_is_heard_first, with_bob=with_bob)
    wanted = expected(merged(base, theirs, ours))
    assert bank.crm is not None
    assert list(seen_in_crm(bank.crm)) == wanted, "in the CRM"
    for copy in bank.copies.values():
        assert list(seen_in(copy)) == wanted, f"in {copy.mailbox}"
    edited = {at(week) for week in our_weeks}
    for write in bank.writes:
        assert write.occurrence is None or write.direct or write.occurrence in edited, "nobody changed that in the CRM"


@pytest.mark.rule("REC-1", "REC-2", "REC-3")
@settings(max_examples=CASES // 10, deadline=None, suppress_health_check=list(HealthCheck))
@given(texts, some_weeks, st.integers(2, WEEKS + 2), st.sampled_from((timedelta(), timedelta(hours=1))), st.booleans())
def test_a_changed_pattern_keeps_what_is_still_in_it(shared, weeks, count, moved, with_bob):
    """Changed in the CRM: afterwards both sides show the same, which is what the exceptions said, on the new days."""
    base = State(shared, weeks)
    bank = played(base, base, base, crm_is_heard_first=True, with_bob=with_bob)
    bank.in_crm(recurrence=replace(WEEKLY, count=count), start=START + moved, end=END + moved)
    bank.until_quiet()
    assert bank.crm is not None
    shown = list(seen_in_crm(bank.crm))
    for copy in bank.copies.values():
        assert list(seen_in(copy)) == shown, f"in {copy.mailbox}"
    kept = [week for week in range(1, count + 1) if weeks.get(week) != DELETED]
    assert [(what, where) for _, what, where in shown] == [
        ({**shared, **weeks.get(week, {})}["subject"], {**shared, **weeks.get(week, {})}["location"]) for week in kept
    ]
