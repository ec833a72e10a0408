"""Mails that a CRM event asked for, and none besides: who gets one, in whose name, and what the outcome says of it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from schemas import ids
from tests.scenarios.test_both_ways import met
from tests.scenarios.test_written_out import TEN, calendar, item
from tests.support.house import Clock, House, a_house, acting, contact, grant, options

ANNA, BOB, CLEO, BEN = (f"{name}@bank.example" for name in ("anna", "bob", "cleo", "ben"))
CARLA = "carla@client.example"
GUESTS = [f"guest{number}@client.example" for number in range(3)]
WEEKLY = {"frequency": "weekly", "interval": 1, "weekdays": ["TU"], "end": "after", "count": 4}


async def made(
    house: House, who: str = "anna", *, notify: str = "all", principal: str | None = None, **more: Any
) -> str:
    """A CRM user makes an item; its id in the CRM when all that follows has happened."""
    body = acting(who, principal=principal, notify=notify, **item(**more))
    record = await house.crm.create({**body, "kind": "schedule_item"})
    await house.quiet()
    return str(record["id"])


async def edited(
    house: House, crm_id: str, who: str = "anna", *, notify: str = "all", principal: str | None = None, **fields: Any
) -> None:
    await house.crm.edit(crm_id, acting(who, principal=principal, notify=notify, **fields))
    await house.quiet()


async def deleted(
    house: House, crm_id: str, who: str = "anna", *, notify: str = "all", principal: str | None = None
) -> None:
    await house.crm.delete(crm_id, acting(who, principal=principal, notify=notify))
    await house.quiet()


def mails(house: House, *, since: int = 0) -> list[tuple[str, str]]:
    """Everything that left so far, one by one: what kind, and to whom."""
    sent = house.sandbox.world.mails[since:]
    return sorted((mail.kind, address) for mail in sent for address in mail.to)


def told(kind: str, people: Iterable[str]) -> list[tuple[str, str]]:
    return sorted((kind, address) for address in people)


def said(house: House) -> dict[str, Any]:
    """The last outcome of a CRM event."""
    return house.outcomes(direction="outbound")[-1]


def silences(house: House) -> list[tuple[str, str]]:
    return [(each["rule"], each["because"]) for each in said(house)["explain"] if each["decision"] == "silent"]


def count(house: House) -> int:
    return len(house.sandbox.world.mails)


async def subjects(house: House, *names: str) -> list[list[str]]:
    return [[each.subject for each in await house.does(calendar, house, name)] for name in names]


@pytest.mark.scenario("S01b")
@pytest.mark.rule("INV-3", "INV-4", "INV-6")
@pytest.mark.parametrize("notify", ["all", "none"])
async def test_s01b_a_moved_start_is_one_update_to_each_guest_if_asked_for_and_none_if_not(
    store: Path, notify: str
) -> None:
    """Given a meeting with Bob and three guests, when the CRM moves it, then the outcome says how it was sent."""
    async with a_house(store, "anna", "bob") as house:
        uid = await met(house, required=[BOB, *GUESTS])
        before = count(house)
        later = {"start": (TEN + timedelta(days=1)).isoformat(), "end": (TEN + timedelta(days=1, hours=1)).isoformat()}
        await edited(house, house.item(uid)["id"], notify=notify, **later)
        is_told = notify == "all"
        assert mails(house, since=before) == (told("update", [BOB, *GUESTS]) if is_told else [])
        mail = {"mode": "all", "from": "u-anna", "sender": None, "recipients": 4, "why": "INV-3"}
        assert said(house)["mails"] == ([mail] if is_told else [])
        written = [each["mailbox"] for each in said(house)["writes"]]
        assert written == ([ANNA] if is_told else [ANNA, BOB])
        for name in ("anna", "bob"):
            [copy] = await house.does(calendar, house, name)
            assert copy.start == TEN + timedelta(days=1)


@pytest.mark.scenario("S01c")
@pytest.mark.rule("INV-5")
async def test_s01c_past_or_with_nobody_else_nothing_is_mailed_whatever_changes(store: Path) -> None:
    """Given a meeting that is over and one of Anna's alone, when the CRM changes and deletes them, then 0 messages."""
    clock = Clock(TEN - timedelta(days=1))
    async with a_house(store, "anna", "bob", clock=clock) as house:
        over = await made(house, assign_to=["u-anna", "u-bob"])
        alone = await made(house)
        before = count(house)
        clock.pass_by(timedelta(days=2))
        await edited(house, over, subject="Renamed")
        assert silences(house) == [("INV-5", "it is over")]
        await edited(house, alone, subject="Renamed")
        assert silences(house)[0][0] == "INV-5"
        await edited(house, over, status="cancelled")
        await deleted(house, alone)
        assert (count(house), said(house)["mails"]) == (before, [])
        assert await subjects(house, "anna", "bob") == [[], []]


@pytest.mark.scenario("S01c")
@pytest.mark.rule("INV-3", "ID-6")
async def test_s01c_where_the_syncing_user_does_not_organize_nothing_is_mailed(store: Path) -> None:
    """Given a stranger's meeting, when the CRM changes what it may of it, then 0 messages."""
    async with a_house(store, "anna", "bob") as house:
        uid = await house.does(house.outsider, BOB, "anna@bank.example")
        await house.quiet()
        await house.does(house.outlook("anna").accept, uid)
        await house.quiet()
        before = count(house)
        await edited(house, house.item(uid)["id"], subject="Ours", status="completed")
        assert count(house) == before
        assert all(each["mails"] == [] for each in house.outcomes())


@pytest.mark.scenario("S01d")
@pytest.mark.rule("INV-3", "INV-6")
@pytest.mark.parametrize("notify", ["added", "none"])
async def test_s01d_one_guest_added_he_alone_is_told_or_nobody(store: Path, notify: str) -> None:
    """Given a meeting with Bob, when the CRM adds Cleo and renames it, then never everybody by accident."""
    async with a_house(store, "anna", "bob", "cleo") as house:
        uid = await met(house, required=[BOB, *GUESTS])
        before = count(house)
        crm_id = house.item(uid)["id"]
        await edited(house, crm_id, notify=notify, subject="Renamed", assign_to=["u-anna", "u-bob", "u-cleo"])
        is_told = notify == "added"
        assert mails(house, since=before) == (told("invitation", [CLEO]) if is_told else [])
        mail = {"mode": "added", "from": "u-anna", "sender": None, "recipients": 1, "why": "INV-3"}
        assert said(house)["mails"] == ([mail] if is_told else [])
        assert await subjects(house, "anna", "bob", "cleo") == [["Renamed"]] * 3
        before = count(house)
        await edited(house, crm_id, notify=notify, assign_to=["u-anna", "u-cleo"])
        assert count(house) == before
        assert await subjects(house, "bob") == [[]], "taken out silently, he loses his copy"


@pytest.mark.rule("INV-3", "INV-4")
async def test_inv_4_who_is_added_with_the_meeting_itself_is_said_to_be_told_as_added(store: Path) -> None:
    """Given a new series for whose guests "added" is asked, then outcome, reasons and counts say that, and not all."""
    async with a_house(store, "anna", "bob") as house:
        exceptions = [{"original_start": (TEN + timedelta(weeks=1)).isoformat(), "deleted": True, "changes": {}}]
        people = ["u-anna", "u-bob"]
        await made(house, notify="added", assign_to=people, recurrence=WEEKLY, exceptions=exceptions)
        assert {mail["mode"] for mail in said(house)["mails"]} == {"added"}
        assert mails(house) == [("cancellation", BOB), ("invitation", BOB)]
        assert {each["because"] for each in said(house)["explain"]} == {"notify added"}
        assert house.metrics[-1].value("exsyncd_mails_total", {"mode": "added"}) == 2
        assert house.metrics[-1].value("exsyncd_mails_total", {"mode": "all"}) == 0


@pytest.mark.scenario("S01e")
@pytest.mark.rule("INV-3", "INV-6")
async def test_s01e_invited_by_the_crm_and_in_outlook_a_guest_gets_one_invitation(store: Path) -> None:
    """Given Cleo, whom Anna invites in Outlook while the CRM adds her, then she has one message and one copy."""
    async with a_house(store, "anna", "cleo") as house:
        uid = await met(house, required=GUESTS)
        before = count(house)
        await house.does(house.outlook("anna").invite, uid, CLEO)
        await edited(house, house.item(uid)["id"], notify="added", assign_to=["u-anna", "u-cleo"])
        assert [each for each in mails(house, since=before) if each[1] == CLEO] == [("invitation", CLEO)]
        assert await subjects(house, "cleo") == [["Review"]]


@pytest.mark.scenario("S22a")
@pytest.mark.rule("INV-1", "INV-2", "INV-3")
async def test_s22a_an_assistant_books_in_the_boss_s_calendar(store: Path) -> None:
    """Given a grant, then the boss organizes, and the assistant is who did it: in the mails and in the outcome."""
    async with a_house(store, "anna", "bob", "ben") as house:
        await house.announce(options("anna", meeting_invitations=True), grant("anna", "ben"))
        await house.quiet()
        crm_id = await made(house, "ben", principal="anna", assign_to=["u-anna", "u-bob"])
        [mail] = house.sandbox.world.mails
        assert (mail.kind, mail.sender_mailbox, mail.sender, mail.to) == ("invitation", ANNA, BEN, (BOB,))
        assert said(house)["actor"] == {"user": "u-ben", "on_behalf_of": "u-anna"}
        assert said(house)["mails"] == [
            {"mode": "all", "from": "u-anna", "sender": "u-ben", "recipients": 1, "why": "INV-3"}
        ]
        [used] = [each for each in said(house)["options"] if each["key"] == "meeting_invitations"]
        assert (used["user"], used["value"], used["effect"]) == ("u-anna", True, ["delegate:u-ben"])
        assert len(house.items()) == 1
        [annas] = await house.does(calendar, house, "anna")
        assert annas.organizer.email_address == ANNA
        await edited(house, crm_id, "ben", principal="anna", subject="Renamed")
        await deleted(house, crm_id, "ben", principal="anna")
        assert [(each.kind, each.sender) for each in house.sandbox.world.mails] == [
            ("invitation", BEN),
            ("update", BEN),
            ("cancellation", BEN),
        ]
        assert await subjects(house, "anna", "ben") == [[], []]


@pytest.mark.rule("INV-2")
async def test_inv_2_without_a_grant_nothing_is_made_and_what_was_changed_is_put_back(store: Path) -> None:
    """Given no grant, when Ben acts for Anna, then it is refused, whatever he does; and nobody is mailed."""
    async with a_house(store, "anna", "bob", "ben") as house:
        await made(house, "ben", principal="anna", assign_to=["u-anna", "u-bob"])
        assert (said(house)["result"], said(house)["reason"]) == ("refused", "no_grant")
        assert await subjects(house, "anna", "bob") == [[], []]
        crm_id = await made(house, notify="none", assign_to=["u-anna", "u-bob"])
        await edited(house, crm_id, "ben", principal="anna", subject="Renamed")
        assert (said(house)["result"], said(house)["reason"]) == ("refused", "no_grant")
        [record] = [each for each in house.items() if each["id"] == crm_id]
        assert record["item"]["subject"] == "Review"
        await deleted(house, crm_id, "ben", principal="anna")
        [record] = [each for each in house.items() if each["id"] == crm_id]
        assert (record["deleted"], record["item"]["subject"]) == (False, "Review")
        assert await subjects(house, "anna", "bob") == [["Review"], ["Review"]]
        assert count(house) == 0


@pytest.mark.rule("INV-6", "ALM-2", "NOTE-1", "INV-3")
async def test_inv_6_who_is_invited_gets_no_direct_copy_and_his_alarm_once_his_copy_is_there(store: Path) -> None:
    """Given a new item with everybody told, then Bob's one copy is the invited one, with his alarm and the note."""
    async with a_house(store, "anna", "bob") as house:
        await house.announce(options(meeting_alarms=True, related_notes=True))
        related = [{"kind": "opportunity", "id": "o-1", "title": "Pension plan", "url": None, "text": ""}]
        alarms = {"u-anna": [30], "u-bob": [5]}
        await made(house, assign_to=["u-anna", "u-bob"], alarms=alarms, related=related)
        assert mails(house) == told("invitation", [BOB])
        [bobs] = await house.does(calendar, house, "bob")
        assert (bobs.reminder_minutes_before_start, bobs.organizer.email_address) == (5, ANNA)
        assert "Pension plan" in str(bobs.body)
        [record] = house.items()
        assert record["item"]["alarms"] == alarms
        written = [(each["mailbox"], each["operation"]) for said_ in house.outcomes() for each in said_["writes"]]
        assert written == [(ANNA, "create"), (BOB, "update")]


@pytest.mark.rule("INV-6", "ALM-2", "ALM-5", "DEL-3")
async def test_inv_6_whose_copy_comes_anew_has_the_alarms_he_had(store: Path) -> None:
    """Given Bob with two alarms who threw his copy away, when all are told of a change, then the new one has the first.

    What reminder the message brings is Anna's or the server's word, and not Bob's.
    """
    async with a_house(store, "anna", "bob") as house:
        await house.announce(options(meeting_alarms=True))
        alarms = {"u-anna": [30], "u-bob": [0, 10]}
        crm_id = await made(house, assign_to=["u-anna", "u-bob"], alarms=alarms)
        await house.does(house.outlook("bob").delete, ids.uid_of_crm(crm_id))
        await house.quiet()
        await edited(house, crm_id, location="Room 5")
        [bobs] = await house.does(calendar, house, "bob")
        assert (bobs.location, bobs.reminder_is_set, bobs.reminder_minutes_before_start) == ("Room 5", True, 0)
        [record] = house.items()
        assert record["item"]["alarms"] == alarms
        assert record["item"]["responses"]["u-bob"] == "none"


@pytest.mark.rule("INV-6", "INV-3")
async def test_inv_6_a_direct_copy_makes_way_for_the_invited_one(store: Path) -> None:
    """Given Bob, who got a direct copy, when all are told of a change, then he is invited and has one copy."""
    async with a_house(store, "anna", "bob") as house:
        crm_id = await made(house, notify="none", assign_to=["u-anna", "u-bob"])
        assert count(house) == 0
        await edited(house, crm_id, subject="Renamed")
        assert mails(house) == told("invitation", [BOB])
        [bobs] = await house.does(calendar, house, "bob")
        assert (bobs.subject, bobs.organizer.email_address) == ("Renamed", ANNA)


@pytest.mark.rule("INV-7", "INV-3", "DEL-1", "DEL-6")
@pytest.mark.parametrize("how", ["deleted", "cancelled"])
async def test_inv_7_a_meeting_that_is_called_off_is_mailed_off_if_that_was_asked_for(store: Path, how: str) -> None:
    """Given Bob and a guest who know of it, then one cancellation each, and no command comes back to the CRM."""
    async with a_house(store, "anna", "bob") as house:
        uid = await met(house, required=[BOB, CARLA])
        crm_id, before, commands = house.item(uid)["id"], count(house), len(house.commands())
        if how == "deleted":
            await deleted(house, crm_id)
        else:
            await edited(house, crm_id, status="cancelled")
        assert mails(house, since=before) == told("cancellation", [BOB, CARLA])
        assert said(house)["mails"][0]["recipients"] == 2
        assert len(house.commands()) == commands
        [bobs] = await house.does(calendar, house, "bob")
        assert bobs.is_cancelled
        assert await subjects(house, "anna") == [[]]


@pytest.mark.rule("INV-3", "INV-6", "REC-3")
async def test_inv_3_of_single_occurrences_people_are_told_too(store: Path) -> None:
    """Given a series that all know of, when one is moved to another room and one deleted, then a mail for each."""
    async with a_house(store, "anna", "bob") as house:
        crm_id = await made(house, assign_to=["u-anna", "u-bob"], recurrence=WEEKLY)
        before = count(house)
        second, third = (TEN + timedelta(weeks=number) for number in (1, 2))
        exceptions = [
            {"original_start": second.isoformat(), "deleted": False, "changes": {"location": "Room 5"}},
            {"original_start": third.isoformat(), "deleted": True, "changes": {}},
        ]
        await edited(house, crm_id, exceptions=exceptions)
        assert mails(house, since=before) == [("cancellation", BOB), ("update", BOB)]
        assert [each["recipients"] for each in said(house)["mails"]] == [1, 1]
        assert {each["mailbox"] for each in said(house)["writes"]} == {ANNA}
        [record] = [each for each in house.items() if each["id"] == crm_id]
        assert len(record["item"]["exceptions"]) == 2


@pytest.mark.rule("INV-4", "INV-6")
async def test_inv_4_three_hundred_guests_are_not_mailed_and_the_outcome_says_so(store: Path) -> None:
    """Given more people than the limit, then what was asked for is written and nobody is told."""
    crowd = [f"guest{number}@client.example" for number in range(300)]
    async with a_house(store, "anna", "bob") as house:
        uid = await met(house, required=[BOB, *crowd])
        before = count(house)
        await edited(house, house.item(uid)["id"], subject="Renamed")
        assert count(house) == before
        assert (said(house)["result"], said(house)["reason"], said(house)["mails"]) == ("applied", "partly", [])
        because = "301 recipients, more than the limit of 250 (invitations.most_recipients)"
        assert silences(house) == [("INV-4", because)]
        assert await subjects(house, "anna", "bob") == [["Renamed"]] * 2


@pytest.mark.rule("INV-3", "PART-2", "FOR-2")
async def test_inv_3_guests_are_counted_as_people_whatever_the_crm_knows_of_them(store: Path) -> None:
    """Given a guest who is two contacts and one who is none, then two mails, and the outcome says two."""
    async with a_house(store, "anna") as house:
        await house.announce(contact("c-1", CARLA), contact("c-2", CARLA))
        uid = await met(house, required=[CARLA, GUESTS[0]])
        before = count(house)
        await edited(house, house.item(uid)["id"], subject="Renamed")
        assert mails(house, since=before) == told("update", [CARLA, GUESTS[0]])
        assert said(house)["mails"][0]["recipients"] == 2
