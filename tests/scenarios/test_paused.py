"""Pause and resume (OPS-1): nothing moves in a paused mailbox, and afterwards all is as if nobody had paused."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import AsyncExitStack
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from daemon.sandbox.exchange.properties import ItemKind
from daemon.store import parked
from tests.support.house import SERVICE, House, a_house, running, user
from tests.support.requests import request

TEN = datetime(2026, 12, 1, 10)  # noqa: DTZ001  # in the person's own zone
ANNA, BOB = "anna@bank.example", "bob@bank.example"
ACTOR = {"user": "u-bob", "on_behalf_of": None}
FROM_CRM = {
    "subject": "From the CRM",
    "start": "2026-12-02T10:00:00+01:00",
    "end": "2026-12-02T11:00:00+01:00",
    "zone": "Europe/Berlin",
    "owner": "u-anna",
    "assign_to": ["u-anna", "u-bob"],
}


def calls(house: House, *mailboxes: str) -> int:
    """How often the daemon asked for something in these mailboxes."""
    asked = [each for each in house.sandbox.meter.report() if each["account"] == SERVICE[0]]
    return sum(int(each["count"]) for each in asked if each["mailbox"] in mailboxes)


def held(house: House) -> list[dict[str, Any]]:
    """What was said of what is put away because of a pause."""
    return [said for said in house.outcomes() if (said["result"], said["reason"]) == ("held", "paused")]


def unended(house: House) -> set[tuple[str, int, int]]:
    """Topic, partition and offset of each record that was held and of which no end was said."""
    ends = [said["cause"] for said in house.outcomes() if said not in held(house)]
    ended = {(each["topic"], each["partition"], n) for each in ends for n in (each["offset"], *each["also"])}
    begun = [said["cause"] for said in held(house)]
    return {(each["topic"], each["partition"], each["offset"]) for each in begun} - ended


async def edited(house: House, item: Mapping[str, Any], **fields: Any) -> None:
    """A CRM user changes fields."""
    await house.crm.edit(item["id"], {"actor": ACTOR, "item": fields})


async def waiting(house: House) -> int:
    """How much is parked."""
    return sum((await house.daemons[0].store.read(parked.counts)).values())


async def all_done(house: House) -> None:
    """Returns when nothing is parked any more, and what followed has happened."""

    async def none_waits() -> bool:
        await house.quiet()
        return await waiting(house) == 0

    await house.until_true(none_waits)
    await house.quiet()


def end_state(house: House) -> tuple[list[Any], list[Any]]:
    """What people see in the end: the CRM's items and everybody's calendars, without names that chance gave."""
    world = house.sandbox.world
    items = [each["item"] | {"deleted": each["deleted"]} for each in house.crm.items()]
    copies = [
        (person, *(item.values.get(name) for name in ("Subject", "Location", "Start", "Importance")))
        for person in house.people
        for item in world.items(f"{person}@bank.example", "calendar")
        if item.kind is ItemKind.CALENDAR_ITEM
    ]
    return sorted(items, key=repr), sorted(copies, key=repr)


async def begin(house: House) -> dict[str, str]:
    """Before: Anna's meeting with Bob, her lunch, and Bob's own."""
    anna, bob = house.outlook("anna"), house.outlook("bob")
    uids = {
        "review": await house.does(anna.meet, "Review", start=TEN, required=[BOB]),
        "lunch": await house.does(anna.meet, "Lunch", start=TEN + timedelta(hours=2)),
        "bobs": await house.does(bob.meet, "Gym", start=TEN + timedelta(hours=3)),
    }
    await house.quiet()
    return uids


async def change(house: House, uids: Mapping[str, str]) -> None:
    """Meanwhile: people go on in Outlook and in the CRM, both in one item, some more than once."""
    anna, bob = house.outlook("anna"), house.outlook("bob")
    review, lunch = house.item(uids["review"]), house.item(uids["lunch"])
    await house.does(anna.edit, uids["review"], subject="Renamed")
    await edited(house, review, status="completed")
    await house.does(anna.edit, uids["review"], location="Room 7")
    await edited(house, review, priority="A")
    await house.does(bob.accept, uids["review"])
    await house.does(anna.edit, uids["lunch"], subject="Late lunch")
    await edited(house, lunch, status="completed")
    await house.does(bob.edit, uids["bobs"], subject="Pool")
    await house.does(anna.meet, "New", start=TEN + timedelta(hours=5), required=[BOB])
    made = await house.crm.create({"actor": ACTOR, "notify": "none", "kind": "schedule_item", "item": FROM_CRM})
    await edited(house, made, subject="From the CRM, renamed")
    await house.quiet()


@pytest.mark.rule("OPS-1")
@pytest.mark.parametrize("who", [None, "u-anna"])
async def test_what_was_paused_ends_as_if_it_never_had_been(tmp_path: Path, who: str | None) -> None:
    """Given the system, or Anna, paused, when both sides change, then nothing is read, written or told of what concerns
    her; resumed, also after a restart, all is as in a house where nobody paused, and each `held` has heard its end.
    """
    async with AsyncExitStack() as parts:
        house = await parts.enter_async_context(a_house(tmp_path / "one.sqlite", "anna", "bob", start=False))
        other = await parts.enter_async_context(a_house(tmp_path / "two.sqlite", "anna", "bob"))
        first = AsyncExitStack()
        parts.push_async_exit(first)
        await first.enter_async_context(running(house))
        await house.furnish()
        uids = await begin(house)
        assert (await request(house, "pause", who))["result"] == "applied"
        still = [ANNA] if who else [ANNA, BOB]
        before, told = calls(house, *still), len(house.commands())

        await change(house, uids)
        assert calls(house, *still) == before, "the daemon asked for something in a paused mailbox"
        theirs = {house.item(uids[each])["link"] for each in ("review", "lunch")}
        assert not theirs & {command["link"] for command in house.commands()[told:]}
        assert (len(house.commands()) == told) is (who is None), "Bob's own goes on if only Anna is paused"
        await first.aclose()

        await parts.enter_async_context(running(house))
        await house.quiet()
        assert calls(house, *still) == before, "a restart resumed it"
        away = len(held(house))
        assert {said["direction"] for said in held(house)} == {"inbound", "outbound"}
        assert away == await waiting(house), "one `held` for each item that waits"
        assert (await request(house, "resume", who))["result"] == "applied"
        await all_done(house)

        await change(other, await begin(other))
        assert end_state(house) == end_state(other)
        assert unended(house) == set()
        assert len(held(house)) == away, "nothing was held a second time"


@pytest.mark.rule("OPS-1", "ID-3")
async def test_a_hint_through_another_mailbox_does_not_read_the_paused_one(store: Path) -> None:
    """Given Anna paused, when Bob answers her invitation, then his hint waits for her copy, which is the one that
    counts; resumed, his answer is in the CRM.
    """
    async with a_house(store, "anna", "bob") as house:
        uids = await begin(house)
        await request(house, "pause", "u-anna")
        before = calls(house, ANNA)
        await house.does(house.outlook("bob").accept, uids["review"])
        await house.quiet()
        assert calls(house, ANNA) == before
        assert house.item(uids["review"])["item"]["responses"].get("u-bob") != "accepted"
        await request(house, "resume", "u-anna")
        await all_done(house)
        assert house.item(uids["review"])["item"]["responses"]["u-bob"] == "accepted"


@pytest.mark.rule("OPS-1")
async def test_the_directory_goes_on_while_everything_is_paused(store: Path) -> None:
    """Given everything paused, when a user is renamed and an option set, then both are in force, and answered."""
    async with a_house(store, "anna") as house:
        await request(house, "pause")
        await house.announce(user("cleo", mailbox=None))
        assert (await request(house, "pause", "u-cleo"))["result"] == "applied", "the directory knows her"
        assert (await request(house, "resume"))["explain"] == [
            {"rule": "OPS-1", "about": "u-cleo", "decision": "kept", "because": "paused by name"}
        ]


@pytest.mark.rule("OPS-1")
async def test_requests_are_answered_with_what_became_of_them(store: Path) -> None:
    """Given pauses asked for twice, of nobody, of a link, and as a dry run, then each answer says so."""
    async with a_house(store, "anna") as house:
        answers = [
            await request(house, "resume", "u-anna"),
            await request(house, "pause", "u-anna", dry_run=True),
            await request(house, "pause", "u-anna"),
            await request(house, "pause", "u-anna"),
            await request(house, "pause", "u-nobody"),
            await request(house, "pause", scope={"level": "link", "id": "9f0c"}),
            await request(house, "snapshot", mode="get"),
        ]
        assert [(said["result"], said["reason"]) for said in answers] == [
            ("unchanged", None),
            ("unchanged", None),
            ("applied", None),
            ("unchanged", None),
            ("refused", "unknown_mailbox"),
            ("refused", "not_yet"),
            ("skipped", "not_yet"),
        ]
        assert {said["direction"] for said in answers} == {"control"}
        await request(house, "resume", "u-anna")


@pytest.mark.rule("OPS-1", "CON-3")
async def test_hints_of_one_item_wait_as_one(store: Path) -> None:
    """Given Anna paused, when she changes one meeting ten times, then one `held` is said, one row waits, and after the
    resume one command tells the last state.
    """
    async with a_house(store, "anna") as house:
        uids = await begin_alone(house)
        await request(house, "pause", "u-anna")
        for n in range(10):
            await house.does(house.outlook("anna").edit, uids["lunch"], subject=f"Lunch {n}")
        await house.quiet()
        assert len(held(house)) == 1
        assert await waiting(house) == 1
        told = len(house.commands())
        await request(house, "resume", "u-anna")
        await all_done(house)
        assert [command["item"]["subject"] for command in house.commands()[told:]] == ["Lunch 9"]


async def begin_alone(house: House) -> dict[str, str]:
    uid = await house.does(house.outlook("anna").meet, "Lunch", start=TEN)
    await house.quiet()
    return {"lunch": uid}


@pytest.mark.rule("OPS-1")
async def test_a_pause_holds_for_every_daemon_on_the_store(postgres_url: str) -> None:
    """Given two daemons on one PostgreSQL, when one of them is asked to pause, then the other leaves the mailboxes
    alone, too; resumed, everything comes in.
    """
    people = ["anna", "bob", "cleo", "dora", "emil"]
    mailboxes = [f"{each}@bank.example" for each in people]
    async with a_house(postgres_url, *people, start=False) as house, running(house), running(house):
        await house.furnish()
        await request(house, "pause")
        before = calls(house, *mailboxes)
        met = [await house.does(house.outlook(each).meet, "Lunch", start=TEN) for each in people]
        await house.quiet()
        assert all(daemon.engine.progress().assigned for daemon in house.daemons)
        assert calls(house, *mailboxes) == before
        await request(house, "resume")
        await all_done(house)
        assert {item["uid"] for item in house.items()} == set(met)


@pytest.mark.rule("OPS-1")
async def test_a_daemon_says_at_its_start_who_is_paused(store: Path) -> None:
    """Given a pause of before, then whoever starts a daemon need not wonder why nothing moves."""
    async with a_house(store, "anna", start=False) as house:
        async with running(house):
            await house.furnish()
            await request(house, "pause", "u-anna")
        async with running(house):
            await house.quiet()
            lines = [json.loads(line) for line in house.watch.logged.getvalue().splitlines()]
            said = [line for line in lines if line["event"] == "sync.paused"]
            assert [line["level"] for line in said] == ["info", "warning"]
            assert (said[1]["system"], said[1]["users"]) == (False, ["u-anna"])
