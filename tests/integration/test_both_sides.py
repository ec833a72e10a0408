"""The main job with people on both sides at once: Outlook and the CRM end equal, whatever anybody does.

A bank in one house: people in Outlook through a stock EWS client, CRM users through the sandbox CRM, at random from a
seed. Exchange misbehaves while the daemon writes: answers are lost, errors come after the work is done, servers touch
what was written, are busy, or deny a mailbox for a while. After every round both sides must be as `tests.oracle.sides`
works out; in the end all hints and CRM events once more say and write nothing, and nobody was ever mailed.

`EXSYNCD_TEST_SEED` repeats a run, `EXSYNCD_TEST_MEETINGS` and `EXSYNCD_TEST_ROUNDS` make it larger.
"""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from random import Random, SystemRandom
from typing import Any

import pytest

from schemas import ids
from tests.integration import both_judges
from tests.integration.both_players import (
    CLIENTS,
    CRM_CONTACTS,
    SYNCHRONIZED,
    UNREACHABLE,
    UNSYNCHRONIZED,
    Act,
    Outlooks,
    Players,
)
from tests.integration.both_tasks import TaskPlayers
from tests.integration.kafka_house import a_house_on_kafka
from tests.oracle.sides import Meeting
from tests.oracle.task_sides import Task
from tests.support.house import Clock, House, a_house, contact, house_time, node, options, person, user
from tests.support.kafka import Cluster

MEETINGS = int(os.environ.get("EXSYNCD_TEST_MEETINGS", "12"))
ROUNDS = int(os.environ.get("EXSYNCD_TEST_ROUNDS", "4"))
TASKS_PER = 2
"""A task is made with every second meeting."""

_TURNS = 12
"""How often time passes until what waits for Exchange must have had its turn."""
_A_WHILE = timedelta(minutes=6)
FAULTS: tuple[dict[str, Any], ...] = (
    {"fault": "drop_after", "operation": "CreateItem"},
    {"fault": "drop_after", "operation": "UpdateItem"},
    {"fault": "drop_before", "operation": "UpdateItem"},
    {"fault": "error_after", "operation": "UpdateItem", "status": 503},
    {"fault": "error_after", "operation": "UpdateItem", "code": "ErrorIrresolvableConflict"},
    {"fault": "error_after", "operation": "CreateItem", "code": "ErrorInternalServerError"},
    {"fault": "error_after", "operation": "DeleteItem", "status": 503},
    {"fault": "rewrite", "operation": "UpdateItem", "times": 3},
    {"fault": "rewrite", "operation": "CreateItem", "times": 2},
    {"fault": "server_busy", "operation": "UpdateItem", "times": 2, "back_off_ms": 50},
    {"fault": "server_busy", "operation": "UpdateItem", "back_off_ms": 5_500},
    {"fault": "server_busy", "operation": "CreateItem", "back_off_ms": 100},
)
LONG_FAULTS: tuple[dict[str, Any], ...] = (
    {"fault": "access_denied", "operation": "UpdateItem", "times": 2},
    {"fault": "access_denied", "operation": "GetItem"},
)
"""Mailboxes that are left alone for minutes, which only a clock in our hands makes short."""
PEOPLE = tuple(person(name) for name in (*SYNCHRONIZED, UNSYNCHRONIZED))
RULES = (
    *("CON-1", "CON-2", "CON-3", "CON-4", "CON-5", "CON-6", "PART-1", "PART-6", "PART-7", "INV-4", "INV-6", "INV-7"),
    *("ID-2", "ID-3", "ID-4", "ID-5", "ID-6", "ID-7", "ALM-1", "ALM-2", "ALM-5", "ALM-6", "ALM-8", "NOTE-1", "NOTE-2"),
    *("NOTE-5", "NOTE-6", "DEL-1", "DEL-3", "DEL-6", "MAP-1", "MAP-2", "MAP-3"),
)


@dataclass
class Play:
    """A run: the house, its people, and what must come of what they did."""

    seed: int
    house: House
    players: Players
    taskers: TaskPlayers
    random: Random
    pass_by: Callable[[timedelta], None]
    faults: Sequence[Mapping[str, Any]]
    has_tasks: bool = True

    async def open(self) -> None:
        """The directory, and options under which everything goes both ways."""
        people = [user(name) for name in SYNCHRONIZED]
        people += [user(UNSYNCHRONIZED, sync_enabled=False), user(UNREACHABLE, emails=[], mailbox=None)]
        known = {**CLIENTS, **{f"{each}@client.example": each for each in CRM_CONTACTS}}
        contacts = [contact(each, address, access={"view": "public"}) for address, each in known.items()]
        both = options(meeting_alarms=True, task_alarms=True, related_notes=True, external_contacts__display=True)
        await self.house.announce(node("bank"), node("branch", "bank"), *people, *contacts, both)

    async def days(self, meetings: int, *, rounds: int) -> None:
        """Half of the meetings are there from the first day on, the others come later."""
        await self.open()
        for number in range(rounds):
            await self.round(new=meetings // 2 if number == 0 else meetings // (2 * rounds - 2))
        await self.once_more()

    async def once_more(self) -> None:
        """All hints again. A copy that was left behind by what others did is said to differ at its next hint (ID-3)."""
        commands, said = len(self.house.commands()), self._reasons()
        self.house.deliver(self.random.sample(self.house.watch.hints, len(self.house.watch.hints)))
        await self.house.quiet()
        new = self._reasons() - said
        assert len(self.house.commands()) == commands, f"a command although nothing happened; {self.again}"
        assert new.keys() <= {"not_authoritative"}, f"{dict(new)} although nothing happened; {self.again}"

    def _reasons(self) -> Counter[str | None]:
        return Counter(each["reason"] for each in self.house.outcomes())

    def summary(self) -> str:
        """How large it was, in a line."""
        made = f"{len(self.players.meetings)} meetings, {len(self.taskers.tasks)} tasks"
        written = sum(len(each["writes"]) for each in self.house.outcomes())
        return f"seed {self.seed}: {made}, {len(self.house.outcomes())} outcomes, {written} writes"

    async def round(self, *, new: int) -> None:
        """People act on both sides unseen; then everything comes to the daemon at once, in any order."""
        self.house.hold_hints = True
        later = [*await self.players.go_on(), *await self.taskers.go_on()]
        for number in range(new):
            await self.players.make()
            if self.has_tasks and number % TASKS_PER == 0:
                await self.taskers.make()
        hints = await self.house.take_hints()
        self.house.hold_hints = False
        self._break_something()
        await self._let_loose([*hints, *later])
        await self.settle()

    def _break_something(self) -> None:
        for fault in self.random.sample(self.faults, min(3, len(self.faults))):
            name = self.random.choice(SYNCHRONIZED)
            self.house.fault(**{"mailbox": f"{name}@bank.example", **fault})

    async def _let_loose(self, things: list[Any]) -> None:
        for each in self.random.sample(things, len(things)):
            if callable(each):
                act: Act = each
                await act()
            else:
                self.house.deliver([each])
            if self.random.random() < 0.2:
                await asyncio.sleep(0)

    async def settle(self) -> None:
        """Both sides become what the oracle says; what waits for Exchange gets its time."""
        await self.house.quiet()
        for _ in range(_TURNS):
            self._learn_ids()
            if not self.house.sandbox.faults._faults and not any(self.differences()) and not await self.house.waits():
                break
            self.house.sandbox.faults.clear()
            self.pass_by(_A_WHILE)
            await asyncio.sleep(1.2)  # parked work is looked for every second
            await self.house.quiet()
        self._learn_ids()
        self.judge()

    def judge(self) -> None:
        wrong = list(self.differences())
        if wrong:
            pytest.fail("\n\n".join([*wrong, self.again]), pytrace=False)

    @property
    def again(self) -> str:
        return f"EXSYNCD_TEST_SEED={self.seed} EXSYNCD_TEST_MEETINGS={MEETINGS} EXSYNCD_TEST_ROUNDS={ROUNDS}"

    def _learn_ids(self) -> None:
        self.players.learn_ids()
        self.taskers.learn_ids()

    # judging

    def differences(self) -> Iterator[str]:
        """What is not as the oracle says, one text per meeting and task."""
        for meeting in self.players.meetings:
            if wrong := list(both_judges.of_meeting(self.house, meeting)):
                yield self._told(meeting, meeting.uid, wrong)
        for task in self.taskers.tasks:
            if wrong := list(both_judges.of_task(self.house, task)):
                yield self._told(task, task.born_as or "", wrong)

    def _told(self, thing: Meeting | Task, born_as: str, wrong: list[str]) -> str:
        """What differs, what people did, and what the daemon said of it."""
        links = {ids.link_of_uid(born_as), ids.link_of_crm(thing.crm_id or "")}
        said = [brief(each) for each in self.house.outcomes() if each["link"] in links][-8:]
        done = (f"  {each}" for each in (*thing.log, "and the daemon said:", *said))
        return "\n".join([f"{thing.crm_id} {born_as[-8:]}:", *wrong, *done])


def brief(outcome: Mapping[str, Any]) -> str:
    written = [(each["mailbox"].partition("@")[0], each["operation"], *each["fields"]) for each in outcome["writes"]]
    refused = [(each["about"], each["because"]) for each in outcome["explain"] if each["decision"] == "refused"]
    refused += [each["because"] for each in outcome["explain"] if each["decision"] == "silent"]
    cause = outcome["cause"]["type"]
    return f"{outcome['direction']} {outcome['result']} {outcome['reason']} {cause} {written} {refused}"


@pytest.mark.timeout(300 + 20 * MEETINGS)
@pytest.mark.rule(*RULES)
async def test_both_sides_hold_what_people_did(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Whatever people do on both sides at once, both end as the rules say; then all of it again changes nothing."""
    clock = Clock(house_time().replace(microsecond=0))
    async with a_house(tmp_path / "store.sqlite", *PEOPLE, clock=clock, security_model="gsm") as house:
        play = a_play(house, pass_by=clock.pass_by, faults=(*FAULTS, *LONG_FAULTS))
        await play.days(MEETINGS, rounds=ROUNDS)
    with capsys.disabled():
        print(f"\n{play.summary()}")  # noqa: T201  # asked for


@pytest.mark.timeout(300 + 20 * MEETINGS)
@pytest.mark.rule(*RULES)
async def test_both_sides_on_kafka_hold_what_people_did(
    tmp_path: Path, kafka: Cluster, kafka_prefix: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same with the daemon as a process, on a real Kafka, in real time."""
    place = {"kafka": kafka.bootstrap, "prefix": kafka_prefix}
    async with a_house_on_kafka(tmp_path, *PEOPLE, **place, security_model="gsm") as house:
        play = a_play(house, pass_by=lambda _: None, faults=FAULTS)
        await play.days(MEETINGS // 2, rounds=max(2, ROUNDS - 1))
    with capsys.disabled():
        print(f"\n{play.summary()}")  # noqa: T201  # asked for


def a_play(house: House, *, pass_by: Callable[[timedelta], None], faults: Sequence[Mapping[str, Any]]) -> Play:
    """Everybody in place. What people do and in what order it arrives hangs from the seed, each for itself."""
    seed = int(os.environ.get("EXSYNCD_TEST_SEED") or SystemRandom().randrange(10**6))
    print(f"EXSYNCD_TEST_SEED={seed}")  # noqa: T201  # shown when the test fails
    outlooks = Outlooks(house.url)
    players = Players(house, Random(seed), outlooks)
    taskers = TaskPlayers(house, Random(f"{seed} tasks"), outlooks)
    return Play(seed, house, players, taskers, Random(f"{seed} on its way"), pass_by=pass_by, faults=faults)
