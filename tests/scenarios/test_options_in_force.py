"""Options and visibility in a whole house: changed while it runs, at every level, the right person's (OPT, FOR)."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from schemas import catalogue
from tests.support.house import House, a_house, contact, node, options, user

TEN = datetime(2026, 12, 1, 10)  # noqa: DTZ001  # in the person's own zone
BOB, CARLA = "bob@bank.example", "carla@client.example"
CHECK = "for_contacts.security_check"


def for_type(user_type: str, **values: bool) -> dict[str, Any]:
    """Options set for a type of users."""
    data = {
        "scope": {"level": "type", "id": user_type},
        "options": {k.replace("__", "."): v for k, v in values.items()},
    }
    return {"type": "crm.options.changed.v1", "data": data}


def consulted(house: House, key: str) -> tuple[str, bool, str, list[str]]:
    """Whose option the last inbound decision consulted, its value, its level, what it changed."""
    said = max(house.outcomes(direction="inbound"), key=lambda each: each["cause"]["offset"])
    [used] = [each for each in said["options"] if each["key"] == key]
    return used["user"], used["value"], used["level"], used["effect"]


def in_for(house: House, uid: str) -> list[str]:
    return [entry["contact"] for entry in house.item(uid)["item"]["for"]]


async def a_divided_bank(house: House) -> None:
    """Carla is Anna's client; Bob sits in another branch and cannot see her."""
    await house.announce(
        node("other", "bank"),
        user("bob", nodes=["other"]),
        contact("c-7", CARLA, access={"node": "branch"}),
        options(external_contacts__display=True),
    )


@pytest.mark.rule("OPT-3", "FOR-5", "FOR-6", "FOR-4", "OPT-5")
async def test_an_option_counts_from_the_next_change_without_a_restart(store: Path) -> None:
    """Given a running daemon, when the check goes on, then it counts for what comes or changes after that."""
    async with a_house(store, "anna", "bob") as house:
        await a_divided_bank(house)
        anna = house.outlook("anna")
        first = await house.does(anna.meet, "First", start=TEN, required=[BOB, CARLA])
        await house.quiet()
        assert in_for(house, first) == ["c-7"]
        await house.announce(options("anna", for_contacts__security_check=True))
        count = house.count()
        house.deliver(house.watch.hints)
        await house.quiet()
        assert (in_for(house, first), house.count()) == (["c-7"], count)
        second = await house.does(anna.meet, "Second", start=TEN, required=[BOB, CARLA])
        await house.quiet()
        assert in_for(house, second) == []
        assert consulted(house, CHECK) == ("u-anna", True, "user", ["for:c-7"])
        await house.does(anna.edit, first, location="Room 4")
        await house.quiet()
        assert in_for(house, first) == []
        [stranger] = house.item(first)["item"]["external"]
        assert (stranger["email"], stranger["reason"]) == (CARLA, "no_match")


@pytest.mark.rule("OPT-1", "OPT-2", "OPT-4", "OPT-5")
async def test_the_nearest_level_wins_and_events_win_over_configuration(store: Path) -> None:
    """Given the check set by configuration, system, type and user in turn, then each nearer level decides."""
    async with a_house(store, "anna", "bob", options={CHECK: True}) as house:
        await a_divided_bank(house)
        anna = house.outlook("anna")

        async def decided() -> tuple[str, bool, str, list[str]]:
            await house.does(anna.meet, "Review", start=TEN, required=[BOB, CARLA])
            await house.quiet()
            return consulted(house, CHECK)

        assert await decided() == ("u-anna", True, "config", ["for:c-7"])
        await house.announce(options(external_contacts__display=True, for_contacts__security_check=False))
        assert await decided() == ("u-anna", False, "system", [])
        await house.announce(for_type("advisor", for_contacts__security_check=True))
        assert await decided() == ("u-anna", True, "type", ["for:c-7"])
        await house.announce(options("anna", for_contacts__security_check=False))
        assert await decided() == ("u-anna", False, "user", [])


@pytest.mark.rule("OPT-4", "FOR-1", "VIS-1")
@pytest.mark.parametrize("first", ["anna", "bob"])
async def test_the_organizers_options_and_sight_count_through_whoever_the_hint_came(store: Path, first: str) -> None:
    """Given Bob, whose check is on and who sees nothing, when his hint comes first, then Anna's choice counts."""
    async with a_house(store, "anna", "bob") as house:
        await a_divided_bank(house)
        await house.announce(options("bob", for_contacts__security_check=True, for_contacts__inbound=False))
        house.hold_hints = True
        uid = await house.does(house.outlook("anna").meet, "Review", start=TEN, required=[BOB, CARLA])
        house.deliver(sorted(await house.take_hints(), key=lambda hint: not hint[1].startswith(first.encode())))
        await house.quiet()
        assert in_for(house, uid) == ["c-7"]
        assert consulted(house, CHECK) == ("u-anna", False, "default", [])


@pytest.mark.rule("OPT-4")
async def test_externals_are_shown_to_whoever_has_the_option_on(store: Path) -> None:
    """Given the display option, then the command names who has it on; where nobody has, it knows of no externals."""
    async with a_house(store, "anna", "bob") as house:
        anna = house.outlook("anna")
        guests = [BOB, "xaver@else.example"]
        unseen = await house.does(anna.meet, "Unseen", start=TEN, required=guests)
        await house.quiet()
        assert "external" not in house.item(unseen)["item"]
        assert "external_shown_to" not in house.item(unseen)["item"]
        await house.announce(options("bob", external_contacts__display=True))
        seen = await house.does(anna.meet, "Seen", start=TEN, required=guests)
        await house.quiet()
        item = house.item(seen)["item"]
        assert item["external_shown_to"] == ["u-bob"]
        assert [person["email"] for person in item["external"]] == ["xaver@else.example"]


@pytest.mark.rule("FOR-1", "FOR-4")
async def test_matching_switched_off_makes_everybody_external(store: Path) -> None:
    """Given matching off for Anna, then her client is external, and the reason does not tell that she is one."""
    async with a_house(store, "anna") as house:
        await house.announce(
            contact("c-7", CARLA),
            options(external_contacts__display=True),
            options("anna", for_contacts__inbound=False),
        )
        uid = await house.does(house.outlook("anna").meet, "Review", start=TEN, required=[CARLA])
        await house.quiet()
        item = house.item(uid)["item"]
        assert (item["for"], [person["reason"] for person in item["external"]]) == ([], ["no_match"])
        commands = house.broker.records(catalogue.COMMANDS)
        assert not any(b"c-7" in (record.value or b"") for record in commands), (
            "only operators may know that she is one"
        )
        assert consulted(house, "for_contacts.inbound")[:3] == ("u-anna", False, "user")


@pytest.mark.rule("FOR-7", "BLK-1", "BLK-2")
async def test_settings_bound_the_matching(store: Path) -> None:
    """Given a threshold of one user and a blacklist, then the check demotes all, and the blacklisted are external."""
    settings = {"for_contacts": {"max_assigned_users": 1}, "blacklist": {"patterns": ["@secret\\.example$"]}}
    async with a_house(store, "anna", "bob", **settings) as house:
        await house.announce(
            contact("c-7", CARLA),
            contact("c-8", "spy@secret.example"),
            options(external_contacts__display=True, for_contacts__security_check=True),
        )
        anna = house.outlook("anna")
        alone = await house.does(anna.meet, "Alone", start=TEN, required=[CARLA, "spy@secret.example"])
        both = await house.does(anna.meet, "Both", start=TEN, required=[BOB, CARLA])
        await house.quiet()
        assert in_for(house, alone) == ["c-7"]
        assert [person["reason"] for person in house.item(alone)["item"]["external"]] == ["blacklisted"]
        assert in_for(house, both) == []
