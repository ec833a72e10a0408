"""What comes back of our own writing is no news, whatever the server made of it (CON-3, CON-4)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.echoes import alike
from handlers.effects import progressed
from schemas.copies import Copy
from schemas.items import ForEntry, Related, ScheduleItem, Source
from tests.support.mirror import a_bank, a_bank_of_the_crm, forgetting
from tests.support.world import END, START, a_contact, a_meeting, a_user, a_world, copy_of, days

ANNA, BOB, CORA = a_user("u-anna"), a_user("u-bob"), a_user("u-cora")
CARLA = a_contact("c-carla")
WORLD = a_world(ANNA, BOB, CORA, CARLA)
MEETING = a_meeting(organizer=ANNA, attendees=[BOB, CARLA, "x@else.example"], body="Agenda", location="Room 4")
A, B, C = "anna@bank.example", "bob@bank.example", "cora@bank.example"
SECONDS = timedelta(seconds=42)
EDIT = {
    "subject": "  Budget  2027 ",
    "notes": "One\r\n\r\n  two   three ",
    "location": " Room  9 ",
    "start": START + SECONDS,
    "end": END + SECONDS,
    "zone": "Europe/Vienna",
}


def rewriting(copy: Copy) -> Copy:
    """A server that trims, re-wraps, cuts seconds, re-orders people and has another name for the zone."""
    return replace(
        copy,
        subject=" ".join(copy.subject.split()),
        location=copy.location.strip(),
        body=" ".join(copy.body.split(" ")).replace("\r\n", "\n").strip(),
        start=copy.start and copy.start.replace(second=0),
        end=copy.end and copy.end.replace(second=0),
        zone="Europe/Berlin" if copy.zone == "Europe/Vienna" else copy.zone,
        attendees=tuple(
            replace(each, address=each.address.upper(), name=each.name.upper()) for each in copy.attendees[::-1]
        ),
    )


@pytest.mark.rule("CON-3", "CON-4")
@pytest.mark.scenario("S07b")
def test_s07b_what_the_server_rewrites_while_writing_is_quiet():
    """One write a copy, then nothing: no command, no record, and the CRM keeps what it said."""
    bank = a_bank(WORLD, MEETING, copy_of(MEETING, BOB), rewrite=rewriting)
    bank.in_crm(**EDIT)
    bank.until_quiet()
    assert [each.mailbox for each in bank.writes] == [A, B]
    assert (bank.commands, len(bank.reports)) == ([], 1)
    assert bank.crm is not None
    assert {name: getattr(bank.crm, name) for name in EDIT} == EDIT
    assert bank.copy_in(A).subject == "Budget 2027"


@pytest.mark.rule("CON-3", "CON-4")
@pytest.mark.scenario("S07b")
@pytest.mark.parametrize("is_read_between", [True, False])
def test_s07b_what_the_server_rewrites_a_moment_later_is_quiet(is_read_between):
    """With a new change key, as its own assistants do, whether our write was read back before or not."""
    bank = a_bank(WORLD, MEETING)
    bank.in_crm(**EDIT)
    bank.deliver()
    if is_read_between:
        bank.hint(A)
    written = bank.copy_in(A)
    later = rewriting(written)
    bank.in_outlook(A, **{name: getattr(later, name) for name in ("subject", "location", "body", "start", "end")})
    bank.until_quiet()
    assert (len(bank.writes), bank.commands, len(bank.reports)) == (1, [], 1)


@pytest.mark.rule("CON-4", "CON-1")
def test_con_4_what_a_person_changes_after_a_rewritten_write_comes_in():
    """And nothing else with it: the CRM's own spelling of the other fields stays."""
    bank = a_bank(WORLD, MEETING, rewrite=rewriting)
    bank.in_crm(**EDIT)
    bank.until_quiet()
    forgetting(bank)
    bank.in_outlook(A, location="Room 12")
    bank.until_quiet()
    assert [command.changed for command in bank.commands] == [("location",)]
    assert bank.crm is not None
    assert (bank.crm.location, bank.crm.subject, bank.crm.zone) == ("Room 12", EDIT["subject"], "Europe/Vienna")
    assert bank.writes == []


@pytest.mark.rule("CON-4", "CON-1")
def test_con_4_a_person_who_moves_it_after_the_zone_was_renamed_moves_it():
    """The zone's other name is not taken for a change of the CRM's on its way."""
    bank = a_bank(WORLD, MEETING, rewrite=rewriting)
    bank.in_crm(**EDIT)
    bank.until_quiet()
    bank.in_outlook(A, start=START + days(1), end=END + days(1))
    bank.until_quiet()
    assert bank.crm is not None
    assert (bank.crm.start, bank.crm.end, bank.crm.zone) == (START + days(1), END + days(1), "Europe/Vienna")
    assert bank.copy_in(A).start == START + days(1)
    assert [report.conflicts for report in bank.reports] == [(), ()]


@pytest.mark.rule("CON-4", "CON-1")
def test_con_4_where_the_server_cut_what_we_wrote_a_persons_next_change_still_comes_in():
    """No field is held to be on its way for ever because it came back otherwise."""
    bank = a_bank(WORLD, MEETING, rewrite=lambda copy: replace(copy, subject=copy.subject[:10]))
    bank.in_crm(subject="A very long subject indeed")
    bank.until_quiet()
    assert (bank.copy_in(A).subject, bank.commands) == ("A very lon", [])
    bank.in_outlook(A, subject="Short")
    bank.until_quiet()
    assert bank.crm is not None
    assert (bank.crm.subject, bank.copy_in(A).subject) == ("Short", "Short")


@pytest.mark.rule("CON-3")
def test_con_3_back_to_the_old_value_right_after_our_write_is_a_persons_change():
    """Although it is what was last decided before the write."""
    bank = a_bank(WORLD, MEETING)
    bank.in_crm(subject="Budget")
    bank.deliver()
    bank.in_outlook(A, subject="Review")
    bank.until_quiet()
    assert bank.crm is not None
    assert bank.crm.subject == "Review"


@pytest.mark.rule("CON-3", "PART-6")
def test_con_3_people_the_crm_added_come_back_as_attendees_without_news():
    """A contact who is a user, too: he stays in For and is not put into Assign To."""
    cora = a_contact("c-cora", emails=[], user="u-cora")
    bank = a_bank(WORLD.knowing(cora), MEETING, rewrite=rewriting)
    assert bank.crm is not None
    bank.in_crm(for_=tuple(sorted((*bank.crm.for_, ForEntry("c-cora", Source.CRM)))))
    bank.until_quiet()
    assert (bank.commands, len(bank.reports)) == ([], 1)
    bank.in_outlook(A, subject="Later")
    bank.until_quiet()
    assert (bank.crm.assign_to, [each.contact for each in bank.crm.for_]) == (
        ("u-anna", "u-bob"),
        ["c-carla", "c-cora"],
    )


@pytest.mark.rule("CON-3", "ID-8")
def test_con_3_an_item_of_the_crm_is_told_of_nothing_but_what_people_do():
    """Its first change in Outlook tells who organizes, too."""
    item = ScheduleItem(subject="Call ", start=START, end=END, owner="u-anna", assign_to=("u-anna", "u-bob"))
    bank = a_bank_of_the_crm(WORLD, item, rewrite=rewriting)
    bank.until_quiet()
    assert (len(bank.writes), bank.commands, len(bank.reports)) == (2, [], 1)
    bank.in_outlook(A, location="Room 9")
    bank.until_quiet()
    assert {"location", "organizer"} <= set(bank.commands[0].changed)
    assert "subject" not in bank.commands[0].changed
    assert bank.crm is not None
    assert bank.crm.location == bank.copy_in(B).location == "Room 9"


@pytest.mark.rule("CON-4", "ID-3")
def test_con_4_a_copy_that_the_server_rewrote_does_not_deviate():
    """Bob's copy is as the organizer's to people."""
    bank = a_bank(WORLD, MEETING, copy_of(MEETING, BOB))
    bank.in_outlook(B, subject=" Review ", start=START + SECONDS)
    bank.until_quiet()
    assert bank.reports == []
    bank.in_outlook(B, subject="Mine")
    bank.until_quiet()
    assert [each.about for report in bank.reports for each in report.explain] == ["subject"]


texts = st.text(alphabet=" \t\r\n\xa0ab", max_size=12)


@pytest.mark.rule("CON-4")
@given(text=texts, other=texts)
def test_alike_is_what_differs_in_blanks_alone(text, other):
    """And an equivalence: one's own value always is."""
    assert alike(text, text)
    assert alike(text, f" {text}\r\n")
    assert alike(text, other) == (text.split() == other.split())
    assert alike(START, START + SECONDS)
    assert alike(START, START + timedelta(microseconds=1))
    assert not alike(START, START + timedelta(minutes=1))
    assert not alike(True, False)


@pytest.mark.rule("CON-3", "NOTE-6")
def test_con_3_what_somebody_wrote_is_no_echo_of_what_was_put_back_beside_it():
    """Given a hint whose plan was carried out in part, when it is tried again, then the change key is our own write's,
    and the subject under it still Anna's.
    """
    world = WORLD.with_options(notes=True)
    among_us = a_meeting(organizer=ANNA, attendees=[BOB], body="Agenda")
    bank = a_bank(world, among_us, copy_of(among_us, BOB))
    bank.in_crm(related=(Related("opportunity", "o-1", "Pension plan"),))
    bank.until_quiet()
    bank.in_outlook(A, subject="Budget", body="Agenda", html=False)
    was = bank.link
    [put_back] = [each for each in world.hinted(ANNA, copies=[bank.copy_in(A)], link=was).effects if each.mailbox == A]
    bank.carry_out(put_back, was)
    written = bank.copy_in(A)

    bank.link = progressed(was, put_back, item_id=written.item_id, change_key=written.change_key)
    bank.hint(A)
    bank.until_quiet()

    assert bank.crm is not None
    assert bank.crm.subject == "Budget"
    assert bank.copy_in(A).subject == "Budget"


@pytest.mark.rule("OPT-3", "CON-3")
def test_opt_3_a_guest_who_becomes_a_contact_after_our_own_write_is_decided_on_with_the_next_change():
    """Another alarm is none: the meeting is as we wrote it."""
    bank = a_bank(WORLD, MEETING)
    bank.in_crm(subject="Budget")
    bank.until_quiet()
    assert bank.crm is not None
    was = bank.crm.for_
    bank.world = WORLD.knowing(a_contact("c-xenia", emails=["x@else.example"]))
    bank.in_outlook(A, reminder=30)
    bank.until_quiet()
    assert (bank.crm.for_, bank.commands) == (was, [])
    bank.in_outlook(A, location="Room 5")
    bank.until_quiet()
    assert {entry.contact for entry in bank.crm.for_} == {"c-carla", "c-xenia"}
