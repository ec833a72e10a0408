"""Bodies over the wire: what people and the CRM see of one, and what of it stays as it is (S26, NOTE-1..7)."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from exchangelib import HTMLBody

from handlers.blocks import CLOSING, HEADING
from handlers.bodies import notes_of
from tests.support.house import House, a_house, options
from tests.support.invitations import TEAMS_HTML, TEAMS_TEXT, around

TEN = datetime(2027, 3, 2, 10)  # noqa: DTZ001  # as a person reads his clock
BOB, GUEST = "bob@bank.example", "x@else.example"
RELATED = [{"kind": "opportunity", "id": "o-1", "title": "Canary <plan>", "url": "https://crm.example/o/1"}]
TEAMS_BODY = around(TEAMS_HTML, html=True, before="<p>Agenda &amp; <b>more</b></p>")


async def a_meeting(house: House, body: str, *guests: str) -> str:
    """Anna's meeting with Bob and others, in peace; its UID."""
    anna = house.outlook("anna")
    uid: str = await house.does(anna.meet, "Review", start=TEN, required=[BOB, *guests], body=body)
    await house.quiet()
    return uid


async def edited(house: House, uid: str, **fields: Any) -> None:
    await house.crm.edit(house.item(uid)["id"], {"actor": {"user": "u-anna"}, "item": fields})
    await house.quiet()


async def body_of(house: House, name: str, uid: str) -> str:
    """The body of somebody's copy, as his mailbox keeps it."""
    copy = await house.does(house.outlook(name).copy, uid)
    return str(copy.body or "")


def notes(house: House, uid: str) -> str:
    """What the CRM shows."""
    shown: str = house.item(uid)["item"]["notes"]
    return shown


@pytest.mark.rule("NOTE-6", "MAP-1", "MAP-3")
@pytest.mark.scenario("S26")
async def test_s26_what_is_not_about_the_notes_leaves_a_mailed_body_as_it_is(store: Path) -> None:
    """Given Anna's Teams meeting with a guest, when the CRM edits and relates, then her body keeps every byte."""
    async with a_house(store, "anna", "bob") as house:
        await house.announce(options(related_notes=True))
        uid = await a_meeting(house, HTMLBody(TEAMS_BODY), GUEST)
        before = await body_of(house, "anna", uid)
        await edited(house, uid, subject="Budget", location="Room 9", priority="A", related=RELATED)
        assert await body_of(house, "anna", uid) == before
        bobs = await body_of(house, "bob", uid)
        assert (bobs.count(HEADING), bobs.count(CLOSING), bobs.count("Canary &lt;plan&gt;")) == (1, 1, 1)
        assert notes(house, uid) == "Agenda & more"


@pytest.mark.rule("NOTE-5", "MAP-3")
@pytest.mark.scenario("S26")
@pytest.mark.parametrize("html", [True, False], ids=["HTML", "text"])
async def test_s26_one_can_still_join_after_the_crm_rewrote_the_notes(store: Path, html: bool) -> None:
    """Given a Teams meeting, when the CRM writes other notes, then they stand before the part, which is as it was."""
    async with a_house(store, "anna", "bob") as house:
        text = f"Agenda & more\r\n\r\n{TEAMS_TEXT}"
        uid = await a_meeting(house, HTMLBody(TEAMS_BODY) if html else text)
        assert notes(house, uid) == "Agenda & more"
        before = await body_of(house, "anna", uid)
        part = before[before.index("<div style" if html else "____") : before.rindex("____")]
        await edited(house, uid, notes="1 < 2\n\n  and <b>three</b>")
        after = await body_of(house, "anna", uid)
        assert part in after
        assert notes_of(after, html=html) == notes(house, uid) == "1 < 2\n\n  and <b>three</b>"


@pytest.mark.rule("NOTE-1", "NOTE-2", "NOTE-3", "NOTE-7", "CON-3", "CON-4")
@pytest.mark.scenario("S26")
async def test_s26_a_block_survives_outlook_and_goes_without_a_trace(store: Path) -> None:
    """Given a block, when Anna edits in and around it, then the CRM hears of the latter; switched off, it is gone."""
    async with a_house(store, "anna", "bob") as house:
        await house.announce(options(related_notes=True))
        uid = await a_meeting(house, HTMLBody("<html><body><p>Agenda</p></body></html>"))
        before = await body_of(house, "anna", uid)
        await edited(house, uid, related=RELATED)
        assert (await body_of(house, "anna", uid)).count(HEADING) == 1
        anna = house.outlook("anna")
        await house.does(
            anna.edit_html_body, uid, lambda body: body.replace("Agenda", "Agenda 2").replace("Canary", "Robin")
        )
        await house.quiet()
        assert notes(house, uid) == "Agenda 2"
        await house.announce(options(related_notes=False))
        await edited(house, uid, location="Room 9")
        assert await body_of(house, "anna", uid) == before.replace("Agenda", "Agenda 2")


@pytest.mark.rule("NOTE-5", "INV-6", "PART-6")
@pytest.mark.parametrize("comes_first", [True, False], ids=["the invitation first", "the CRM first"])
async def test_note_5_a_block_that_an_invitation_brought_goes_with_what_it_shows(
    store: Path, comes_first: bool
) -> None:
    """Given a block, when Anna invites Cleo while the CRM adds Dora, and nothing is related any more, then all lose it.

    Nobody wrote the block into Cleo's copy: Exchange mailed it with the rest of Anna's body.
    """
    async with a_house(store, "anna", "bob", "cleo", "dora") as house:
        await house.announce(options(related_notes=True))
        uid = await a_meeting(house, "Agenda")
        await edited(house, uid, related=RELATED)
        house.hold_hints = True
        await house.does(house.outlook("anna").invite, uid, "cleo@bank.example")
        hints = await house.take_hints()
        house.hold_hints = False
        if comes_first:
            house.deliver(hints)
            await house.quiet()
        await edited(house, uid, assign_to=sorted({*house.item(uid)["item"]["assign_to"], "u-dora"}))
        house.deliver(hints)
        await house.quiet()
        assert HEADING in await body_of(house, "cleo", uid)
        await edited(house, uid, related=[])
        for name in ("anna", "bob", "cleo"):
            assert HEADING not in await body_of(house, name, uid), name


@pytest.mark.rule("NOTE-5", "NOTE-7")
async def test_note_5_a_block_is_noticed_in_a_copy_that_only_exchange_wrote_to(store: Path) -> None:
    """Given Cleo whom Anna invited with the block in the body, when the CRM says it is gone, then Cleo's goes too."""
    async with a_house(store, "anna", "bob", "cleo") as house:
        await house.announce(options(related_notes=True))
        uid = await a_meeting(house, "Agenda")
        await edited(house, uid, related=RELATED)
        await house.does(house.outlook("anna").invite, uid, "cleo@bank.example")
        await house.quiet()
        assert HEADING in await body_of(house, "cleo", uid)
        await edited(house, uid, related=[])
        assert [HEADING in await body_of(house, name, uid) for name in ("anna", "bob", "cleo")] == [False] * 3
