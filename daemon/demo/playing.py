"""Plays the day, scene by scene, and tells it; says so where something did not happen."""

from __future__ import annotations

import asyncio
import shutil
import signal
import sys
import time
from collections.abc import Iterable, Sequence
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path

import aiohttp
from rich.console import Console

from daemon.bus.port import BusError
from daemon.demo import afternoon, evening, invitations, midday, morning, weekly
from daemon.demo.closing import sum_up
from daemon.demo.day import Counts, Day, Scene
from daemon.demo.evidence import NotSo
from daemon.demo.ews import Refused
from daemon.demo.stage import Stage, built, log_file, new_folder
from daemon.demo.telling import Storyteller
from daemon.demo.witness import Seen
from daemon.sandbox.broker import BrokerMissing
from daemon.sandbox.exchange import PATH

_AN_EDIT = '{"actor": {"user": "u-anna"}, "item": {"location": "Room 1"}}'

PARTS: Sequence[tuple[str, Sequence[Scene]]] = (
    ("Morning", morning.SCENES),
    ("Midday", midday.SCENES),
    ("Afternoon", (*afternoon.SCENES, *weekly.SCENES)),
    ("Late afternoon", invitations.SCENES),
    ("Evening", evening.SCENES),
)


async def play(*, kafka: str | None, hold: bool, console: Console) -> int:
    """Plays on the embedded broker, or on the one at `kafka` (HOST:PORT), and with `hold` stays until Ctrl-C.

    Returns the exit status: 0 if all of it happened.
    """
    tell = Storyteller(console)
    folder = new_folder()
    began = time.monotonic()
    tell.opens(
        "A day at a bank",
        "Some work in Outlook, some in the CRM; what one side changes is on the other, and nobody is mailed unless "
        "somebody asks for it. A broker, a sandbox Exchange, a sandbox CRM and the real daemon talk over the network, "
        "and every sentence is made from what was read back: what people did, what came of it, and why, by which rule "
        "and option.",
    )
    try:
        async with AsyncExitStack() as parts:
            with tell.waiting("starting a broker, an Exchange, a CRM and the daemon"):
                stage = await parts.enter_async_context(built(folder, kafka=kafka))
            day = Day(stage)
            await _play(day, tell)
            await sum_up(
                day,
                tell,
                scenes=sum(len(scenes) for _, scenes in PARTS),
                took=timedelta(seconds=time.monotonic() - began),
            )
            _what_next(tell, day, hold=hold)
            if hold:
                await _interrupted(stage)
    except NotSo as error:
        tell.fails(error, str(log_file(folder)))
        return 1
    except Refused as error:
        tell.fails(NotSo("Exchange does what a person asks for", str(error)), str(log_file(folder)))
        return 1
    except aiohttp.ClientError as error:
        tell.fails(NotSo("Exchange, the CRM and the daemon answer", str(error)), str(log_file(folder)))
        return 1
    except BrokerMissing as error:
        tell.refuses("There is no broker to embed.", str(error))
        return 1
    except BusError as error:
        advice = "" if kafka is None else f"Is {kafka} a broker's HOST:PORT, and does it run?"
        tell.refuses(
            "The bus did not work.", str(error), *filter(None, [advice]), f"The daemon's log: {log_file(folder)}"
        )
        return 1
    return 0


async def _play(day: Day, tell: Storyteller) -> None:
    number = 0
    for name, scenes in PARTS:
        tell.part(name)
        for scene in scenes:
            number += 1
            tell.scene_begins(number, scene.title)
            day.begin()
            told = await scene.play(day)
            await day.stage.quiet()
            tell.scene_ends(told, *_evidence(told.outcome, day.counts()))


def _evidence(outcome: Seen | None, counts: Counts) -> Iterable[str]:
    """Where it is written, and what the scene put on the bus."""
    if outcome is not None:
        yield f"outcome {outcome.place}"
    yield _number(counts.hints, "hint")
    yield _number(counts.commands, "command")
    yield _number(counts.outcomes, "outcome")
    if counts.writes:
        yield _number(counts.writes, "write")
    if counts.dead_letters:
        yield _number(counts.dead_letters, "dead letter")


def _number(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _what_next(tell: Storyteller, day: Day, *, hold: bool) -> None:
    stage, program = day.stage, _program()
    tell.part("What to look at next")
    tell.says(
        "Why is an item as it is? The daemon remembers every decision, both ways:",
        *(f"  {program} why {record} --store {stage.store_url}" for record in day.records.values()),
        f"Its log: {stage.log_file}",
    )
    if stage.topic_prefix:
        tell.says(f"The topics {stage.topic_prefix}* are still on the broker; delete them when you like.")
    if not hold:
        tell.says(f"{program} demo --hold keeps everything running, to try things out.")
        return
    urls = stage.urls
    tell.says(
        "Everything keeps running until Ctrl-C:",
        f"  Exchange  {urls.exchange}{PATH}",
        "            anna@bank.example, password anna; bob, cleo, dora and emil likewise",
        f"            {urls.exchange}/sandbox/mails",
        f"  CRM       {urls.crm}/items",
        f"  daemon    {urls.health}/readyz  {urls.health}/metrics",
        f"  Kafka     {urls.kafka}",
    )
    for record in [*day.records.values()][:1]:
        tell.says("To act as a CRM user:", f"  curl -X PUT {urls.crm}/items/{record} -d '{_AN_EDIT}'")


def _program() -> str:
    """How a person here calls the program: `make demo` puts it where no shell looks."""
    if shutil.which("exsyncd"):
        return "exsyncd"
    beside, here = Path(sys.executable).with_name("exsyncd"), Path.cwd()
    return str(beside.relative_to(here) if beside.is_relative_to(here) else beside)


async def _interrupted(stage: Stage) -> None:
    """Returns at Ctrl-C, when the process is told to end, or when the daemon has ended by itself."""
    over, loop = asyncio.Event(), asyncio.get_running_loop()
    signals = (signal.SIGINT, signal.SIGTERM)
    for number in signals:
        loop.add_signal_handler(number, over.set)
    told = asyncio.create_task(over.wait())
    try:
        await asyncio.wait({told, stage.running}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        told.cancel()
        for number in signals:
            loop.remove_signal_handler(number)
