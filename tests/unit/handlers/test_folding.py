"""What a CRM user's edit does to the agreed item, value by value (CON-1, CON-2, PART-6, PART-7, ALM-2, PRIV-6)."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from handlers.conflicts import MARGIN, Moments
from handlers.crm_changes import CrmChange, Folded, Kind, Terms, confirmed, create, fold, heard, learnt, made
from handlers.links import State
from handlers.merging import Conflict
from handlers.plans import Explanation, Plan
from handlers.policy import ConflictPolicy, Policy
from schemas.items import (
    External,
    ForEntry,
    Organizer,
    Recurrence,
    Response,
    ScheduleItem,
    SeriesException,
    Source,
)
from schemas.outcomes import Decision, Reason
from tests.support.world import END, NOW, START, a_link, days, on

ITEM = ScheduleItem(
    subject="Review",
    location="Room 4",
    start=START,
    end=END,
    zone="Europe/Vienna",
    owner="u-anna",
    assign_to=("u-anna", "u-bob"),
    for_=(ForEntry("c-carla"), ForEntry("c-dan", Source.CRM)),
    alarms=(("u-anna", (15,)), ("u-bob", (5,))),
)
CRM_WINS = Terms(Policy())
EXCHANGE_WINS = Terms(Policy(conflict_default=ConflictPolicy.EXCHANGE_WINS))


def folded(agreed: ScheduleItem = ITEM, *, terms: Terms = CRM_WINS, was: ScheduleItem = ITEM, **edit: Any) -> Folded:
    """After a CRM user changed what the CRM held."""
    return fold(agreed, was=was, after=replace(was, **edit), terms=terms)


def refused(rule: str, field: str, because: str) -> Explanation:
    """What is said of a field that was put back."""
    return Explanation(rule, field, Decision.REFUSED, f"{because}: put back")


@pytest.mark.rule("CON-1")
@pytest.mark.parametrize(
    "edit",
    [
        {"subject": "Budget"},
        {"notes": "Agenda"},
        {"location": ""},
        {"priority": "A"},
        {"restricted": True},
        {"status": "completed"},
        {"split_from": "si-9"},
        {"assign_to": ("u-anna", "u-cora")},
        {"for_": (ForEntry("c-carla"), ForEntry("c-eve", Source.CRM))},
        {"alarms": (("u-anna", (15, 30)), ("u-bob", ()))},
        {"start": START + days(1), "end": END + days(1)},
        {"start": on("2026-12-01"), "end": on("2026-12-02"), "all_day": True, "zone": None},
    ],
)
def test_con_1_what_one_side_changed_is_agreed(edit: dict[str, Any]):
    """And that it was; nothing is refused, and nobody met anybody."""
    agreed = replace(ITEM, **edit)
    answer = folded(**edit)
    assert answer == Folded(agreed, answer.taken)
    assert set(answer.taken) == set(edit)


@pytest.mark.rule("MAP-2", "CON-1")
def test_map_2_times_stand_or_fall_together():
    """An end of the CRM never meets a start of Exchange: what it says of all four stands."""
    moved = replace(ITEM, start=START - days(1), end=END - days(1))
    later = END + timedelta(hours=1)
    by_crm = folded(moved, end=later)
    assert (by_crm.agreed.start, by_crm.agreed.end) == (START, later)
    assert by_crm.taken == ("end", "start")
    assert by_crm.conflicts == (Conflict("start", "crm"), Conflict("end", "crm"))
    by_exchange = folded(moved, end=later, terms=EXCHANGE_WINS)
    assert by_exchange.agreed == moved
    assert by_exchange.taken == ()
    assert by_exchange.conflicts == (Conflict("start", "exchange"), Conflict("end", "exchange"))


@pytest.mark.rule("CON-1", "CON-2", "CON-4")
@pytest.mark.parametrize(
    ("in_exchange", "in_crm", "is_conflict"),
    [
        ("Budget", "Costs", True),
        ("Budget", "Budget", False),
        ("Budget", " Budget ", False),
        (" Review ", "Costs", False),
    ],
)
def test_con_1_only_different_changes_of_both_sides_are_a_conflict(in_exchange: str, in_crm: str, is_conflict: bool):
    """What people read alike is equal, and what the server rewrote is no change."""
    answer = folded(replace(ITEM, subject=in_exchange), subject=in_crm)
    assert answer.conflicts == ((Conflict("subject", "crm"),) if is_conflict else ())
    assert answer.agreed.subject == in_crm
    lost = folded(replace(ITEM, subject=in_exchange), subject=in_crm, terms=EXCHANGE_WINS)
    assert lost.agreed.subject == (in_exchange if is_conflict else in_crm)
    assert lost.taken == (() if is_conflict else ("subject",))


LATEST = Policy(conflict_default=ConflictPolicy.LATEST_WINS)
EXCHANGE_LATER = Moments(crm=NOW, exchange=NOW + MARGIN * 2)


@pytest.mark.rule("CON-2", "CON-3")
@pytest.mark.parametrize(("moments", "winner"), [(EXCHANGE_LATER, "exchange"), (Moments(NOW, NOW), "crm")])
def test_con_2_where_the_latest_wins_it_is_told_by_the_moments(moments: Moments, winner: str):
    """For fields as for alarms and single occurrences."""
    was, agreed, edit = both_sides()
    answer = folded(agreed, was=was, terms=Terms(LATEST, moments), **edit)
    assert answer.conflicts == tuple(Conflict(field, winner) for field in ("subject", "exceptions", "alarms"))
    assert {name: getattr(answer.agreed, name) for name in edit} == (
        {name: getattr(agreed, name) for name in edit} if winner == "exchange" else edit
    )


@pytest.mark.rule("CON-2")
@pytest.mark.parametrize(
    ("group", "field"), [("alarms", "alarms"), ("recurrence", "exceptions"), ("subject", "subject")]
)
def test_con_2_each_group_may_have_a_policy_of_its_own(group: str, field: str):
    """The others follow the default."""
    was, agreed, edit = both_sides()
    terms = Terms(Policy(conflicts={group: ConflictPolicy.EXCHANGE_WINS}))
    answer = folded(agreed, was=was, terms=terms, **edit)
    winners = dict.fromkeys(edit, "crm") | {field: "exchange"}
    assert {each.field: each.winner for each in answer.conflicts} == winners
    assert {name: getattr(answer.agreed, name) for name in edit} == edit | {field: getattr(agreed, field)}


def both_sides() -> tuple[ScheduleItem, ScheduleItem, dict[str, Any]]:
    """What was, and what Exchange and the CRM made of it, at the same time."""
    was = replace(ITEM, recurrence=Recurrence("daily"), exceptions=a_day(subject="Old"), alarms=(("u-anna", (15,)),))
    agreed = replace(was, subject="Budget", alarms=(("u-anna", (60,)),), exceptions=a_day(subject="Theirs"))
    return was, agreed, {"subject": "Costs", "exceptions": a_day(subject="Ours"), "alarms": (("u-anna", (30,)),)}


TOMORROW = START + days(1)


def a_day(start: datetime = TOMORROW, **changes: str) -> tuple[SeriesException, ...]:
    """One occurrence that is otherwise."""
    return (SeriesException(start, changes=tuple((name, f'"{value}"') for name, value in changes.items())),)


@pytest.mark.rule("ALM-2")
@pytest.mark.parametrize(
    ("agreed", "edit", "expected"),
    [
        ({"u-anna": (15,)}, {"u-anna": (15,), "u-bob": (5,)}, {"u-anna": (15,), "u-bob": (5,)}),
        ({"u-anna": (15,), "u-cora": (1,)}, {"u-anna": (30,)}, {"u-anna": (30,), "u-cora": (1,)}),
        ({"u-anna": (15,), "u-cora": (1,)}, {}, {"u-cora": (1,)}),
        ({}, {}, {}),
        ({"u-anna": (60,)}, {"u-anna": (30,)}, {"u-anna": (30,)}),
    ],
    ids=["added", "changed", "taken out", "taken out on both sides", "changed on both sides"],
)
def test_alm_2_everybodys_alarms_are_his_own(
    agreed: dict[str, tuple[int, ...]], edit: dict[str, tuple[int, ...]], expected: dict[str, tuple[int, ...]]
):
    """What the CRM says of one user says nothing of another."""
    was = replace(ITEM, alarms=(("u-anna", (15,)),))
    held = replace(ITEM, alarms=tuple(agreed.items()))
    assert dict(folded(held, was=was, alarms=tuple(edit.items())).agreed.alarms) == expected


@pytest.mark.rule("ALM-2", "CON-2")
@pytest.mark.parametrize(
    ("agreed", "edit", "is_conflict"),
    [
        ({"u-anna": (60,)}, {"u-anna": (30,)}, True),
        ({"u-anna": (60,)}, {}, True),
        ({}, {"u-anna": (30,)}, True),
        ({"u-anna": (15,), "u-bob": (60,)}, {"u-anna": (15,), "u-bob": (30,)}, True),
        ({"u-anna": (30,)}, {"u-anna": (30,)}, False),
        ({"u-anna": (15,), "u-bob": (60,)}, {"u-anna": (30,)}, False),
        ({"u-anna": (15,), "u-bob": (60,)}, {"u-anna": (15,), "u-bob": (60,)}, False),
    ],
)
def test_alm_2_alarms_of_one_user_that_both_sides_changed_differently_are_a_conflict(
    agreed: dict[str, tuple[int, ...]], edit: dict[str, tuple[int, ...]], is_conflict: bool
):
    """Under the policy of alarms; whoever else's stay out of it."""
    was = replace(ITEM, alarms=(("u-anna", (15,)),))
    held = replace(ITEM, alarms=tuple(agreed.items()))
    answer = folded(held, was=was, alarms=tuple(edit.items()), terms=EXCHANGE_WINS)
    assert answer.conflicts == ((Conflict("alarms", "exchange"),) if is_conflict else ())
    if is_conflict:
        assert dict(answer.agreed.alarms) == agreed


@pytest.mark.rule("ALM-5", "CON-1")
@pytest.mark.parametrize(
    ("held", "edit", "expected"),
    [
        ((15,), (15, 30), (15, 30)),
        ((20,), (15, 30), (20, 30)),
        ((), (15, 30), (30,)),
        ((20, 60), (15, 45), (20, 45, 60)),
        (None, (15, 30), (15, 30)),
    ],
    ids=["alone", "moved in Exchange", "off in Exchange", "another there", "unknown"],
)
def test_alm_5_beside_the_paired_alarm_the_crm_may_have_others(
    held: tuple[int, ...] | None, edit: tuple[int, ...], expected: tuple[int, ...]
):
    """What Exchange made of the paired one meanwhile stands, which is no conflict; the next user's turn comes, too."""
    was = replace(ITEM, alarms=(("u-anna", (15,)), ("u-bob", (5,))))
    bobs = (("u-bob", (5,)),)
    agreed = replace(ITEM, alarms=bobs if held is None else (("u-anna", held), *bobs))
    answer = folded(agreed, was=was, alarms=(("u-anna", edit), ("u-bob", (1,))), terms=EXCHANGE_WINS)
    assert dict(answer.agreed.alarms) == {"u-anna": expected, "u-bob": (1,)}
    assert answer.conflicts == ()


@pytest.mark.rule("PART-6")
@pytest.mark.parametrize(
    ("agreed", "edit", "expected"),
    [
        (("c-carla", "c-dan"), ("c-carla",), ("c-carla",)),
        (("c-carla", "c-dan"), ("c-carla", "c-dan", "c-eve"), ("c-carla", "c-dan", "c-eve")),
        (("c-dan",), ("c-carla",), ()),
        (("c-carla", "c-dan", "c-fay"), (), ("c-fay",)),
        (("c-carla",), (), ()),
    ],
)
def test_part_6_for_merges_as_a_set(agreed: tuple[str, ...], edit: tuple[str, ...], expected: tuple[str, ...]):
    """Whom Exchange added meanwhile stays, whom it took out does not come back."""
    held = replace(ITEM, for_=tuple(map(ForEntry, agreed)))
    was = replace(ITEM, for_=(ForEntry("c-carla"), ForEntry("c-dan")))
    answer = folded(held, was=was, for_=tuple(map(ForEntry, edit)))
    assert tuple(entry.contact for entry in answer.agreed.for_) == expected
    assert answer.conflicts == ()


@pytest.mark.rule("PART-7")
def test_part_7_an_answer_that_comes_with_a_new_contact_is_none():
    """Only he can give it; the rest of the same edit stands."""
    answer = folded(for_=(*ITEM.for_, ForEntry("c-eve", Source.CRM, Response.ACCEPTED)))
    assert answer.agreed.for_ == (*ITEM.for_, ForEntry("c-eve", Source.CRM, Response.NONE))
    assert answer.refused == (refused("PART-7", "for", "not_authoritative"),)
    assert (answer.taken, answer.reason) == (("for_",), Reason.NOT_AUTHORITATIVE)


@pytest.mark.rule("PART-7")
@pytest.mark.parametrize("response", [Response.ACCEPTED, Response.NONE])
def test_part_7_nobodys_answer_can_be_changed(response: Response):
    """Nor taken back."""
    held = replace(ITEM, for_=(ForEntry("c-carla", response=Response.TENTATIVE),))
    answer = folded(held, was=held, for_=(ForEntry("c-carla", response=response),))
    assert answer == Folded(held, (), (refused("PART-7", "for", "not_authoritative"),), Reason.NOT_AUTHORITATIVE)


@pytest.mark.rule("PRIV-6")
def test_priv_6_a_finer_word_of_exchange_is_not_lifted():
    """It says more than the CRM can; restricting is what it says already."""
    held = replace(ITEM, restricted=True)
    fine = replace(CRM_WINS, is_fine=True)
    answer = folded(held, was=held, restricted=False, terms=fine)
    assert answer == Folded(held, (), (refused("PRIV-6", "restricted", "a finer word in Exchange"),), Reason.READ_ONLY)
    assert folded(held, was=held, restricted=False).agreed == ITEM
    assert folded(restricted=True, terms=fine).agreed == held


@pytest.mark.rule("ID-6", "PART-7")
def test_id_6_each_refusal_says_its_own_rule_and_the_first_reason_is_the_outcomes():
    """In the order of the item's fields."""
    held = replace(ITEM, read_only=True)
    answer = folded(held, was=held, subject="Mine", responses=(("u-bob", Response.ACCEPTED),))
    explained = (refused("ID-6", "subject", "read_only"), refused("PART-7", "responses", "not_authoritative"))
    assert answer == Folded(held, (), explained, Reason.READ_ONLY)


@pytest.mark.rule("CON-1", "CON-2")
def test_con_2_of_several_fields_only_those_are_named_that_both_sides_changed():
    """Whichever comes first."""
    answer = folded(replace(ITEM, location="Room 9"), subject="Costs", location="Room 1")
    assert answer.conflicts == (Conflict("location", "crm"),)
    assert (answer.agreed.subject, answer.agreed.location) == ("Costs", "Room 1")


DAILY = replace(ITEM, recurrence=Recurrence("daily"))
HOUR = timedelta(hours=1)
LATER = {"start": START + HOUR, "end": END + HOUR}
LATER_STILL = {"start": START + HOUR * 2, "end": END + HOUR * 2}
NO_SUCH_DAY = refused("REC-5", "exceptions", "the pattern has no such occurrence")


@pytest.mark.rule("REC-5", "REC-3", "CON-1", "CON-2")
@pytest.mark.parametrize(
    ("in_exchange", "edit", "terms", "of_day"),
    [
        ({}, LATER, CRM_WINS, HOUR),
        (LATER, {}, CRM_WINS, HOUR),
        (LATER, LATER_STILL, CRM_WINS, HOUR * 2),
        (LATER, LATER_STILL, EXCHANGE_WINS, HOUR),
        ({}, {"recurrence": Recurrence("daily", interval=1000)}, CRM_WINS, timedelta()),
    ],
    ids=["the CRM's", "Exchange's", "the CRM won", "Exchange won", "the CRM's is refused"],
)
def test_rec_5_an_occurrence_of_the_crm_is_one_of_the_pattern_that_will_stand(
    in_exchange: dict[str, Any], edit: dict[str, Any], terms: Terms, of_day: timedelta
):
    """Whichever side's that is: of any other there is none to be written."""
    agreed = replace(DAILY, **in_exchange)
    for clock in (timedelta(), HOUR, HOUR * 2):
        stated = a_day(TOMORROW + clock, subject="Mine")
        answer = folded(agreed, was=DAILY, terms=terms, exceptions=stated, **edit)
        stands = clock == of_day
        assert answer.agreed.exceptions == (stated if stands else ())
        assert (NO_SUCH_DAY in answer.refused) is not stands


@pytest.mark.rule("REC-3")
def test_rec_3_exceptions_go_with_a_series_that_moves_and_the_crm_is_told():
    """By the day they were on; those of days it does not have any more are gone."""
    series = replace(ITEM, recurrence=Recurrence("daily"), exceptions=a_day(subject="Mine"))
    hour = timedelta(hours=1)
    answer = folded(series, was=series, start=START + hour, end=END + hour)
    assert answer.agreed.exceptions == a_day(TOMORROW + hour, subject="Mine")
    assert answer.adjusted == frozenset({"exceptions"})
    rarer = folded(series, was=series, recurrence=Recurrence("daily", interval=2))
    assert (rarer.agreed.exceptions, rarer.adjusted) == ((), frozenset({"exceptions"}))
    renamed = folded(series, was=series, subject="Budget")
    assert (renamed.agreed.exceptions, renamed.adjusted) == (series.exceptions, frozenset())
    longer = folded(series, was=series, end=END + hour)
    assert (longer.agreed.exceptions, longer.adjusted) == (series.exceptions, frozenset())


@pytest.mark.rule("PRIV-4")
@pytest.mark.parametrize("field", ["subject", "notes", "location", "restricted", "exceptions"])
def test_priv_4_what_is_hidden_cannot_be_changed(field: str):
    """Nor what is said of single occurrences, which are as private; times can."""
    series = replace(ITEM, recurrence=Recurrence("daily"), restricted=True)
    edit = {
        "subject": "Mine",
        "notes": "Mine",
        "location": "Mine",
        "restricted": False,
        "exceptions": a_day(subject="M"),
    }
    held = replace(series, redacted=True)
    answer = folded(held, was=held, **{field: edit[field]})
    assert answer == Folded(held, (), (refused("PRIV-4", field, "redacted"),), Reason.REDACTED)
    changed = replace(held, exceptions=a_day(subject="Theirs"), subject="Theirs")
    assert folded(changed, was=held, **{field: edit[field]}).conflicts == (), "what is put back meets nobody"
    assert folded(series, was=series, **{field: edit[field]}).refused == ()
    assert folded(held, was=held, end=END + timedelta(hours=1)).refused == ()


@pytest.mark.rule("REC-5")
def test_rec_5_a_pattern_exchange_cannot_hold_is_put_back():
    """The item stays what it was."""
    answer = folded(recurrence=Recurrence("hourly"))
    assert (answer.agreed, answer.taken, answer.reason) == (ITEM, (), Reason.PATTERN)
    assert answer.refused == (refused("REC-5", "recurrence", "pattern"),)


@pytest.mark.rule("MAP-4", "PART-7")
def test_part_7_a_new_item_says_nothing_that_only_exchange_can():
    """Who organizes, who is a guest, who answered what."""
    said = replace(
        ITEM,
        for_=(ForEntry("c-carla", Source.CRM, Response.ACCEPTED),),
        external=(External("x@else.example", "X"),),
        external_shown_to=("u-anna",),
        read_only=True,
        redacted=True,
        organizer=Organizer("u-anna"),
        responses=(("u-bob", Response.ACCEPTED),),
    )
    assert made(said) == replace(ITEM, for_=(ForEntry("c-carla", Source.CRM),), external=None)
    answer = create(said)
    assert (answer.agreed, answer.refused, answer.reason, answer.adjusted) == (made(said), (), None, frozenset())
    assert set(answer.taken) == {"subject", "location", "start", "end", "zone", "owner", "assign_to", "for_", "alarms"}


@pytest.mark.rule("REC-2", "ALM-2")
@pytest.mark.parametrize(
    ("own", "known", "expected"),
    [
        ((), (("u-anna", (5,)), ("u-bob", (1,)), ("u-cora", (9,))), (("u-anna", (5,)), ("u-bob", (1,)))),
        ((("u-bob", (2,)),), (("u-anna", (5,)),), (("u-bob", (2,)),)),
        ((), (), ()),
    ],
    ids=["of those who are in it", "its own", "none"],
)
def test_rec_2_a_series_split_from_another_keeps_everybodys_alarms(own: Any, known: Any, expected: Any):
    """Of which the CRM is told; alarms that it states itself stand."""
    item = replace(ITEM, alarms=own, assign_to=("u-bob",), recurrence=Recurrence("daily"))
    answer = create(item, split_of=replace(ITEM, alarms=known))
    assert answer.agreed.alarms == expected
    assert answer.adjusted == (frozenset({"alarms"}) if known and not own else frozenset())


@pytest.mark.rule("REC-5")
def test_rec_5_of_a_new_series_days_it_does_not_have_are_put_back():
    """The others stand."""
    item = replace(ITEM, recurrence=Recurrence("daily"))
    stands = a_day(START + days(2), subject="Mine")
    answer = create(replace(item, exceptions=(*a_day(START + timedelta(hours=1), subject="None"), *stands)))
    assert answer.agreed.exceptions == stands
    assert answer.refused == (refused("REC-5", "exceptions", "the pattern has no such occurrence"),)
    assert answer.reason is Reason.PATTERN


@pytest.mark.rule("CON-6", "ID-8")
def test_con_6_an_event_is_remembered_with_the_highest_revision_heard_of():
    """Of either side: a store that was put back must not use one twice."""
    link = a_link(crm_version=3, crm_revision=5, revision=7)
    older = heard(link, CrmChange("si-1", 4, revision=2))
    assert older == replace(link, crm_id="si-1", crm_version=4)
    newer = heard(link, CrmChange("si-1", 4, revision=9))
    assert newer == replace(link, crm_id="si-1", crm_version=4, crm_revision=9, revision=9)


@pytest.mark.rule("CON-6", "ID-8")
def test_id_8_what_a_command_asked_for_is_the_crms_word_and_no_more():
    """Unless the store forgot: then both sides are taken to stand there."""
    link = a_link(state=State.ACTIVE, agreed=ITEM, exchange=ITEM, crm=ITEM, content="f")
    later = replace(ITEM, subject="Budget")
    change = CrmChange("si-1", 2, ours=True, after=later)
    assert confirmed(link, change, is_remembered=True) == Plan(replace(link, crm=later))
    anew = Plan(replace(link, crm=later, agreed=later, exchange=later, content=None))
    assert confirmed(link, change, is_remembered=False) == anew
    unknown = replace(link, agreed=None, state=State.OUTSIDE)
    assert confirmed(unknown, change, is_remembered=True) == anew == learnt(unknown, later)
    for gone in (replace(change, kind=Kind.DELETED), replace(change, after=None)):
        assert confirmed(link, gone, is_remembered=True) == Plan(replace(link, crm=None))
