"""Private meetings in a whole house: words that may be nowhere, and what is left of an item (PRIV, S11).

Canaries are looked for after every test, in every output topic, header, log line and metric.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from schemas import catalogue
from tests.support.house import House, a_house, contact, options

TEN = datetime(2026, 12, 1, 10)  # noqa: DTZ001  # in the person's own zone
BOB = "bob@bank.example"
ADMITTED = options("anna", private_meetings__inbound=True)
SECRET_GUEST = "pirol@geheim.example"
WORDS = ("Amsel", "Drossel", "Nachtigall", "Wiedehopf")


class Witness:
    """Keeps what the sandbox Exchange was asked."""

    def __init__(self) -> None:
        self.asked: list[bytes] = []

    def __call__(self, request: bytes, _answer: bytes) -> None:
        self.asked.append(request)


@asynccontextmanager
async def a_private_meeting(store: Path, *about: Any, **more: Any) -> AsyncIterator[tuple[House, str]]:
    """Anna's private meeting with Bob, a client and a stranger, full of canaries."""
    async with a_house(store, "anna", "bob", **more) as house:
        await house.announce(contact("c-7", "zeisig@client.example"), options(external_contacts__display=True), *about)
        subject, location, body, note = WORDS
        uid = await house.does(
            house.outlook("anna").meet,
            subject,
            start=TEN,
            required=[BOB, "zeisig@client.example", SECRET_GUEST],
            location=location,
            body=f"{body} {note}",
            private=True,
        )
        yield house, uid


def nowhere(house: House, *words: str, admitted: str | None = None) -> None:
    for word in words:
        house.canary(word, admitted=admitted)


@pytest.mark.scenario("S11a")
@pytest.mark.rule("PRIV-2", "PRIV-5")
async def test_s11a_words_of_a_meeting_that_is_not_admitted_are_nowhere(store: Path) -> None:
    """Given a private meeting of several and the option off, also under faults, then one skip says no word of it."""
    witness = Witness()
    async with a_private_meeting(store, witness=witness) as (house, uid):
        nowhere(house, *WORDS, "pirol", "geheim", "zeisig")
        await house.quiet()
        anna = house.outlook("anna")
        house.hold_hints = True
        await house.does(anna.edit, uid, location="Drossel am Fenster")
        await house.does(anna.edit, uid, start=TEN + timedelta(hours=1))
        house.fault("drop_before", operation="GetItem")
        house.fault("server_busy_inner", operation="GetItem")
        house.deliver(await house.take_hints())
        await house.quiet()
        assert house.items() == []
        assert house.commands() == []
        said = house.outcomes(direction="inbound")
        assert {(each["result"], each["reason"]) for each in said} == {("skipped", "private_meeting")}
        assert {o["key"] for o in said[0]["options"]} == {"private_meetings.inbound"}
        assert not any(b"item:Attachments" in asked for asked in witness.asked if b"exsyncd" in asked)


@pytest.mark.scenario("S11a")
@pytest.mark.rule("PRIV-2", "PRIV-3", "PRIV-5")
async def test_s11a_words_of_an_admitted_meeting_are_in_its_command_alone(store: Path) -> None:
    """Given the organizer's option on, then the meeting comes in restricted, its words in its own commands alone."""
    async with a_private_meeting(store, ADMITTED) as (house, uid):
        nowhere(house, *WORDS, "pirol", "geheim", admitted=uid)
        await house.quiet()
        item = house.item(uid)["item"]
        assert (item["subject"], item["location"], item["restricted"]) == ("Amsel", "Drossel", True)
        await house.does(house.outlook("bob").decline, uid)
        await house.does(house.outlook("anna").delete, uid)
        await house.quiet()
        assert not house.has_item(uid)


@pytest.mark.scenario("S11a")
@pytest.mark.rule("PRIV-5")
async def test_s11a_a_private_item_that_cannot_be_read_is_named_without_its_words(store: Path) -> None:
    """Given a private item that ends before it begins, then its outcome says which rule it breaks and no word of it."""
    async with a_private_meeting(store) as (house, uid):
        nowhere(house, *WORDS, "pirol", "geheim")
        [item] = house.sandbox.world.items("anna@bank.example", "calendar")
        house.sandbox.world.modify(item, {"End": item.values["Start"] - timedelta(hours=1)}, by="Anna Adler")
        await house.quiet()
        assert house.items() == []
        assert ("failed", "restriction") in {(o["result"], o["reason"]) for o in house.outcomes(direction="inbound")}
        house.excuse(uid, "broken")


@pytest.mark.scenario("S11f")
@pytest.mark.rule("PRIV-2", "OPT-4")
async def test_s11f_what_is_seen_through_somebody_elses_mailbox_is_as_private(store: Path) -> None:
    """Given Bob's option on and Anna's off, when only Bob's hints come, then Anna's private meeting stays out."""
    async with a_house(store, "anna", "bob") as house:
        await house.announce(options("bob", private_meetings__inbound=True))
        nowhere(house, *WORDS)
        house.hold_hints = True
        anna = house.outlook("anna")
        await house.does(anna.meet, WORDS[0], start=TEN, required=[BOB], location=WORDS[1], body=WORDS[2], private=True)
        hints = await house.take_hints()
        house.deliver([hint for hint in hints if hint[1] == BOB.encode()])
        await house.quiet()
        assert house.items() == []
        [said] = house.outcomes(direction="inbound")
        assert (said["result"], said["reason"]) == ("skipped", "private_meeting")
        assert [(each["user"], each["value"]) for each in said["options"]] == [("u-anna", False)]


@pytest.mark.scenario("S11b", "S11c")
@pytest.mark.rule("PRIV-4", "PRIV-2")
async def test_s11b_s11c_turned_private_it_is_redacted_and_turned_back_it_shows_again(store: Path) -> None:
    """Given an ordinary meeting, when it turns private its words go and its times do not; back, all is there."""
    async with a_house(store, "anna", "bob") as house:
        await house.announce(contact("c-7", "carla@client.example"), options(external_contacts__display=True))
        anna = house.outlook("anna")
        guests = [BOB, "carla@client.example", "xaver@else.example"]
        uid = await house.does(anna.meet, "Review", start=TEN, required=guests, location="Room 4", body="Agenda")
        await house.quiet()
        before = house.item(uid)
        nowhere(house, "Kuckuck")
        await house.does(anna.edit, uid, sensitivity="Private", subject="Kuckuck", start=TEN + timedelta(hours=1))
        await house.quiet()
        after = house.item(uid)
        hidden = after["item"]
        assert after["id"] == before["id"]
        assert (hidden["redacted"], hidden["restricted"], hidden["subject"]) == (True, True, "Private")
        assert (hidden["notes"], hidden["location"], hidden["for"], hidden["external"]) == ("", "", [], [])
        assert hidden["responses"] == {}
        assert hidden["assign_to"] == ["u-anna", "u-bob"]
        assert hidden["start"] == "2026-12-01T11:00:00+01:00"
        await house.does(anna.edit, uid, sensitivity="Normal", subject="Review again")
        await house.quiet()
        shown = house.item(uid)["item"]
        assert (shown["redacted"], shown["restricted"], shown["subject"]) == (False, False, "Review again")
        assert (shown["notes"], shown["location"]) == ("Agenda", "Room 4")
        assert [entry["contact"] for entry in shown["for"]] == ["c-7"]
        assert shown["responses"].keys() == {"u-anna", "u-bob"}


@pytest.mark.rule("PRIV-4", "OPT-3")
async def test_an_option_switched_off_redacts_at_the_next_change_and_on_again_readmits(store: Path) -> None:
    """Given an admitted private meeting, when the option goes off, then its next change redacts it; on, readmits it."""
    async with a_house(store, "anna", "bob") as house:
        await house.announce(ADMITTED)
        anna = house.outlook("anna")
        uid = await house.does(anna.meet, "Review", start=TEN, required=[BOB], private=True)
        await house.quiet()
        await house.announce(options("anna", private_meetings__inbound=False))
        assert house.item(uid)["item"]["subject"] == "Review", "an option rewrites nothing by itself"
        nowhere(house, "Kuckuck")
        await house.does(anna.edit, uid, subject="Kuckuck")
        await house.quiet()
        assert house.item(uid)["item"]["redacted"] is True
        await house.announce(ADMITTED)
        await house.does(anna.edit, uid, subject="Review again")
        await house.quiet()
        item = house.item(uid)["item"]
        assert (item["subject"], item["redacted"], item["restricted"]) == ("Review again", False, True)


@pytest.mark.rule("PRIV-4")
async def test_edits_of_what_is_redacted_are_refused_and_put_back(store: Path) -> None:
    """Given a redacted item, when the CRM edits subject and status, then the subject is put back, the status stays."""
    async with a_house(store, "anna", "bob") as house:
        anna = house.outlook("anna")
        uid = await house.does(anna.meet, "Review", start=TEN, required=[BOB])
        await house.quiet()
        await house.does(anna.edit, uid, sensitivity="Private")
        await house.quiet()
        await house.crm.edit(house.item(uid)["id"], {"item": {"subject": "Mine", "status": "completed"}})
        await house.quiet()
        item = house.item(uid)["item"]
        assert (item["subject"], item["status"]) == ("Private", "completed")
        [said] = house.outcomes(direction="outbound")
        assert (said["result"], said["reason"]) == ("applied", "partly")
        assert [(e["rule"], e["about"], e["decision"]) for e in said["explain"]] == [("PRIV-4", "subject", "refused")]


@pytest.mark.scenario("S11d")
@pytest.mark.rule("PRIV-1")
async def test_s11d_everything_but_normal_is_private(store: Path) -> None:
    """Given Personal, Confidential and a word nobody knows, then these meetings stay out, and Normal comes in."""
    async with a_house(store, "anna", "bob") as house:
        nowhere(house, "Rabe")
        anna, world = house.outlook("anna"), house.sandbox.world
        for sensitivity in ("Personal", "Confidential", "Private", "TopSecret", "Normal"):
            house.hold_hints = True
            subject = "Rabe" if sensitivity != "Normal" else "Review"
            uid = await house.does(anna.meet, subject, start=TEN, required=[BOB], silent=True)
            [item] = [each for each in world.items("anna@bank.example", "calendar") if each.uid == uid]
            world.modify(item, {"Sensitivity": sensitivity}, by="Anna Adler")
            house.hold_hints = False
            house.deliver(await house.take_hints())
        await house.quiet()
        assert [(item["uid"], item["item"]["restricted"]) for item in house.items()] == [(uid, False)]
        assert [each["reason"] for each in house.outcomes(direction="inbound")].count("private_meeting") == 4


@pytest.mark.rule("PRIV-3")
@pytest.mark.parametrize("model", ["cam", "gsm"])
async def test_without_hierarchical_security_private_meetings_come_in_as_private(store: Path, model: str) -> None:
    """Given another security model and the option off, then a private meeting comes in restricted."""
    async with a_house(store, "anna", "bob", security_model=model) as house:
        uid = await house.does(house.outlook("anna").meet, "Review", start=TEN, required=[BOB], private=True)
        await house.quiet()
        item = house.item(uid)["item"]
        assert (item["subject"], item["restricted"], item["redacted"]) == ("Review", True, False)
        assert house.broker.records(catalogue.DEAD_LETTERS) == []
