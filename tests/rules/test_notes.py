"""Related information and online meetings in bodies: what comes in, goes out, and keeps its bytes (NOTE-1..7).

Played against mailboxes and a CRM in memory (`tests.support.mirror`): what counts is what lies there afterwards.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from handlers.blocks import CLOSING, HEADING, Block, block_of
from handlers.bodies import compose, holds, notes_of
from schemas.copies import Copy
from schemas.items import Related, ScheduleItem
from tests.support.invitations import JOIN_PARTS, TEAMS_HTML, TEAMS_TEXT, around
from tests.support.mirror import Bank, a_bank, a_bank_of_the_crm
from tests.support.world import END, START, a_contact, a_meeting, a_user, a_world, copy_of, is_quiet

ANNA, BOB = a_user("u-anna"), a_user("u-bob")
CARLA = a_contact("c-carla")
A, B = "anna@bank.example", "bob@bank.example"
WORLD = a_world(ANNA, BOB, CARLA).with_options(notes=True)
PLAN = Related("opportunity", "o-1", "Pension <plan>", "https://crm.example/o/1", "Signed & sealed")
CASE = Related("case", "c-1", "A complaint", "javascript:alert(1)", "</body> canary")
HTML_BODY = "<html><head><style>p {}</style></head><body>\r\n<p>Agenda &amp; <b>more</b></p>\r\n</body></html>"


def a_block(*related: Related) -> Block:
    block = block_of(related)
    assert block is not None
    return block


def the_meeting(body: str, *, html: bool = True, guest: bool = False) -> Copy:
    attendees = [BOB, "x@else.example"] if guest else [BOB]
    return a_meeting(organizer=ANNA, attendees=attendees, body=body, html=html)


def the_bank(body: str = HTML_BODY, *, html: bool = True, guest: bool = False, world=WORLD) -> Bank:
    """Anna's meeting with this body, and Bob's copy of it, in peace."""
    meeting = the_meeting(body, html=html, guest=guest)
    return a_bank(world, meeting, copy_of(meeting, BOB))


def notes_in(bank: Bank) -> str:
    """What the CRM holds."""
    assert bank.crm is not None
    return bank.crm.notes


FORMATS = pytest.mark.parametrize(
    ("body", "html"), [(HTML_BODY, True), ("Agenda & more", False), ("", False)], ids=["HTML", "text", "empty"]
)


@pytest.mark.rule("NOTE-1", "NOTE-2", "NOTE-4")
@FORMATS
def test_note_1_what_is_related_shows_in_every_users_body_in_its_own_format(body: str, html: bool) -> None:
    """Once, at its end, with nothing of it become markup."""
    bank = the_bank(body, html=html)
    bank.in_crm(related=(PLAN, CASE))
    bank.until_quiet()
    for mailbox in (A, B):
        copy = bank.copy_in(mailbox)
        assert copy.html == html
        assert holds(copy.body, html=html, block=a_block(PLAN, CASE))
        assert notes_of(copy.body, html=html) == notes_of(body, html=html)
        assert "</body> canary" not in copy.body or not html
    assert bank.commands == []


@pytest.mark.rule("NOTE-2", "CON-3")
@FORMATS
def test_note_2_n_round_trips_leave_one_block_and_equal_bytes(body: str, html: bool) -> None:
    """When the related information changes and changes back, five times."""
    bank = the_bank(body, html=html)
    bank.in_crm(related=(PLAN,))
    bank.until_quiet()
    once = bank.copy_in(A).body
    for _ in range(5):
        bank.in_crm(related=(PLAN, CASE))
        bank.until_quiet()
        assert bank.copy_in(A).body.count(HEADING) == bank.copy_in(A).body.count(CLOSING) == 1
        bank.in_crm(related=(PLAN,))
        bank.until_quiet()
        assert bank.copy_in(A).body == bank.copy_in(B).body == once
    assert notes_in(bank) == notes_of(body, html=html)


@pytest.mark.rule("NOTE-2", "NOTE-5", "CON-3")
@FORMATS
def test_note_5_the_block_is_written_once_for_the_same_information(body: str, html: bool) -> None:
    """Neither our own echo nor another CRM edit writes the body again."""
    bank = the_bank(body, html=html)
    bank.in_crm(related=(PLAN,))
    bank.until_quiet()
    bank.writes.clear()
    bank.in_crm(location="Room 9")
    bank.until_quiet()
    assert all(not each.needs_copy for each in bank.writes)
    bank.writes.clear()
    assert is_quiet(bank.hint(A))
    assert is_quiet(bank.hint(B))


@pytest.mark.rule("NOTE-2", "NOTE-7")
@FORMATS
def test_note_7_with_the_option_off_the_block_goes_and_the_body_is_as_it_was(body: str, html: bool) -> None:
    """At the next outbound event, to the byte."""
    bank = the_bank(body, html=html)
    bank.in_crm(related=(PLAN,))
    bank.until_quiet()
    assert bank.copy_in(A).body != body
    bank.world = bank.world.with_options(notes=False)
    bank.in_crm(location="Room 9")
    bank.until_quiet()
    assert (bank.copy_in(A).body, bank.copy_in(B).body) == (body, body)


@pytest.mark.rule("NOTE-1", "NOTE-3")
def test_note_1_an_item_of_the_crm_is_born_with_its_block() -> None:
    """And its notes come back as they were."""
    item = ScheduleItem("Call", "1 < 2\n\n  three", start=START, end=END, zone="Europe/Vienna", owner="u-anna")
    bank = a_bank_of_the_crm(WORLD, replace(item, assign_to=("u-anna",), related=(PLAN,)))
    copy = bank.copy_in(A)
    assert holds(copy.body, html=copy.html, block=a_block(PLAN))
    bank.until_quiet()
    assert notes_in(bank) == "1 < 2\n\n  three"
    assert [each.operation for each in bank.writes] == ["create"]


@pytest.mark.rule("NOTE-3")
@FORMATS
def test_note_3_edits_inside_the_block_are_discarded_and_those_around_it_survive(body: str, html: bool) -> None:
    bank = the_bank(body, html=html)
    bank.in_crm(related=(PLAN,))
    bank.until_quiet()
    bank.writes.clear()
    edited = bank.copy_in(A).body.replace("sealed", "delivered")
    bank.in_outlook(A, body=edited)
    bank.until_quiet()
    assert notes_in(bank) == notes_of(body, html=html)
    added = "<div>Typed beneath</div></body>" if html else "\nTyped beneath"
    bank.in_outlook(A, body=edited.replace("</body>", added) if html else edited + added)
    bank.until_quiet()
    assert notes_in(bank).split("\n")[-1] == "Typed beneath"
    assert HEADING not in notes_in(bank)
    bank.in_crm(related=(CASE,))
    bank.until_quiet()
    copy = bank.copy_in(A)
    assert holds(copy.body, html=html, block=a_block(CASE))
    assert notes_of(copy.body, html=html) == notes_in(bank)
    assert "delivered" not in copy.body


@pytest.mark.rule("NOTE-3", "ID-3")
def test_note_3_a_block_is_no_deviation_of_a_copy() -> None:
    """An attendee's body differs from the organizer's in nothing that a person wrote."""
    bank = the_bank()
    bank.in_outlook(B, body=compose(HTML_BODY, html=True, notes=None, block=a_block(CASE)))
    bank.hint(B)
    assert bank.reports == []
    bank.in_outlook(B, body="Agenda & more", html=False)
    bank.hint(B)
    assert bank.reports == []


@pytest.mark.rule("NOTE-5")
@pytest.mark.parametrize("name", JOIN_PARTS)
def test_note_5_an_online_meetings_part_is_not_in_the_notes_and_keeps_its_bytes(name: str) -> None:
    """Made an online meeting, edited in the CRM, related to something: one can still join by the same bytes."""
    html, part = JOIN_PARTS[name]
    bank = the_bank("<html><body><p>Agenda</p></body></html>" if html else "Agenda", html=html)
    words = "<p>Agenda</p>" if html else "Agenda"
    bank.in_outlook(A, body=around(part, html=html, before=words))
    bank.until_quiet()
    assert (notes_in(bank), bank.commands) == ("Agenda", [])
    bank.in_crm(notes="Agenda <2>\n\nand more", related=(PLAN,))
    bank.until_quiet()
    body = bank.copy_in(A).body
    assert part in body
    assert notes_of(body, html=html) == notes_in(bank) == "Agenda <2>\n\nand more"
    assert body.index("Agenda") < body.index(part) < body.index(HEADING)


@pytest.mark.rule("NOTE-5", "MAP-3")
@pytest.mark.parametrize(
    ("part", "html"), [(TEAMS_HTML, True), (TEAMS_TEXT.replace("\n", "\r\n"), False)], ids=["HTML", "text"]
)
def test_note_5_a_body_we_did_not_write_keeps_its_bytes_outside_the_block(part: str, html: bool) -> None:
    body = around(part, html=html, before="<p>Some <i>words</i>" if html else "Some words  ")
    bank = the_bank(body, html=html)
    bank.in_crm(related=(PLAN,))
    bank.until_quiet()
    block = a_block(PLAN)
    raw = block.html if html else "\r\n\r\n" + block.text.replace("\n", "\r\n")
    assert bank.copy_in(A).body.replace(raw, "", 1) == body


@pytest.mark.rule("NOTE-6", "MAP-3", "MAP-1")
@pytest.mark.scenario("S26")
@pytest.mark.parametrize("html", [True, False], ids=["HTML", "text"])
def test_s26_another_field_leaves_the_body_alone_and_guests_are_mailed_nothing_of_the_crm(html: bool) -> None:
    """Given a Teams meeting with a guest, when the CRM edits all that is not notes, then Anna's body is as it was."""
    part = TEAMS_HTML if html else TEAMS_TEXT
    body = around(part, html=html, before="<p>Agenda</p>" if html else "Agenda")
    bank = the_bank(body, html=html, guest=True)
    bank.in_crm(subject="Budget", location="Room 9", priority="A", status="completed", related=(PLAN, CASE))
    bank.until_quiet()
    assert bank.copy_in(A).body == body
    assert holds(bank.copy_in(B).body, html=html, block=a_block(PLAN, CASE))
    bank.in_crm(notes="New agenda")
    bank.until_quiet()
    mailed = bank.copy_in(A).body
    assert notes_of(mailed, html=html) == "New agenda"
    assert part in mailed
    assert not any(word in mailed for word in ("canary", "Pension", "Signed", "crm.example", "complaint", HEADING))


@pytest.mark.rule("NOTE-6")
def test_note_6_a_block_that_exchange_overwrote_is_put_back_at_the_next_hint() -> None:
    """As an update of the organizer's does to the copies of the others."""
    bank = the_bank()
    bank.in_crm(related=(PLAN,))
    bank.until_quiet()
    bank.writes.clear()
    bank.in_outlook(B, body=HTML_BODY)
    bank.hint(B)
    assert holds(bank.copy_in(B).body, html=True, block=a_block(PLAN))
    assert [each.mailbox for each in bank.writes] == [B]
    assert is_quiet(bank.hint(B))
