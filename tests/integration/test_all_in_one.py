"""The main job as its users see it, all in one: what people do in Outlook, the CRM holds as the rules say.

A bank made up at random; its people make, change, answer and drop meetings through a stock EWS client while nobody
synchronizes; then all hints come, in random order and twice; then the administrator flips options, and people go on.
In the end the CRM must hold what `tests.oracle` works out from people's deeds. `EXSYNCD_TEST_SEED` repeats a run,
`EXSYNCD_TEST_MEETINGS` and `EXSYNCD_TEST_MAILBOXES` make it larger, `EXSYNCD_TEST_STORE=postgres` puts the store there,
and `EXSYNCD_TEST_DAEMONS=2` has two daemons share it.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from random import Random, SystemRandom
from typing import Any

import pytest

from daemon.sandbox.exchange import ExchangeSandbox, People
from schemas import catalogue, ids
from tests.integration.bank import BLACKLIST, CROWD, Bank
from tests.integration.players import Clock, Players
from tests.integration.stage import SERVICE, Hint, Said, Stage, a_stage
from tests.oracle.crm import Crm
from tests.oracle.directory import Directory, Settings
from tests.oracle.mailboxes import Book, Mailboxes
from tests.support import stores
from tests.support.kafka import Cluster

MEETINGS = int(os.environ.get("EXSYNCD_TEST_MEETINGS", "60"))
MAILBOXES = int(os.environ.get("EXSYNCD_TEST_MAILBOXES", "8"))
DAEMONS = int(os.environ.get("EXSYNCD_TEST_DAEMONS", "1"))
PHASES = 3
ACTS_PER_MEETING = 3
READING = {"GetItem", "FindItem", "GetFolder", "FindFolder", "ResolveNames", "GetServerTimeZones"}


@dataclass
class Play:
    """A run: the bank, its people, what they did, and what the CRM must make of it."""

    seed: int
    settings: Settings
    stage: Stage
    players: Players
    crm: Crm
    directory: Directory
    random: Random
    meetings: int
    hints: list[Hint] = field(default_factory=list)
    said: list[Said] = field(default_factory=list)

    async def open(self) -> None:
        await self.announce(self.players.bank.announcements)

    async def announce(self, entries: list[dict[str, Any]]) -> None:
        self.directory.hear(entries)
        await self.stage.announce(entries)

    async def flip(self, number: int) -> None:
        """The administrator flips options and, midway, settings, too; contacts move to other nodes."""
        await self.announce(self.players.bank.whims())
        is_midway = 1 < number < PHASES
        self.settings.security_model = self.random.choice(["cam", "gsm"]) if is_midway else "ham"
        self.settings.blacklist = BLACKLIST[:1] if is_midway else BLACKLIST
        self.settings.max_assigned_users = None if is_midway else CROWD
        await self.stage.set(_file(self.settings))

    async def phase(self, number: int) -> None:
        """People act unseen, then all hints come; in the last phase those of all phases."""
        await self.stage.deliver(await self.happenings(number))

    async def happenings(self, number: int) -> list[Hint]:
        """People act unseen: the hints that are to come."""
        meetings = self.meetings
        await asyncio.to_thread(self._act, new=meetings // 2 if number == 1 else meetings // (2 * PHASES - 2))
        touched = self.players.mailboxes.settle()
        hints = await self.stage.take_hints()
        self.hints += hints
        is_last = number == PHASES
        if is_last:
            touched = {uid: self._everybody(uid) for uid in self.players.mailboxes.meetings}
        for uid, mailboxes in touched.items():
            self.crm.hinted(uid, mailboxes)
        return self._shuffled([*(self.hints if is_last else hints), *hints])

    async def again(self) -> None:
        """All hints of the whole run once more."""
        await self.stage.deliver(self._shuffled(self.hints))

    async def check_quiet(self) -> None:
        """CON-3: all hints once more say nothing, and change nothing.

        But of a copy that was last looked at before the meeting was accepted, it is said at its next hint that it
        differs from the one that counts (ID-3).
        """
        new = await self._said_again()
        if new and all(_is_difference(each) for each in new):
            new = await self._said_again()
        if new:
            links = {each.data["link"] for each in new}
            uids = [uid for uid in self.players.mailboxes.meetings if ids.link_of_uid(uid) in links]
            told = [self.told(uid, "a second pass over all hints is not quiet") for uid in uids]
            pytest.fail("\n\n".join([f"seed {self.seed}: {len(new)} records", *told]), pytrace=False)
        await self.check_items()

    async def _said_again(self) -> list[Said]:
        """What the daemon says when all hints come once more, also what it said before."""
        before = Counter(each.id for each in await self.stage.said())
        await self.again()
        self.said = await self.stage.said()
        count = Counter(each.id for each in self.said)
        return [each for each in self.said if count[each.id] > before[each.id]]

    def _act(self, *, new: int) -> None:
        for _ in range(new):
            self.players.make()
        for _ in range(self.meetings * ACTS_PER_MEETING // PHASES):
            self.players.go_on()

    def _everybody(self, uid: str) -> set[str]:
        meeting = self.players.mailboxes.meetings[uid]
        return {meeting.organizer.target, *meeting.copies}

    def _shuffled(self, hints: list[Hint]) -> list[Hint]:
        return self.random.sample(hints, len(hints))

    # judging

    async def check_items(self) -> None:
        """The CRM's items are those the oracle expects, field by field."""
        items, self.said = await self.stage.items(), await self.stage.said()
        wrong = []
        for uid in self.players.mailboxes.meetings:
            expected = self.crm.records[uid].item if uid in self.crm.records else None
            found = items.pop(uid, [])
            assert len(found) <= 1, self.told(uid, f"the CRM holds {len(found)} items of one meeting")
            if (different := _differing(expected, found[0]["item"] if found else None)) is not None:
                wrong.append(self.told(uid, different))
        if wrong:
            pytest.fail("\n\n".join([*wrong, f"{len(wrong)} items differ"]), pytrace=False)
        assert not items, f"seed {self.seed}: the CRM holds items of meetings that nobody made"

    async def check_masters(self) -> None:
        """The last command of every item names its master, where the owner does not synchronize."""
        last = {c["link"]: c["data"] for c in self.stage.crm.commands() if c["taken"] and "item" in c["data"]}
        for uid, entries in (await self.stage.items()).items():
            master = last[entries[0]["link"]]["master"]
            expected = self.crm.records[uid].master
            assert master == expected, self.told(uid, f"its master is {master}, not {expected}")

    async def check_words(self) -> None:
        """PRIV-5: what was never admitted is nowhere, and content is in commands alone."""
        said = await self.stage.said()
        admitted = repr([record.admitted for record in self.crm.records.values()])
        hidden = {word for word in self.players.words if word not in admitted}
        assert hidden, f"seed {self.seed}: there was nothing to keep secret"
        commands = b"".join(_bytes(each) for each in said if each.topic == catalogue.COMMANDS).decode()
        rest = b"".join(_bytes(each) for each in said if each.topic != catalogue.COMMANDS).decode()
        elsewhere = rest + self.stage.logs() + await self.stage.metrics()
        assert not [word for word in hidden if word in commands], f"seed {self.seed}"
        assert not [word for word in self.players.words if word in elsewhere], f"seed {self.seed}"

    async def check_exchange(self) -> None:
        """The daemon read, and did nothing else: every mail is people's own."""
        mails = await self.stage.get(f"{self.stage.exchange_url}/sandbox/mails")
        assert mails, "nobody mailed anybody"
        assert SERVICE[0] not in {mail["caused_by"]["account"] for mail in mails}
        requests = await self.stage.get(f"{self.stage.exchange_url}/sandbox/requests")
        assert {each["operation"] for each in requests if each["account"] == SERVICE[0]} <= READING

    async def summary(self) -> str:
        """How large it was and what came of it, in a line."""
        said = await self.stage.said()
        commands, items = sum(each.topic == catalogue.COMMANDS for each in said), await self.stage.items()
        kept = "PostgreSQL" if stores.on_postgres() else "SQLite"
        return (
            f"seed {self.seed}: {self.meetings} meetings over {self.players.bank.size} mailboxes, "
            f"{len(self.stage.members)} daemon(s), store on {kept}: {len(self.hints)} hints, {commands} commands, "
            f"{len(items)} items, all as the oracle says"
        )

    def told(self, uid: str, what: str) -> str:
        """What is wrong, all that was done to that meeting, and what the daemon said of it."""
        meeting, link = self.players.mailboxes.meetings[uid], ids.link_of_uid(uid)
        deeds = "\n".join(f"  {deed}" for deed in meeting.log).replace(f"uid='{uid}', ", "")
        facets = ("response", "answered_at", "place", "cancelled", "age")
        copies = "\n".join(
            f"  {who}: {[getattr(copy, name) for name in facets]}" for who, copy in meeting.copies.items()
        )
        size = f"EXSYNCD_TEST_MEETINGS={self.meetings} EXSYNCD_TEST_MAILBOXES={self.players.bank.size}"
        again = f"EXSYNCD_TEST_SEED={self.seed} {size}"
        outcomes = [each for each in self.said if each.topic == catalogue.OUTCOMES and each.data["link"] == link]
        reasons = "\n".join(f"  {_brief(each.data)}" for each in outcomes)
        return (
            f"{what}\n\nmeeting {uid}, {again}, {self.settings}\ndeeds:\n{deeds}\ncopies:\n{copies}\nsaid:\n{reasons}"
        )


@pytest.mark.timeout(900 + 10 * MEETINGS)
@pytest.mark.rule("OPT-3", "OPT-4", "ID-2", "ID-3", "ID-4", "ID-6", "PART-1", "PART-2", "PART-4", "PART-7", "BLK-2")
@pytest.mark.rule("FOR-1", "FOR-2", "FOR-4", "FOR-5", "FOR-6", "FOR-7", "VIS-2", "PRIV-2", "PRIV-3", "PRIV-4", "PRIV-5")
@pytest.mark.rule("DEL-1", "DEL-2", "DEL-3", "DEL-5", "DEL-6", "CON-3", "MAP-2")
async def test_the_crm_holds_what_people_did(
    tmp_path: Path, kafka: Cluster, kafka_prefix: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever people do, the CRM holds it as the rules say; then all hints once more change and say nothing."""
    async with a_play(tmp_path, kafka=kafka.bootstrap, prefix=kafka_prefix) as play:
        for number in range(1, PHASES + 1):
            await play.flip(number)
            await play.phase(number)
            await play.check_items()
        await play.check_masters()
        await play.check_quiet()
        await play.check_words()
        await play.check_exchange()
        with capsys.disabled():
            print(f"\n{await play.summary()}")  # noqa: T201  # asked for


@asynccontextmanager
async def a_play(
    folder: Path,
    *,
    kafka: str,
    prefix: str,
    meetings: int = MEETINGS,
    mailboxes: int = MAILBOXES,
    daemons: int = DAEMONS,
) -> AsyncIterator[Play]:
    """Everything running, and the bank's directory announced."""
    seed = int(os.environ.get("EXSYNCD_TEST_SEED") or SystemRandom().randrange(10**6))
    print(f"EXSYNCD_TEST_SEED={seed}")  # noqa: T201  # shown when the test fails
    random = Random(seed)
    bank = Bank(random, mailboxes)
    services = [{"username": SERVICE[0], "password": SERVICE[1], "impersonates": "*"}]
    people = People.read({"people": bank.book, "services": services})
    held: list[Hint] = []

    async def hold(topic: str, key: bytes, value: bytes, headers: list[tuple[str, bytes]]) -> None:
        held.append((topic, key, value, headers))

    started = datetime.now(UTC)
    clock = Clock(started)
    exchange = ExchangeSandbox(people, hold, clock=clock, seed=seed)
    settings = Settings(blacklist=BLACKLIST, max_assigned_users=CROWD)
    async with a_stage(
        folder, kafka=kafka, prefix=prefix, exchange=exchange, held=held, settings=_file(settings), daemons=daemons
    ) as stage:
        left, directory = Mailboxes(Book(bank.book)), Directory()
        names = {person.email: person.legacy_dn for person in people}
        players = Players(bank, random, left, stage.exchange_url, clock, names)
        crm = Crm(left, directory, settings, now=started)
        play = Play(seed, settings, stage, players, crm, directory, random, meetings)
        await play.open()
        yield play


def _file(settings: Settings) -> str:
    """What the administrator writes; it stands before the tables of connections."""
    crowd = "" if settings.max_assigned_users is None else f"max_assigned_users = {settings.max_assigned_users}"
    return f"""
security_model = "{settings.security_model}"
[blacklist]
patterns = {json.dumps(settings.blacklist)}
[for_contacts]
{crowd}
"""


def _is_difference(said: Said) -> bool:
    return said.topic == catalogue.OUTCOMES and said.data["reason"] == "not_authoritative"


def _brief(outcome: Mapping[str, Any]) -> str:
    if "cause" not in outcome:
        return f"a command: {outcome}"
    options = {f"{each['key']} of {each['user']}": each["value"] for each in outcome["options"]}
    explain = [f"{each['about']} {each['decision']} by {each['rule']}" for each in outcome["explain"]]
    cause = outcome["cause"]
    return f"{outcome['link']} {outcome['result']} {outcome['reason']} {cause['type']} {options} {explain}"


def _bytes(said: Any) -> bytes:
    return b"\n".join([said.key or b"", said.value or b"", *(value or b"" for _, value in said.headers)])


def _differing(expected: Mapping[str, Any] | None, actual: Mapping[str, Any] | None) -> str | None:
    """Both sides of every field in which the items differ; None if they do not."""
    if expected is None or actual is None:
        if expected is actual:
            return None
        return f"expected: {expected}\n\nbut the CRM holds: {actual}"
    lines = []
    if actual["redacted"] and not actual.get("external"):
        actual = {**actual, "external": None, "external_shown_to": None}
    for name, value in expected.items():
        wanted, held = _canonical(name, value), _canonical(name, actual.get(name))
        if wanted != held:
            lines.append(f"  {name}\n    expected  {wanted}\n    held      {held}")
    return "\n".join(["the CRM's item differs:", *lines]) if lines else None


def _canonical(name: str, value: Any) -> Any:
    """Times as instants, people sorted, addresses whatever their case."""
    if name in ("start", "end"):
        return _moment(value)
    if name == "organizer" and value:
        return value | {"email": (value["email"] or "").casefold() or None}
    if name == "external" and value is not None:
        lowered = [each | {"email": each["email"].casefold() if each["email"] else None} for each in value]
        return sorted(lowered, key=lambda each: (each["email"] or "", each["name"]))
    return value


def _moment(value: Any) -> datetime | date | None:
    if not isinstance(value, str):
        return value.astimezone(UTC) if isinstance(value, datetime) else value
    return datetime.fromisoformat(value).astimezone(UTC) if "T" in value else date.fromisoformat(value)
