"""Who may see whom (VIS-1..3)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from handlers.facts import Contact, User
from handlers.visibility import Audience, SecurityModel
from tests.support.world import a_contact, a_user

HAM, CAM, GSM = SecurityModel.HAM, SecurityModel.CAM, SecurityModel.GSM
ANNA = a_user("u-anna", node_ids=("branch-12",), groups=("desk-3",))
BOB = a_user("u-bob", node_ids=("branch-13",), groups=("desk-4",))
NOBODYS = a_contact("c-1", node_path=None)


def can_see(user: User, contact: Contact, *, model: SecurityModel) -> bool:
    """Whether one user may, by himself and whoever else looks."""
    alone = Audience([user], model=model).blind_to(contact)
    others = [a_user("u-aaa", node_ids=(), groups=()), a_user("u-zoe", node_ids=(), groups=())]
    assert (user.id in Audience([*others, user], model=model).blind_to(contact)) is bool(alone)
    return not alone


@pytest.mark.rule("VIS-2")
@pytest.mark.parametrize(
    ("path", "sees"),
    [
        (("bank", "division-2", "branch-12"), True),
        (("bank", "division-2", "branch-12", "desk"), True),
        (("bank", "division-2"), False),
        (("bank", "division-2", "branch-13"), False),
        ((), False),
        (None, False),
    ],
    ids=["his node", "below it", "above it", "beside it", "no node", "unknown node"],
)
def test_vis_2_under_ham_a_user_sees_what_lies_at_or_below_one_of_his_nodes(path, sees):
    """Never above or beside; an unknown node is invisible."""
    assert can_see(ANNA, replace(NOBODYS, node_path=path), model=HAM) is sees
    assert not can_see(ANNA, replace(NOBODYS, node_path=path), model=CAM)
    assert not can_see(ANNA, replace(NOBODYS, node_path=path), model=GSM)


@pytest.mark.rule("VIS-2")
def test_vis_2_any_of_a_users_nodes_will_do_and_none_gives_nothing():
    """A user may belong to several."""
    contact = replace(NOBODYS, node_path=("bank", "branch-7"))
    assert can_see(replace(ANNA, node_ids=("branch-12", "branch-7")), contact, model=HAM)
    assert not can_see(replace(ANNA, node_ids=()), contact, model=HAM)


@pytest.mark.rule("VIS-2")
@pytest.mark.parametrize("model", list(SecurityModel))
@pytest.mark.parametrize(
    "coverage", [{"coverage_users": frozenset({"u-anna"})}, {"coverage_groups": frozenset({"desk-3", "desk-9"})}]
)
def test_vis_2_coverage_grants_visibility_in_every_model(model, coverage):
    """To the user himself, or through a group of his."""
    covered = replace(NOBODYS, **coverage)
    assert can_see(ANNA, covered, model=model)
    assert not can_see(a_user("u-bob", node_ids=(), groups=("desk-4",)), covered, model=model)


@pytest.mark.rule("VIS-2")
@pytest.mark.parametrize(
    ("access", "sees"),
    [
        ({"view": "public"}, True),
        ({"view": "group", "view_groups": frozenset({"desk-3"})}, True),
        ({"view": "group", "view_groups": frozenset({"desk-4"})}, False),
        ({"view": "group", "created_by": "u-anna"}, False),
        ({"view": "private", "created_by": "u-anna"}, True),
        ({"view": "private", "created_by": "u-bob"}, False),
        ({"view": "private", "created_by": None}, False),
        ({"view": "private", "view_groups": frozenset({"desk-3"})}, False),
    ],
)
def test_vis_2_under_gsm_the_contacts_own_view_decides(access, sees):
    """Public, a group of the user's, or private and his own."""
    contact = replace(NOBODYS, **access)
    assert can_see(ANNA, contact, model=GSM) is sees
    assert not can_see(ANNA, contact, model=CAM)
    assert not can_see(ANNA, contact, model=HAM)


@pytest.mark.rule("VIS-3")
@pytest.mark.parametrize("model", list(SecurityModel))
def test_vis_3_inactive_and_unknown_are_denied(model):
    """Whatever grants there would be."""
    open_to_all = a_contact("c-1", view="public", node_path=("branch-12",), coverage_users=frozenset({"u-anna"}))
    assert can_see(ANNA, open_to_all, model=model)
    assert not can_see(replace(ANNA, active=False), open_to_all, model=model)
    assert not can_see(a_user("u-bob", active=False, node_ids=("branch-12",)), open_to_all, model=model)
    own = replace(NOBODYS, created_by="u-anna")
    assert not can_see(replace(ANNA, active=False), own, model=model)
    assert not can_see(ANNA, NOBODYS, model=model)


@pytest.mark.rule("VIS-2")
@pytest.mark.parametrize(
    ("model", "access"),
    [
        (HAM, {"node_path": ("bank", "branch-12")}),
        (CAM, {"coverage_users": frozenset({"u-anna"})}),
        (CAM, {"coverage_groups": frozenset({"desk-3"})}),
        (GSM, {"view": "group", "view_groups": frozenset({"desk-3"})}),
        (GSM, {"created_by": "u-anna"}),
    ],
)
def test_vis_2_of_several_users_those_who_may_not_see_a_contact_are_told_in_order(model, access):
    """Two who may, by the same node or group, hide nobody who may not; each counts once."""
    zoe, again = replace(ANNA, id="u-zoe"), replace(BOB, id="u-ada")
    audience = Audience([BOB, ANNA, again, BOB, zoe], model=model)
    assert len(audience) == len(Audience([BOB, ANNA, again, replace(zoe, active=False)], model=model)) == 4
    blind = audience.blind_to(replace(NOBODYS, **access))
    assert [each for each in blind if each != "u-zoe"] == ["u-ada", "u-bob"]
    assert ("u-zoe" in blind) is ("u-anna" in {access.get("created_by"), *access.get("coverage_users", ())})
