"""A store that was lost, or put back to an older state, reads again what it had dealt with (ID-8, S03c)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from handlers import outbound
from handlers.crm_changes import CrmChange, Kind
from handlers.links import Link, State
from schemas import ids
from schemas.items import ScheduleItem
from tests.support.mirror import Bank, a_bank, a_bank_of_the_crm, forgetting
from tests.support.world import END, START, a_link, a_meeting, a_user, a_world, is_quiet

ANNA, BOB = a_user("u-anna"), a_user("u-bob")
WORLD = a_world(ANNA, BOB)
MEETING = a_meeting(organizer=ANNA, attendees=[BOB], body="Agenda", location="Room 4")
ITEM = ScheduleItem(subject="Call", start=START, end=END, owner="u-anna", assign_to=("u-anna", "u-bob"))
A, B = "anna@bank.example", "bob@bank.example"


def a_life(bank: Bank) -> list[CrmChange]:
    """The events of a day: edited on both sides, one after the other. What the CRM said, to be read again."""
    said: list[CrmChange] = []
    bank.events = _Recorded(bank.events, said)
    bank.in_crm(subject="Budget")
    bank.until_quiet()
    bank.in_outlook(A, location="Room 9")
    bank.until_quiet()
    bank.in_crm(subject="Audit", notes="Numbers")
    bank.until_quiet()
    return said


class _Recorded(list):
    """A queue that remembers what was put into it."""

    def __init__(self, queued, said):
        super().__init__(queued)
        self.said = said

    def append(self, event):
        self.said.append(event)
        super().append(event)


def forgotten(bank: Bank, link: Link) -> Bank:
    """The same bank with nothing in the store but this link."""
    bank.link = link
    bank.world = replace(bank.world, generation=1)
    return forgetting(bank)


def read_again(bank: Bank, said: list[CrmChange]) -> None:
    """Every event of the CRM from the beginning."""
    bank.events.extend(replace(event, replayed=True) for event in said)
    bank.deliver()


@pytest.mark.rule("ID-8", "CON-3")
@pytest.mark.scenario("S03c")
@pytest.mark.parametrize("hint_first", [True, False])
def test_s03c_a_lost_store_that_reads_everything_again_changes_nothing(hint_first):
    """Of a meeting of Outlook and of an item of the CRM; whichever topic comes first, nothing is written or told."""
    for born_in_crm in (True, False):
        bank = a_bank_of_the_crm(WORLD, ITEM) if born_in_crm else a_bank(WORLD, MEETING)
        said = a_life(bank)
        first = [CrmChange("si-1", 1, after=ITEM)] if born_in_crm else []
        copies, crm = dict(bank.copies), bank.crm
        uid = bank.copy_in(A).uid or ""
        link = Link(id=ids.link_of_crm("si-1"), uid=uid, crm_id="si-1") if born_in_crm else a_link(uid)
        forgotten(bank, link)
        if hint_first:
            bank.hint(A)
        read_again(bank, [*first, *said])
        bank.until_quiet()
        assert (bank.copies, bank.writes, bank.crm) == (copies, [], crm)


@pytest.mark.rule("ID-8", "CON-1")
def test_id_8_what_people_changed_while_the_store_was_lost_comes_in():
    """Read again, the CRM's events of before do not undo it."""
    bank = a_bank(WORLD, MEETING)
    said = a_life(bank)
    forgotten(bank, a_link())
    bank.in_outlook(A, subject="Changed meanwhile")
    read_again(bank, said)
    bank.until_quiet()
    assert bank.crm is not None
    assert (bank.crm.subject, bank.copy_in(A).subject, bank.writes) == ("Changed meanwhile", "Changed meanwhile", [])


@pytest.mark.rule("ID-8", "CON-1")
def test_id_8_a_store_put_back_to_an_older_state_does_not_undo_what_came_later():
    """The link is as it was before the day; Outlook's later word on the same field stands."""
    bank = a_bank(WORLD, MEETING)
    old = bank.link
    said = a_life(bank)
    bank.in_outlook(A, subject="Later than all that")
    forgotten(bank, old)
    read_again(bank, said)
    bank.until_quiet()
    assert bank.crm is not None
    assert bank.copy_in(A).subject == "Later than all that"
    assert bank.crm.subject == "Later than all that"
    assert (bank.crm.location, bank.crm.notes) == ("Room 9", "Numbers")


@pytest.mark.rule("ID-8")
def test_id_8_an_answer_to_a_command_nobody_remembers_is_learnt():
    """The store is older than the command: what it carried is where both sides stand."""
    bank = a_bank(WORLD, MEETING)
    assert bank.crm is not None
    after = replace(bank.crm, location="Room 9")
    change = CrmChange("si-1", 9, ours=True, revision=bank.link.revision + 3, after=after)
    plan = outbound.decide(bank.link, change, around=WORLD.around)
    assert is_quiet(plan)
    assert (plan.link.agreed, plan.link.exchange, plan.link.crm) == (after, after, after)
    known = outbound.decide(bank.link, replace(change, revision=bank.link.revision), around=WORLD.around)
    assert known.link.agreed == bank.link.agreed, "what we remember having said may have been overtaken by Exchange"


@pytest.mark.rule("ID-8", "DEL-5")
def test_id_8_a_delete_read_again_deletes_nothing_and_an_item_made_again_is_only_known():
    """There is no copy it could be about."""
    link = Link(id=ids.link_of_crm("si-1"), uid=None)
    made = outbound.decide(link, CrmChange("si-1", 1, after=ITEM, replayed=True), around=WORLD.around)
    assert (is_quiet(made), made.link.state) == (True, State.ACTIVE)
    gone = outbound.decide(made.link, CrmChange("si-1", 2, Kind.DELETED, replayed=True), around=WORLD.around)
    assert (gone.effects, gone.link.state) == ((), State.DELETED)
    back = outbound.decide(gone.link, CrmChange("si-1", 3, after=ITEM, replayed=True), around=WORLD.around)
    assert (is_quiet(back), back.link.state, back.link.deleted_by_crm) == (True, State.ACTIVE, False)


@pytest.mark.rule("ID-8", "DEL-6")
def test_id_8_a_cancelled_item_that_is_learnt_again_is_over():
    """Its copies went when it was cancelled: that they are not there is no news for the CRM."""
    link = Link(id=ids.link_of_crm("si-1"), uid=None)
    made = outbound.decide(link, CrmChange("si-1", 1, after=ITEM, replayed=True), around=WORLD.around)
    off = CrmChange("si-1", 2, after=replace(ITEM, status="cancelled"), replayed=True)
    for before in (made.link, link):
        gone = outbound.decide(before, off, around=WORLD.around)
        assert (is_quiet(gone), gone.link.state, gone.link.deleted_by_crm) == (True, State.DELETED, True)
