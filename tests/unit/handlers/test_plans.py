"""Commands: what the CRM is told, and in which fields (CON-6, DEL-5, ID-8)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from handlers import plans
from handlers.links import Link, State
from handlers.plans import Delete, Upsert
from schemas.items import ITEM_FIELDS, External, ForEntry, Related, ScheduleItem, Source, wire_name
from tests.support.world import END, START

SHOWN: dict[str, Any] = {"external": (External("x", "X"),), "external_shown_to": ("u-anna",)}
ITEM = ScheduleItem(subject="Review", start=START, end=END, zone="Europe/Berlin", owner="u-anna", **SHOWN)
LINK = Link(
    id="l-1",
    uid="UID-1",
    state=State.ACTIVE,
    crm_id="si-1",
    crm_version=5,
    crm_revision=3,
    revision=3,
    master="u-bob",
    agreed=ITEM,
    crm=ITEM,
)
NEXT = 2**32 + 1
EXCHANGES = tuple(
    wire_name(name)
    for name in ITEM_FIELDS
    if name not in {"status", "alarms", "related", "recurrence", "exceptions", "split_from"}
)
"""What Exchange can say of every item."""


def changed(link: Link, **about: Any) -> tuple[str, ...]:
    """The fields a command names."""
    return plans.upsert(link, generation=1, **about)[1].changed


@pytest.mark.rule("CON-6")
def test_con_6_a_command_states_the_agreed_item_and_the_link_remembers_it():
    """By a revision that is higher than any before, whichever side has heard of it."""
    item = replace(ITEM, subject="x", for_=(ForEntry("c-1", Source.CRM),))
    link = replace(LINK, agreed=item)
    expected = Upsert("l-1", NEXT, "si-1", 5, "UID-1", ("subject", "for"), item, "u-bob")
    assert plans.upsert(link, generation=1) == (replace(link, revision=NEXT), expected)
    for about in ({"revision": NEXT + 4}, {"crm_revision": NEXT + 4}):
        assert plans.upsert(replace(link, **about), generation=1)[1].revision == NEXT + 5


@pytest.mark.rule("CON-6", "DEL-5")
@pytest.mark.parametrize(
    ("about", "asked", "expected"),
    [
        ({}, {}, ()),
        ({"crm": None}, {}, EXCHANGES),
        ({}, {"restored": True}, EXCHANGES),
        ({"agreed": replace(ITEM, zone=None), "crm": None}, {}, tuple(each for each in EXCHANGES if each != "zone")),
        (
            {"agreed": replace(ITEM, status="completed", related=(Related("deal", "d-1", "Deal"),)), "crm": None},
            {},
            tuple(wire_name(name) for name in ITEM_FIELDS if wire_name(name) in {*EXCHANGES, "status", "related"}),
        ),
    ],
    ids=["nothing", "it has not spoken", "it is brought back", "without a zone", "what the CRM added"],
)
def test_con_6_of_an_item_the_crm_does_not_hold_all_that_is_known_is_told(
    about: dict[str, Any], asked: dict[str, Any], expected: tuple[str, ...]
):
    """Else what it says otherwise."""
    assert changed(replace(LINK, **about), **asked) == expected


@pytest.mark.rule("CON-6")
def test_con_6_what_is_taken_back_before_the_crm_answered_is_told_too():
    """Or it would stay."""
    before = replace(ITEM, location="Room 9")
    assert changed(replace(LINK, revision=4), before=before) == ("location",)
    assert changed(LINK, before=before) == ()
    assert set(changed(LINK, before=replace(ITEM, status="completed"), restored=True)) == {*EXCHANGES, "status"}


def test_externals_are_told_only_where_somebody_is_shown_them():
    """Neither they nor to whom: as if nothing were known of them."""
    hidden = replace(ITEM, external_shown_to=())
    link = replace(LINK, agreed=hidden, crm=None)
    assert plans.as_shown(hidden) == replace(hidden, external=None)
    assert plans.as_shown(ITEM) == ITEM
    _, command = plans.upsert(link, generation=1, before=replace(hidden, external=()))
    assert command.item == replace(hidden, external=None)
    assert command.changed == tuple(each for each in EXCHANGES if not each.startswith("external"))


def test_what_nobody_agreed_on_cannot_be_told():
    """There is nothing to tell."""
    with pytest.raises(ValueError, match=r"^only an item that was agreed on can be told$"):
        plans.upsert(replace(LINK, agreed=None), generation=1)


@pytest.mark.rule("DEL-1")
@pytest.mark.parametrize("reason", ["deleted", "cancelled"])
def test_del_1_a_delete_names_the_item_and_why(reason: str):
    """By a revision that is higher than any before."""
    told, command = plans.delete(LINK, generation=1, reason=reason)
    assert command == Delete("l-1", NEXT, "si-1", 5, "UID-1", reason)
    assert told == replace(LINK, revision=NEXT)
    for about in ({"revision": NEXT + 4}, {"crm_revision": NEXT + 4}):
        assert plans.delete(replace(LINK, **about), generation=1, reason=reason)[1].revision == NEXT + 5
