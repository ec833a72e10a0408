"""Out of scope and back: what had ended meanwhile has still ended (INV-7, DEL-1, DEL-2)."""

from __future__ import annotations

import pytest

from handlers import outbound
from handlers.crm_changes import CrmChange, Kind
from handlers.links import Link, State
from handlers.plans import Delete
from schemas.items import ScheduleItem
from tests.support.world import a_world

ITEM = ScheduleItem(subject="Review", owner="u-anna", assign_to=("u-anna",))


def an_ended(state: State) -> Link:
    """A link whose last command, revision 2, the CRM has not taken: it still holds the item at version 3."""
    return Link(
        id="l-1",
        uid="040000",
        state=state,
        crm_id="si-1",
        crm_version=3,
        crm_revision=1,
        revision=2,
        agreed=ITEM,
        exchange=ITEM,
        crm=ITEM,
    )


@pytest.mark.rule("INV-7", "DEL-1", "CON-6")
def test_con_6_a_delete_that_crossed_an_item_going_out_of_scope_is_told_when_it_is_back():
    """Given a delete the CRM did not take because the item left the scope, then it is told again on its return."""
    left = outbound.decide(
        an_ended(State.DELETED), CrmChange("si-1", 4, Kind.OUT_OF_SCOPE, revision=1), around=a_world().around
    )
    back = outbound.decide(left.link, CrmChange("si-1", 5, revision=1, after=ITEM), around=a_world().around)
    assert isinstance(back.command, Delete)
    assert (back.command.revision, back.command.seen) == (3, 5)


@pytest.mark.rule("INV-7", "DEL-2")
def test_del_2_an_archived_item_that_was_out_of_scope_is_not_followed_again():
    """Given an item whose link ended by an archival delete, when it leaves the scope and returns, then it has ended."""
    left = outbound.decide(an_ended(State.ARCHIVED), CrmChange("si-1", 4, Kind.OUT_OF_SCOPE), around=a_world().around)
    back = outbound.decide(left.link, CrmChange("si-1", 5, revision=2, after=ITEM), around=a_world().around)
    assert back.link.state is State.ARCHIVED
    assert back.command is None
