"""A daemon that is killed again and again ends where one ends that was never touched.

The random days of `tests.integration.test_all_in_one` on a real Kafka, with the daemon killed while work is in flight,
some of the times between the store's commit and the publishing; then with its store put back to a copy taken half-way.
What may be seen of it: records published twice, the same ones. `EXSYNCD_TEST_KILLS`, `EXSYNCD_TEST_MEETINGS` and
`EXSYNCD_TEST_MAILBOXES` make it larger or smaller, `EXSYNCD_TEST_SEED` gives the same people the same day, and
`EXSYNCD_TEST_STORE=postgres` keeps the store there.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from pathlib import Path

import pytest

from schemas import catalogue
from tests.chaos.killing import Kill, finished, kill, look
from tests.integration.stage import Hint, Said, Stage
from tests.integration.test_all_in_one import PHASES, Play, a_play
from tests.support import stores
from tests.support.kafka import Cluster

KILLS = int(os.environ.get("EXSYNCD_TEST_KILLS", "20"))
BEFORE_PUBLISHING = 5
REQUIRED = BEFORE_PUBLISHING if KILLS >= 4 * BEFORE_PUBLISHING else 1
"""The moment between commit and publishing cannot be had at will: of few kills not many need have met it."""
MEETINGS = int(os.environ.get("EXSYNCD_TEST_MEETINGS", "18"))
MAILBOXES = int(os.environ.get("EXSYNCD_TEST_MAILBOXES", "6"))
AGAIN = 20
"""How often hints that were dealt with before anybody could be killed are sent again, all at once: a few of them are
settled in one transaction, and there is no moment between two."""


@pytest.mark.timeout(900)
@pytest.mark.rule("CON-3", "CON-6")
async def test_a_daemon_killed_again_and_again_loses_nothing_and_says_nothing_twice(
    tmp_path: Path, kafka: Cluster, kafka_prefix: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Given kills while work is in flight, then the CRM holds what people did, and only whole records came twice."""
    kills: list[Kill] = []
    async with a_play(
        tmp_path, kafka=kafka.bootstrap, prefix=kafka_prefix, meetings=MEETINGS, mailboxes=MAILBOXES
    ) as play:
        for number in range(1, PHASES + 1):
            await play.flip(number)
            hints = await play.happenings(number)
            await _delivered_with_kills(play, hints, kills, number)
            await play.check_items()
        with capsys.disabled():
            print(f"\nkilled {len(kills)} times:", *kills, sep="\n  ")  # noqa: T201  # asked for
        assert all(each.unfinished or each.outbox for each in kills)
        assert sum(each.unpublished > 0 for each in kills) >= REQUIRED
        await play.check_masters()
        await _check_repeated(play.stage)
        await _check_commands(play.stage)
        await play.check_quiet()
        await play.check_words()
        await play.check_exchange()


@pytest.mark.timeout(900)
@pytest.mark.rule("CON-3", "CON-6", "DEL-5")
async def test_a_daemon_whose_store_is_put_back_to_a_copy_taken_half_way_catches_up(
    tmp_path: Path, kafka: Cluster, kafka_prefix: str
) -> None:
    """Given a store as it was half-way, then a new generation brings the CRM to where it was, and mails nobody."""
    async with a_play(
        tmp_path, kafka=kafka.bootstrap, prefix=kafka_prefix, meetings=MEETINGS, mailboxes=MAILBOXES
    ) as play:
        copy = tmp_path / "copy.sqlite"
        for number in range(1, PHASES + 1):
            await play.flip(number)
            hints = await play.happenings(number)
            if number == PHASES // 2 + 1:
                await play.stage.deliver(hints[: len(hints) // 2])
                await play.stage.stop()
                stores.copy(play.stage.store, copy)
                await play.stage.start()
                hints = hints[len(hints) // 2 :]
            await play.stage.deliver(hints)
            await play.check_items()
        await play.stage.stop()
        stores.copy(copy, play.stage.store)
        await play.stage.start()
        await finished(play.stage)
        found = look(stores.url_of(play.stage.store))
        assert found is not None
        assert found.generation == 1
        await play.check_items()
        await play.check_masters()
        await _check_commands(play.stage)
        await play.check_quiet()
        await play.check_words()
        await play.check_exchange()


async def _delivered_with_kills(play: Play, hints: list[Hint], kills: list[Kill], number: int) -> None:
    """Delivers a phase's hints, some between two kills; those before publishing first, while there is much to say."""
    until = KILLS * number // PHASES
    for some in _portions(hints, until - len(kills)):
        await play.stage.send(some)
        before = sum(each.unpublished > 0 for each in kills) < BEFORE_PUBLISHING
        killed = await kill(play.stage, before_publishing=before)
        if killed is not None:
            kills.append(killed)
            await play.stage.start()
    while len(kills) < until:  # it was too fast for some of them
        await play.stage.send(hints * AGAIN)
        killed = await kill(play.stage, before_publishing=False)
        if killed is not None:
            kills.append(killed)
            await play.stage.start()
    await finished(play.stage)


def _portions(hints: list[Hint], count: int) -> Iterator[list[Hint]]:
    for number in range(count):
        yield hints[len(hints) * number // count : len(hints) * (number + 1) // count]


async def _check_repeated(stage: Stage) -> None:
    """Whatever came twice is the same record; nothing was decided, or said, a second time."""
    said = await stage.said()
    by_id = _grouped((each.topic, each.id, _content(each)) for each in said)
    assert not [contents for contents in by_id.values() if len(contents) > 1], "one id, two contents"
    for link, told in _told(said).items():
        assert not [one for one, other in pairwise(told) if one == other], f"{link} is told the same twice"


def _told(said: Iterable[Said]) -> Mapping[str, list[object]]:
    """What the CRM is told of each link, revision by revision."""
    data = {each.id: each.data for each in said if each.topic == catalogue.COMMANDS}
    told: dict[str, list[object]] = defaultdict(list)
    for each in sorted(data.values(), key=lambda each: each["revision"]):
        told[each["link"]].append((each.get("item"), each.get("master"), each.get("reason")))
    return told


async def _check_commands(stage: Stage) -> None:
    """No revision says two things, and nothing was given up."""
    said = await stage.said()
    assert not [each for each in said if each.topic == catalogue.DEAD_LETTERS]
    commands = [each for each in said if each.topic == catalogue.COMMANDS]
    by_revision = _grouped((each.data["link"], each.data["revision"], _content(each)) for each in commands)
    assert not [contents for contents in by_revision.values() if len(contents) > 1], "one revision, two contents"


def _grouped(entries: Iterable[tuple[object, object, object]]) -> dict[tuple[object, object], set[object]]:
    found: dict[tuple[object, object], set[object]] = defaultdict(set)
    for first, second, content in entries:
        found[first, second].add(content)
    return found


def _content(said: Said) -> object:
    return said.key, said.value, tuple(said.headers)
