"""The merge of what Exchange changed into what was agreed on, group by group (CON-1, CON-2, REC-3), table by table."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from handlers import merging
from handlers.merging import Conflict, Merged, MergedExceptions, Terms
from handlers.policy import ConflictPolicy, Policy
from schemas.items import External, ForEntry, Moment, Organizer, Response, ScheduleItem, SeriesException, Source
from tests.support.world import END, START, days

ITEM = ScheduleItem(subject="Review", start=START, end=END, zone="Europe/Berlin")
CRM_WINS, EXCHANGE_WINS = Policy(), Policy(conflict_default=ConflictPolicy.EXCHANGE_WINS)
SERIES_OF_EXCHANGE = Policy(conflicts={"recurrence": ConflictPolicy.EXCHANGE_WINS})
LATEST_WINS = Policy(conflict_default=ConflictPolicy.LATEST_WINS)


def merged(agreed: dict[str, Any], now: dict[str, Any], terms: Terms = merging.ON_ITS_WAY) -> Merged:
    """What becomes of the item after the CRM made it so, and Exchange so."""
    return merging.merge_exchange(replace(ITEM, **agreed), before=ITEM, now=replace(ITEM, **now), terms=terms)


@pytest.mark.rule("CON-1", "CON-2")
@pytest.mark.parametrize(
    ("agreed", "now", "policy", "expected", "met", "owed"),
    [
        ({}, {}, CRM_WINS, {}, (), ()),
        ({}, {"subject": "theirs"}, CRM_WINS, {"subject": "theirs"}, (), ()),
        ({"subject": "ours"}, {}, EXCHANGE_WINS, {"subject": "ours"}, (), ("subject",)),
        ({"subject": "same"}, {"subject": "same"}, CRM_WINS, {"subject": "same"}, (), ()),
        ({"subject": "ours"}, {"subject": "theirs"}, CRM_WINS, {"subject": "ours"}, ("crm",), ("subject",)),
        ({"subject": "ours"}, {"subject": "theirs"}, EXCHANGE_WINS, {"subject": "theirs"}, ("exchange",), ()),
        (
            {"subject": "ours"},
            {"subject": "theirs"},
            Policy(conflicts={"subject": ConflictPolicy.EXCHANGE_WINS}),
            {"subject": "theirs"},
            ("exchange",),
            (),
        ),
    ],
)
def test_con_1_a_field_flows_to_the_side_that_did_not_change_it(
    agreed: dict[str, Any],
    now: dict[str, Any],
    policy: Policy,
    expected: dict[str, Any],
    met: tuple[str, ...],
    owed: tuple[str, ...],
):
    """Changed on both, the policy of its group decides; what stands of the CRM's is still to be written."""
    conflicts = tuple(Conflict("subject", winner) for winner in met)
    answer = merged(agreed, now, Terms(policy))
    assert answer == Merged(replace(ITEM, **expected), conflicts, owed)


@pytest.mark.rule("CON-1", "INV-7", "PART-7")
def test_con_1_what_only_exchange_can_say_is_as_it_says():
    """Along with what else it changed, and whatever the CRM holds."""
    says: dict[str, Any] = {
        "owner": "u-bob",
        "organizer": Organizer(user="u-bob"),
        "external": (External("x", "X"),),
        "external_shown_to": ("u-bob",),
        "read_only": True,
        "responses": (("u-bob", Response.ACCEPTED),),
    }
    answer = merged({"owner": "u-anna", "status": "completed"}, {"subject": "theirs", **says})
    assert answer == Merged(replace(ITEM, subject="theirs", status="completed", **says))


@pytest.mark.rule("CON-1", "MAP-2")
@pytest.mark.parametrize(
    ("agreed", "now", "expected", "met", "owed"),
    [
        ({"zone": "Europe/Vienna"}, {}, {"zone": "Europe/Vienna"}, (), ()),
        (
            {"zone": "Europe/Vienna"},
            {"start": START + days(1)},
            {"zone": "Europe/Vienna", "start": START + days(1)},
            (),
            (),
        ),
        ({"zone": "Europe/Vienna"}, {"zone": "Europe/Paris"}, {"zone": "Europe/Vienna"}, ("zone",), ("zone",)),
        (
            {"start": START - days(1)},
            {"end": END + days(1)},
            {"start": START - days(1)},
            ("start", "end"),
            ("start", "end"),
        ),
    ],
)
def test_con_1_times_are_one_field_and_another_name_of_the_zone_is_no_change(
    agreed: dict[str, Any], now: dict[str, Any], expected: dict[str, Any], met: tuple[str, ...], owed: tuple[str, ...]
):
    """As long as Exchange leaves its own alone."""
    answer = merged(agreed, now)
    assert answer == Merged(replace(ITEM, **expected), tuple(Conflict(name, "crm") for name in met), owed)


@pytest.mark.rule("CON-2")
@pytest.mark.parametrize(("group", "name"), [("times", "end"), ("notes", "notes"), ("priority", "priority")])
def test_con_2_each_group_has_a_policy_of_its_own(group: str, name: str):
    """By the name the settings know it by."""
    ours: dict[str, Any] = {"end": END + days(1), "notes": "ours", "priority": "A"}
    theirs: dict[str, Any] = {"end": END + days(2), "notes": "theirs", "priority": "C"}
    answer = merged(ours, theirs, Terms(Policy(conflicts={group: ConflictPolicy.EXCHANGE_WINS})))
    assert answer.item == replace(ITEM, **{**ours, name: theirs[name]})
    assert {each.field for each in answer.conflicts if each.winner == "exchange"} == {name}


@pytest.mark.rule("CON-2", "CON-3")
@pytest.mark.parametrize(
    ("policy", "subject"),
    [(Policy(conflict_default=ConflictPolicy.EXCHANGE_WINS), "theirs"), (LATEST_WINS, "ours"), (Policy(), "ours")],
)
def test_con_2_who_wins_says_the_policy_and_where_the_latest_does_what_the_crm_has_on_its_way(
    policy: Policy, subject: str
):
    """For a field, and for exceptions."""
    ours, theirs = an_exception(1, subject="ours"), an_exception(1, subject="theirs")
    both = ({"subject": "ours", "exceptions": (ours,)}, {"subject": "theirs", "exceptions": (theirs,)})
    answer = merged(*both, Terms(policy))
    assert answer.item.subject == subject
    assert answer.item.exceptions == (an_exception(1, subject=subject),)


@pytest.mark.rule("CON-4")
def test_con_4_what_is_settled_and_shows_otherwise_is_what_the_server_made_of_it():
    """No change of the CRM's on its way, of a field or an exception."""
    ours = {"subject": "ours ", "exceptions": (an_exception(1, subject="ours "),)}
    settled = Terms(settled=True)
    assert merged(ours, {}, settled) == Merged(replace(ITEM, subject="ours "))
    changed = merged(ours, {"subject": "theirs", "exceptions": (an_exception(1, subject="theirs"),)}, settled)
    assert changed == Merged(replace(ITEM, subject="theirs", exceptions=(an_exception(1, subject="theirs"),)))


@pytest.mark.rule("PRIV-4")
@pytest.mark.parametrize(("before", "now"), [(True, True), (False, True), (True, False)])
def test_priv_4_what_is_hidden_is_hidden_and_comes_back_whole(before: bool, now: bool):
    """Whatever the CRM holds; of For stays what the CRM put there."""
    crm, matched = ForEntry("c-1", Source.CRM), ForEntry("c-2", Source.EXCHANGE)
    agreed = replace(ITEM, subject="ours", location="ours", priority="A", for_=(crm, matched))
    shown = replace(ITEM, subject="Private", redacted=now, restricted=True, for_=(matched,))
    answer = merging.merge_exchange(agreed, before=replace(ITEM, redacted=before, for_=(matched,)), now=shown)
    people = (crm,) if now else (crm, matched)
    assert answer.item == replace(shown, priority="A", for_=people)
    assert (answer.conflicts, answer.owed) == ((), ("priority",))


# people


def entry(contact: str, source: Source = Source.EXCHANGE, response: Response = Response.NONE) -> ForEntry:
    """Somebody in For."""
    return ForEntry(contact, source, response)


@pytest.mark.rule("FOR-3", "PART-6")
@pytest.mark.parametrize(
    ("agreed", "before", "now", "expected"),
    [
        ([], [], [entry("c-1")], [entry("c-1")]),
        ([entry("c-1")], [entry("c-1")], [], []),
        ([entry("c-1", Source.CRM)], [], [], [entry("c-1", Source.CRM)]),
        (
            [entry("c-1", Source.CRM, Response.ACCEPTED)],
            [entry("c-1", response=Response.ACCEPTED)],
            [],
            [entry("c-1", Source.CRM)],
        ),
        (
            [entry("c-1", Source.CRM)],
            [],
            [entry("c-1", response=Response.ACCEPTED)],
            [entry("c-1", Source.CRM, Response.ACCEPTED)],
        ),
        ([], [entry("c-1")], [entry("c-1", response=Response.ACCEPTED)], []),
        ([entry("c-2")], [], [entry("c-1")], [entry("c-1"), entry("c-2")]),
    ],
    ids=["new", "left", "the CRM's", "the CRM's, left", "the CRM's, came", "taken out", "in order"],
)
def test_for_3_whom_the_crm_put_in_stays_and_whom_it_took_out_does_not_come_back(
    agreed: list[ForEntry], before: list[ForEntry], now: list[ForEntry], expected: list[ForEntry]
):
    """His answer is Exchange's to say."""
    assert merging.merge_for(agreed, before=before, now=now) == tuple(expected)


# exceptions


def an_exception(day: int, **changes: str) -> SeriesException:
    """An occurrence in which this is otherwise."""
    return SeriesException(at(day), changes=tuple(sorted(changes.items())))


def at(day: int) -> Moment:
    """When the series has an occurrence."""
    return START + days(day)


def deleted(day: int) -> SeriesException:
    """An occurrence that was deleted."""
    return SeriesException(at(day), deleted=True)


@pytest.mark.rule("REC-3", "CON-1", "CON-5")
@pytest.mark.parametrize(
    ("agreed", "before", "now", "held", "taken", "crossed"),
    [
        ([], [], [an_exception(1, subject="n")], [an_exception(1, subject="n")], None, False),
        ([an_exception(1, subject="a")], [], [], [an_exception(1, subject="a")], None, False),
        ([an_exception(1, subject="a")], [an_exception(1, subject="a")], [], [], None, False),
        (
            [an_exception(2, subject="a")],
            [],
            [an_exception(1, subject="n")],
            [an_exception(1, subject="n"), an_exception(2, subject="a")],
            None,
            False,
        ),
        (
            [an_exception(1, subject="a")],
            [],
            [an_exception(1, subject="n", location="n")],
            [an_exception(1, location="n", subject="a")],
            [an_exception(1, location="n", subject="n")],
            True,
        ),
        (
            [an_exception(1, subject="n")],
            [],
            [an_exception(1, subject="n")],
            [an_exception(1, subject="n")],
            None,
            False,
        ),
        (
            [an_exception(1, start="a")],
            [],
            [an_exception(1, end="n", zone="n")],
            [an_exception(1, start="a")],
            [an_exception(1, end="n", zone="n")],
            True,
        ),
        ([an_exception(1, subject="a")], [], [deleted(1)], [deleted(1)], None, False),
        ([deleted(1)], [], [an_exception(1, subject="n")], [deleted(1)], None, False),
        ([deleted(1)], [deleted(1)], [an_exception(1, subject="n")], [an_exception(1, subject="n")], None, False),
    ],
    ids=["new", "kept", "taken back", "in order", "crossed", "alike", "times are one", "deleted", "edited", "back"],
)
def test_rec_3_each_occurrence_is_merged_for_itself_field_by_field(
    agreed: list[SeriesException],
    before: list[SeriesException],
    now: list[SeriesException],
    held: list[SeriesException],
    taken: list[SeriesException] | None,
    crossed: bool,
):
    """`held` if what was agreed on stands, `taken` if what is new does; a delete wins either way."""
    answer = merging.merge_exceptions(agreed, before=before, now=now, held_wins=True)
    assert answer == MergedExceptions(tuple(held), crossed)
    answer = merging.merge_exceptions(agreed, before=before, now=now, held_wins=False)
    assert answer == MergedExceptions(tuple(held if taken is None else taken), crossed)
    assert merging.merge_exceptions(agreed, before=before, now=now).exceptions == tuple(held), "unless told otherwise"


@pytest.mark.rule("REC-3")
def test_rec_3_days_and_instants_are_merged_side_by_side():
    """While a series becomes one of whole days; in the order of time."""
    day = SeriesException(at(2).date() if isinstance(at(2), datetime) else at(2), deleted=True)
    answer = merging.merge_exceptions([deleted(3)], before=[], now=[day])
    assert answer.exceptions == (day, deleted(3))


@pytest.mark.rule("CON-2", "REC-3")
@pytest.mark.parametrize(
    ("policy", "winner"), [(CRM_WINS, "crm"), (EXCHANGE_WINS, "exchange"), (SERIES_OF_EXCHANGE, "exchange")]
)
def test_con_2_exceptions_both_sides_changed_are_one_conflict(policy: Policy, winner: str):
    """And the winner's."""
    sides = {"crm": an_exception(1, subject="ours"), "exchange": an_exception(1, subject="theirs")}
    answer = merged({"exceptions": (sides["crm"],)}, {"exceptions": (sides["exchange"],)}, Terms(policy))
    assert answer == Merged(replace(ITEM, exceptions=(sides[winner],)), (Conflict("exceptions", winner),))
