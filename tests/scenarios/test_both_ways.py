"""What the CRM changes, seen in the calendars of those it concerns."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from exchangelib import HTMLBody

from schemas import ids
from tests.scenarios.test_written_out import answers, calendar, made
from tests.support.house import Clock, House, a_house, contact, house_time, options, running

TEN = datetime(2027, 3, 2, 10)  # noqa: DTZ001  # in the person's own zone
ANNA, BOB = "anna@bank.example", "bob@bank.example"
CARLA = "carla@client.example"


async def met(house: House, who: str = "anna", **more: Any) -> str:
    """Somebody makes a meeting in Outlook; its UID when the CRM has it."""
    uid = await house.does(house.outlook(who).meet, "Review", start=TEN, **more)
    await house.quiet()
    return str(uid)


async def edited(house: House, uid: str, *, actor: str = "u-anna", **fields: Any) -> None:
    """A CRM user changes fields; returns when all that follows has happened."""
    await house.crm.edit(house.item(uid)["id"], {"actor": {"user": actor}, "item": fields})
    await house.quiet()


async def copy_of(house: House, who: str, uid: str) -> Any:
    return await house.does(house.outlook(who).copy, uid)


def writes(house: House) -> list[tuple[str, str, tuple[str, ...]]]:
    """Mailbox, operation and fields of everything an outcome says was written."""
    said = [write for outcome in house.outcomes() for write in outcome["writes"]]
    return [(each["mailbox"], each["operation"], tuple(each["fields"])) for each in said]


def raw(house: House, address: str) -> list[Any]:
    """The items of a mailbox's calendar as the server keeps them."""
    return list(house.sandbox.world.items(address, "calendar"))


@pytest.mark.scenario("S01a")
@pytest.mark.rule("INV-4", "INV-5", "INV-7")
async def test_s01a_what_guests_do_not_see_is_no_mail_and_no_write(store: Path) -> None:
    """Given a meeting with three guests, when owner and status change in the CRM, then nothing is written or mailed."""
    guests = [f"guest{n}@client.example" for n in range(3)]
    async with a_house(store, "anna", "bob") as house:
        uid = await met(house, required=guests)
        house.excuse(uid, "the CRM's owner is its own affair")
        mails = len(house.sandbox.world.mails)
        await edited(house, uid, owner="u-bob", status="completed")
        assert writes(house) == []
        assert len(house.sandbox.world.mails) == mails
        assert str((await copy_of(house, "anna", uid)).organizer.email_address) == ANNA


@pytest.mark.scenario("S05b")
@pytest.mark.rule("MAP-1", "MAP-2")
async def test_s05b_a_title_alone_carries_no_time(store: Path) -> None:
    """Given an item made in Outlook, when the CRM renames it, then times and zones are not in the request."""
    async with a_house(store, "anna") as house:
        uid = await met(house)
        [before] = raw(house, ANNA)
        times = {name: before.values.get(name) for name in ("Start", "End", "StartTimeZone", "EndTimeZone")}
        await edited(house, uid, subject="Renamed")
        [after] = raw(house, ANNA)
        assert {name: after.values.get(name) for name in times} == times
        assert writes(house) == [(ANNA, "update", ("subject",))]


@pytest.mark.scenario("S06c", "S06e")
@pytest.mark.rule("MAP-2")
async def test_s06c_s06e_days_stay_days_and_toggling_gives_what_was_set(store: Path) -> None:
    """Given three days, then both sides have three days, ten times; as a timed item and back it is what was set."""
    days = {"all_day": True, "start": "2027-03-02", "end": "2027-03-05"}
    async with a_house(store, "anna") as house:
        record = await made(house, **days)
        uid = ids.uid_of_crm(record["id"])
        for n in range(10):
            await house.crm.edit(record["id"], {"actor": {"user": "u-anna"}, "item": {"subject": f"Trip {n}"}})
            await house.quiet()
            await house.does(house.outlook("anna").edit, uid, location=f"Place {n}")
            await house.quiet()
        copy = await copy_of(house, "anna", uid)
        assert (copy.is_all_day, copy.start, copy.end) == (True, date(2027, 3, 2), date(2027, 3, 4))
        shown = house.items()[0]["item"]
        assert {name: shown[name] for name in days} == days
        timed = {"all_day": False, "start": "2027-03-02T09:00:00+01:00", "end": "2027-03-02T09:30:00+01:00"}
        await house.crm.edit(record["id"], {"actor": {"user": "u-anna"}, "item": timed})
        await house.quiet()
        copy = await copy_of(house, "anna", uid)
        eight = datetime(2027, 3, 2, 8, tzinfo=UTC)
        assert (copy.is_all_day, copy.start, copy.end) == (False, eight, eight + timedelta(minutes=30))
        await house.crm.edit(record["id"], {"actor": {"user": "u-anna"}, "item": days})
        await house.quiet()
        copy = await copy_of(house, "anna", uid)
        assert (copy.is_all_day, copy.start, copy.end) == (True, date(2027, 3, 2), date(2027, 3, 4))


@pytest.mark.scenario("S07b")
@pytest.mark.rule("CON-3", "CON-4")
async def test_s07b_a_server_that_rewrites_what_we_wrote_is_still_quiet(store: Path) -> None:
    """Given a server that trims, re-wraps, rounds and re-orders, then nobody is told of it, and nothing is written."""
    async with a_house(store, "anna", "bob") as house:
        house.fault("rewrite", operation="*", times=None)
        record = await made(
            house, subject="Review ", location=" Room 4 ", notes="One\nTwo\n", assign_to=["u-anna", "u-bob"]
        )
        uid = ids.uid_of_crm(record["id"])
        await house.crm.edit(record["id"], {"actor": {"user": "u-anna"}, "item": {"notes": "One\nTwo\nThree  "}})
        await house.quiet()
        assert (await copy_of(house, "anna", uid)).subject.strip() == "Review"
        assert house.commands() == []
        assert [said["result"] for said in house.outcomes(direction="outbound")] == ["applied", "applied"]


@pytest.mark.scenario("S08c", "S08d")
@pytest.mark.rule("ID-5")
async def test_s08c_s08d_an_error_with_the_item_stored_is_found_by_its_marker(store: Path) -> None:
    """Given a server that stores the item and answers with an error, then the marker, written with it, finds it."""
    clock = Clock(house_time())
    async with a_house(store, "anna", "bob", clock=clock) as house:
        house.fault("error_after", operation="CreateItem")
        await made(house, assign_to=["u-anna", "u-bob"])
        clock.pass_by(timedelta(minutes=5))
        await house.until(lambda: ("applied", None) in answers(house))
        for who in ("anna", "bob"):
            assert len(await house.does(calendar, house, who)) == 1
        asked = [each["operation"] for each in house.sandbox.meter.report() if each["account"] == house.service]
        assert "FindItem" in asked


@pytest.mark.scenario("S11e")
@pytest.mark.rule("PRIV-4")
async def test_s11e_a_placeholder_never_overwrites_the_real_subject(store: Path) -> None:
    """Given an item that was redacted, when the CRM edits it, then the subject in Outlook is the person's own."""
    async with a_house(store, "anna", "bob") as house:
        uid = await met(house, required=[BOB])
        await house.does(house.outlook("anna").edit, uid, sensitivity="Private", subject="Merger")
        await house.quiet()
        assert house.item(uid)["item"]["subject"] == "Private"
        await edited(house, uid, subject="Mine", priority="A", status="completed")
        copy = await copy_of(house, "anna", uid)
        assert (copy.subject, copy.importance) == ("Merger", "High")
        assert house.item(uid)["item"]["subject"] == "Private"
        assert answers(house)[-1] == ("applied", "partly")


@pytest.mark.scenario("S12a", "S12b", "S12c")
@pytest.mark.rule("INV-7", "DEL-1")
async def test_s12a_s12b_s12c_leaving_the_scope_is_no_delete_and_a_delete_is_one(store: Path) -> None:
    """Given an item that leaves the scope and returns, then its meeting stays, and is the same; a delete deletes it."""
    async with a_house(store, "anna", "bob") as house:
        uid = await met(house, required=[BOB])
        crm_id, link = house.item(uid)["id"], house.item(uid)["link"]
        await house.crm.take_out_of_scope(crm_id, {})
        await house.quiet()
        assert writes(house) == []
        assert (await copy_of(house, "anna", uid)).subject == "Review"
        await edited(house, uid, subject="Back")
        assert house.item(uid)["link"] == link
        assert (await copy_of(house, "anna", uid)).subject == "Back"
        await house.crm.delete(crm_id, {})
        await house.quiet()
        for who in ("anna", "bob"):
            assert not await house.does(house.outlook(who).has_copy, uid)


@pytest.mark.scenario("S13b", "S13d")
@pytest.mark.rule("ID-6", "INV-7")
async def test_s13b_s13d_an_outsiders_meeting_is_untouched_and_an_owner_no_organizer(store: Path) -> None:
    """Given Xaver's meeting, when the CRM moves it, then it is refused and put back; an alarm of Bob's goes through."""
    async with a_house(store, "bob") as house:
        await house.announce(options(meeting_alarms=True))
        uid = house.outsider(BOB)
        await house.does(house.outlook("bob").accept, uid)
        await house.quiet()
        before = await copy_of(house, "bob", uid)
        later = {"start": "2027-03-02T15:00:00+01:00", "end": "2027-03-02T16:00:00+01:00"}
        await edited(house, uid, actor="u-bob", **later, owner="u-bob", alarms={"u-bob": [30]})
        after = await copy_of(house, "bob", uid)
        assert (after.start, after.end, after.organizer) == (before.start, before.end, before.organizer)
        assert after.reminder_minutes_before_start == 30
        shown = house.item(uid)["item"]
        assert (shown["owner"], shown["alarms"]) == (None, {"u-bob": [30]})
        assert datetime.fromisoformat(shown["start"]) == before.start


@pytest.mark.scenario("S17a", "S17c", "S17e")
@pytest.mark.rule("ALM-1", "ALM-2", "ALM-5")
async def test_s17a_s17c_s17e_everybodys_reminder_is_his_own_and_no_other_edit_touches_it(store: Path) -> None:
    """Given reminders of Anna and Bob, when the CRM renames and then sets Anna's, then Bob's stays his own."""
    async with a_house(store, "anna", "bob") as house:
        await house.announce(options(meeting_alarms=True))
        anna, bob = house.outlook("anna"), house.outlook("bob")
        uid = await met(house, required=[BOB])
        for minutes in (0, None, 15, 10080):
            await house.does(anna.set_reminder, uid, minutes)
            await house.quiet()
            assert house.item(uid)["item"]["alarms"]["u-anna"] == ([] if minutes is None else [minutes])
            await edited(house, uid, subject=f"Renamed {minutes}")
            assert await house.does(anna.reminder, uid) == minutes
        await house.does(bob.set_reminder, uid, 45)
        await house.quiet()
        await edited(house, uid, alarms={"u-anna": [120, 20], "u-bob": [45]})
        assert (await house.does(anna.reminder, uid), await house.does(bob.reminder, uid)) == (20, 45)
        await house.does(anna.set_reminder, uid, None)
        await house.quiet()
        assert house.item(uid)["item"]["alarms"]["u-anna"] == [120]
        assert await house.does(anna.reminder, uid) is None


@pytest.mark.scenario("S17d")
@pytest.mark.rule("ALM-7")
async def test_s17d_nothing_past_gets_a_reminder(store: Path) -> None:
    """Given an item that is over, when the CRM sets an alarm, then Outlook has none."""
    past = {"start": "2020-03-02T10:00:00Z", "end": "2020-03-02T11:00:00Z"}
    async with a_house(store, "anna") as house:
        await house.announce(options(meeting_alarms=True))
        record = await made(house, **past, alarms={"u-anna": [15]})
        [copy] = await house.does(calendar, house, "anna")
        assert not copy.reminder_is_set
        await house.crm.edit(record["id"], {"actor": {"user": "u-anna"}, "item": {"alarms": {"u-anna": [30]}}})
        await house.quiet()
        [copy] = await house.does(calendar, house, "anna")
        assert not copy.reminder_is_set


@pytest.mark.scenario("S18b", "S18c", "S18d")
@pytest.mark.rule("PART-7")
async def test_s18b_s18c_s18d_a_title_resets_nobodys_answer_and_the_crm_forges_none(store: Path) -> None:
    """Given Bob's answer, when the CRM renames and moves, then the CRM shows what Exchange shows, and nothing else."""
    async with a_house(store, "anna", "bob") as house:
        uid = await met(house, required=[BOB])
        await house.does(house.outlook("bob").accept, uid)
        await house.quiet()
        await edited(house, uid, subject="Renamed")
        assert house.item(uid)["item"]["responses"]["u-bob"] == "accepted"
        assert (await copy_of(house, "bob", uid)).my_response_type == "Accept"
        later = {"start": "2027-03-02T15:00:00+01:00", "end": "2027-03-02T16:00:00+01:00"}
        await edited(house, uid, **later)
        bobs = (await copy_of(house, "bob", uid)).my_response_type
        words = {"Accept": "accepted", "NoResponseReceived": "none"}
        assert house.item(uid)["item"]["responses"]["u-bob"] == words[bobs]
        await edited(house, uid, responses={"u-anna": "organizer", "u-bob": "declined"})
        assert house.item(uid)["item"]["responses"]["u-bob"] == words[bobs]


@pytest.mark.scenario("S19b", "S19c", "S20b")
@pytest.mark.rule("PART-5", "PART-6")
async def test_s19b_s19c_s20b_whom_the_crm_does_not_know_stays_and_a_list_is_not_expanded(store: Path) -> None:
    """Given 60 guests and a list, when the CRM adds Bob and then removes him, then all of them are still invited."""
    guests = [f"guest{n}@else.example" for n in range(60)]
    team = {"name": "The team", "email": "team@bank.example", "kind": "list", "members": [BOB]}
    people = [{"name": n.title(), "email": f"{n}@bank.example", "password": n} for n in ("anna", "cleo")]
    async with a_house(store, *people, team) as house:
        uid = await met(house, required=[*guests, team["email"]])
        await edited(house, uid, assign_to=["u-anna", "u-cleo"])
        invited = {each.mailbox.email_address for each in (await copy_of(house, "anna", uid)).required_attendees}
        assert invited == {*guests, team["email"], "cleo@bank.example"}
        await edited(house, uid, assign_to=["u-anna"])
        invited = {each.mailbox.email_address for each in (await copy_of(house, "anna", uid)).required_attendees}
        assert invited == {*guests, team["email"]}
        assert await house.does(calendar, house, "cleo") == []


@pytest.mark.scenario("S22b")
@pytest.mark.rule("INV-4", "INV-7")
async def test_s22b_the_service_account_is_nobody_in_what_it_writes(store: Path) -> None:
    """Given an item made in the CRM, then its organizer is Anna, and the service account is nowhere in it."""
    async with a_house(store, "anna", "bob") as house:
        await made(house, assign_to=["u-anna", "u-bob"])
        [annas] = await house.does(calendar, house, "anna")
        assert annas.organizer.email_address == ANNA
        named = [each.mailbox.email_address for each in (*annas.required_attendees, *(annas.optional_attendees or ()))]
        assert house.service not in named
        assert house.sandbox.world.mails == []


@pytest.mark.scenario("S26")
@pytest.mark.rule("MAP-3", "NOTE-5", "NOTE-6")
async def test_s26_another_edit_leaves_the_body_and_nothing_related_is_mailed(store: Path) -> None:
    """Given a body with markup and a client among the guests, when the CRM edits other fields, then it keeps its bytes
    and nothing of the CRM stands in it.
    """
    related = [{"kind": "opportunity", "id": "o-1", "title": "Pension", "url": "https://crm.example/o/1"}]
    async with a_house(store, "anna") as house:
        await house.announce(contact("c-7", CARLA), options(related_notes=True))
        body = HTMLBody("<html><body><p>Hello <b>you</b></p></body></html>")
        uid = await met(house, required=[CARLA], body=body)
        [before] = raw(house, ANNA)
        await edited(house, uid, location="Room 4", related=related)
        [after] = raw(house, ANNA)
        assert after.values["Body"] == before.values["Body"]
        assert "Pension" not in str(after.values["Body"])


@pytest.mark.scenario("S03c")
@pytest.mark.rule("ID-5", "ID-8")
async def test_s03c_with_the_store_lost_nothing_is_made_again(tmp_path: Path) -> None:
    """Given items born on both sides and a store that is lost, then everything read again makes no record anywhere."""
    async with a_house(tmp_path / "one.sqlite", "anna", "bob", start=False) as house:
        async with running(house):
            await house.furnish()
            await met(house, required=[BOB])
            await made(house, assign_to=["u-anna", "u-bob"])
        items = {who: len(await house.does(calendar, house, who)) for who in ("anna", "bob")}
        records = len(house.items())
        for uid in [item["uid"] for item in house.items() if item["uid"]]:
            house.excuse(uid, "its store was lost")
        house.settings = house.settings.model_copy(
            update={"store": house.settings.store.model_copy(update={"url": f"sqlite:///{tmp_path / 'two.sqlite'}"})}
        )
        async with running(house):
            await house.quiet()
            house.deliver(house.watch.hints)
            await house.quiet()
            assert {who: len(await house.does(calendar, house, who)) for who in ("anna", "bob")} == items
            assert len(house.items()) == records
