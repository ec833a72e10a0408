"""Who takes part, in a whole house: odd addresses, aliases, lists, rooms, answers (S09, S14, S15, S16, S18, S19, S20).

That everybody is in the CRM's item in exactly one place is checked after every test.
"""

from __future__ import annotations

from datetime import datetime
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from daemon.sandbox.exchange.values import Attendee, Recipient
from tests.support.house import House, a_house, contact, options, person, user

TEN = datetime(2026, 12, 1, 10)  # noqa: DTZ001  # in the person's own zone
SHOWN = options(external_contacts__display=True)
X500 = {"name": "Gone Guy", "email": "/o=Old/ou=Exchange/cn=Recipients/cn=gone", "routing_type": "EX"}
BLANK = {"name": "Blanka", "email": ""}


def a_list(address: str, *members: str) -> dict[str, Any]:
    return {"name": address.partition("@")[0], "email": address, "kind": "list", "members": list(members)}


def strangers(house: House, uid: str) -> dict[str, tuple[str | None, str]]:
    """External contacts by name, with address and reason."""
    return {e["name"]: (e["email"], e["reason"]) for e in house.item(uid)["item"]["external"]}


def in_for(house: House, uid: str) -> list[str]:
    return [entry["contact"] for entry in house.item(uid)["item"]["for"]]


@pytest.mark.scenario("S09a")
@pytest.mark.rule("PART-4", "PART-7")
async def test_s09a_everybody_keeps_his_own_answer_in_every_order(store: Path) -> None:
    """Given usable and unusable attendees in every fifth order, then each answer stays with its person."""
    async with a_house(store, "anna") as house:
        clients = {"a": "Accept", "b": "Decline", "c": "Tentative"}
        await house.announce(SHOWN, *(contact(f"c-{name}", f"{name}@client.example") for name in clients))
        world = house.sandbox.world
        known = [Attendee(Recipient(n, f"{n}@client.example"), response=r) for n, r in clients.items()]
        odd = [Attendee(Recipient(X500["name"], X500["email"], "EX")), Attendee(Recipient("Blanka"))]
        uid = await house.does(house.outlook("anna").meet, "Review", start=TEN, required=["a@client.example"])
        [item] = world.items("anna@bank.example", "calendar")
        for order in list(permutations([*known, *odd]))[::30]:
            item = world.modify(item, {"RequiredAttendees": order}, by="Anna Adler")
            await house.quiet()
            answers = {entry["contact"]: entry["response"] for entry in house.item(uid)["item"]["for"]}
            assert answers == {"c-a": "accepted", "c-b": "declined", "c-c": "tentative"}
            assert strangers(house, uid) == {"Gone Guy": (None, "unresolved"), "Blanka": (None, "unresolved")}


@pytest.mark.scenario("S09b")
@pytest.mark.rule("PART-4")
async def test_s09b_the_x500_name_of_a_mailbox_is_resolved(store: Path) -> None:
    """Given a user and a client's mailbox shown by X500 name, then they are assigned and in For as ever."""
    people = ("anna", person("bob", appears_as="x500"), person("cleo", appears_as="x500"))
    async with a_house(store, *people) as house:
        await house.announce(user("cleo", active=False), contact("c-7", "cleo@bank.example"))
        guests = ["bob@bank.example", "cleo@bank.example"]
        uid = await house.does(house.outlook("anna").meet, "Review", start=TEN, required=guests)
        await house.quiet()
        assert house.item(uid)["item"]["assign_to"] == ["u-anna", "u-bob"]
        assert in_for(house, uid) == ["c-7"]


@pytest.mark.scenario("S09c", "S15b", "S14d")
@pytest.mark.rule("PART-3", "PART-4", "PART-1")
async def test_s09c_s15b_s14d_odd_addresses_stop_nothing(store: Path) -> None:
    """Given addresses as mail programs mangle them, then everybody known is found, once, and the others are kept."""
    async with a_house(store, person("bob", aliases=["b.braun@bank.example"])) as house:
        await house.announce(SHOWN, contact("c-7", "carla@client.example"), contact("c-8", "info@bücher.example"))
        uid = house.outsider(
            "b.braun@bank.example",
            {"name": "Carla", "email": "MAILTO:Carla@Client.Example "},
            {"name": "carla@client.example", "email": "carla@client.example"},
            {"name": "Books", "email": '"Books" <info@xn--bcher-kva.example>'},
            X500,
            BLANK,
            {"name": "Fax", "email": "+49 30 1234", "routing_type": "FAX"},
        )
        await house.does(house.outlook("bob").accept, uid)
        await house.quiet()
        assert house.item(uid)["item"]["assign_to"] == ["u-bob"]
        assert in_for(house, uid) == ["c-7", "c-8"]
        assert strangers(house, uid) == {
            "Xaver Xu": ("xaver@else.example", "no_match"),
            "Gone Guy": (None, "unresolved"),
            "Blanka": (None, "unresolved"),
            "Fax": (None, "unresolved"),
        }


@pytest.mark.scenario("S14a")
@pytest.mark.rule("PART-3")
async def test_s14a_a_contact_known_by_an_alias_is_found_by_the_primary_address(store: Path) -> None:
    """Given a CRM that knows sales@ and an Exchange that says cleo@, then the contact is in For, and stays."""
    async with a_house(store, "anna", person("cleo", aliases=["sales@bank.example"])) as house:
        await house.announce(user("cleo", active=False), contact("c-7", "sales@bank.example"))
        anna = house.outlook("anna")
        uid = await house.does(anna.meet, "Review", start=TEN, required=["sales@bank.example"])
        await house.quiet()
        assert in_for(house, uid) == ["c-7"]
        await house.does(anna.edit, uid, subject="Renamed")
        await house.quiet()
        assert in_for(house, uid) == ["c-7"]


@pytest.mark.scenario("S14b", "S14c")
@pytest.mark.rule("PART-3")
async def test_s14b_s14c_plus_tags_and_old_domains_count_where_they_are_configured(store: Path) -> None:
    """Given settings for one domain, then tags and the old name are the same person there and nowhere else."""
    addresses = {"plus_tag_domains": ["client.example"], "domain_aliases": {"old-client.example": "client.example"}}
    async with a_house(store, "anna", addresses=addresses) as house:
        await house.announce(
            SHOWN,
            contact("c-carla", "carla@client.example"),
            contact("c-olaf", "olaf@client.example"),
            contact("c-nina", "nina@other.example"),
        )
        guests = [
            "carla+crm@client.example",
            "olaf@old-client.example",
            "nina+crm@other.example",
            "ca.rla@client.example",
        ]
        uid = await house.does(house.outlook("anna").meet, "Review", start=TEN, required=guests)
        await house.quiet()
        assert in_for(house, uid) == ["c-carla", "c-olaf"]
        assert {email for email, _ in strangers(house, uid).values()} == {
            "nina+crm@other.example",
            "ca.rla@client.example",
        }


@pytest.mark.scenario("S16a", "S16b", "S16c")
@pytest.mark.rule("PART-1", "PART-2", "FOR-2")
async def test_s16a_s16b_s16c_one_address_of_many(store: Path) -> None:
    """Given one address of a user and a contact, of three contacts, and of a merged one, then each as the rules say."""
    async with a_house(store, "anna", "bob") as house:
        await house.announce(
            contact("c-bob", "bob@bank.example"),
            *(contact(f"c-{n}", "family@client.example") for n in (3, 1, 2)),
            contact("c-old", "was@client.example", merged_into="c-new"),
            contact("c-new", "is@client.example"),
        )
        guests = ["bob@bank.example", "family@client.example", "was@client.example"]
        uid = await house.does(house.outlook("anna").meet, "Review", start=TEN, required=guests)
        await house.quiet()
        item = house.item(uid)["item"]
        assert item["assign_to"] == ["u-anna", "u-bob"]
        assert item["organizer"]["user"] == "u-anna"
        assert in_for(house, uid) == ["c-1", "c-2", "c-3", "c-new"]
        told = {entry["about"]: entry["decision"] for entry in house.outcomes(direction="inbound")[-1]["explain"]}
        assert told["c-1"] == told["c-2"] == told["c-3"] == told["c-new"] == "for"


@pytest.mark.scenario("S18a")
@pytest.mark.rule("PART-7")
async def test_s18a_an_acceptance_shows_before_the_organizers_copy_knows(store: Path) -> None:
    """Given an attendee who accepts and tells nobody, then the CRM shows it, though Anna's copy says nothing."""
    async with a_house(store, "anna", "bob") as house:
        uid = await house.does(house.outlook("anna").meet, "Review", start=TEN, required=["bob@bank.example"])
        await house.does(house.outlook("bob").accept, uid, silent=True)
        await house.quiet()
        [item] = house.sandbox.world.items("anna@bank.example", "calendar")
        assert [attendee.response for attendee in item.attendees] == ["Unknown"]
        assert house.item(uid)["item"]["responses"] == {"u-anna": "organizer", "u-bob": "accepted"}


@pytest.mark.scenario("S18e")
@pytest.mark.rule("PART-7")
async def test_s18e_answers_map_one_to_one(store: Path) -> None:
    """Given every answer that Exchange knows, then each has its own word in the CRM."""
    answers = {
        "Unknown": "unknown",
        "Organizer": "organizer",
        "Tentative": "tentative",
        "Accept": "accepted",
        "Decline": "declined",
        "NoResponseReceived": "none",
    }
    async with a_house(store, "anna") as house:
        await house.announce(*(contact(f"c-{word}", f"{word}@client.example") for word in answers))
        uid = await house.does(house.outlook("anna").meet, "Review", start=TEN, required=["unknown@client.example"])
        [item] = house.sandbox.world.items("anna@bank.example", "calendar")
        tracked = tuple(Attendee(Recipient(word, f"{word}@client.example"), response=word) for word in answers)
        house.sandbox.world.modify(item, {"RequiredAttendees": tracked}, by="Anna Adler")
        await house.quiet()
        got = {entry["contact"]: entry["response"] for entry in house.item(uid)["item"]["for"]}
        assert got == {f"c-{word}": answer for word, answer in answers.items()}


@pytest.mark.scenario("S19d")
@pytest.mark.rule("PART-1")
async def test_s19d_a_reply_that_names_one_person_removes_nobody(store: Path) -> None:
    """Given replies, each of which names its sender alone, when their hints come last, then all are still there."""
    async with a_house(store, "anna", "bob", "cleo") as house:
        await house.announce(contact("c-7", "carla@client.example"))
        guests = ["bob@bank.example", "cleo@bank.example", "carla@client.example"]
        uid = await house.does(house.outlook("anna").meet, "Review", start=TEN, required=guests)
        await house.quiet()
        house.hold_hints = True
        await house.does(house.outlook("bob").tentatively_accept, uid)
        await house.does(house.outlook("cleo").accept, uid)
        hints = await house.take_hints()
        replies = {item.id for item in house.sandbox.world.items("anna@bank.example", "inbox")}
        assert len(replies) == 2
        house.deliver(sorted(hints, key=lambda hint: any(reply.encode() in hint[2] for reply in replies)))
        await house.quiet()
        item = house.item(uid)["item"]
        assert item["assign_to"] == ["u-anna", "u-bob", "u-cleo"]
        assert item["responses"] == {"u-anna": "organizer", "u-bob": "tentative", "u-cleo": "accepted"}
        assert in_for(house, uid) == ["c-7"]


@pytest.mark.scenario("S20a")
@pytest.mark.rule("PART-1", "PART-5")
@pytest.mark.parametrize("first", ["anna", "bob", "cleo"])
async def test_s20a_members_of_an_invited_list_are_assigned_whoevers_hint_comes_first(store: Path, first: str) -> None:
    """Given a meeting with a list of Bob and Cleo, then the list is one participant and both are assigned."""
    team = a_list("team@bank.example", "bob@bank.example", "cleo@bank.example")
    async with a_house(store, "anna", "bob", "cleo", team) as house:
        await house.announce(SHOWN)
        house.hold_hints = True
        uid = await house.does(house.outlook("anna").meet, "Review", start=TEN, required=["team@bank.example"])
        hints = await house.take_hints()
        house.deliver(sorted(hints, key=lambda hint: not hint[1].startswith(first.encode())))
        await house.quiet()
        assert house.item(uid)["item"]["assign_to"] == ["u-anna", "u-bob", "u-cleo"]
        assert strangers(house, uid) == {"team": ("team@bank.example", "list")}


@pytest.mark.scenario("S20c")
@pytest.mark.rule("PART-5")
async def test_s20c_huge_nested_and_hidden_lists_stop_nothing(store: Path) -> None:
    """Given a list of 5,000, a list within lists that contain each other, and an empty one, then each is one name."""
    lists = [
        a_list("all@bank.example", *(f"client{n}@client.example" for n in range(5000))),
        a_list("outer@bank.example", "inner@bank.example", "bob@bank.example"),
        a_list("inner@bank.example", "outer@bank.example"),
        a_list("hidden@bank.example"),
    ]
    async with a_house(store, "anna", "bob", *lists) as house:
        await house.announce(SHOWN, contact("c-1", "client1@client.example"))
        guests = ["all@bank.example", "outer@bank.example", "hidden@bank.example"]
        uid = await house.does(house.outlook("anna").meet, "Review", start=TEN, required=guests)
        await house.quiet()
        assert house.item(uid)["item"]["assign_to"] == ["u-anna", "u-bob"]
        assert {reason for _, reason in strangers(house, uid).values()} == {"list"}
        assert in_for(house, uid) == []
        asked = [each for each in house.sandbox.meter.report() if each["account"] == house.service]
        assert sum(int(each["count"]) for each in asked) < 30, "work does not grow with a list"


@pytest.mark.scenario("S20d")
@pytest.mark.rule("PART-5")
async def test_s20d_a_room_is_no_participant(store: Path) -> None:
    """Given a room that was booked and whose address a contact has, then it is in no list of people."""
    room = {"name": "Room 4", "email": "room4@bank.example", "kind": "room"}
    async with a_house(store, "anna", "bob", room) as house:
        await house.announce(SHOWN, contact("c-room", "room4@bank.example"))
        anna = house.outlook("anna")
        guests, rooms = ["bob@bank.example"], ["room4@bank.example"]
        uid = await house.does(anna.meet, "Review", start=TEN, required=guests, resources=rooms, location="Room 4")
        await house.quiet()
        item = house.item(uid)["item"]
        assert (item["assign_to"], item["for"], item["external"]) == (["u-anna", "u-bob"], [], [])
        assert item["location"] == "Room 4"
