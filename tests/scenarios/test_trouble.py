"""Exchange in trouble, in a whole house: denied, busy, gone, or holding what cannot be (S22, S23, S25a).

That nothing is deleted because of it is checked after every test.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from daemon.sandbox.exchange.items import Draft
from daemon.sandbox.exchange.meter import Meter
from daemon.sandbox.exchange.properties import ItemKind
from daemon.sandbox.exchange.values import Attendee, Body, Recipient
from daemon.sandbox.people import Service
from schemas import catalogue
from tests.support.house import PATH, SERVICE, Clock, House, a_house, contact, options, user

TEN = datetime(2026, 12, 1, 10)  # noqa: DTZ001  # in the person's own zone
NINE = datetime(2026, 12, 1, 9, tzinfo=UTC)
ANNA, BOB = "anna@bank.example", "bob@bank.example"


def calls(house: House, mailbox: str) -> int:
    """How often the daemon asked for something in a mailbox."""
    asked = [each for each in house.sandbox.meter.report() if each["account"] == SERVICE[0]]
    return sum(int(each["count"]) for each in asked if each["mailbox"] == mailbox)


def told(house: House, result: str) -> list[str | None]:
    return [said["reason"] for said in house.outcomes(direction="inbound") if said["result"] == result]


def an_appointment(house: House, mailbox: str, **values: Any) -> str:
    """An entry in somebody's calendar, put there as it is; its UID."""
    world = house.sandbox.world
    known = {"Subject": "Lunch", "Start": NINE, "End": NINE + timedelta(hours=1), "UID": world.new_uid()}
    item = world.create(world.folder(mailbox, "calendar"), Draft(ItemKind.CALENDAR_ITEM, known | values), by="somebody")
    return item.uid


@pytest.mark.scenario("S22d")
@pytest.mark.rule("ID-3")
async def test_s22d_a_mailbox_that_may_not_be_read_any_more_pauses_alone(store: Path) -> None:
    """Given the right to Anna's mailbox taken away, then hers wait, Bob's go on; given back, hers is read."""
    clock = Clock(datetime(2026, 11, 30, 9, tzinfo=UTC))
    async with a_house(store, "anna", "bob", clock=clock) as house:
        anna, bob = house.outlook("anna"), house.outlook("bob")
        uid = await house.does(anna.meet, "Review", start=TEN, required=[BOB])
        await house.quiet()
        services = house.sandbox.people._services
        [(name, service)] = services.items()
        services[name] = Service(username=service.username, password=service.password, impersonates=(BOB,))
        await house.does(anna.edit, uid, subject="Renamed")
        other = await house.does(bob.meet, "Lunch", start=TEN)
        await house.quiet()
        assert house.item(uid)["item"]["subject"] == "Review", "Bob's copy is no substitute"
        assert house.has_item(other)
        assert set(told(house, "held")) == {"denied"}
        services[name] = service
        clock.pass_by(timedelta(minutes=6))
        await house.until(lambda: house.item(uid)["item"]["subject"] == "Renamed")


@pytest.mark.scenario("S23a")
async def test_s23a_a_busy_mailbox_is_left_alone_until_its_time(store: Path) -> None:
    """Given an answer that asks for five minutes of peace, then no call goes to that mailbox, and Bob's go on."""
    async with a_house(store, "anna", "bob") as house:
        anna, bob = house.outlook("anna"), house.outlook("bob")
        uid = await house.does(anna.meet, "Review", start=TEN)
        await house.quiet()
        house.excuse(uid, "its mailbox is busy")
        house.hold_hints = True
        await house.does(anna.edit, uid, subject="Renamed")
        hints = await house.take_hints()
        house.hold_hints = False
        before = calls(house, ANNA)
        house.fault("server_busy", mailbox=ANNA, back_off_ms=300_000)
        house.deliver(hints)
        await house.quiet()
        assert calls(house, ANNA) == before + 1
        for _ in range(3):
            house.deliver(hints)
        other = await house.does(bob.meet, "Lunch", start=TEN)
        await house.quiet()
        assert calls(house, ANNA) == before + 1
        assert house.has_item(other)
        assert house.metrics[0].value("exsyncd_parked_items", {"reason": "busy"}) == 1
        assert house.metrics[0].value("exsyncd_rebalances_total") == 1


@contextmanager
def high_water(meter: Meter, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """The number of calls of the daemon that run at once, each time one more does."""
    running, marks = meter.running, [0]
    now = 0

    @contextmanager
    def counted(operation: str, mailbox: str, account: str) -> Iterator[None]:
        nonlocal now
        ours = account == SERVICE[0]
        now += ours
        marks.append(now)
        with running(operation, mailbox, account):
            try:
                yield
            finally:
                now -= ours

    with monkeypatch.context() as patched:
        patched.setattr(meter, "running", counted)
        yield marks


@pytest.mark.scenario("S23b")
async def test_s23b_many_mailboxes_at_once_stay_within_the_limits(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given 40 mailboxes that start together and three threads, then never more than three calls run at once."""
    people = [f"p{n}" for n in range(40)]
    async with a_house(store, *people, exchange={"threads": 3, "slow_threads": 1}) as house:
        house.hold_hints = True
        for name in people:
            an_appointment(house, f"{name}@bank.example", Subject=name)
        house.fault("slow", ms=5, times=None)
        with high_water(house.sandbox.meter, monkeypatch) as marks:
            house.deliver(await house.take_hints())
            await house.quiet()
        assert len(house.items()) == 40
        assert max(marks) == 3
        house.sandbox.faults.clear()


@pytest.mark.scenario("S23d")
@pytest.mark.parametrize("fault", ["drop_before", "http_503"])
async def test_s23d_a_failure_without_a_hint_is_met_with_growing_pauses(store: Path, fault: str) -> None:
    """Given a server that fails without a word five times, then it is asked few times, and the meeting comes in."""
    exchange = {"back_off_first": "20ms", "back_off_longest": "200ms"}
    async with a_house(store, "anna", exchange=exchange) as house:
        house.hold_hints = True
        uid = await house.does(house.outlook("anna").meet, "Review", start=TEN)
        house.fault(fault, mailbox=ANNA, operation="GetItem", times=3)
        house.deliver(await house.take_hints())
        await house.until(lambda: house.has_item(uid))
        assert calls(house, ANNA) <= 8
        assert told(house, "failed") == []


@pytest.mark.scenario("S25a")
@pytest.mark.rule("MAP-2")
@pytest.mark.parametrize(
    ("bad", "rule"),
    [
        ({"End": NINE - timedelta(hours=1)}, "end_before_start"),
        ({"Start": datetime(1601, 1, 1, tzinfo=UTC)}, "year_out_of_range"),
        ({"Body": Body("Text", "x" * 1_500_000)}, "body_too_large"),
        ({"Body": Body("Text", "x" * 20_000_000)}, "answer_too_large"),
    ],
)
async def test_s25a_one_bad_item_among_many_is_put_aside_and_tried_again_when_it_changes(
    store: Path, bad: dict[str, Any], rule: str
) -> None:
    """Given 25 good items and one that cannot be, then 25 come in, one is named with its rule, and mended comes in."""
    async with a_house(store, "anna") as house:
        good = {an_appointment(house, ANNA, Subject=f"Lunch {n}") for n in range(25)}
        broken = an_appointment(house, ANNA, **bad)
        await house.quiet()
        assert {item["uid"] for item in house.items()} == good
        [said] = [each for each in house.outcomes() if each["result"] == "failed"]
        assert (said["reason"], [entry["because"] for entry in said["explain"]]) == ("restriction", [rule])
        house.deliver(house.watch.hints)
        await house.quiet()
        assert told(house, "failed") == ["restriction"]
        [item] = [each for each in house.sandbox.world.items(ANNA, "calendar") if each.uid == broken]
        mended = {"Start": NINE, "End": NINE, "Body": None}
        house.sandbox.world.modify(item, mended, by="Anna Adler")
        await house.quiet()
        assert house.has_item(broken)


async def test_an_item_of_unknown_words_comes_in(store: Path) -> None:
    """Given an importance and a busy status that nobody knows, then they count as ordinary."""
    async with a_house(store, "anna") as house:
        uid = an_appointment(house, ANNA, Importance="Urgent", LegacyFreeBusyStatus="Asleep")
        await house.quiet()
        assert house.item(uid)["item"]["priority"] == "B"


async def test_a_bomb_in_a_body_is_text_like_any_other(store: Path) -> None:
    """Given a body of ten thousand open tags, then the meeting comes in, and so does the next one."""
    async with a_house(store, "anna") as house:
        bomb = an_appointment(house, ANNA, Body=Body("HTML", "<div>" * 10_000 + "<p>Agenda" + "&amp;" * 10_000))
        other = an_appointment(house, ANNA)
        await house.quiet()
        assert "Agenda" in house.item(bomb)["item"]["notes"]
        assert house.has_item(other)


@pytest.mark.parametrize("letter", ["ä", "€", '"'])
async def test_an_item_that_no_record_can_hold_is_put_aside(store: Path, letter: str) -> None:
    """Given notes that make a command larger than its topic takes, then the item is put aside, and others go on."""
    async with a_house(store, "anna") as house:
        huge = an_appointment(house, ANNA, Body=Body("Text", letter * 900_000))
        other = an_appointment(house, ANNA)
        await house.quiet()
        assert {item["uid"] for item in house.items()} == {other}
        assert told(house, "failed") == ["restriction"]
        [item] = [each for each in house.sandbox.world.items(ANNA, "calendar") if each.uid == huge]
        house.sandbox.world.modify(item, {"Body": Body("Text", "short")}, by="Anna Adler")
        await house.quiet()
        assert house.item(huge)["item"]["notes"] == "short"


@pytest.mark.rule("PART-1", "FOR-2")
async def test_two_hundred_attendees_are_two_hundred_people(store: Path) -> None:
    """Given 200 guests, of whom half are contacts, then 100 stand in For and 100 are external, each once."""
    async with a_house(store, "anna") as house:
        await house.announce(
            options(external_contacts__display=True),
            *(contact(f"c-{n:03}", f"guest{n}@client.example") for n in range(0, 200, 2)),
        )
        guests = tuple(Attendee(Recipient(f"Guest {n}", f"guest{n}@client.example")) for n in range(200))
        anna = Recipient("Anna Adler", ANNA)
        about = {"IsMeeting": True, "Organizer": anna, "MyResponseType": "Organizer"}
        uid = an_appointment(house, ANNA, RequiredAttendees=guests, **about)
        await house.quiet()
        item = house.item(uid)["item"]
        assert [entry["contact"] for entry in item["for"]] == [f"c-{n:03}" for n in range(0, 200, 2)]
        assert len(item["external"]) == 100


@pytest.mark.parametrize("status", [None, 403])
async def test_a_denied_mailbox_is_named_once_and_others_go_on(store: Path, status: int | None) -> None:
    """Given a mailbox whose reads are denied, by EWS or by HTTP, then its meeting waits, and Bob's comes in."""
    async with a_house(store, "anna", "bob") as house:
        house.fault(
            "access_denied", mailbox=ANNA, operation="GetItem", times=None, **({"status": 403} if status else {})
        )
        denied, other = an_appointment(house, ANNA), an_appointment(house, BOB)
        await house.quiet()
        assert {item["uid"] for item in house.items()} == {other}
        assert told(house, "held") == ["denied"]
        assert house.broker.records(catalogue.DEAD_LETTERS) == []
        house.excuse(denied, "denied")


async def test_a_mailbox_that_is_nobodys_is_named_once(store: Path) -> None:
    """Given hints of a mailbox that no CRM user has, then one skip names the reason, and Exchange is not asked."""
    async with a_house(store, "anna", {"name": "Gustav Ghost", "email": "ghost@else.example"}) as house:
        await house.announce(user("ghost", emails=["ghost@else.example"], mailbox=None))
        for _ in range(3):
            an_appointment(house, "ghost@else.example")
        await house.quiet()
        assert house.items() == []
        assert told(house, "skipped") == ["unknown_mailbox"]
        assert calls(house, "ghost@else.example") == 0


@pytest.mark.rule("PRIV-5")
async def test_an_unreachable_exchange_is_said_and_nothing_is_lost(store: Path) -> None:
    """Given nobody at the endpoint, then hints are parked, the directory goes on, and the log says what is wrong."""
    async with a_house(store, "anna", exchange={"endpoint": f"http://127.0.0.1:9{PATH}"}) as house:
        house.canary("Review")
        an_appointment(house, ANNA, Subject="Review")
        await house.quiet()
        await house.announce(contact("c-7", "carla@client.example"))
        assert house.broker.records(catalogue.DEAD_LETTERS) == []
        assert house.items() == []
        lines = [json.loads(line) for line in house.watch.logged.getvalue().splitlines()]
        assert {line["error"] for line in lines if line["event"] == "exchange.refused"} >= {"Unavailable"}
        parked = await house.daemons[0].store.read(
            lambda tx: tx.exec_driver_sql("SELECT count(*) FROM parked").scalar_one()
        )
        assert parked == 1
