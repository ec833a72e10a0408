"""Any day at the bank: people, outsiders, CRM users and administrators do what they like, in any order (all of S).

Nothing is expected of a day but the invariants, which are checked at its end. `EXSYNCD_TEST_DAY` plays one seed.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
from exchangelib.errors import EWSError

from daemon.sandbox.crm.records import ItemDeleted
from tests.support.house import House, a_house, contact, node, options, person, user
from tests.support.outlook import Outlook

TEN = datetime(2026, 12, 1, 10)  # noqa: DTZ001  # in the person's own zone
PEOPLE = ("anna", "bob", "cleo", "dora")
GUESTS = (
    *(f"{name}@bank.example" for name in PEOPLE),
    "b.braun@bank.example",
    "team@bank.example",
    "carla@client.example",
    "Family@Client.example",
    "xaver@else.example",
    "yves@else.example",
)
FLAGS = (
    "external_contacts__display",
    "for_contacts__inbound",
    "for_contacts__security_check",
    "private_meetings__inbound",
)
SEEDS = [int(os.environ["EXSYNCD_TEST_DAY"])] if "EXSYNCD_TEST_DAY" in os.environ else range(4)
ACTS = 30


@dataclass
class Day:
    """One day of one seed."""

    house: House
    random: Random
    uids: list[str] = field(default_factory=list)
    outlooks: dict[str, Outlook] = field(default_factory=dict)

    async def act(self) -> None:
        """Somebody does something; what his Outlook or the CRM does not let him do, he leaves."""
        acts: list[tuple[Callable[[], Awaitable[None]], int]] = [
            (self.meet, 6 if len(self.uids) < 6 else 1),
            (self.hear_of_an_outsider, 2),
            (self.edit, 6),
            (self.answer, 6),
            (self.change_guests, 2),
            (self.leave, 3),
            (self.edit_in_crm, 4),
            (self.delete_in_crm, 1),
            (self.set_options, 2),
            (self.fail, 2),
            (self.wait, 6),
        ]
        [act] = self.random.choices([each for each, _ in acts], [weight for _, weight in acts])
        with suppress(EWSError, AssertionError, ItemDeleted):
            await act()

    async def meet(self) -> None:
        about = {"private": self.random.random() < 0.3, "optional": self._guests(2), "location": "Room 4"}
        start = TEN + timedelta(hours=self.random.randrange(9))
        made = await self.house.does(self._somebody().meet, "Review", start=start, required=self._guests(4), **about)
        self.uids.append(made)

    async def hear_of_an_outsider(self) -> None:
        invited = self._guests(4)
        uid = self.house.outsider(*invited, sensitivity=self.random.choice(["Normal", "Private"]))
        self.uids.append(uid)
        if self.random.random() < 0.3:
            happening = self.random.choice(["update", "cancellation"])
            self.house.outsider(*invited, uid=uid, happening=happening, subject="Moved")

    async def edit(self) -> None:
        changes: list[dict[str, Any]] = [
            {"subject": self.random.choice(["Review", "Renamed"])},
            {"location": self.random.choice(["", "Room 5"])},
            {"body": "Agenda"},
            {"sensitivity": self.random.choice(["Normal", "Private", "Confidential"])},
        ]
        await self.house.does(self._somebody().edit, self._meeting(), **self.random.choice(changes))

    async def answer(self) -> None:
        outlook = self._somebody()
        answer = self.random.choice([outlook.accept, outlook.tentatively_accept, outlook.decline])
        await self.house.does(answer, self._meeting())

    async def change_guests(self) -> None:
        outlook = self._somebody()
        change = self.random.choice([outlook.invite, outlook.uninvite])
        await self.house.does(change, self._meeting(), self.random.choice(GUESTS))

    async def leave(self) -> None:
        outlook = self._somebody()
        await self.house.does(self.random.choice([outlook.delete, outlook.restore, outlook.cancel]), self._meeting())

    async def edit_in_crm(self) -> None:
        if not self.house.items():
            return
        mine = [{"contact": "c-9", "source": "crm"}]
        fields: list[dict[str, Any]] = [
            {"status": "completed"},
            {"subject": "Named by the CRM"},
            {"notes": "Noted by the CRM"},
            {"for": self.random.choice([mine, []])},
            {"responses": {"u-anna": "declined"}},
        ]
        item = self.random.choice(self.house.items())
        await self.house.crm.edit(item["id"], {"item": self.random.choice(fields)})

    async def delete_in_crm(self) -> None:
        if self.house.items():
            await self.house.crm.delete(self.random.choice(self.house.items())["id"], {})

    async def set_options(self) -> None:
        values = {flag: self.random.random() < 0.5 for flag in FLAGS}
        await self.house.crm.announce([options(self.random.choice([None, *PEOPLE]), **values)])

    async def fail(self) -> None:
        fault = self.random.choice(["drop_before", "http_503", "server_busy_inner"])
        self.house.fault(fault, operation=self.random.choice(["GetItem", "FindItem", "*"]))

    async def wait(self) -> None:
        await self.house.quiet()

    def _somebody(self) -> Outlook:
        name = self.random.choice(PEOPLE)
        return self.outlooks.setdefault(name, self.house.outlook(name))

    def _guests(self, most: int) -> list[str]:
        return self.random.sample(GUESTS, self.random.randrange(most + 1))

    def _meeting(self) -> str:
        assert self.uids, "there is no meeting yet"
        return self.random.choice(self.uids)


@pytest.mark.rule("CON-3", "ID-2")
@pytest.mark.parametrize("seed", SEEDS)
async def test_on_any_day_the_invariants_hold(store: Path, seed: int) -> None:
    """Given a day of random deeds, when it is over and all hints came once more, then the invariants hold."""
    team = {"name": "Team", "email": "team@bank.example", "kind": "list", "members": ["cleo@bank.example"]}
    people = [person("anna"), person("bob", aliases=["b.braun@bank.example"]), person("cleo"), person("dora"), team]
    async with a_house(store, *people, exchange={"back_off_first": "20ms", "back_off_longest": "100ms"}) as house:
        await house.announce(
            node("other", "bank"),
            user("dora", nodes=["other"]),
            contact("c-7", "carla@client.example"),
            contact("c-8", "family@client.example"),
            contact("c-9", "family@client.example", node="other"),
        )
        day = Day(house, Random(seed))
        for _ in range(ACTS):
            await day.act()
        house.sandbox.faults.clear()
        await house.quiet()
        await house.until(lambda: house.metrics[0].value("exsyncd_parked_items", {"reason": "busy"}) == 0)
        house.deliver(house.watch.hints)  # what options did to items that are not in the CRM is seen only now
        await house.quiet()
