"""What both sides hold of a plan that Exchange took in part (CON-6, INV-2)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from handlers.effects import Effect, Operation, holding
from handlers.half_done import standing
from handlers.links import BEHIND, Link, Replica, State
from schemas.items import ScheduleItem, SeriesException
from schemas.wire import changes_of
from tests.support.world import END, START, a_link, days

A, B = "anna@bank.example", "bob@bank.example"
ITEM = ScheduleItem(subject="Review", start=START, end=END, owner="u-anna", assign_to=("u-anna", "u-bob"))
WANTED = replace(ITEM, subject="Budget", restricted=True, assign_to=("u-anna", "u-cora"))
ANNAS = Replica(A, "u-anna", "AAMk-1", "1", holds=holding(ITEM))
SECOND, THIRD = START + days(7), START + days(14)
GONE = SeriesException(SECOND, deleted=True)
IN_ROOM_5 = ScheduleItem(location="Room 5", alarms=(("u-anna", (5,)),))
MOVED = SeriesException(THIRD, changes=changes_of(IN_ROOM_5, ["alarms", "location"]))
BARE = SeriesException(THIRD, changes=changes_of(IN_ROOM_5, ["location"]))


def an_effect(operation: Operation = Operation.UPDATE, **about: Any) -> Effect:
    """On Anna's copy, which counts."""
    known = {"mailbox": A, "user": "u-anna", "item": WANTED, "item_id": "AAMk-1", "authoritative": True}
    return Effect(operation=operation, **(known | about))


def known(**about: Any) -> Link:
    """In peace, but for what Exchange says by now."""
    return a_link(
        **({"state": State.ACTIVE, "agreed": ITEM, "exchange": ITEM, "replicas": (ANNAS,), "content": "f"} | about)
    )


@pytest.mark.rule("CON-6")
@pytest.mark.parametrize("made", [(), (an_effect(authoritative=False, fields=("subject",)),)])
def test_con_6_of_nothing_written_to_the_copy_that_counts_nothing_stands(made: tuple[Effect, ...]):
    assert standing(known(), made, after=WANTED) == known()


@pytest.mark.rule("CON-6")
def test_con_6_what_was_written_stands_as_exchange_has_it():
    """Somebody may have changed that since; all else is as was agreed on."""
    exchange = replace(ITEM, subject="Hers", restricted=True, location="Hers")
    made = an_effect(fields=("subject", "restricted"), joining=("u-cora",), leaving=("u-bob",))
    link = standing(known(exchange=exchange), [made], after=WANTED)
    agreed = replace(ITEM, subject="Hers", restricted=True, assign_to=("u-anna", "u-cora"))
    assert link == known(exchange=exchange, agreed=agreed, content=None, private_from_crm=True)


@pytest.mark.rule("CON-6", "PRIV-6")
@pytest.mark.parametrize("fields", [("subject",), ("restricted",)])
def test_con_6_who_made_it_private_is_known_still_unless_that_was_written(fields: tuple[str, ...]):
    link = standing(known(private_from_crm=True), [an_effect(fields=fields)], after=WANTED)
    assert link.private_from_crm is (fields == ("subject",))


@pytest.mark.rule("CON-6", "INV-7")
def test_con_6_an_item_that_was_parked_and_written_to_is_active():
    link = standing(known(state=State.OUT_OF_SCOPE), [an_effect(fields=("subject",))], after=WANTED)
    assert link.state is State.ACTIVE


@pytest.mark.rule("CON-6", "REC-3")
def test_con_6_of_a_series_that_was_made_those_occurrences_stand_that_were_written():
    """In Exchange's words without anybody's alarms."""
    series = replace(WANTED, exceptions=(GONE, MOVED))
    made = [an_effect(Operation.CREATE, item=series), an_effect(occurrence=THIRD, fields=("location",))]
    before = known(agreed=None, exchange=series, deleted_by_crm=True, state=State.DELETED, replicas=())
    stands, said = replace(series, exceptions=(MOVED,)), replace(series, exceptions=(BARE,))
    link = standing(before, made, after=series)
    assert link == known(agreed=stands, exchange=said, content=None, private_from_crm=True, replicas=())


@pytest.mark.rule("CON-6", "REC-3", "CON-1")
def test_con_6_of_a_series_that_was_made_and_no_more_only_the_pattern_stands():
    """As it was made; what somebody changed in Exchange since is Exchange's to say."""
    series = replace(WANTED, exceptions=(GONE, MOVED))
    since = replace(series, subject="Hers", exceptions=(BARE,))
    link = standing(known(agreed=None, exchange=since), [an_effect(Operation.CREATE, item=series)], after=series)
    assert link.agreed == replace(series, exceptions=())
    assert link.exchange == replace(since, exceptions=())


@pytest.mark.rule("CON-6", "REC-3")
@pytest.mark.parametrize("after", [ITEM, None])
def test_con_6_an_occurrence_that_is_as_its_series_again_is_none_any_more(after: ScheduleItem | None):
    """Or whose series the CRM has no more."""
    before = replace(ITEM, exceptions=(GONE, MOVED))
    made = [an_effect(occurrence=THIRD, fields=("location",))]
    link = standing(known(agreed=before, exchange=before), made, after=after)
    assert (link.agreed, link.exchange) == (replace(ITEM, exceptions=(GONE,)),) * 2


@pytest.mark.rule("CON-6", "DEL-6")
@pytest.mark.parametrize("after", [None, replace(ITEM, status="cancelled")])
def test_con_6_whose_copy_that_counts_was_taken_away_is_gone(after: ScheduleItem | None):
    gone = standing(known(), [an_effect(Operation.DELETE)], after=after)
    assert gone == known(state=State.DELETED, deleted_by_crm=True, agreed=after or ITEM, content=None)


@pytest.mark.rule("CON-6", "INV-6")
def test_con_6_direct_copies_that_were_not_written_follow_by_the_next_event():
    """Others are Exchange's to change."""
    stands = replace(ITEM, subject="Budget")
    written = Replica(B, "u-bob", "AAMk-2", direct=True, holds=holding(stands))
    left = replace(written, mailbox="cora@bank.example", user="u-cora", holds=holding(ITEM))
    invited = replace(left, mailbox="dan@bank.example", user="u-dan", direct=False)
    made = [an_effect(fields=("subject",))]
    link = standing(known(exchange=stands, replicas=(ANNAS, written, left, invited)), made, after=WANTED)
    assert link.replicas == (ANNAS, written, replace(left, holds=BEHIND), invited)
