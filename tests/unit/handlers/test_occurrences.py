"""Single occurrences of a series as the CRM states them and as they are written (REC-2..5, ALM-4), table by table."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from handlers import occurrence_alarms, occurrences
from handlers.outgoing import Occurrence
from handlers.plans import Explanation
from schemas.copies import Copy
from schemas.edits import UNSET
from schemas.items import Moment, Recurrence, ScheduleItem, SeriesException
from schemas.outcomes import Decision, Reason
from schemas.wire import changes_of

ITEM = ScheduleItem(
    subject="Stand-up",
    location="Room 4",
    start=datetime(2026, 12, 1, 9, tzinfo=UTC),
    end=datetime(2026, 12, 1, 10, tzinfo=UTC),
    zone="Europe/Berlin",
    alarms=(("u-anna", (15,)),),
    recurrence=Recurrence("daily", end="after", count=5),
)
DAYS = replace(ITEM, start=date(2026, 12, 1), end=date(2026, 12, 2), all_day=True)
NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)


def at(day: int, hour: int = 9) -> datetime:
    """A day of December."""
    return datetime(2026, 12, day, hour, tzinfo=UTC)


def on(day: int) -> date:
    """A day of December without a clock."""
    return date(2026, 12, day)


def changed(start: Moment, /, **values: Any) -> SeriesException:
    """An occurrence in which these fields are otherwise."""
    return SeriesException(start, changes=changes_of(replace(ScheduleItem(), **values), tuple(values)))


def deleted(start: Moment) -> SeriesException:
    """An occurrence that was deleted."""
    return SeriesException(start, deleted=True)


def series(*exceptions: SeriesException, **about: Any) -> ScheduleItem:
    """The series with these exceptions."""
    return replace(ITEM, exceptions=exceptions, **about)


def refusal(rule: str, because: str) -> Explanation:
    """Why an exception is put back."""
    return Explanation(rule, "exceptions", Decision.REFUSED, f"{because}: put back")


NO_SUCH = refusal("REC-5", "the pattern has no such occurrence")
NEIGHBOUR = refusal("REC-5", "an occurrence does not move past its neighbour")


@pytest.mark.rule("REC-3", "REC-4", "REC-5")
@pytest.mark.parametrize(
    ("was", "after", "refused", "reason"),
    [
        ((), (changed(at(2), subject="x"),), None, None),
        ((), (deleted(at(2)),), None, None),
        ((changed(at(2), subject="x"),), (), None, None),
        ((changed(at(2), assign_to=("u-bob",)),), (deleted(at(2)),), None, None),
        ((), (changed(at(2), start=at(2, 12)),), None, None),
        ((deleted(at(2)),), (), refusal("REC-4", "a deleted occurrence does not come back"), Reason.PATTERN),
        (
            (deleted(at(2)),),
            (changed(at(2), subject="x"),),
            refusal("REC-4", "a deleted occurrence does not come back"),
            Reason.PATTERN,
        ),
        (
            (),
            (changed(at(2), status="completed", assign_to=("u-bob",)),),
            refusal("REC-3", "assign_to, status of one occurrence alone"),
            Reason.NOT_YET,
        ),
        ((changed(at(2), status="completed"),), (changed(at(2), status="completed", subject="x"),), None, None),
        ((), (changed(at(2), alarms=(("u-anna", (5,)),)),), None, None),
        ((), (changed(at(2), start=at(1, 12)),), NEIGHBOUR, Reason.PATTERN),
        ((), (changed(at(2), start=at(3, 8)),), NEIGHBOUR, Reason.PATTERN),
        ((), (changed(at(2), start=at(8)),), NEIGHBOUR, Reason.PATTERN),
        ((), (changed(at(5), start=at(8)),), None, None),
        ((), (changed(at(1), start=on(1)),), None, None),
        ((deleted(at(3)),), (changed(at(2), start=at(3)), deleted(at(3))), None, None),
        (
            (changed(at(3), start=at(3, 12)),),
            (changed(at(2), start=at(3, 8)), changed(at(3), start=at(3, 12))),
            NEIGHBOUR,
            Reason.PATTERN,
        ),
        (
            (changed(at(3), subject="y"),),
            (changed(at(2), start=at(3, 8)), changed(at(3), subject="y")),
            NEIGHBOUR,
            Reason.PATTERN,
        ),
        (
            (changed(at(5), start=at(8)),),
            (changed(at(4), start=at(7)), changed(at(5), start=at(8))),
            None,
            None,
        ),
    ],
)
def test_rec_5_what_exchange_cannot_hold_of_an_occurrence_is_put_back(
    was: tuple[SeriesException, ...],
    after: tuple[SeriesException, ...],
    refused: Explanation | None,
    reason: Reason | None,
):
    """The others stand, and where one was agreed on it stays."""
    held = changed(at(2), location="held")
    answer = occurrences.admitted(series(held), was=series(*was), after=series(*after))
    others = [each for each in after if each.original_start != at(2)]
    stands = after if refused is None else (held, *others)
    assert answer == occurrences.Admitted(stands, (refused,) if refused else (), reason)


@pytest.mark.rule("REC-5")
@pytest.mark.parametrize(
    "odd", [changed(at(9), subject="x"), changed(at(3, 10), subject="x"), changed(on(3), subject="x")]
)
def test_rec_5_an_occurrence_that_the_pattern_has_not_is_put_back(odd: SeriesException):
    """The others stand."""
    good = changed(at(2), subject="x")
    answer = occurrences.admitted(ITEM, was=ITEM, after=series(good, odd))
    assert answer == occurrences.Admitted((good,), (NO_SUCH,), Reason.PATTERN)


@pytest.mark.rule("REC-5")
def test_rec_5_what_is_refused_for_one_reason_is_said_once_and_the_first_reason_counts():
    """Of an item that is no series, no occurrence stands."""
    odd = (changed(at(2), status="completed"), changed(at(8), subject="x"), changed(at(9), subject="x"))
    answer = occurrences.admitted(ITEM, was=ITEM, after=series(*odd))
    not_alone = refusal("REC-3", "status of one occurrence alone")
    assert answer == occurrences.Admitted((), (not_alone, NO_SUCH), Reason.NOT_YET)
    known = (changed(at(2), status="completed"), deleted(at(3)))
    answer = occurrences.admitted(ITEM, was=series(*known), after=series(*known, changed(at(8), subject="x")))
    assert answer == occurrences.Admitted(known, (NO_SUCH,), Reason.PATTERN), "what it was before is not judged"
    for about in ({"recurrence": None}, {"start": None}):
        single = occurrences.admitted(ITEM, was=ITEM, after=series(changed(at(2), subject="x"), **about))
        assert single == occurrences.Admitted((), (NO_SUCH,), Reason.PATTERN)


@pytest.mark.rule("CON-1", "REC-3")
@pytest.mark.parametrize(("exchange_wins", "subject", "crossed"), [(True, "ours", True), (False, "theirs", True)])
def test_con_1_an_occurrence_both_sides_changed_is_the_winners(exchange_wins: bool, subject: str, crossed: bool):
    """Field by field."""
    agreed = series(changed(at(2), subject="ours"))
    stands = (changed(at(2), subject="theirs", location="Room 9"),)
    expected = (changed(at(2), location="Room 9", subject=subject),)
    assert occurrences.folded(agreed, was=series(), stands=stands, exchange_wins=exchange_wins) == (expected, crossed)


@pytest.mark.rule("REC-3")
@pytest.mark.parametrize(
    ("now", "was", "expected"),
    [
        ({}, {}, [at(2), at(4)]),
        ({"start": at(1, 11)}, {}, [at(2, 11), at(4, 11)]),
        ({"start": at(3)}, {}, [at(4)]),
        ({"recurrence": Recurrence("daily", interval=3)}, {}, [at(4)]),
        ({"recurrence": None}, {}, []),
        ({"start": at(1, 11)}, {"recurrence": None}, [at(2, 11), at(4, 11)]),
        ({"start": on(1)}, {}, [on(2), on(4)]),
    ],
)
def test_rec_3_exceptions_stay_with_their_day_where_the_pattern_still_has_it(
    now: dict[str, Any], was: dict[str, Any], expected: list[Moment]
):
    """By the clock of the series as it is now."""
    exceptions = (changed(at(2), subject="x"), deleted(at(4)))
    kept = occurrences.carried_over(series(*exceptions, **now), was=series(**was))
    assert [each.original_start for each in kept] == expected
    assert all(each.deleted or each.changes == exceptions[0].changes for each in kept)


@pytest.mark.rule("REC-3")
@pytest.mark.parametrize(
    ("exception", "expected"),
    [
        (changed(at(2), subject="x"), {"subject": "x", "start": at(2), "end": at(2, 10)}),
        (changed(at(2), start=at(2, 12)), {"start": at(2, 12), "end": at(2, 13)}),
        (changed(at(2), start=at(2, 12), end=at(2, 16)), {"start": at(2, 12), "end": at(2, 16)}),
        (changed(at(2), status="completed"), {"start": at(2), "end": at(2, 10)}),
        (deleted(at(2)), {"start": at(2), "end": at(2, 10)}),
    ],
)
def test_rec_3_an_occurrence_is_as_the_series_but_for_what_it_changes(
    exception: SeriesException, expected: dict[str, Any]
):
    """An item of its own, that repeats no more."""
    whole = occurrences.of(series(exception), exception)
    assert whole == replace(ITEM, recurrence=None, exceptions=(), **expected)


@pytest.mark.parametrize("about", [{"start": None}, {"end": None}])
def test_an_occurrence_of_a_series_without_a_length_has_none(about: dict[str, Any]):
    """It begins when it does."""
    whole = occurrences.of(replace(ITEM, **about), deleted(at(2)))
    assert (whole.start, whole.end) == (at(2), at(2))


def written(start: datetime, index: int, item: ScheduleItem = ITEM, **about: Any) -> Occurrence:
    """What is written of an occurrence."""
    end = start + timedelta(hours=1)
    changes = about.pop("changes", {})
    whole = replace(item, start=start, end=end, recurrence=None, exceptions=(), **changes)
    return Occurrence(start=start, index=index, item=whole, **about)


@pytest.mark.rule("REC-3", "REC-4", "ALM-4")
@pytest.mark.parametrize(
    ("before", "now", "expected"),
    [
        ((), (), []),
        ((changed(at(2), subject="x"),), (changed(at(2), subject="x"),), []),
        (
            (),
            (changed(at(4), subject="x", location=""), deleted(at(2))),
            [
                written(at(2), 2, delete=True),
                written(at(4), 4, changes={"subject": "x", "location": ""}, fields=("subject", "location")),
            ],
        ),
        ((changed(at(2), subject="x"),), (), [written(at(2), 2, fields=("subject",))]),
        (
            (changed(at(2), subject="x", location="y"),),
            (changed(at(2), subject="z", location="y"),),
            [written(at(2), 2, changes={"subject": "z", "location": "y"}, fields=("subject",))],
        ),
        ((), (changed(at(9), subject="x"),), []),
        (
            (),
            (changed(at(2), alarms=(("u-anna", (5,)), ("u-bob", (1,)))),),
            [written(at(2), 2, alarms=(5,))],
        ),
        ((changed(at(2), alarms=(("u-anna", (5,)),)),), (), [written(at(2), 2, alarms=(15,))]),
        ((), (changed(at(2), alarms=(("u-bob", (1,)),)),), [written(at(2), 2, alarms=UNSET)]),
    ],
)
def test_rec_3_what_differs_from_before_is_written_of_an_occurrence(
    before: tuple[SeriesException, ...], now: tuple[SeriesException, ...], expected: list[Occurrence]
):
    """In order, under Exchange's number; an alarm that is its user's own no more is the series' again."""
    found = list(occurrences.wanted(series(*before), series(*now), user="u-anna", anew=False))
    assert found == expected
    assert list(occurrences.wanted(series(*before), series(*now, recurrence=None), user="u-anna", anew=False)) == []


@pytest.mark.rule("REC-3", "ALM-4")
def test_rec_3_where_nothing_is_there_yet_all_exceptions_are_written():
    """Whatever was agreed on before; who has no alarm of the series has nothing to go back to."""
    exception = changed(at(2), subject="x")
    once = written(at(2), 2, changes={"subject": "x"}, fields=("subject",))
    found = list(occurrences.wanted(series(exception), series(exception), user="u-anna", anew=True))
    assert found == [replace(once, again=True)]
    off_pattern = series(exception, changed(on(3), subject="x"))
    assert list(occurrences.wanted(series(), off_pattern, user="u-anna", anew=False)) == [once]
    own = changed(at(2), alarms=(("u-bob", (5,)),))
    [back] = occurrences.wanted(series(own), series(), user="u-bob", anew=False)
    assert back == written(at(2), 2, alarms=UNSET)


# alarms

ALARMED = changed(at(2), alarms=(("u-anna", (5,)),))


@pytest.mark.rule("ALM-4")
def test_alm_4_alarms_are_told_apart_from_content_and_put_together_again():
    """A deleted occurrence has none."""
    both = changed(at(3), alarms=(("u-bob", (1,)),), subject="x")
    exceptions = (ALARMED, both, deleted(at(4)), changed(at(5), subject="y"))
    alarms = ((at(2), (("u-anna", (5,)),)), (at(3), (("u-bob", (1,)),)))
    bare = (changed(at(3), subject="x"), deleted(at(4)), changed(at(5), subject="y"))
    assert occurrence_alarms.alarms_in(exceptions) == alarms
    assert occurrence_alarms.without_alarms(exceptions) == bare
    assert occurrence_alarms.with_alarms(bare, alarms) == exceptions
    assert occurrence_alarms.with_alarms(exceptions, ()) == bare
    more = (*alarms, (at(4), (("u-anna", (5,)),)), (at(6), ()))
    assert occurrence_alarms.with_alarms(bare, more) == exceptions
    assert occurrence_alarms.in_order((deleted(at(4)), ALARMED, ALARMED)) == (ALARMED, deleted(at(4)))
    assert occurrence_alarms.in_order((ALARMED, deleted(on(1)))) == (deleted(on(1)), ALARMED), "days and instants"


def a_copy(*exceptions: Copy, **about: Any) -> Copy:
    """Anna's copy of the series."""
    known: dict[str, Any] = {"start": at(1), "end": at(1, 10), "recurrence": ITEM.recurrence, "reminder": 15}
    return Copy(mailbox="anna@bank.example", item_id="i", exceptions=exceptions, **(known | about))


def an_exception(day: int, reminder: int | None, **about: Any) -> Copy:
    """An occurrence in her copy."""
    known: dict[str, Any] = {"original_start": at(day), "start": at(day), "end": at(day, 10)} | about
    return Copy(mailbox="anna@bank.example", item_id=f"i-{day}", reminder=reminder, **known)


BOBS, BOBS_LATER = ((at(day), (("u-bob", (1,)),)) for day in (3, 4))
BOTH_LATER = (at(4), (("u-anna", (5,)), ("u-bob", (1,))))


@pytest.mark.rule("ALM-4", "ALM-8")
@pytest.mark.parametrize(
    ("known", "copy", "expected"),
    [
        ((), a_copy(), ()),
        ((), a_copy(an_exception(2, 15)), ()),
        (
            (),
            a_copy(an_exception(4, 5), an_exception(2, None)),
            ((at(2), (("u-anna", ()),)), (at(4), (("u-anna", (5,)),))),
        ),
        ((BOBS,), a_copy(an_exception(3, 5)), ((at(3), (("u-anna", (5,)), ("u-bob", (1,)))),)),
        ((BOBS,), a_copy(), (BOBS,)),
        (((at(3), (("u-anna", (5,)), ("u-bob", (1,)))),), a_copy(), (BOBS,)),
        (((at(3), (("u-anna", (5,)),)),), a_copy(), ()),
        (((at(3), (("u-anna", (5,)),)),), a_copy(unread=(at(3),)), ((at(3), (("u-anna", (5,)),)),)),
        (((at(3), (("u-anna", (5, 30)),)),), a_copy(an_exception(3, 10)), ((at(3), (("u-anna", (10, 30)),)),)),
        ((), a_copy(an_exception(2, 5, original_start=None)), ()),
        (
            ((at(3), (("u-anna", (5,)),)), BOBS_LATER),
            a_copy(unread=(at(3),)),
            ((at(3), (("u-anna", (5,)),)), BOBS_LATER),
        ),
        (((on(1), (("u-bob", (1,)),)), BOBS), a_copy(), ((on(1), (("u-bob", (1,)),)), BOBS)),
        ((BOBS_LATER,), a_copy(an_exception(4, 5), unread=(at(3),)), (BOTH_LATER,)),
        (
            (),
            a_copy(an_exception(2, 5, end=NOW.date() + timedelta(days=1), zone="Asia/Tokyo")),
            ((at(2), (("u-anna", (5,)),)),),
        ),
        ((), a_copy(an_exception(2, 5, end=NOW.date(), zone="America/Los_Angeles")), ()),
        ((), a_copy(an_exception(2, 5, end=NOW.date(), zone="Pacific/Marquesas")), ((at(2), (("u-anna", (5,)),)),)),
        ((), a_copy(an_exception(2, None, end=NOW - timedelta(seconds=1))), ()),
        ((), a_copy(an_exception(2, None, end=NOW)), ((at(2), (("u-anna", ()),)),)),
        ((), a_copy(an_exception(2, None, end=None)), ((at(2), (("u-anna", ()),)),)),
    ],
)
def test_alm_4_a_copy_says_its_users_alarms_of_single_occurrences(
    known: occurrence_alarms.OccurrenceAlarms, copy: Copy, expected: occurrence_alarms.OccurrenceAlarms
):
    """Where they are not the series'; nobody else's is touched, and what is over says nothing."""
    assert occurrence_alarms.told_by(known, copy, user="u-anna", now=NOW) == expected
