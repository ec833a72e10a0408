"""Who is mailed, with people on both sides who act for each other: one by one what the rules say, and never more.

The play of `test_both_sides`, in which CRM users say whom to tell and in whose name they act, grants come and go, the
option is switched, and time passes until meetings are past. After every round the sandbox's mails are those that
`tests.oracle` works out, one by one, each with whom it is from, who sent it, and to whom; and both sides hold what they
must. In the end everything once more mails nobody.

`EXSYNCD_TEST_SEED` repeats a run, `EXSYNCD_TEST_MEETINGS` and `EXSYNCD_TEST_ROUNDS` make it larger.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from random import Random

import pytest

from daemon.sandbox.exchange.items import Mail as SentMail
from tests.integration.both_players import Outlooks
from tests.integration.both_tasks import TaskPlayers
from tests.integration.kafka_house import a_house_on_kafka
from tests.integration.mail_players import A_FORTNIGHT, MailPlayers, mails_of
from tests.integration.series_mail_players import SeriesPlayers
from tests.integration.test_both_sides import FAULTS, MEETINGS, PEOPLE, ROUNDS, Play
from tests.oracle.sides import Meeting
from tests.support.house import Clock, House, a_house, house_time
from tests.support.kafka import Cluster

SEED = 115
"""What is played if no other is asked for."""
SERIES = int(os.environ.get("EXSYNCD_TEST_SERIES", "2"))
"""How many are new in every round."""
TELLS = os.environ.get("EXSYNCD_TEST_TELLS", "1") == "1"
RULES = ("INV-1", "INV-2", "INV-3", "INV-4", "INV-5", "INV-6", "INV-7", "DEL-6", "CON-3", "OPT-4")


@dataclass
class MailPlay(Play):
    """A run in which people are mailed."""

    players: MailPlayers
    lets_time_pass: bool = True

    async def open(self) -> None:
        await super().open()
        await self.players.open()

    async def round(self, *, new: int) -> None:
        """What concerns who may act for whom is in force before anybody acts."""
        await self.players.directory_changes()
        if self.lets_time_pass and self.random.random() < 0.25:
            self.players.news.append("a fortnight passes")
            self.pass_by(A_FORTNIGHT)
        await super().round(new=new)

    def differences(self) -> Iterator[str]:
        yield from super().differences()
        for meeting in self.players.meetings:
            if wrong := list(self._of_mails(meeting)):
                yield self._told(meeting, meeting.uid, wrong)
        known = {meeting.uid for meeting in self.players.meetings}
        if strange := [mail for mail in self._ours() if mail.uid not in known]:
            yield f"mails of what is no meeting: {strange}"

    def _of_mails(self, meeting: Meeting) -> Iterator[str]:
        wanted, sent = Counter(meeting.post.sent), Counter(mails_of(self.house, meeting))
        yield from (f"  not mailed: {mail}" for mail in (wanted - sent).elements())
        yield from (f"  mailed, and nobody asked: {mail}" for mail in (sent - wanted).elements())

    def _ours(self) -> list[SentMail]:
        return [mail for mail in self.house.sandbox.world.mails if mail.cause.account == self.house.service]

    def summary(self) -> str:
        mails = Counter(mail.kind for mail in self._ours())
        delegated = sum(mail.sender != mail.sender_mailbox for mail in self._ours())
        return f"{super().summary()}, mails {dict(mails)}, {delegated} of them by delegates"

    @property
    def again(self) -> str:
        return "\n".join([*self.players.news, super().again])


@pytest.mark.timeout(300 + 20 * MEETINGS)
@pytest.mark.rule(*RULES)
async def test_everybody_is_mailed_what_was_asked_and_no_more(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever people do for each other, mails are one by one what they asked for; all of it again mails nobody."""
    clock = Clock(house_time().replace(microsecond=0))
    async with a_house(tmp_path / "store.sqlite", *PEOPLE, clock=clock, security_model="gsm") as house:
        play = a_mail_play(house, pass_by=clock.pass_by)
        await play.days(2 * MEETINGS, rounds=ROUNDS + 1)
    with capsys.disabled():
        print(f"\n{play.summary()}")  # noqa: T201  # asked for


@pytest.mark.timeout(300 + 20 * MEETINGS)
@pytest.mark.rule(*RULES)
async def test_everybody_on_kafka_is_mailed_what_was_asked(
    tmp_path: Path, kafka: Cluster, kafka_prefix: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same with the daemon as a process, on a real Kafka, in real time, which brings nothing into the past."""
    place = {"kafka": kafka.bootstrap, "prefix": kafka_prefix}
    async with a_house_on_kafka(tmp_path, *PEOPLE, **place, security_model="gsm") as house:
        play = replace(a_mail_play(house, pass_by=lambda _: None), lets_time_pass=False)
        await play.days(MEETINGS, rounds=max(2, ROUNDS - 1))
    with capsys.disabled():
        print(f"\n{play.summary()}")  # noqa: T201  # asked for


@pytest.mark.timeout(300 + 20 * MEETINGS)
@pytest.mark.rule(*RULES, "ID-5")
async def test_an_exchange_in_trouble_mails_nobody_twice(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The same while answers are lost, errors come after the work is done, and mailboxes are busy."""
    clock = Clock(house_time().replace(microsecond=0))
    async with a_house(tmp_path / "store.sqlite", *PEOPLE, clock=clock, security_model="gsm") as house:
        play = replace(a_mail_play(house, pass_by=clock.pass_by), faults=FAULTS)
        await play.days(2 * MEETINGS, rounds=ROUNDS + 1)
    with capsys.disabled():
        print(f"\n{play.summary()}")  # noqa: T201  # asked for


@pytest.mark.timeout(600)
@pytest.mark.rule(*RULES, "REC-3", "REC-4")
async def test_everybody_is_mailed_what_was_asked_of_a_series(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same of series: as a whole, and of single occurrences."""
    clock = Clock(house_time().replace(microsecond=0))
    async with a_house(tmp_path / "store.sqlite", *PEOPLE, clock=clock, security_model="gsm") as house:
        play = a_mail_play(house, pass_by=clock.pass_by)
        await play.open()
        invitable = tuple(sorted(play.players.bank.invitable))
        draw, outlooks = Random(f"{play.seed} series"), play.players.outlooks
        players = SeriesPlayers(house, draw, play.players.bank, outlooks, play.players.wish, invitable)
        for _ in range(ROUNDS):
            await play.players.directory_changes()
            for one in tuple(players.played):
                await players.go_on(one)
            for _ in range(SERIES):
                await players.begin()
            await house.quiet()
            if wrong := await players.differences():
                pytest.fail("\n\n".join([*wrong, play.again]), pytrace=False)
        print("\n".join(["", *players.told(), play.again]))  # noqa: T201  # shown when the house is not as it must be
    with capsys.disabled():
        print(f"\n{play.summary()}")  # noqa: T201  # asked for


def a_mail_play(house: House, *, pass_by: Callable[[timedelta], None]) -> MailPlay:
    seed = int(os.environ.get("EXSYNCD_TEST_SEED") or SEED)
    outlooks = Outlooks(house.url)
    players = MailPlayers(house, Random(seed), outlooks, tells=TELLS)
    taskers = TaskPlayers(house, Random(f"{seed} tasks"), outlooks)
    on_its_way = Random(f"{seed} on its way")
    return MailPlay(seed, house, players, taskers, on_its_way, pass_by=pass_by, faults=(), has_tasks=False)
