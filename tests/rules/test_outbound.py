"""What CRM events write to whose copy (ID-5..8, PART-6, MAP-1..4, DEL-1, DEL-6, PRIV-6, INV-4..7, OPS-4).

Played against mailboxes and a CRM in memory (`tests.support.mirror`): what counts is what lies there afterwards.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from handlers import outbound
from handlers.crm_changes import CrmChange, Kind
from handlers.effects import CONTENT, Operation
from handlers.links import Link, State
from schemas import ids
from schemas.copies import Copy, Role
from schemas.edits import UNSET
from schemas.items import External, ForEntry, Response, ScheduleItem, Source
from schemas.outcomes import Decision, Reason, Result
from tests.support.mirror import Bank, a_bank, a_bank_of_the_crm
from tests.support.world import (
    END,
    START,
    a_contact,
    a_list,
    a_meeting,
    a_room,
    a_user,
    a_world,
    changed,
    copy_of,
    days,
    invited,
    is_quiet,
    on,
    said,
    why,
    written,
    x500,
)

ANNA, BOB, CORA = a_user("u-anna"), a_user("u-bob"), a_user("u-cora")
EVE = a_user("u-eve", mailbox=None)  # has an address, but no mailbox that is followed
NOWHERE = a_user("u-nowhere", emails=[])
CARLA = a_contact("c-carla")
WORLD = a_world(ANNA, BOB, CORA, EVE, NOWHERE, CARLA)
MEETING = a_meeting(organizer=ANNA, attendees=[BOB, CARLA, "x@else.example"], body="Agenda", location="Room 4")
ITEM = ScheduleItem(
    subject="Call",
    notes="Numbers",
    start=START,
    end=END,
    zone="Europe/Vienna",
    owner="u-anna",
    assign_to=("u-anna", "u-bob"),
)
A, B, C = "anna@bank.example", "bob@bank.example", "cora@bank.example"


def the_bank(meeting: Copy = MEETING, *, world=WORLD) -> Bank:
    """Anna's meeting, with Bob's copy, in peace."""
    return a_bank(world, meeting, copy_of(meeting, BOB))


def addresses(copy: Copy) -> set[str]:
    """Who is invited."""
    return {attendee.address for attendee in copy.attendees}


@pytest.mark.rule("MAP-1", "MAP-2", "CON-1")
@pytest.mark.scenario("S05b")
def test_s05b_a_new_title_is_all_that_is_in_the_request():
    """Given a meeting of Outlook, when the CRM changes the title, then no time, zone, body or attendee is written."""
    bank = the_bank()
    before = bank.copy_in(A)
    bank.in_crm(subject="Budget")
    bank.until_quiet()
    assert [(each.operation, each.mailbox, each.fields) for each in bank.writes] == [
        (Operation.UPDATE, A, ("subject",)),
        (Operation.UPDATE, B, ("subject",)),
    ]
    assert all(not each.needs_copy and each.reminder is UNSET and each.sensitivity is UNSET for each in bank.writes)
    assert replace(bank.copy_in(A), subject="Review", change_key=before.change_key) == before
    assert bank.commands == []


@pytest.mark.rule("MAP-2", "MAP-4")
@pytest.mark.scenario("S06e", "S06c")
def test_s06e_times_are_what_the_person_set_whichever_way_the_flag_goes():
    """Timed, all day over three days, and timed again: on both sides, with the end exclusive."""
    bank = the_bank()
    bank.in_crm(start=on("2026-12-01"), end=on("2026-12-04"), all_day=True)
    bank.until_quiet()
    copy = bank.copy_in(A)
    assert (copy.start, copy.end, copy.all_day) == (on("2026-12-01"), on("2026-12-04"), True)
    bank.in_outlook(A, start=START, end=END, all_day=False)
    bank.until_quiet()
    assert bank.crm is not None
    assert (bank.crm.start, bank.crm.end, bank.crm.all_day) == (START, END, False)


@pytest.mark.rule("ID-5", "ID-8", "INV-4", "INV-6")
def test_id_5_a_new_item_is_created_with_marker_and_uid_and_mails_nobody():
    """In the owner's calendar with the others as attendees; they get direct copies with UIDs of their own."""
    bank = a_bank_of_the_crm(WORLD, ITEM)
    anna, bob = bank.copy_in(A), bank.copy_in(B)
    assert (anna.marker, anna.uid) == ("si-1", ids.uid_of_crm("si-1"))
    assert (anna.subject, anna.start, anna.zone, addresses(anna)) == ("Call", START, "Europe/Vienna", {B})
    assert (bob.marker, bob.uid, bob.is_meeting) == ("si-1", ids.uid_of_direct_copy("si-1", "u-bob"), False)
    assert (bob.subject, bob.start, bob.body) == ("Call", START, anna.body)
    assert {each.sending.to for each in bank.writes} == {"none"}
    assert bank.link.uid == anna.uid
    bank.until_quiet()
    assert (len(bank.writes), len(bank.reports)) == (2, 1), "reading what we made is no news (CON-3)"


@pytest.mark.rule("INV-7", "INV-6")
@pytest.mark.parametrize("owner", ["u-eve", "u-nowhere", None])
def test_inv_7_an_owner_without_a_mailbox_gives_each_participant_a_direct_copy(owner):
    """Nobody can be invited from a calendar that is not there."""
    bank = a_bank_of_the_crm(WORLD, replace(ITEM, owner=owner, assign_to=("u-anna", "u-bob")))
    assert {each.mailbox for each in bank.writes} == {A, B}
    assert all(each.direct and not each.invite for each in bank.writes)
    assert (bank.reports[0].result, bank.reports[0].reason) == (Result.APPLIED, None)
    bank.in_crm(subject="Later", assign_to=("u-bob", "u-cora"))
    bank.until_quiet()
    assert (bank.live_in(A), bank.copy_in(B).subject, bank.copy_in(C).subject) == ([], "Later", "Later")


@pytest.mark.rule("INV-7")
def test_inv_7_where_nobody_has_a_mailbox_that_is_said():
    """The item stays the CRM's alone."""
    plan = WORLD.crm_creates(replace(ITEM, owner="u-eve", assign_to=("u-eve",)))
    assert plan.effects == ()
    assert (said(plan).result, said(plan).reason) == (Result.SKIPPED, Reason.UNKNOWN_MAILBOX)


@pytest.mark.rule("PART-6")
@pytest.mark.scenario("S19a", "S19b", "S19c")
def test_s19a_users_the_crm_adds_and_removes_are_invited_and_uninvited_and_all_others_stay():
    """Given 250 guests the CRM does not know, then they are all there after its edit."""
    guests = [f"guest{number}@else.example" for number in range(250)]
    bank = the_bank(a_meeting(organizer=ANNA, attendees=[BOB, CARLA, x500("Old Colleague"), *guests]))
    bank.in_crm(assign_to=("u-anna", "u-cora", "u-eve"))
    bank.until_quiet()
    there = addresses(bank.copy_in(A))
    assert {B, "carla@client.example", C, "eve@bank.example"} & there == {"carla@client.example", C, "eve@bank.example"}
    assert there >= set(guests)
    assert any(address.startswith("/o=bank") for address in there), "nor does who has no address leave (S09e)"
    assert bank.live_in(B) == [], "his Outlook shows what the CRM shows"
    assert bank.is_direct(bank.copy_in(C))


@pytest.mark.rule("PART-6")
def test_part_6_a_contact_in_for_who_is_a_user_is_invited_and_stays_in_for():
    """A contact who is no user never is."""
    cora_as_contact = a_contact("c-cora", emails=[], user="u-cora")
    bank = the_bank(world=WORLD.knowing(cora_as_contact, a_contact("c-nobody")))
    assert bank.crm is not None
    entries = (*bank.crm.for_, ForEntry("c-cora", Source.CRM), ForEntry("c-nobody", Source.CRM))
    bank.in_crm(for_=tuple(sorted(entries)))
    bank.until_quiet()
    assert C in addresses(bank.copy_in(A))
    assert "nobody@client.example" not in addresses(bank.copy_in(A))
    bank.in_outlook(A, subject="Later")
    bank.until_quiet()
    assert {"c-cora", "c-nobody"} <= {entry.contact for entry in bank.crm.for_}
    bank.in_crm(for_=())
    bank.until_quiet()
    assert C not in addresses(bank.copy_in(A))
    assert "carla@client.example" in addresses(bank.copy_in(A)), "taken out of For, not out of the meeting"
    assert bank.live_in(C) == []


@pytest.mark.rule("PART-6")
@pytest.mark.scenario("S09d")
def test_s09d_who_has_no_address_stays_in_the_crm_alone_and_the_outcome_says_so():
    """The meeting synchronizes."""
    bank = the_bank()
    bank.in_crm(assign_to=("u-anna", "u-bob", "u-nowhere"), subject="Budget")
    bank.until_quiet()
    assert bank.copy_in(A).subject == "Budget"
    [report] = bank.reports
    assert (report.result, report.reason) == (Result.APPLIED, Reason.PARTLY)
    assert [(each.rule, each.about, each.decision) for each in report.explain] == [
        ("PART-6", "u-nowhere", Decision.KEPT)
    ]
    assert bank.crm is not None
    assert "u-nowhere" in bank.crm.assign_to
    bank.in_outlook(A, location="Room 9")
    bank.until_quiet()
    assert "u-nowhere" in bank.crm.assign_to


@pytest.mark.rule("MAP-2")
@pytest.mark.scenario("S06c")
def test_s06c_three_days_are_three_days_after_ten_round_trips():
    """The end stays exclusive on both sides, whichever side moves it."""
    bank = the_bank(replace(MEETING, start=on("2026-12-01"), end=on("2026-12-04"), all_day=True))
    for trip in range(10):
        first = on("2026-12-01") + days(trip + 1)
        times = {"start": first, "end": first + days(3)}
        if trip % 2:
            bank.in_outlook(A, **times)
        else:
            bank.in_crm(**times)
        bank.until_quiet()
        assert bank.crm is not None
        assert (bank.crm.start, bank.crm.end) == (bank.copy_in(A).start, bank.copy_in(A).end) == tuple(times.values())


@pytest.mark.rule("PART-4", "PART-6")
@pytest.mark.scenario("S09e", "S20b", "S19a")
def test_s09e_who_has_no_address_lists_rooms_and_roles_stay_as_exchange_names_them():
    """Given people added and removed by the CRM, then a list is not expanded and nobody else is touched."""
    others = (
        x500("Old Colleague"),
        a_list(),
        a_room(),
        invited("guest@else.example", role=Role.OPTIONAL, response=Response.TENTATIVE),
    )
    bank = the_bank(a_meeting(organizer=ANNA, attendees=[BOB, *others]))
    bank.in_crm(assign_to=("u-anna", "u-cora"))
    bank.until_quiet()
    attendees = bank.copy_in(A).attendees
    assert set(others) <= set(attendees)
    assert {each.address for each in attendees} - {each.address for each in others} == {C}


@pytest.mark.rule("PART-7")
@pytest.mark.scenario("S18c")
def test_s18c_after_the_crm_moves_it_the_crm_shows_the_answers_that_exchange_shows():
    """Not a guess: they are reset only if Exchange resets them."""
    accepted = a_meeting(organizer=ANNA, attendees=[invited(BOB, response=Response.ACCEPTED)])
    bank = a_bank(WORLD, accepted)
    bank.in_crm(start=START + days(1), end=END + days(1))
    bank.until_quiet()
    assert bank.crm is not None
    assert dict(bank.crm.responses)["u-bob"] is Response.ACCEPTED
    bank.in_outlook(A, attendees=(invited(BOB, response=Response.NONE),))
    bank.until_quiet()
    assert dict(bank.crm.responses)["u-bob"] is Response.NONE


@pytest.mark.rule("INV-7")
@pytest.mark.scenario("S13d")
def test_s13d_another_owner_in_the_crm_changes_nothing_in_exchange():
    """Authority follows the organizer; taken out of Assign To, he still organizes."""
    bank = the_bank()
    bank.in_crm(owner="u-bob")
    bank.in_crm(assign_to=("u-bob",))
    bank.until_quiet()
    assert bank.live_in(A) == [bank.copy_in(A)]
    assert bank.copy_in(A).organizer == MEETING.organizer
    assert bank.writes == []


@pytest.mark.rule("ID-6")
@pytest.mark.scenario("S13b")
def test_s13b_a_strangers_meeting_is_not_written_to_and_the_crm_is_put_back():
    """Neither times nor people; what is the CRM's alone is taken."""
    meeting = copy_of(a_meeting(organizer="boss@else.example", attendees=[BOB, CORA]), BOB)
    accepted = replace(meeting, my_response=Response.ACCEPTED)
    bank = a_bank(WORLD, accepted)
    bank.in_crm(start=START + days(1), end=END + days(1), assign_to=("u-anna",), status="completed")
    bank.until_quiet()
    assert bank.writes == []
    assert bank.crm is not None
    assert (bank.crm.start, bank.crm.assign_to, bank.crm.status) == (START, ("u-bob", "u-cora"), "completed")
    report = bank.reports[0]
    assert (report.result, report.reason) == (Result.APPLIED, Reason.PARTLY)
    assert {each.about for each in report.explain} == {"start", "end", "assign_to"}


@pytest.mark.rule("PRIV-6")
@pytest.mark.scenario("S11d")
def test_priv_6_s11d_restricted_goes_out_as_private_and_lifted_as_normal():
    """In every copy."""
    bank = the_bank()
    bank.in_crm(restricted=True)
    bank.until_quiet()
    assert {copy.sensitivity for copy in bank.copies.values()} == {"Private"}
    assert not any(report.reason for report in bank.reports)
    bank.in_crm(restricted=False)
    bank.until_quiet()
    assert {copy.sensitivity for copy in bank.copies.values()} == {"Normal"}


@pytest.mark.rule("PRIV-6")
@pytest.mark.parametrize("word", ["Personal", "Confidential", "Whatever"])
def test_priv_6_a_finer_word_of_exchange_is_never_overwritten(word):
    """Lifting it is refused and put back; other fields of the same edit are applied."""
    bank = the_bank(replace(MEETING, sensitivity=word), world=WORLD.with_options(private_meetings=True))
    bank.in_crm(restricted=False, subject="Budget")
    bank.until_quiet()
    assert (bank.copy_in(A).sensitivity, bank.copy_in(A).subject) == (word, "Budget")
    assert bank.crm is not None
    assert bank.crm.restricted
    assert [(each.rule, each.about) for each in bank.reports[0].explain] == [("PRIV-6", "restricted")]
    assert bank.reports[0].reason is Reason.PARTLY


@pytest.mark.rule("PRIV-6")
def test_priv_6_nor_is_the_word_somebody_chose_for_his_own_copy():
    """The organizer's becomes Private, Bob's stays Personal."""
    bank = the_bank()
    bank.in_outlook(B, sensitivity="Personal")
    bank.until_quiet()
    bank.in_crm(restricted=True)
    bank.until_quiet()
    assert (bank.copy_in(A).sensitivity, bank.copy_in(B).sensitivity) == ("Private", "Personal")


@pytest.mark.rule("PRIV-4")
@pytest.mark.scenario("S11e")
def test_s11e_the_placeholder_of_a_redacted_item_never_reaches_exchange():
    """Neither by the edit of the subject, which is refused, nor along with one of the times, which is followed."""
    bank = the_bank()
    bank.in_outlook(A, sensitivity="Private", subject="Dismissal")
    bank.in_outlook(B, sensitivity="Private", subject="Dismissal")
    bank.until_quiet()
    assert bank.crm is not None
    assert (bank.crm.redacted, bank.crm.subject) == (True, "Private")
    bank.in_crm(subject="Private!", notes="x", start=START + days(1), end=END + days(1))
    bank.until_quiet()
    assert {copy.subject for copy in bank.copies.values()} == {"Dismissal"}
    assert bank.copy_in(A).start == START + days(1)
    assert {name for each in bank.writes for name in each.fields} == {"start", "end"}
    assert bank.crm.subject == "Private"


@pytest.mark.rule("MAP-3", "NOTE-5")
def test_map_3_a_body_is_written_only_if_the_notes_changed_and_html_stays_html():
    """What people wrote is replaced, escaped."""
    bank = the_bank(replace(MEETING, body="<html><body><p>Agenda</p></body></html>", html=True))
    bank.in_crm(location="Room 9")
    bank.until_quiet()
    assert bank.copy_in(A).body == "<html><body><p>Agenda</p></body></html>"
    bank.in_crm(notes="1 < 2")
    bank.until_quiet()
    copy = bank.copy_in(A)
    assert copy.html
    assert "1 &lt; 2" in copy.body
    assert bank.commands == []


@pytest.mark.rule("MAP-4")
def test_map_4_cleared_in_the_crm_is_cleared_in_exchange():
    """Empty is a value, and not the same as left out."""
    bank = the_bank()
    bank.in_crm(location="", notes="")
    bank.until_quiet()
    assert (bank.copy_in(A).location, bank.copy_in(A).subject) == ("", "Review")
    assert bank.writes[0].fields == ("notes", "location")


@pytest.mark.rule("INV-4")
@pytest.mark.scenario("S01a")
def test_s01a_what_guests_never_see_writes_nothing():
    """Status, owner, what is related: nothing is in any request."""
    bank = the_bank()
    for edit in ({"status": "completed"}, {"owner": "u-bob"}, {"status": "open"}):
        bank.in_crm(notify="all", **edit)
    bank.until_quiet()
    assert bank.writes == []
    assert {why.because for report in bank.reports for why in report.explain} == {"nothing that guests see"}


@pytest.mark.rule("DEL-1", "INV-4")
def test_del_1_a_delete_in_the_crm_takes_every_copy_away():
    """The organizer's first, without a mail."""
    bank = the_bank()
    bank.in_crm(assign_to=("u-anna", "u-bob", "u-cora"))
    bank.until_quiet()
    bank.writes.clear()
    bank.in_crm(kind=Kind.DELETED)
    bank.until_quiet()
    assert bank.copies == {}
    assert [(each.operation, each.mailbox, each.sending.to) for each in bank.writes] == [
        (Operation.DELETE, A, "none"),
        (Operation.DELETE, B, "none"),
        (Operation.DELETE, C, "none"),
    ]
    assert (bank.link.state, bank.link.replicas) == (State.DELETED, ())


@pytest.mark.rule("DEL-6")
def test_del_6_cancelled_in_the_crm_is_deleted_in_exchange_and_opened_again_created_anew():
    """The CRM's item stays what it is; completed writes nothing."""
    bank = the_bank()
    bank.in_crm(status="completed")
    bank.until_quiet()
    assert bank.writes == []
    bank.in_crm(status="cancelled")
    bank.until_quiet()
    assert (bank.copies, bank.commands, bank.link.state) == ({}, [], State.DELETED)
    bank.in_crm(notes="It was called off")
    bank.until_quiet()
    assert bank.copies == {}, "what is cancelled may still be edited in the CRM"
    bank.in_crm(status="open")
    bank.until_quiet()
    assert (bank.copy_in(A).subject, bank.link.state) == ("Review", State.ACTIVE)
    assert len(bank.live_in(A)) == 1
    assert bank.link.uid == bank.copy_in(A).uid == ids.uid_of_crm("si-1"), "found again by hints of the new copy"


@pytest.mark.rule("PART-6", "PART-7", "ID-6")
def test_of_a_new_item_the_crm_cannot_say_what_is_exchanges_to_say():
    """Neither who is a guest nor who organizes it, nor that anybody has answered."""
    claims = replace(
        ITEM,
        read_only=True,
        redacted=True,
        external=(External("x@else.example", email="x@else.example"),),
        responses=(("u-bob", Response.ACCEPTED),),
        for_=(ForEntry("c-carla", Source.CRM, Response.ACCEPTED),),
    )
    bank = a_bank_of_the_crm(WORLD, claims)
    assert addresses(bank.copy_in(A)) == {B}
    assert bank.link.agreed == replace(ITEM, for_=(ForEntry("c-carla", Source.CRM),))


@pytest.mark.rule("DEL-6")
def test_del_6_an_item_made_cancelled_is_not_created():
    """There is nothing to take away."""
    bank = a_bank_of_the_crm(WORLD, replace(ITEM, status="cancelled"))
    assert bank.copies == {}
    assert bank.reports[0].result is Result.APPLIED


@pytest.mark.rule("DEL-5")
@pytest.mark.scenario("S10e")
def test_s10e_a_late_update_of_a_deleted_record_does_not_bring_it_back():
    """Its version is lower than the delete's."""
    bank = the_bank()
    assert bank.crm is not None
    late = CrmChange("si-1", bank.crm_version + 1, revision=bank.crm_revision, after=replace(bank.crm, subject="Late"))
    bank.crm_version += 1
    bank.in_crm(kind=Kind.DELETED)
    bank.until_quiet()
    plan = outbound.decide(bank.link, late, around=WORLD.around)
    assert is_quiet(plan)
    assert plan.link == bank.link
    assert bank.copies == {}


@pytest.mark.rule("INV-7")
@pytest.mark.scenario("S12a", "S12b", "S12c")
def test_s12a_out_of_scope_deletes_nothing_and_back_in_scope_it_is_the_same_item():
    """What the CRM changed meanwhile is written then; a real delete is one."""
    bank = the_bank()
    before = dict(bank.copies)
    bank.in_crm(kind=Kind.OUT_OF_SCOPE)
    bank.until_quiet()
    assert bank.copies == before
    bank.in_crm(subject="Budget")
    bank.until_quiet()
    assert {(copy.item_id, copy.subject) for copy in bank.copies.values()} == {
        (copy.item_id, "Budget") for copy in before.values()
    }
    bank.in_crm(kind=Kind.DELETED)
    bank.until_quiet()
    assert bank.copies == {}


@pytest.mark.rule("INV-7")
@pytest.mark.scenario("S12d")
def test_s12d_what_was_never_in_scope_is_created_nowhere():
    """Until the CRM opens it."""
    link = Link(id=ids.link_of_crm("si-1"), uid=None)
    plan = outbound.decide(link, CrmChange("si-1", 1, Kind.OUT_OF_SCOPE), around=WORLD.around)
    assert plan.effects == ()
    opened = outbound.decide(plan.link, CrmChange("si-1", 2, after=ITEM), around=WORLD.around)
    assert {each.operation for each in opened.effects} == {Operation.CREATE}


@pytest.mark.rule("OPS-4")
def test_ops_4_beyond_the_limit_of_participants_a_crm_edit_is_skipped_and_under_it_written_in_full():
    """Its counterpart stays as it is, and the reason is said."""
    bank = the_bank(a_meeting(organizer=ANNA, attendees=[BOB]), world=WORLD.with_policy(most_participants=2))
    bank.in_crm(subject="Budget", assign_to=("u-anna", "u-bob", "u-cora"))
    bank.deliver()
    assert bank.writes == []
    assert (bank.reports[0].result, bank.reports[0].reason) == (Result.SKIPPED, Reason.RESTRICTION)
    bank.in_crm(assign_to=("u-anna", "u-bob"))
    bank.until_quiet()
    assert bank.copy_in(A).subject == "Budget"


@pytest.mark.rule("OPS-4")
def test_ops_4_beyond_the_limit_an_item_does_not_come_in_and_under_it_does_in_full():
    """Said once; a linked one stays as it was."""
    world = WORLD.with_policy(most_participants=2)
    crowded = a_meeting(organizer=ANNA, attendees=[BOB, CORA, "x@else.example"])
    plan = world.decided(crowded)
    assert (said(plan).result, said(plan).reason) == (Result.SKIPPED, Reason.RESTRICTION)
    assert [each.rule for each in why(plan, plan.link.id)] == ["OPS-4"]
    assert is_quiet(world.decided(crowded, link=plan.link))
    small = a_meeting(organizer=ANNA, attendees=[BOB], subject="Small")
    back = world.decided(small, link=plan.link)
    assert {"subject", "assign_to", "start"} <= set(changed(back))
    grown = world.decided(crowded, link=replace(back.link, crm=back.link.agreed, crm_revision=1, crm_version=1))
    assert (grown.command, grown.link.agreed) == (None, back.link.agreed)


@pytest.mark.rule("ID-5", "CON-3")
def test_a_half_done_plan_goes_on_where_it_stopped():
    """Given the organizer's copy was made and the answer for Bob's lost, then only Bob's is made."""
    plan = WORLD.crm_creates(ITEM)
    first, second = plan.effects
    assert (first.mailbox, second.mailbox) == (A, B)
    bank = Bank(WORLD, link=Link(id=plan.link.id, uid=plan.link.uid, crm_id="si-1"))
    begun = bank.carry_out(first, bank.link)
    again = outbound.decide(begun, CrmChange("si-1", 1, after=ITEM), around=WORLD.around)
    assert list(written(again)) == [B]
    assert again.link.exchange == plan.link.exchange


@pytest.mark.rule("MAP-1")
def test_a_half_done_change_is_not_written_twice():
    """The organizer's copy holds it already, but for what the server will make of it."""
    bank = the_bank()
    plan = WORLD.crm_says(bank.link, subject="Budget", location="Room 9")
    begun = bank.carry_out(plan.effects[0], bank.link)
    again = WORLD.crm_says(begun, subject="Budget", location="Room 9")
    assert [(mailbox, each.fields) for mailbox, each in written(again).items()] == [(B, ("subject", "location"))]
    assert again.link.exchange == plan.link.exchange


@pytest.mark.rule("INV-6", "DEL-3")
def test_inv_6_a_synchronized_user_without_a_copy_gets_none_unless_the_crm_adds_him():
    """He deleted it once; the CRM must take him out and put him in again."""
    bank = the_bank()
    bank.deleted_in_outlook(B)
    bank.until_quiet()
    bank.writes.clear()
    bank.in_crm(subject="Budget")
    bank.until_quiet()
    assert [each.mailbox for each in bank.writes] == [A]
    bank.in_crm(assign_to=("u-anna",))
    bank.until_quiet()
    bank.in_crm(assign_to=("u-anna", "u-bob"))
    bank.until_quiet()
    assert [copy.subject for copy in bank.live_in(B)] == ["Budget"]


@pytest.mark.rule("MAP-1")
def test_a_direct_copy_gets_all_content_and_an_effect_names_it_in_the_items_words():
    """And no attendees."""
    plan = WORLD.crm_creates(ITEM)
    bob = written(plan)[B]
    of_a_single_item = tuple(name for name in CONTENT if name != "recurrence")
    assert (bob.fields, bob.named, bob.invite) == (of_a_single_item, of_a_single_item, ())
    assert written(plan)[A].named == (*of_a_single_item, "assign_to")


@pytest.mark.rule("INV-6")
@pytest.mark.parametrize("about", [{"sync_enabled": False}, {"active": False}, {"mailbox": None}])
def test_mailboxes_that_are_not_followed_are_not_written_to(about):
    """Whose synchronization was switched off keeps what he had."""
    bank = the_bank()
    bank.world = WORLD.knowing(replace(BOB, **about))
    bank.in_crm(subject="Budget")
    bank.deliver()
    assert [each.mailbox for each in bank.writes] == [A]
