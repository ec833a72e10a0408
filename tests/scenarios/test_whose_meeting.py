"""Whose meeting it is does not depend on who else holds a copy of it, or stops to (ID-3, ID-4, S21d, S22d)."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from daemon.sandbox.exchange.items import Draft, Item
from daemon.sandbox.exchange.values import Recipient
from tests.support.house import House, a_house, person, user

TEN = datetime(2026, 12, 1, 10)  # noqa: DTZ001  # in the person's own zone


def copy_of(house: House, name: str) -> Item:
    """The one item in a person's calendar."""
    [item] = house.sandbox.world.items(f"{name}@bank.example", "calendar")
    return item


def import_into(house: House, name: str, original: Item, **changes: Any) -> None:
    """A person imports somebody's item, with its UID and everything else, into his own calendar."""
    world = house.sandbox.world
    draft = Draft(original.kind, original.with_values(**changes).values)
    world.create(world.folder(f"{name}@bank.example", "calendar"), draft, by=name)


@pytest.mark.rule("ID-3")
async def test_a_copy_that_names_another_organizer_takes_no_meeting_over(store: Path) -> None:
    """Given Anna's meeting, when Cleo imports it in her own name, then it stays Anna's and is not deleted."""
    async with a_house(store, "anna", "bob", "cleo") as house:
        uid = await house.does(house.outlook("anna").meet, "Review", start=TEN, required=["bob@bank.example"])
        await house.quiet()
        import_into(
            house, "cleo", copy_of(house, "bob"), Organizer=Recipient("Cleo", "cleo@bank.example"), Subject="Mine"
        )
        await house.quiet()
        item = house.item(uid)["item"]
        assert (item["owner"], item["subject"]) == ("u-anna", "Review")
        assert all("item" in command for command in house.commands()), "nothing was deleted on the way"


@pytest.mark.rule("ID-4", "ID-6")
@pytest.mark.parametrize("claimed", [Recipient("Cleo", "cleo@bank.example"), None])
async def test_a_copy_takes_no_outsiders_meeting_over(store: Path, claimed: Recipient | None) -> None:
    """Given an outsider's meeting that Bob accepted, when Cleo imports it as hers or as nobody's, it stays his."""
    async with a_house(store, "bob", "cleo") as house:
        uid = house.outsider("bob@bank.example")
        await house.quiet()
        await house.does(house.outlook("bob").accept, uid)
        await house.quiet()
        import_into(house, "cleo", copy_of(house, "bob"), Organizer=claimed, Subject="Mine")
        await house.quiet()
        item = house.item(uid)["item"]
        assert (item["owner"], item["subject"], item["read_only"]) == (None, "Review", True)


@pytest.mark.rule("ID-3", "PART-4")
async def test_an_attendees_copy_that_names_the_organizer_by_a_dead_name_changes_nothing(store: Path) -> None:
    """Given Anna's meeting, when Bob's copy names her by an X500 name nobody knows, then she still organizes it."""
    async with a_house(store, "anna", "bob") as house:
        uid = await house.does(house.outlook("anna").meet, "Review", start=TEN, required=["bob@bank.example"])
        await house.quiet()
        copy = copy_of(house, "bob")
        dead = Recipient("Anna", "/o=Old/cn=gone", "EX")
        house.sandbox.world.modify(copy, {"Organizer": dead, "Location": "Elsewhere"}, by="Bob")
        await house.quiet()
        item = house.item(uid)["item"]
        assert (item["owner"], item["read_only"], item["location"]) == ("u-anna", False, "")


@pytest.mark.rule("ID-1", "CON-3")
async def test_two_items_of_one_meeting_in_one_mailbox_do_not_take_turns(store: Path) -> None:
    """Given Anna's item, when she holds it twice, then the one known before counts, whichever hint comes last."""
    async with a_house(store, "anna") as house:
        uid = await house.does(house.outlook("anna").meet, "Review", start=TEN)
        await house.quiet()
        house.excuse(uid, "Anna holds it twice")
        original = copy_of(house, "anna")
        import_into(house, "anna", original, Subject="Copy of it")
        await house.quiet()
        assert house.item(uid)["item"]["subject"] == "Review"
        house.sandbox.world.modify(original, {"Subject": "Renamed"}, by="Anna")
        await house.quiet()
        assert house.item(uid)["item"]["subject"] == "Renamed"


@pytest.mark.rule("ID-1", "PART-7")
async def test_a_users_new_mailbox_is_where_his_answer_is_read(store: Path) -> None:
    """Given Bob's acceptance, when his mailbox goes by another address, then his next answer counts."""
    mail = ["bob@bank.example", "old.bob@bank.example"]
    async with a_house(store, person("anna"), person("bob", aliases=mail[1:])) as house:
        await house.announce(user("bob", emails=mail, mailbox=mail[1]))
        bob = house.outlook("bob")
        uid = await house.does(house.outlook("anna").meet, "Review", start=TEN, required=mail[:1])
        await house.quiet()
        await house.does(bob.accept, uid)
        await house.quiet()
        assert house.item(uid)["item"]["responses"]["u-bob"] == "accepted"
        await house.announce(user("bob", emails=mail, mailbox=mail[0]))
        await house.does(bob.tentatively_accept, uid)
        await house.quiet()
        assert house.item(uid)["item"]["responses"]["u-bob"] == "tentative"


@pytest.mark.rule("PART-7")
async def test_of_a_user_who_is_synchronized_no_more_the_organizer_knows_the_answer(store: Path) -> None:
    """Given Bob's acceptance, when he is synchronized no more and declines, then the CRM hears it from Anna's copy."""
    async with a_house(store, "anna", "bob") as house:
        bob = house.outlook("bob")
        uid = await house.does(house.outlook("anna").meet, "Review", start=TEN, required=["bob@bank.example"])
        await house.quiet()
        await house.does(bob.accept, uid)
        await house.quiet()
        await house.announce(user("bob", mailbox=None))
        await house.does(bob.decline, uid)
        await house.quiet()
        assert house.item(uid)["item"]["responses"]["u-bob"] == "declined"


@pytest.mark.rule("PART-1")
async def test_a_user_who_is_synchronized_no_more_leaves_with_his_invitation(store: Path) -> None:
    """Given Bob, who is synchronized no more, when Anna uninvites him, then his old copy does not keep him assigned."""
    async with a_house(store, "anna", "bob") as house:
        anna = house.outlook("anna")
        uid = await house.does(anna.meet, "Review", start=TEN, required=["bob@bank.example"])
        await house.quiet()
        await house.announce(user("bob", mailbox=None))
        await house.does(anna.uninvite, uid, "bob@bank.example")
        await house.quiet()
        assert house.item(uid)["item"]["assign_to"] == ["u-anna"]


@pytest.mark.rule("ID-4")
async def test_a_mailbox_that_does_not_exist_keeps_nobody_elses_meeting_out(store: Path) -> None:
    """Given an outsider's meeting that Bob accepted, and Cleo's mailbox misspelled in the CRM, then it comes in."""
    async with a_house(store, "bob", "cleo") as house:
        await house.announce(user("cleo", mailbox="nobody@bank.example"))
        uid = house.outsider("bob@bank.example", "cleo@bank.example")
        await house.quiet()
        await house.does(house.outlook("bob").accept, uid)
        await house.quiet()
        assert house.item(uid)["item"]["assign_to"] == ["u-bob", "u-cleo"]


@pytest.mark.rule("DEL-3")
@pytest.mark.parametrize(("act", "shown"), [("delete", "removed"), ("decline", "declined")])
async def test_the_last_who_had_a_copy_is_shown_to_have_left_and_comes_back(store: Path, act: str, shown: str) -> None:
    """Given an outsider's meeting, when the only user in it leaves, the CRM says so; restored, it follows again."""
    async with a_house(store, "bob") as house:
        uid = house.outsider("bob@bank.example")
        house.excuse(uid, "no copy is left for it to agree with")
        bob = house.outlook("bob")
        await house.quiet()
        await house.does(bob.accept, uid)
        await house.quiet()
        await house.does(getattr(bob, act), uid)
        await house.quiet()
        item = house.item(uid)["item"]
        assert (item["assign_to"], item["responses"]) == (["u-bob"], {"u-bob": shown})
        await house.does(bob.restore, uid)
        await house.quiet()
        back = "accepted" if act == "delete" else "declined"
        assert house.item(uid)["item"]["responses"] == {"u-bob": back}


@pytest.mark.rule("ID-3")
async def test_hints_of_one_meeting_that_wait_together_share_one_look_at_the_organizers_copy(store: Path) -> None:
    """Given a dozen guests whose hints come at once, then the organizer's mailbox is not asked for each of them."""
    guests = [f"guest{number}" for number in range(12)]
    async with a_house(store, "anna", *guests) as house:
        house.hold_hints = True
        invited = [f"{name}@bank.example" for name in guests]
        uid = await house.does(house.outlook("anna").meet, "Review", start=TEN, required=invited)
        house.fault("slow", operation="GetItem", mailbox="anna@bank.example", ms=300, times=1)
        house.hold_hints = False
        house.deliver(await house.take_hints())
        await house.quiet()
        assert len(house.item(uid)["item"]["assign_to"]) == 13
        report = [each for each in house.sandbox.meter.report() if each["account"] == house.service]
        asked = [each for each in report if each["mailbox"] == "anna@bank.example"]
        assert sum(each["count"] for each in asked if each["operation"] in ("GetItem", "FindItem")) < len(guests)
