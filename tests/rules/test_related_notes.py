"""Which copies get the related block, and when (NOTE-1, NOTE-3, NOTE-5..7). What it looks like: `test_notes`."""

from __future__ import annotations

from dataclasses import replace

import pytest

from handlers import outbound
from handlers.blocks import block_of
from handlers.bodies import holds, notes_of
from handlers.crm_changes import CrmChange
from handlers.effects import progressed
from handlers.links import Link
from schemas import options
from schemas.copies import Copy
from schemas.edits import UNSET
from schemas.ids import link_of_crm
from schemas.items import ForEntry, Related, Response, ScheduleItem, Source
from schemas.outcomes import Result
from tests.support.mirror import Bank, a_bank, a_bank_of_the_crm, forgetting
from tests.support.world import END, START, World, a_contact, a_meeting, a_user, a_world, copy_of

ANNA, BOB, CORA = a_user("u-anna"), a_user("u-bob"), a_user("u-cora")
OFF = a_world(ANNA, BOB, CORA, a_contact("c-carla"))
WORLD = OFF.with_options(notes=True)
PENSION = (Related("opportunity", "o-1", "Pension plan", "https://crm.example/o/1"),)
HOUSE = (Related("opportunity", "o-2", "House <b>"),)
AMONG_US = a_meeting(organizer=ANNA, attendees=[BOB], body="Agenda")
WITH_A_GUEST = a_meeting(organizer=ANNA, attendees=[BOB, "x@else.example"], body="Agenda")
A, B, C = "anna@bank.example", "bob@bank.example", "cora@bank.example"


def the_bank(meeting: Copy = AMONG_US, *, world: World = WORLD) -> Bank:
    """Anna's meeting and Bob's copy of it, in peace."""
    return a_bank(world, meeting, copy_of(meeting, BOB))


def shows(copy: Copy, related: tuple[Related, ...]) -> bool:
    """Whether a person finds this block, and what people wrote, in a body."""
    block = block_of(related)
    return holds(copy.body, html=copy.html, block=block) and notes_of(copy.body, html=copy.html) == "Agenda"


@pytest.mark.rule("NOTE-1", "NOTE-5")
def test_note_1_what_is_related_appears_in_every_users_body():
    """Among CRM users, in the organizer's too; the notes stay what they are, and it is quiet afterwards."""
    bank = the_bank()
    bank.in_crm(related=PENSION)
    bank.until_quiet()
    assert shows(bank.copy_in(A), PENSION)
    assert shows(bank.copy_in(B), PENSION)
    assert [(each.mailbox, each.fields, each.named) for each in bank.writes] == [
        (A, (), ("related",)),
        (B, (), ("related",)),
    ]
    assert (bank.commands, len(bank.reports)) == ([], 1)
    [consulted] = bank.reports[0].options
    assert (consulted.key, consulted.user, consulted.effect) == (
        options.RELATED_NOTES,
        "u-anna",
        ("related:u-anna", "related:u-bob"),
    )


@pytest.mark.rule("NOTE-5", "MAP-3")
@pytest.mark.scenario("S26")
def test_note_5_s26_the_body_is_in_the_request_only_if_block_or_notes_changed():
    """Another field leaves the bodies' bytes alone."""
    bank = the_bank()
    bank.in_crm(related=PENSION)
    bank.until_quiet()
    bodies = {mailbox: copy.body for (mailbox, _), copy in bank.copies.items()}
    forgetting(bank)
    bank.in_crm(subject="Budget")
    bank.until_quiet()
    assert all(each.block is UNSET and not each.needs_copy for each in bank.writes)
    assert {mailbox: copy.body for (mailbox, _), copy in bank.copies.items()} == bodies
    forgetting(bank)
    bank.in_crm(related=HOUSE)
    bank.until_quiet()
    assert len(bank.writes) == 2
    assert shows(bank.copy_in(A), HOUSE)


@pytest.mark.rule("NOTE-5")
def test_note_5_new_notes_and_the_block_live_beside_each_other():
    """Both changed in one event, and then the notes alone."""
    bank = the_bank()
    bank.in_crm(related=PENSION, notes="First")
    bank.until_quiet()
    bank.in_crm(notes="Agenda")
    bank.until_quiet()
    assert shows(bank.copy_in(A), PENSION)
    assert shows(bank.copy_in(B), PENSION)
    assert bank.commands == []


@pytest.mark.rule("NOTE-6")
@pytest.mark.scenario("S26")
def test_note_6_s26_with_guests_the_organizers_body_goes_without():
    """It is what Outlook mails; the other users' copies have it."""
    bank = the_bank(WITH_A_GUEST)
    bank.in_crm(related=PENSION)
    bank.until_quiet()
    assert bank.copy_in(A).body == "Agenda"
    assert shows(bank.copy_in(B), PENSION)


@pytest.mark.rule("NOTE-6")
def test_note_6_a_setting_includes_it_for_guests_too():
    """`related_notes.with_external_guests = include`."""
    bank = the_bank(WITH_A_GUEST, world=WORLD.with_policy(block_for_guests=True))
    bank.in_crm(related=PENSION)
    bank.until_quiet()
    assert shows(bank.copy_in(A), PENSION)


@pytest.mark.rule("NOTE-6")
def test_note_6_a_contact_who_was_invited_is_a_guest_and_one_who_was_not_is_none():
    """Carla is in For either way."""
    for attendees, is_shown in (([BOB], True), ([BOB, "carla@client.example"], False)):
        bank = the_bank(a_meeting(organizer=ANNA, attendees=attendees, body="Agenda"))
        assert bank.crm is not None
        bank.in_crm(for_=bank.crm.for_ or (ForEntry("c-carla", Source.CRM),))
        bank.in_crm(related=PENSION)
        bank.until_quiet()
        assert shows(bank.copy_in(A), PENSION) is is_shown


@pytest.mark.rule("NOTE-6")
def test_note_6_when_a_guest_comes_the_organizers_block_goes_at_the_next_outbound_event():
    """And comes back when he leaves."""
    bank = the_bank()
    bank.in_crm(related=PENSION)
    bank.until_quiet()
    bank.in_outlook(A, attendees=WITH_A_GUEST.attendees)
    bank.until_quiet()
    bank.in_crm(status="completed")
    bank.until_quiet()
    assert shows(bank.copy_in(A), ())
    assert shows(bank.copy_in(B), PENSION)
    bank.in_outlook(A, attendees=AMONG_US.attendees)
    bank.until_quiet()
    bank.in_crm(status="open")
    bank.until_quiet()
    assert shows(bank.copy_in(A), PENSION)


@pytest.mark.rule("NOTE-6", "CON-3")
@pytest.mark.parametrize("mailbox", [A, B])
def test_note_6_a_block_that_exchange_overwrote_is_put_back_at_the_replicas_next_hint(mailbox):
    """The organizer's update takes the body of every copy with it; once put back it is quiet."""
    bank = the_bank()
    bank.in_crm(related=PENSION)
    bank.until_quiet()
    forgetting(bank)
    bank.in_outlook(mailbox, body="Agenda", html=False)
    bank.until_quiet()
    assert shows(bank.copy_in(mailbox), PENSION)
    assert [(each.mailbox, each.named) for each in bank.writes] == [(mailbox, ("related",))]
    assert [report.result for report in bank.reports] == [Result.APPLIED]
    assert bank.commands == []


@pytest.mark.rule("NOTE-3")
def test_note_3_edits_around_the_block_come_in_and_the_block_does_not():
    """Nor is it taken for a deviation of a copy that does not count."""
    bank = the_bank()
    bank.in_crm(related=PENSION)
    bank.until_quiet()
    forgetting(bank)
    copy = bank.copy_in(A)
    bank.in_outlook(A, body=copy.body.replace("Agenda", "Bring slides"))
    bank.hint(A)
    bank.deliver()
    assert bank.crm is not None
    assert bank.crm.notes == "Bring slides"
    assert bank.writes == []


@pytest.mark.rule("NOTE-7", "NOTE-5")
def test_note_7_with_the_option_off_the_block_goes_at_the_next_outbound_event():
    """The rest of the body is kept; a hint takes nothing away."""
    bank = the_bank()
    bank.in_crm(related=PENSION)
    bank.until_quiet()
    bank.world = OFF
    bank.in_outlook(A, location="Room 9")
    bank.until_quiet()
    assert shows(bank.copy_in(A), PENSION)
    bank.in_crm(subject="Budget")
    bank.until_quiet()
    assert shows(bank.copy_in(A), ())
    assert shows(bank.copy_in(B), ())


@pytest.mark.rule("NOTE-7")
def test_note_7_with_the_option_off_there_is_none():
    """Nothing is written, and nobody is asked about an item that has nothing related."""
    bank = the_bank(world=OFF)
    bank.in_crm(related=PENSION)
    bank.until_quiet()
    assert bank.writes == []
    assert [(each.key, each.value) for each in bank.reports[0].options] == [(options.RELATED_NOTES, False)]
    quiet = the_bank()
    quiet.in_crm(subject="Budget")
    quiet.until_quiet()
    assert quiet.reports[0].options == ()


@pytest.mark.rule("NOTE-1", "INV-6")
def test_note_1_new_and_direct_copies_are_made_with_it():
    """In one call; the CRM keeps its notes without it."""
    item = ScheduleItem(
        subject="Call", notes="Agenda", start=START, end=END, owner="u-anna", assign_to=("u-anna", "u-bob")
    )
    bank = a_bank_of_the_crm(WORLD, replace(item, related=PENSION))
    assert len(bank.writes) == 2
    assert shows(bank.copy_in(A), PENSION)
    assert shows(bank.copy_in(B), PENSION)
    bank.until_quiet()
    assert bank.crm is not None
    assert (bank.crm.notes, bank.commands) == ("Agenda", [])


@pytest.mark.rule("NOTE-6", "ID-6", "OPT-4")
def test_note_6_in_a_strangers_meeting_the_users_copies_have_it():
    """By the master's option; the stranger's own body is not ours to write."""
    meeting = a_meeting(organizer="boss@else.example", attendees=[BOB], body="Agenda")
    bank = a_bank(WORLD, copy_of(meeting, BOB, response=Response.ACCEPTED))
    bank.in_crm(related=PENSION)
    bank.until_quiet()
    assert shows(bank.copy_in(B), PENSION)
    assert bank.reports[0].options[0].user == "u-bob"


@pytest.mark.rule("NOTE-6")
@pytest.mark.scenario("S08a")
def test_s08a_note_6_a_contact_of_the_crms_is_no_guest_when_a_lost_create_is_found_again():
    """Who is in For was not invited, so the block that the create wrote stays in the organizer's body."""
    item = ScheduleItem(subject="Call", start=START, end=END, owner="u-anna", assign_to=("u-anna",), related=PENSION)
    made = replace(item, for_=(ForEntry("c-carla", Source.CRM, Response.NONE),))
    [create] = WORLD.crm_creates(made).effects
    found = progressed(Link(id=link_of_crm("si-1"), uid=None), create, item_id="item-1", change_key="ck-1")

    again = outbound.decide(found, CrmChange("si-1", 1, after=made), around=WORLD.around)

    assert again.effects == ()
    assert again.link.agreed is not None
