"""Recurring tasks: whoever stands further on has moved on, and the others follow him once (S27, REC-1, REC-5, ID-7)."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from handlers import task_series, tasks
from handlers.plans import Explanation, Report
from handlers.policy import ConflictPolicy, Policy
from handlers.task_links import TaskContent, TaskLink
from handlers.tasks import TaskSighting
from schemas.copies import Folder, TaskCopy
from schemas.items import Recurrence
from schemas.outcomes import Decision, Direction, Reason, Result
from schemas.tasks import Task
from tests.support.instant import following
from tests.support.task_world import TaskWorld

FIRST = date(2026, 12, 4)  # a Friday
WEEKLY = Recurrence("weekly", weekdays=("FR",))
TEN = replace(WEEKLY, end="after", count=10)


def day(number: int) -> date:
    return FIRST + timedelta(weeks=number - 1)


def a_series(pattern: Recurrence = WEEKLY, **known: object) -> TaskWorld:
    """A recurring task of the CRM's that lies in Anna's and Bob's lists, and was read there."""
    world = TaskWorld(options={})
    world.crm_makes(**{"subject": "Report", "due": FIRST, "recurrence": pattern} | known)
    world.hint_everybody()
    world.wrote.clear()
    return world


def stands(world: TaskWorld) -> tuple[date | None, str]:
    """Where the CRM's item stands, which is where every copy does."""
    assert world.crm is not None
    where = (world.crm.due, world.crm.status)
    for copy in world.copies.values():
        shown = tasks.translated(copy)
        assert (shown.due, shown.status) == where
        assert task_series.are_one(shown, world.crm) or world.crm.recurrence is None
    return where


# one occurrence


@pytest.mark.rule("REC-1", "ID-7", "CON-3")
@pytest.mark.scenario("S27")
def test_s27_completed_in_one_list_the_others_skip_one():
    """Bob's is over; Anna's is skipped, which takes no days from the series, and the CRM shows the next."""
    world = a_series()

    world.completes("u-bob")

    assert stands(world) == (day(2), "outstanding")
    [effect] = world.wrote
    assert (effect.user, effect.named, effect.skips) == ("u-anna", ("due",), True)
    assert world.told[-1].changed == ("due",)  # type: ignore[union-attr]
    assert world.is_quiet()


@pytest.mark.rule("REC-1", "CON-3")
@pytest.mark.scenario("S27")
def test_s27_completed_in_the_crm_every_copy_is_completed_once():
    """Each goes on by itself, and the CRM's item with them."""
    world = a_series()

    world.crm_edits(status="completed")

    assert stands(world) == (day(2), "outstanding")
    assert [(effect.user, effect.named) for effect in world.wrote] == [("u-anna", ("status",)), ("u-bob", ("status",))]
    assert world.is_quiet()


@pytest.mark.rule("CON-1", "ID-7")
@pytest.mark.scenario("S27")
def test_s27_a_completion_of_what_exchange_has_left_completes_nothing():
    """Bob was faster: the CRM meant the occurrence before, and that is over. Nobody is in conflict."""
    world = a_series()
    world.completes("u-bob", unnoticed=True)

    world.crm_edits(status="completed")
    world.hint_everybody()

    assert stands(world) == (day(2), "outstanding")
    assert all(not plan.report.conflicts for plan in world.plans if plan.report)
    assert world.is_quiet()


@pytest.mark.rule("CON-3")
@pytest.mark.scenario("S27")
def test_s27_two_who_complete_the_same_occurrence_complete_one():
    """What Anna's hint asks of Bob's copy it shows already: nothing is skipped."""
    world = a_series()
    world.completes("u-anna", unnoticed=True)
    world.completes("u-bob", unnoticed=True)
    world.hint_everybody()
    assert (stands(world), world.wrote) == ((day(2), "outstanding"), [])
    assert world.is_quiet()


@pytest.mark.rule("REC-1")
@pytest.mark.scenario("S27")
def test_s27_the_last_occurrence_ends_the_task():
    """It stays where it is, completed; the pattern counts down to it."""
    world = a_series(replace(WEEKLY, end="after", count=2))
    world.completes("u-anna")
    assert world.crm is not None
    assert world.crm.recurrence == replace(WEEKLY, end="after", count=1)
    world.crm_edits(status="completed")
    assert stands(world) == (day(2), "completed")
    assert world.is_quiet()


def test_a_status_on_the_way_is_the_occurrences_own():
    """Begun by Bob, it is begun for all; the next is not."""
    world = a_series()
    world.edits_copy("u-bob", status="InProgress")
    assert stands(world) == (day(1), "tentative")
    world.completes("u-anna")
    assert stands(world) == (day(2), "outstanding")
    assert world.is_quiet()


def test_other_fields_are_the_whole_series():
    """A subject goes with the task, and meets nobody who goes on meanwhile."""
    world = a_series()
    world.completes("u-bob", unnoticed=True)
    world.crm_edits(subject="Weekly report", priority="A")
    assert {copy.subject for copy in world.copies.values()} == {"Weekly report"}
    assert stands(world) == (day(2), "outstanding")
    assert world.is_quiet()


# days and patterns


@pytest.mark.rule("REC-1", "MAP-1")
def test_rec_1_the_crm_goes_on_to_a_later_date_and_the_pattern_counts_down():
    """No days are written; whoever was faster stays where he is."""
    world = a_series(TEN)
    world.completes("u-bob", unnoticed=True)

    world.crm_edits(due=day(4))

    assert stands(world) == (day(4), "outstanding")
    assert {effect.named for effect in world.wrote} == {("due",)}
    assert all(effect.skips for effect in world.wrote)
    assert world.crm is not None
    assert world.crm.recurrence == replace(TEN, count=7)
    assert world.is_quiet()


@pytest.mark.rule("REC-5")
@pytest.mark.parametrize(
    ("change", "because"),
    [
        ({"due": day(2) + timedelta(days=1)}, "off_pattern"),
        ({"due": day(1) - timedelta(weeks=1)}, "off_pattern"),
        ({"due": day(11)}, "off_pattern"),
        ({"due": None}, "no_due_day"),
        ({"start": FIRST - timedelta(days=1)}, "off_pattern"),
        ({"recurrence": replace(TEN, interval=100)}, "interval_too_long"),
        ({"recurrence": replace(TEN, weekdays=("MO",))}, "off_pattern"),
    ],
)
def test_rec_5_what_would_tear_an_occurrence_out_is_refused_and_put_back(change: dict[str, object], because: str):
    """With the reason for each field. The rest of the event is taken."""
    world = a_series(TEN)
    world.crm_edits(**change)
    assert (world.last.result, world.last.reason) == (Result.REFUSED, Reason.PATTERN)
    refused = [Explanation("REC-5", name, Decision.REFUSED, f"the pattern: {because}") for name in change]
    assert list(world.last.explain) == refused
    assert (stands(world), world.crm.recurrence, world.wrote) == ((day(1), "outstanding"), TEN, [])  # type: ignore[union-attr]
    world.crm_edits(**change, subject="Weekly report")
    assert (world.last.result, world.last.reason) == (Result.APPLIED, Reason.PARTLY)
    assert world.is_quiet()


@pytest.mark.rule("REC-5")
def test_rec_5_a_pattern_exchange_cannot_hold_makes_no_task():
    """Mended, it does."""
    world = TaskWorld(options={})
    world.crm_makes(subject="Report", recurrence=WEEKLY)
    because = Explanation("REC-5", "recurrence", Decision.REFUSED, "the pattern: no_due_day")
    assert world.last == Report(Direction.OUTBOUND, Result.SKIPPED, Reason.PATTERN, explain=(because,))
    assert world.copies == {}
    world.crm_edits(due=FIRST)
    assert stands(world) == (day(1), "outstanding")
    assert world.is_quiet()


@pytest.mark.rule("REC-5")
def test_rec_5_a_copy_whose_pattern_has_no_words_is_skipped_once_until_it_has():
    """And once more if it has none again."""
    world = TaskWorld(options={})
    world.makes("u-anna", subject="Water", due_day=FIRST, is_recurring=True, unheld="pattern_unknown")
    assert (world.last.result, world.last.reason, world.told) == (Result.SKIPPED, Reason.PATTERN, [])
    assert [each.because for each in world.last.explain] == ["the pattern: pattern_unknown"]
    said = len([plan for plan in world.plans if plan.report])
    world.edits_copy("u-anna", importance="High")
    assert len([plan for plan in world.plans if plan.report]) == said
    held = {"unheld": None, "recurrence": WEEKLY, "recurs_from": FIRST, "start_day": FIRST}
    world.edits_copy("u-anna", **held)
    assert stands(world) == (day(1), "outstanding")
    world.edits_copy("u-anna", unheld="pattern_unknown", recurrence=None)
    assert world.last.reason is Reason.PATTERN


@pytest.mark.rule("REC-1", "CON-1")
def test_rec_1_a_pattern_is_written_with_the_days_it_is_counted_from():
    """And taken away with them: a task that does not recur has the start that the CRM gave it, or none."""
    world = a_series()
    world.crm_edits(recurrence=Recurrence("daily", interval=3))
    assert {effect.named for effect in world.wrote} == {("start", "due", "recurrence")}
    world.completes("u-bob")
    assert stands(world) == (FIRST + timedelta(days=3), "outstanding")
    world.crm_edits(recurrence=None)
    assert {copy.start_day for copy in world.copies.values()} == {None}
    assert world.is_quiet()


@pytest.mark.rule("CON-1", "CON-2", "REC-1")
@pytest.mark.parametrize(
    ("policy", "expected"),
    [(ConflictPolicy.CRM_WINS, ("TU",)), (ConflictPolicy.EXCHANGE_WINS, ("WE",))],
)
def test_con_2_two_patterns_at_once_are_a_conflict(policy: ConflictPolicy, expected: tuple[str, ...]):
    """One stands in the end, on all sides."""
    world = a_series()
    world.policy = Policy(conflict_default=policy)
    wednesdays = {"recurrence": replace(WEEKLY, weekdays=("WE",)), "recurs_from": date(2026, 12, 9)}
    days = {"start_day": date(2026, 12, 9), "due_day": date(2026, 12, 9)}
    world.edits_copy("u-anna", unnoticed=True, **wednesdays, **days)
    world.crm_edits(recurrence=replace(WEEKLY, weekdays=("TU",)), due=date(2026, 12, 8))
    world.hint_everybody()
    assert {copy.recurrence.weekdays for copy in world.copies.values() if copy.recurrence} == {expected}
    stands(world)
    assert any(plan.report.conflicts for plan in world.plans if plan.report)
    assert world.is_quiet()


@pytest.mark.rule("REC-1")
def test_rec_1_a_series_that_is_put_back_begins_earlier_everywhere():
    """Its pattern is written anew: nobody can be skipped backwards."""
    world = a_series()
    world.completes("u-bob")
    back = {"recurs_from": FIRST, "start_day": FIRST, "due_day": FIRST}
    world.edits_copy("u-anna", **back)
    assert stands(world) == (day(1), "outstanding")
    assert world.is_quiet()


@pytest.mark.rule("ID-5", "ID-7")
def test_id_7_what_left_a_series_is_none_of_its_copies():
    """Completed, it is over; with other days, a task of its own. Of a single task there is no such thing."""
    link = a_series().known
    left = TaskCopy("anna@bank.example", "item-9", marker="task-1", status="Completed")
    assert tasks.was_occurrence(link, left)
    assert not tasks.was_occurrence(link, replace(left, status="NotStarted"))
    assert tasks.is_torn_out(link, replace(left, status="NotStarted"))
    assert not tasks.is_torn_out(link, replace(left, is_recurring=True))
    single = TaskWorld()
    single.crm_makes(subject="Call")
    assert not tasks.is_torn_out(single.known, left)
    assert not tasks.is_torn_out(TaskLink(id="l-1"), left)


@pytest.mark.rule("CON-3", "ID-5")
def test_con_3_a_completion_nobody_heard_the_end_of_is_named_when_the_copy_is_read():
    """As ours: the copy has gone on from where it was to be completed."""
    world = a_series()
    replica = world.known.replica_of("u-bob")
    assert replica is not None
    assert replica.held is not None
    begun = replace(replica, attempt=replace(replica.held, status="completed"))
    world.completes("u-bob", unnoticed=True)
    sighting = TaskSighting(replica.mailbox, world.users[1], world.copies["u-bob"])
    seen = tasks.refreshed(world.known.with_replica(begun), sighting, around=world.around).replica_of("u-bob")
    assert seen is not None
    assert (seen.unsaid, seen.attempt) == (("update status",), None)
    his = tasks.refreshed(world.known, sighting, around=world.around).replica_of("u-bob")
    assert his is not None
    assert his.unsaid == ()


@pytest.mark.rule("CON-3", "ID-5")
@pytest.mark.parametrize(
    ("status", "completes", "is_ours"),
    [("completed", True, True), ("completed", False, False), ("tentative", True, False)],
    ids=["came through", "never arrived", "he completed what was only begun"],
)
def test_con_3_a_write_nobody_heard_the_end_of_completed_an_occurrence_if_the_copy_went_on(
    status: str, completes: bool, is_ours: bool
):
    """By a single day, too. What did not arrive, and what its user did himself, is not named as ours."""
    world = a_series(Recurrence("daily"))
    replica = world.known.replica_of("u-bob")
    assert replica is not None
    assert replica.held is not None
    begun = replace(replica, attempt=replace(replica.held, status=status))
    if completes:
        world.completes("u-bob", unnoticed=True)
    sighting = TaskSighting(replica.mailbox, world.users[1], world.copies["u-bob"])
    seen = tasks.refreshed(world.known.with_replica(begun), sighting, around=world.around).replica_of("u-bob")
    assert seen is not None
    assert seen.unsaid == (("update status",) if is_ours else ())


# where a task stands


@pytest.mark.rule("REC-1")
@pytest.mark.parametrize(
    ("pattern", "first", "due", "left"),
    [
        (TEN, day(1), day(1), TEN),
        (TEN, day(1), day(10), replace(TEN, count=1)),
        (TEN, day(1), day(11), None),
        (TEN, day(1), day(2) + timedelta(days=1), None),
        (WEEKLY, day(1), day(500), WEEKLY),
        (
            Recurrence("monthly", day_of_month=31),
            date(2027, 1, 31),
            date(2027, 2, 28),
            Recurrence("monthly", day_of_month=31),
        ),
        (replace(WEEKLY, interval=2), day(1), day(2), None),
    ],
)
def test_rec_1_a_pattern_is_counted_from_the_occurrence_shown(
    pattern: Recurrence, first: date, due: date, left: Recurrence | None
):
    """So that days and pattern say every date to come; what is none of its dates is refused."""
    copy = TaskCopy(
        "anna@bank.example", "item-1", due_day=due, recurrence=pattern, recurs_from=first, is_recurring=True
    )
    assert task_series.counted(copy) == left
    assert task_series.unheld_copy(copy) == (None if left else task_series.OFF_PATTERN)


@pytest.mark.rule("REC-5")
def test_rec_5_the_crms_words_for_a_pattern_stay_as_long_as_they_mean_the_same():
    """The last of January is the 28th a month later: then Exchange's words are the CRM's."""
    fridays, full = Task(due=FIRST, recurrence=Recurrence("weekly")), TaskContent(due=day(3), recurrence=WEEKLY)
    assert task_series.spelled(full, fridays) == Recurrence("weekly")
    monthly = Task(due=date(2027, 1, 31), recurrence=Recurrence("monthly"))
    later = TaskContent(due=date(2027, 2, 28), recurrence=Recurrence("monthly", day_of_month=31))
    assert task_series.are_one(monthly, later)
    assert task_series.spelled(later, monthly) == later.recurrence


@pytest.mark.rule("REC-1")
def test_rec_1_a_task_goes_on_to_a_date_of_its_pattern_that_is_yet_to_come():
    """Its start goes with it, if it has one; the pattern stays in the CRM's words as long as they mean the same."""
    fridays = Task(subject="Report", due=FIRST, recurrence=Recurrence("weekly"))
    assert task_series.moved_to(fridays, day(2)) == replace(fridays, due=day(2))
    begun = replace(fridays, start=FIRST, due=FIRST + timedelta(days=2))
    later = replace(begun, start=day(2), due=day(2) + timedelta(days=2))
    assert task_series.moved_to(begun, day(2) + timedelta(days=2)) == later
    last_of_month = Task(due=date(2027, 1, 31), recurrence=Recurrence("monthly"))
    the_31st = Recurrence("monthly", day_of_month=31)
    assert task_series.moved_to(last_of_month, date(2027, 2, 28)) == Task(due=date(2027, 2, 28), recurrence=the_31st)
    assert task_series.moved_to(replace(fridays, recurrence=TEN), day(3)) == replace(
        fridays, due=day(3), recurrence=replace(TEN, count=8)
    )
    for nowhere in (FIRST, day(1) - timedelta(weeks=1), day(2) + timedelta(days=1)):
        assert task_series.moved_to(fridays, nowhere) is None
    assert task_series.moved_to(Task(due=FIRST), day(2)) is None
    assert task_series.moved_to(Task(recurrence=WEEKLY), day(2)) is None


@pytest.mark.rule("REC-1", "REC-5")
def test_rec_1_a_task_beside_a_series_is_none_of_it_whatever_day_it_is_due():
    """Nor is one whose days are none of its own pattern."""
    fridays, off = Task(due=FIRST, recurrence=WEEKLY), Task(due=FIRST + timedelta(days=1), recurrence=WEEKLY)
    for other in (Task(due=day(1)), Task(due=day(2)), Task(due=off.due), off):
        assert not task_series.are_one(fridays, other)
        assert not task_series.are_one(other, fridays)
    assert task_series.stated(off) is None


@pytest.mark.rule("REC-1", "REC-5")
def test_rec_1_without_a_day_nothing_recurs_and_nothing_is_ahead():
    """A start alone is none: Exchange counts from the day on which a task is due."""
    assert task_series.unheld(Task(start=FIRST, recurrence=WEEKLY)) == task_series.NO_DUE_DAY
    copy = TaskCopy(
        "anna@bank.example", "item-1", start_day=FIRST, recurrence=WEEKLY, recurs_from=FIRST, is_recurring=True
    )
    assert task_series.unheld_copy(copy) == task_series.NO_DUE_DAY
    assert task_series.counted(replace(copy, recurs_from=None)) is None
    assert task_series.spelled(TaskContent(), Task(recurrence=WEEKLY)) is None
    assert task_series.days_ahead(Task(due=day(2)), Task(due=FIRST)) == 7
    assert task_series.days_ahead(Task(), Task(due=FIRST)) == task_series.days_ahead(Task(due=FIRST), Task()) == 0


@pytest.mark.rule("REC-1", "CON-1")
def test_rec_1_a_status_is_said_of_the_occurrence_it_was_seen_with():
    """Another one is not begun."""
    done = TaskContent(due=FIRST, status="completed")
    assert task_series.status_at(done, Task(due=FIRST)) == "completed"
    assert task_series.status_at(done, Task(due=day(2))) == "outstanding"


@pytest.mark.rule("REC-1", "CON-3")
def test_rec_1_only_a_copy_that_stands_before_what_is_wanted_is_moved_on():
    """Neither one that stands there already, nor one that is gone or shows another series."""
    copy = TaskCopy(
        "anna@bank.example", "item-1", due_day=day(2), recurrence=WEEKLY, recurs_from=FIRST, is_recurring=True
    )
    wanted = TaskContent(due=day(3), recurrence=WEEKLY)
    assert tasks.is_behind(copy, wanted)
    assert not tasks.is_behind(replace(copy, due_day=day(3)), wanted)
    assert not tasks.is_behind(replace(copy, due_day=day(4)), wanted)
    assert not tasks.is_behind(replace(copy, folder=Folder.DELETED_ITEMS), wanted)
    assert not tasks.is_behind(replace(copy, due_day=day(2) + timedelta(days=1)), wanted)
    assert not tasks.is_behind(replace(copy, due_day=None, start_day=day(2)), wanted)


@pytest.mark.rule("CON-1", "REC-1")
def test_con_1_who_goes_on_by_a_day_takes_all_that_is_the_occurrences_with_him():
    """The shortest step there is."""
    daily = Recurrence("daily")
    world = a_series(daily)
    world.completes("u-bob")
    assert stands(world) == (FIRST + timedelta(days=1), "outstanding")
    assert [(effect.user, effect.skips) for effect in world.wrote] == [("u-anna", True)]
    assert world.is_quiet()


@pytest.mark.rule("CON-1", "REC-1")
def test_con_1_what_was_begun_of_the_next_occurrence_is_not_undone_by_who_comes_to_it_later():
    """That his copy of it is not begun is no change of his: what was begun there was the one before."""
    world = a_series()
    world.edits_copy("u-bob", status="InProgress")
    world.completes("u-bob", unnoticed=True)
    world.completes("u-anna", unnoticed=True)
    world.edits_copy("u-anna", status="InProgress")
    assert stands(world) == (day(2), "tentative")
    assert world.is_quiet()


@pytest.mark.rule("REC-1", "MAP-1")
def test_rec_1_an_occurrence_that_somebody_is_given_more_time_for_is_no_later_one():
    """It stands where it stood: it begins on its day of the pattern."""
    world = a_series(Recurrence("daily"))
    world.edits_copy("u-bob", start_day=FIRST, due_day=FIRST + timedelta(days=2))
    assert (world.crm.start, world.crm.due) == (None, FIRST)  # type: ignore[union-attr]


@pytest.mark.rule("REC-1", "MAP-1")
def test_rec_1_the_start_that_exchange_gives_an_occurrence_is_not_taken_back():
    """Neither written nor told: only of a task that has a start, or is given another, is it one."""
    world = a_series()
    copies = {user: replace(copy, start_day=copy.due_day) for user, copy in world.copies.items()}
    world.copies.update({user: replace(copy, change_key=f"{user}-9") for user, copy in copies.items()})
    world.hint_everybody()
    assert (world.crm.start, world.wrote) == (None, [])  # type: ignore[union-attr]
    begun = a_series(start=FIRST)
    begun.edits_copy("u-bob", subject="Weekly report")
    assert (begun.crm.start, begun.crm.subject) == (FIRST, "Weekly report")  # type: ignore[union-attr]
    held = TaskContent(subject="Report", start=FIRST, due=FIRST, recurrence=WEEKLY)
    replica = world.known.replica_of("u-bob")
    assert replica is not None
    assert tasks.outstanding(world.known.with_replica(replace(replica, held=held)), world.around) == ()


@pytest.mark.rule("CON-3", "REC-1")
def test_con_3_what_was_changed_along_with_going_on_is_known_of_the_copy():
    """It is not written back into it."""
    world = a_series()
    world.edits_copy("u-bob", subject="Weekly report", due_day=day(2), start_day=day(2))
    assert stands(world) == (day(2), "outstanding")
    assert {effect.user for effect in world.wrote} == {"u-anna"}
    assert {copy.subject for copy in world.copies.values()} == {"Weekly report"}
    assert world.is_quiet()


@pytest.mark.rule("CON-2", "REC-1")
def test_con_2_what_lost_against_the_crm_along_with_going_on_is_known_of_the_copy_too():
    """So that it is overwritten, whatever the CRM says until then."""
    world = a_series()
    world.edits_copy("u-bob", unnoticed=True, subject="Bob's", due_day=day(2), start_day=day(2))
    agreed = world.known.agreed
    assert agreed is not None
    link = replace(world.known, agreed=replace(agreed, subject="The CRM's"))
    sighting = TaskSighting("bob@bank.example", world.users[1], world.copies["u-bob"])
    fresh = tasks.refreshed(link, sighting, around=world.around)
    bobs = fresh.replica_of("u-bob")
    assert bobs is not None
    assert bobs.held is not None
    assert (bobs.held.subject, bobs.held.due) == ("Bob's", day(2))
    assert fresh.agreed is not None
    assert (fresh.agreed.subject, fresh.agreed.due) == ("The CRM's", day(2))


# anything, in any order

_DEEDS = st.tuples(
    st.sampled_from(["completes", "begins", "crm completes", "crm goes on", "renames"]),
    st.sampled_from(["u-anna", "u-bob"]),
    st.booleans(),
)


@pytest.mark.rule("REC-1", "CON-1", "CON-3", "ID-2")
@pytest.mark.scenario("S27")
@settings(max_examples=150)
@given(
    deeds=st.lists(_DEEDS, max_size=7),
    pattern=st.sampled_from([WEEKLY, TEN, replace(TEN, count=3)]),
    policy=st.sampled_from([Policy(), Policy(conflict_default=ConflictPolicy.EXCHANGE_WINS)]),
)
@example(
    deeds=[("completes", "u-bob", True), ("begins", "u-anna", True), ("renames", "u-bob", True)],
    pattern=Recurrence("weekly", weekdays=("FR",)),
    policy=Policy(),
)
def test_s27_whatever_is_completed_where_all_sides_end_at_the_furthest_occurrence(deeds, pattern, policy):
    """Nobody is moved past it, and then nothing moves. Where Exchange wins, who has begun it may not be done."""
    world = a_series(pattern)
    world.policy = policy
    furthest = FIRST
    for what, who, unnoticed in deeds:
        copy, crm = world.copies[who], world.crm
        assert crm is not None
        if what == "completes" and copy.status != "Completed":
            world.completes(who, unnoticed=unnoticed)
        elif what == "begins" and copy.status != "Completed":
            world.edits_copy(who, unnoticed=unnoticed, status="InProgress")
        elif what == "renames":
            world.edits_copy(who, unnoticed=unnoticed, subject=f"Report {len(world.plans)}")
        elif what == "crm completes":
            later = following(TaskCopy("", "", due_day=crm.due, recurrence=crm.recurrence, recurs_from=crm.due))
            furthest = max(furthest, later.due_day if later and later.due_day else FIRST)
            world.crm_edits(status="completed")
        elif what == "crm goes on" and crm.due is not None:
            later_task = task_series.moved_to(crm, crm.due + timedelta(weeks=1))
            if later_task is not None:
                world.crm_edits(due=later_task.due)
                furthest = max(furthest, crm.due + timedelta(weeks=1))
        furthest = max(furthest, *(each.due_day or FIRST for each in world.copies.values()))
    world.hint_everybody()
    world.hint_everybody()
    assert world.is_quiet()
    stood = stands(world)[0]
    assert stood == furthest or (policy.conflict_default is ConflictPolicy.EXCHANGE_WINS and stood < furthest)
