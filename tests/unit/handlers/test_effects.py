"""What an effect asks for, and what a link is once it was carried out (INV-6, CON-3, ENG-6)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from handlers import blocks
from handlers.effects import Effect, Operation, done, holding, progressed, stood
from handlers.links import BEHIND, OCCURRENCES_BEHIND, Link, Replica
from schemas.copies import Attendee, Role
from schemas.items import ForEntry, Related, Response, ScheduleItem
from schemas.sending import Sending, Whom
from tests.support.world import END, START, a_link, days

A, B = "anna@bank.example", "bob@bank.example"
ITEM = ScheduleItem(subject="Review", notes="Agenda", location="Room 4", start=START, end=END, zone="Europe/Vienna")
BLOCK = blocks.block_of((Related("opportunity", "o-1", title="Loan"),))
BOB = Attendee(Role.REQUIRED, name="Bob", address=B)
KNOWN = Replica(
    B, "u-bob", "AAMk-2", "1", response=Response.ACCEPTED, reminder=15, block="f", sensitivity="Private", holds="h"
)
LINK = a_link(replicas=(KNOWN,), exchange=ITEM)


def an_effect(operation: Operation = Operation.UPDATE, **about: Any) -> Effect:
    """On Bob's copy."""
    known = {"mailbox": B, "user": "u-bob", "item": ITEM, "item_id": "AAMk-2"}
    return Effect(operation=operation, **(known | about))


def after(effect: Effect, link: Link = LINK) -> Link:
    """The link, when the server answered with the same id and another change key."""
    return done(link, effect, item_id="AAMk-2", change_key="2")


@pytest.mark.rule("MAP-3", "PART-6")
@pytest.mark.parametrize(
    ("about", "is_needed"),
    [
        ({"fields": ("notes",)}, True),
        ({"fields": ("subject",), "block": None}, True),
        ({"invite": (BOB,)}, True),
        ({"uninvite": frozenset({B})}, True),
        ({"fields": ("subject", "location"), "reminder": 15, "sensitivity": "Normal"}, False),
        ({"fields": ("notes",), "operation": Operation.CREATE}, False),
        ({"operation": Operation.DELETE}, False),
    ],
)
def test_map_3_what_is_there_is_read_only_where_part_of_it_stays(about: dict[str, Any], is_needed: bool):
    """A body keeps what is not ours, people are written whole; of a new copy there is nothing to keep."""
    assert an_effect(**about).needs_copy is is_needed


@pytest.mark.parametrize(
    ("about", "named"),
    [
        ({"fields": ("subject", "start")}, ("subject", "start")),
        ({"invite": (BOB,)}, ("assign_to",)),
        ({"uninvite": frozenset({B})}, ("assign_to",)),
        ({"reminder": None}, ("alarm",)),
        ({"reminder": 5}, ("alarm",)),
        ({"block": None}, ("related",)),
        ({"block": BLOCK, "reminder": 5, "invite": (BOB,)}, ("assign_to", "alarm", "related")),
        ({"fields": ("subject", "start"), "occurrence": START, "index": 1}, ("exceptions",)),
        ({}, ()),
    ],
)
def test_what_is_written_is_named_in_the_outcomes_words(about: dict[str, Any], named: tuple[str, ...]):
    """People, alarm and block are no fields of their own in Exchange's request, but they are in the outcome."""
    assert an_effect(**about).named == named


@pytest.mark.rule("CON-3")
def test_con_3_a_write_is_remembered_and_nothing_else_is_forgotten():
    """What was not written is as it was known."""
    [replica] = after(an_effect(fields=("subject",))).replicas
    assert replica == replace(KNOWN, change_key="2", ours="2", holds=holding(ITEM))
    [replica] = after(an_effect(reminder=5, sensitivity="Normal", block=BLOCK)).replicas
    assert BLOCK is not None
    facets = {"reminder": 5, "sensitivity": "Normal", "block": BLOCK.fingerprint}
    assert replica == replace(KNOWN, change_key="2", ours="2", **facets)
    [replica] = after(an_effect(reminder=None, block=None)).replicas
    assert replica == replace(KNOWN, change_key="2", ours="2", reminder=None, block="")


@pytest.mark.rule("DEL-3", "INV-6")
def test_inv_6_a_copy_that_was_gone_is_there_again_once_it_is_written():
    """Under the id it got, and direct if it was made so."""
    link = a_link(replicas=(replace(KNOWN, live=False),))
    again = done(link, an_effect(Operation.CREATE, direct=True), item_id="AAMk-9", change_key="1")
    [replica] = again.replicas
    assert (replica.item_id, replica.live, replica.direct, replica.response) == (
        "AAMk-9",
        True,
        True,
        Response.ACCEPTED,
    )


@pytest.mark.rule("INV-6", "INV-7")
@pytest.mark.parametrize(("authoritative", "response"), [(True, Response.ORGANIZER), (False, Response.NONE)])
def test_inv_6_a_new_copy_is_a_replica_in_order_of_mailboxes(authoritative: bool, response: Response):
    """The owner organizes; a direct copy answers nobody."""
    effect = an_effect(Operation.CREATE, mailbox=A, user="u-anna", fields=("subject",), authoritative=authoritative)
    link = done(LINK, effect, item_id="AAMk-1", change_key="1")
    own = Replica(A, "u-anna", "AAMk-1", "1", response=response, holds=holding(ITEM), ours="1")
    assert link == replace(LINK, replicas=(own, KNOWN))


@pytest.mark.rule("INV-6", "DEL-3")
@pytest.mark.parametrize(
    ("about", "is_gone"),
    [
        ({}, True),
        ({"item_id": "AAMk-8"}, True),
        ({"item_id": "AAMk-8", "direct": True}, False),
        ({"mailbox": A}, False),
    ],
)
def test_inv_6_a_copy_that_was_removed_is_no_replica_any_more(about: dict[str, Any], is_gone: bool):
    """But the invited copy stays when the direct one beside it goes."""
    assert (after(an_effect(Operation.DELETE, **about)).replicas == ()) is is_gone


@pytest.mark.rule("INV-6")
def test_inv_6_the_fingerprint_is_of_what_all_copies_share():
    """Of the content, and of nothing that is one user's own."""
    own = replace(ITEM, owner="u-anna", alarms=(("u-anna", (5,)),), status="completed", assign_to=("u-bob",))
    assert holding(own) == holding(ITEM)
    contents = [
        replace(ITEM, subject="Budget"),
        replace(ITEM, notes="Other"),
        replace(ITEM, location="Room 9"),
        replace(ITEM, start=START - days(1)),
        replace(ITEM, end=END + days(1)),
        replace(ITEM, zone="UTC"),
        replace(ITEM, all_day=True),
        replace(ITEM, priority="A"),
        replace(ITEM, restricted=True),
    ]
    assert len({holding(item) for item in (ITEM, *contents)}) == len(contents) + 1
    assert holding(replace(ITEM, subject="\ud800")) != holding(ITEM), "broken text is text, too"


@pytest.mark.rule("REC-3", "CON-3")
def test_rec_3_a_write_to_an_occurrence_is_one_to_its_series_and_to_no_other_copy():
    """The key that was known is no more; what the occurrence says is decided with the whole plan."""
    annas = Replica(A, "u-anna", "AAMk-1", "1", ours="1")
    link = replace(LINK, replicas=(annas, KNOWN))
    for operation in (Operation.UPDATE, Operation.DELETE):
        effect = an_effect(operation, fields=("subject",), occurrence=START, index=1, authoritative=True)
        written = after(effect, link)
        untouched, touched = written.replicas
        assert untouched == annas
        assert touched == replace(KNOWN, change_key=touched.ours or "", ours=touched.change_key)
        assert touched.change_key != KNOWN.change_key
        assert written == replace(link, replicas=written.replicas)
        assert progressed(link, effect, item_id="AAMk-2", change_key="2") == written


@pytest.mark.rule("REC-3", "CON-3")
def test_rec_3_a_copy_whose_occurrences_were_behind_is_not_once_one_was_written():
    """Nor if it was so already; one that lacks more than that lacks it still, and so does any other copy."""
    behind = replace(KNOWN, holds=OCCURRENCES_BEHIND)
    annas = replace(behind, mailbox=A, user="u-anna", item_id="AAMk-1")
    effect = an_effect(fields=("subject",), occurrence=START, index=1)
    for holds, left in ((OCCURRENCES_BEHIND, None), (BEHIND, BEHIND), ("h", "h")):
        link = replace(LINK, replicas=(annas, replace(behind, holds=holds)))
        assert stood(link, effect) == replace(link, replicas=(annas, replace(behind, holds=left)))
        written = after(effect, link)
        assert [each.holds for each in written.replicas] == [OCCURRENCES_BEHIND, left]


def unread(link: Link) -> Link:
    """Our own write is to be known again by its content, and not by the change key, which covers others' changes."""
    written = (replace(each, ours="") if each.change_key == "2" else each for each in link.replicas)
    return replace(link, replicas=tuple(written))


@pytest.mark.rule("CON-1")
def test_con_1_what_was_written_to_the_copy_that_counts_is_what_exchange_says():
    """Those fields and no others, also when the rest of the plan is still to come."""
    item = replace(ITEM, subject="Budget", location="Room 9")
    effect = an_effect(item=item, fields=("subject",), authoritative=True)
    link = progressed(LINK, effect, item_id="AAMk-2", change_key="2")
    assert link.exchange == replace(ITEM, subject="Budget")
    assert link.replicas == unread(done(LINK, effect, item_id="AAMk-2", change_key="2")).replicas
    unknown = progressed(replace(LINK, exchange=None), effect, item_id="AAMk-2", change_key="2")
    assert unknown.exchange == item


@pytest.mark.rule("CON-1", "ID-5")
def test_con_1_a_new_copy_that_counts_says_all_of_the_item():
    """Whatever was known before; what is the CRM's alone is in no copy."""
    item = replace(ITEM, subject="Budget", location="Room 9", external=())
    the_crms = {"for_": (ForEntry("c-carla"),), "status": "completed", "alarms": (("u-bob", (5,)),)}
    own = replace(item, **the_crms, external=None, related=(Related("opportunity", "o-1"),))
    effect = an_effect(Operation.CREATE, item=own, fields=("subject",), authoritative=True)
    assert progressed(LINK, effect, item_id="AAMk-2", change_key="2").exchange == item


@pytest.mark.rule("CON-1", "INV-6")
@pytest.mark.parametrize(
    "effect",
    [
        an_effect(item=replace(ITEM, subject="Budget"), fields=("subject",)),
        an_effect(Operation.CREATE, item=replace(ITEM, subject="Budget"), fields=("subject",), direct=True),
        an_effect(Operation.DELETE, item=replace(ITEM, subject="Budget"), authoritative=True),
    ],
)
def test_con_1_a_copy_that_does_not_count_says_nothing_of_the_item(effect: Effect):
    """Nor does one that is gone; the replica is as after any effect, but that it is still to be read."""
    link = progressed(LINK, effect, item_id="AAMk-2", change_key="2")
    assert link.exchange == ITEM
    assert link.replicas == unread(after(effect)).replicas


@pytest.mark.rule("INV-6")
def test_inv_6_a_copy_made_in_place_of_a_cancelled_one_is_not_cancelled():
    """What is changed stays what it is."""
    link = replace(LINK, replicas=(replace(KNOWN, cancelled=True),))
    [made] = after(an_effect(Operation.CREATE), link).replicas
    [changed] = after(an_effect(fields=("subject",)), link).replicas
    assert (made.cancelled, changed.cancelled) == (False, True)


@pytest.mark.rule("INV-7", "INV-6")
@pytest.mark.parametrize(
    ("about", "cancelled"),
    [
        ({"authoritative": True, "sending": Sending(Whom.ALL)}, [True, False]),
        ({"authoritative": True}, [False, False]),
        ({"sending": Sending(Whom.ALL)}, [False, False]),
        ({"authoritative": True, "sending": Sending(Whom.ADDED)}, [False, False]),
    ],
)
def test_inv_7_what_is_cancelled_by_a_message_is_known_to_be(about: dict[str, Any], cancelled: list[bool]):
    """Everybody's invited copy; nobody is told by a direct one."""
    others = (Replica(A, "u-anna", "AAMk-1"), Replica("c@bank.example", "u-cora", "AAMk-3", direct=True))
    link = replace(LINK, replicas=(*others, KNOWN))
    left = after(an_effect(Operation.DELETE, **about), link)
    assert [each.cancelled for each in left.replicas] == cancelled


@pytest.mark.rule("CON-1", "INV-3")
def test_con_1_whom_a_half_done_plan_has_invited_or_taken_out_exchange_names_or_not():
    """So that nobody is invited once more by the next try."""
    link = replace(LINK, exchange=replace(ITEM, assign_to=("u-anna", "u-bob")))
    effect = an_effect(authoritative=True, joining=("u-cora", "u-adam"), leaving=("u-bob",))
    exchange = progressed(link, effect, item_id="AAMk-2", change_key="2").exchange
    assert exchange == replace(ITEM, assign_to=("u-adam", "u-anna", "u-cora"))


@pytest.mark.rule("INV-6", "INV-3")
@pytest.mark.parametrize(("whom", "is_cancelled"), [(Whom.ALL, True), (Whom.ADDED, False), (Whom.NOBODY, False)])
def test_inv_6_whoever_was_taken_out_and_told_holds_a_copy_that_is_called_off(whom: Whom, is_cancelled: bool):
    """However much of the plan was carried out. Who stays keeps his as it is; a direct copy is Exchange's to leave."""
    cora = Replica("cora@bank.example", "u-cora", "AAMk-3")
    dan = Replica("dan@bank.example", "u-dan", "AAMk-4", direct=True)
    eve = Replica("eve@bank.example", "u-eve", "AAMk-5")
    effect = an_effect(authoritative=True, leaving=("u-cora", "u-dan"), sending=Sending(whom))
    link = replace(LINK, replicas=(KNOWN, cora, dan, eve))
    for carried_out in (done, progressed):
        left = carried_out(link, effect, item_id="AAMk-2", change_key="2")
        assert left.replicas[1:] == (replace(cora, cancelled=is_cancelled), dan, eve)
