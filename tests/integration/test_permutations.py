"""Every order in which five mailboxes' hints may come gives the same end (S03a).

One house, many meetings that are all alike: each is told of in an order of its own. Hints of one mailbox come together;
the next mailbox's only when those before them are settled.
"""

from __future__ import annotations

import itertools
import json
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from daemon.sandbox.exchange.items import Cause, Draft
from daemon.sandbox.exchange.meetings import Answer, Meetings, SendMode
from tests.support.house import Clock, House, a_house, contact, options
from tests.support.watch import HeldHint

FIVE = ("anna", "bob", "cleo", "dora", "emil")
ADDRESSES = [f"{name}@bank.example" for name in FIVE]
GUESTS = [*ADDRESSES[1:], "carla@client.example", "xaver@else.example"]
SAMPLE = 10  # of how many meetings all hints come once more in the end, as after every test
NINE = datetime(2026, 12, 1, 9)  # noqa: DTZ001  # in the person's own zone
EVERYBODY = list(itertools.permutations(ADDRESSES))
ATTENDEES_ALONE = list(itertools.permutations(ADDRESSES[1:]))
ANSWERS = {"bob": "Accept", "cleo": "Tentative", "dora": "Decline"}
RESPONSES = {
    "u-anna": "organizer",
    "u-bob": "accepted",
    "u-cleo": "tentative",
    "u-dora": "declined",
    "u-emil": "none",
}
DIRECTORY = (
    contact("c-1", "carla@client.example"),
    contact("c-2", "carla@client.example", node="bank"),
    options(external_contacts__display=True, for_contacts__security_check=True),
)

HintsOf = dict[str, dict[str, list[HeldHint]]]
"""Hints by meeting and mailbox."""


async def invite(house: House, count: int) -> list[str]:
    """Anna makes a meeting, and Exchange many more that are like it."""
    first = await house.does(house.outlook("anna").meet, "Review", start=NINE, required=GUESTS)
    world = house.sandbox.world
    meetings, folder = Meetings(world), world.folder(ADDRESSES[0], "calendar")
    model = meetings.calendar_item(ADDRESSES[0], first)
    assert model is not None
    uids = [first]
    for _ in range(count - 1):
        uids.append(world.new_uid())
        draft = Draft(model.kind, {**model.values, "UID": uids[-1], "MeetingRequestWasSent": False})
        item = world.create(folder, draft, by="Anna Adler")
        meetings.announce(item, SendMode("all", save_copy=False), Cause("CreateItem", ADDRESSES[0]))
    return uids


def answer(house: House, name: str, response: str) -> None:
    """Somebody gives the same answer to everything in his calendar."""
    mailbox = f"{name}@bank.example"
    for copy in house.sandbox.world.items(mailbox, "calendar"):
        given = Answer(response, send=True, save_copy=False)
        Meetings(house.sandbox.world).answer(copy, given, Cause("CreateItem", mailbox))


async def hints_by_place(house: House) -> HintsOf:
    """The hints held so far, of each item its last: one of several that say the same."""
    await house.sandbox.hints_published()
    last = {(hint[1], json.loads(hint[2])["item_id"]): hint for hint in await house.take_hints()}
    uid_of = {item.id: item.uid for item in house.sandbox.world}
    found: HintsOf = defaultdict(lambda: defaultdict(list))
    for (mailbox, item_id), hint in last.items():
        if uid := uid_of.get(item_id):
            found[uid][mailbox.decode()].append(hint)
    house.watch.hints = [hint for uid in list(found)[:SAMPLE] for hints in found[uid].values() for hint in hints]
    return found


async def deliver(house: House, hints: HintsOf, orders: dict[str, Sequence[str]], *, times: int = 1) -> None:
    """The hints of each meeting in the order of mailboxes that is its own."""
    for turn in range(max(map(len, orders.values()))):
        for uid, order in orders.items():
            for mailbox in order[turn : turn + 1]:
                house.deliver(hints[uid][mailbox] * times)
        await house.quiet()


async def ends_alike(house: House, uids: Sequence[str]) -> dict[str, Any]:
    """The one item that the CRM holds for each of these meetings; there is 1 record, 1 link, and 5 replicas of each."""
    [daemon] = house.daemons
    links = await daemon.store.read(lambda tx: tx.exec_driver_sql("SELECT uid FROM links").scalars().all())
    assert sorted(links) == sorted(uids)
    replicas = await daemon.store.read(
        lambda tx: tx.exec_driver_sql(
            "SELECT l.uid, r.mailbox FROM links l JOIN replicas r ON r.link_id = l.id ORDER BY r.mailbox"
        ).all()
    )
    assert {uid: [m for known, m in replicas if known == uid] for uid in uids} == dict.fromkeys(uids, ADDRESSES)
    first, *others = (house.item(uid)["item"] for uid in uids)
    for other in others:
        assert other == first
    return dict(first)


@pytest.mark.timeout(240)
@pytest.mark.scenario("S03a", "S07e")
@pytest.mark.rule("ID-2", "ID-3", "OPT-4", "CON-3")
@pytest.mark.parametrize("times", [1, 2], ids=["once", "twice"])
@pytest.mark.parametrize(
    "orders", [EVERYBODY, ATTENDEES_ALONE], ids=["through everybody", "through the attendees alone"]
)
async def test_s03a_every_order_of_the_mailboxes_hints_gives_the_same_end(
    tmp_path: Path, orders: Sequence[Sequence[str]], times: int
) -> None:
    """Given a meeting of five, answered, when hints come in any order, then 1 record, 1 link, and 5 replicas."""
    async with a_house(tmp_path / "store.sqlite", *FIVE) as house:
        await house.announce(*DIRECTORY)
        house.hold_hints = True
        uids = await invite(house, len(orders))
        for name, response in ANSWERS.items():
            answer(house, name, response)
        hints = await hints_by_place(house)
        await deliver(house, hints, dict(zip(uids, orders, strict=True)), times=times)
        end = await ends_alike(house, uids)
        assert end["responses"] == RESPONSES
        assert [entry["contact"] for entry in end["for"]] == ["c-1"]
        assert [each["email"] for each in end["external"]] == ["xaver@else.example"]


@pytest.mark.timeout(240)
@pytest.mark.scenario("S03a")
@pytest.mark.rule("ID-2", "ID-4")
async def test_s03a_every_order_finds_the_same_master(tmp_path: Path) -> None:
    """Given an outsider's meeting that Cleo accepted before Bob, then in any order she is the master."""
    clock = Clock(NINE.replace(tzinfo=UTC))
    async with a_house(tmp_path / "store.sqlite", *FIVE, clock=clock) as house:
        await house.announce(*DIRECTORY, options("cleo", for_contacts__inbound=False))
        house.hold_hints = True
        uids = [house.outsider(*ADDRESSES, "carla@client.example") for _ in EVERYBODY]
        for name, response in (("cleo", "Accept"), ("dora", "Decline"), ("bob", "Accept")):
            clock.pass_by(timedelta(minutes=1))
            answer(house, name, response)
        hints = await hints_by_place(house)
        await deliver(house, hints, dict(zip(uids, EVERYBODY, strict=True)))
        end = await ends_alike(house, uids)
        assert end["for"] == [], "the options of the master count"
        assert {command["master"] for command in house.commands()} == {"u-cleo"}
