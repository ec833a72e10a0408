"""From an effect to what is asked of Exchange, and whether it was done (MAP-1..4, PART-6, NOTE-2)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from handlers import blocks
from handlers.edits import edit_of, shows, shows_some
from handlers.effects import Effect, Operation
from handlers.policy import Policy
from schemas.copies import Attendee, Copy, Role
from schemas.edits import UNSET, Body, Edit, Times
from schemas.items import Recurrence, Related, ScheduleItem
from tests.support.world import END, START, days, on

POLICY = Policy()
WEEKLY = Recurrence("weekly", weekdays=("tuesday",))
BLOCK = blocks.block_of((Related("opportunity", "o-1", title="Loan"),))
ITEM = ScheduleItem(
    subject="Review",
    notes="Agenda",
    location="Room 4",
    start=START,
    end=END,
    zone="Europe/Vienna",
    priority="A",
    recurrence=WEEKLY,
)
BOB = Attendee(Role.REQUIRED, name="Bob", address="bob@bank.example")
CORA = Attendee(Role.OPTIONAL, name="Cora", address="cora@bank.example")
COPY = Copy(
    mailbox="anna@bank.example",
    item_id="AAMk-1",
    subject="Review",
    body="Agenda",
    location="Room 4",
    start=START,
    end=END,
    importance="High",
    reminder=15,
    recurrence=WEEKLY,
    attendees=(BOB,),
)
TIMES = Times(START, END, all_day=False, zone="Europe/Vienna")


def an_effect(*fields: str, item: ScheduleItem = ITEM, **about: Any) -> Effect:
    """An update of Anna's copy."""
    known = {"operation": Operation.UPDATE, "mailbox": COPY.mailbox, "user": "u-anna", "item_id": COPY.item_id}
    return Effect(item=item, fields=fields, **(known | about))


def asked(*fields: str, copy: Copy | None = COPY, **about: Any) -> Edit:
    """What is asked of Exchange for these fields."""
    return edit_of(an_effect(*fields, **about), copy, policy=POLICY)


@pytest.mark.rule("MAP-1", "MAP-4")
@pytest.mark.parametrize(
    ("field", "wanted"),
    [
        ("subject", Edit(subject="Review")),
        ("location", Edit(location="Room 4")),
        ("notes", Edit(body=Body("Agenda"))),
        ("priority", Edit(importance="High")),
        ("start", Edit(times=TIMES, recurrence=WEEKLY)),
        ("end", Edit(times=TIMES, recurrence=WEEKLY)),
        ("zone", Edit(times=TIMES, recurrence=WEEKLY)),
        ("all_day", Edit(times=TIMES, recurrence=WEEKLY)),
        ("recurrence", Edit(times=TIMES, recurrence=WEEKLY)),
    ],
)
def test_map_4_a_field_asks_for_itself_and_for_no_other(field: str, wanted: Edit):
    """But for what goes together: both ends with flag and zone, and a pattern with the times it starts at."""
    assert asked(field) == wanted


@pytest.mark.rule("MAP-4", "REC-1")
def test_rec_1_what_does_not_recur_has_no_pattern_to_write():
    """Only where it is taken away."""
    single = replace(ITEM, recurrence=None)
    assert asked("start", item=single) == Edit(times=TIMES)
    assert asked("recurrence", item=single) == Edit(times=TIMES, recurrence=None)


@pytest.mark.rule("MAP-1")
@pytest.mark.parametrize(("priority", "importance"), [("A", "High"), ("B", "Normal"), ("C", "Low"), ("D", "Normal")])
def test_map_1_priorities_are_importances(priority: str, importance: str):
    """One that nobody knows is an ordinary one."""
    assert asked("priority", item=replace(ITEM, priority=priority)) == Edit(importance=importance)


@pytest.mark.rule("MAP-2")
def test_map_2_days_are_asked_for_with_the_flag():
    """An all-day item goes by civil days."""
    item = replace(ITEM, start=on("2026-12-01"), end=on("2026-12-02"), all_day=True, zone=None)
    days = Times(on("2026-12-01"), on("2026-12-02"), all_day=True)
    assert asked("start", item=item) == Edit(times=days, recurrence=WEEKLY)


@pytest.mark.rule("MAP-4")
@pytest.mark.parametrize("unknown", ["start", "end"])
def test_map_4_times_of_which_one_end_is_unknown_are_not_written(unknown: str):
    """A start without an end is no time."""
    assert asked("start", "end", item=replace(ITEM, **{unknown: None})) == Edit()


@pytest.mark.rule("MAP-4", "ALM-1")
@pytest.mark.parametrize(
    ("about", "wanted"),
    [
        ({"reminder": 15}, Edit(reminder=15)),
        ({"reminder": None}, Edit(reminder=None)),
        ({"sensitivity": "Private"}, Edit(sensitivity="Private")),
    ],
)
def test_map_4_what_is_no_field_of_the_item_is_asked_for_as_it_is(about: dict[str, Any], wanted: Edit):
    """None is a reminder switched off, which is not the same as one left alone."""
    assert asked(**about) == wanted


@pytest.mark.rule("NOTE-2", "MAP-3")
def test_map_3_a_body_stays_what_it_is_and_a_new_one_is_html():
    """The block is in the body's own format."""
    assert BLOCK is not None
    assert asked("notes", copy=None).body == Body("<div>Agenda</div>", html=True)
    assert asked("notes", copy=None, block=BLOCK).body == Body(f"<div>Agenda</div>{BLOCK.html}", html=True)
    assert asked(copy=None, block=BLOCK).body == Body(BLOCK.html, html=True)
    in_text = asked(block=BLOCK, copy=replace(COPY, body="Mine")).body
    assert in_text == Body("Mine\r\n\r\n" + BLOCK.text.replace("\n", "\r\n"), html=False)
    in_html = asked(block=BLOCK, copy=replace(COPY, body="<p>Mine</p>", html=True)).body
    assert in_html == Body(f"<p>Mine</p>{BLOCK.html}", html=True)


@pytest.mark.rule("PART-6")
@pytest.mark.parametrize(
    ("about", "wanted"),
    [
        ({"invite": (CORA,)}, (BOB, CORA)),
        ({"invite": (replace(BOB, address="Bob@Bank.example", role=Role.OPTIONAL),)}, (BOB,)),
        ({"uninvite": frozenset({"bob@bank.example"})}, ()),
        ({"uninvite": frozenset({"bob@bank.example"}), "invite": (CORA,)}, (CORA,)),
        ({"uninvite": frozenset({"dora@bank.example"})}, (BOB,)),
    ],
)
def test_part_6_people_nobody_spoke_of_stay_as_exchange_names_them(about: dict[str, Any], wanted: tuple[Attendee, ...]):
    """Nobody is invited twice, however his address is written."""
    assert asked(**about) == Edit(attendees=wanted)


@pytest.mark.rule("PART-6")
def test_part_6_in_a_new_meeting_are_those_who_are_invited():
    """Where there was no copy, there was nobody."""
    assert asked(copy=None, invite=(BOB, CORA)).attendees == (BOB, CORA)


EVERYTHING = an_effect(
    "subject", "location", "priority", "notes", "start", "end", "recurrence", reminder=15, sensitivity="Normal",
    invite=(BOB,),
)  # fmt: skip


@pytest.mark.rule("CON-4")
@pytest.mark.parametrize(
    "there",
    [
        COPY,
        replace(COPY, subject=" Review ", body="Agenda\r\n"),
        replace(COPY, start=START.replace(second=30), end=END.replace(second=1, microsecond=5)),
        replace(COPY, attendees=(replace(BOB, address="BOB@bank.example", name="Robert"),)),
        replace(COPY, change_key="9", importance="High"),
    ],
)
def test_con_4_a_copy_shows_what_was_written_however_the_server_put_it_down(there: Copy):
    """Trimmed, cut to the minute, in other letters."""
    assert shows(there, EVERYTHING, policy=POLICY)


@pytest.mark.rule("CON-4")
@pytest.mark.parametrize(
    "otherwise",
    [
        {"subject": "Budget"},
        {"location": "Room 9"},
        {"importance": "Normal"},
        {"sensitivity": "Private"},
        {"reminder": None},
        {"body": "Other"},
        {"start": START + days(1)},
        {"end": END + days(1)},
        {"recurrence": None},
        {"attendees": ()},
        {"attendees": (CORA,)},
    ],
)
def test_con_4_a_copy_in_which_one_thing_is_otherwise_does_not_show_it(otherwise: dict[str, Any]):
    """Each of what was to be written has to be there."""
    assert not shows(replace(COPY, **otherwise), EVERYTHING, policy=POLICY)


def test_what_was_not_to_be_written_may_be_as_it_likes():
    """Only what was asked for is compared."""
    assert shows(replace(COPY, location="Room 9", attendees=(), start=None), an_effect("subject"), policy=POLICY)


@pytest.mark.rule("CON-4", "INV-4")
def test_inv_4_a_pattern_that_goes_along_with_times_does_not_tell_whether_they_were_written():
    """It was there before: were it asked, who was not mailed yet would be taken to be."""
    times = an_effect("start", "end")
    assert shows(replace(COPY, recurrence=None), times, policy=POLICY)
    assert not shows_some(replace(COPY, start=START + days(1), end=END + days(1)), times, policy=POLICY)


def test_of_an_effect_that_asks_for_nothing_a_copy_shows_nothing():
    """Whether it was carried out cannot be seen."""
    assert edit_of(an_effect(), COPY, policy=POLICY).is_empty
    assert not shows(COPY, an_effect(), policy=POLICY)
    assert edit_of(an_effect(), COPY, policy=POLICY).body is UNSET


@pytest.mark.rule("INV-4")
@pytest.mark.parametrize(
    ("copy", "seen"),
    [
        (COPY, True),
        (replace(COPY, subject="Theirs"), True),
        (replace(COPY, location="Theirs"), True),
        (replace(COPY, subject="Theirs", location="Theirs"), False),
    ],
)
def test_a_part_of_a_write_is_seen_where_somebody_has_written_over_the_rest(copy: Copy, seen: bool):
    assert shows_some(copy, an_effect("subject", "location"), policy=POLICY) is seen
    assert not shows_some(copy, an_effect(), policy=POLICY)
