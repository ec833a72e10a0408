"""`exsyncd check`: would the daemon work? Settings, Kafka, store, Exchange and its own address, looked at side by side.

Nothing is made, migrated or written; one that fails or does not answer stops none of the others.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Protocol

from rich.console import Console
from rich.status import Status as Spinner

from daemon import settings as configuration
from daemon.commands import running
from daemon.commands.checks import brokers, effective, exchanges, listening, stores, telling
from daemon.commands.checks.effective import Row
from daemon.commands.checks.findings import Finding
from daemon.commands.checks.telling import Area
from daemon.settings.errors import SettingsError
from daemon.settings.models import Settings
from schemas import addresses

PATIENCE = timedelta(seconds=8)
"""For each thing that is asked; what has not answered by then does not answer."""

DONE, FAILED, UNUSABLE = 0, 1, 2


class _Check(Protocol):
    def __call__(self, settings: Settings, patience: timedelta, /) -> Awaitable[list[Finding]]: ...


async def check(
    config: Path | None,
    env: Mapping[str, str],
    *,
    mailboxes: Sequence[str] = (),
    console: Console,
    every: bool = False,
    patience: timedelta = PATIENCE,
) -> int:
    """Looks, tells a person, and returns the exit code. Raises `CannotGoOn` where the settings cannot be used."""
    settings = running.load(config, env)
    telling.settings(effective.rows(settings, config, env), console, every=every)
    with console.status("looking ...") as spinner, _quiet():
        found = await _look(settings, patience, mailboxes=mailboxes, spinner=spinner)
    telling.areas(found, console)
    telling.summary(found, console)
    return _verdict(found)


async def check_for_script(
    config: Path | None,
    env: Mapping[str, str],
    *,
    mailboxes: Sequence[str] = (),
    console: Console,
    patience: timedelta = PATIENCE,
) -> int:
    """Looks, prints JSON, and returns the exit code."""
    try:
        settings = configuration.load(config, env)
    except SettingsError as error:
        _print(telling.refusal_as_json(error, version=running.version()), console)
        return UNUSABLE
    rows: Sequence[Row] = effective.rows(settings, config, env)
    with _quiet():
        found = await _look(settings, patience, mailboxes=mailboxes)
    _print(telling.as_json(rows, found, version=running.version()), console)
    return _verdict(found)


def address(given: str) -> str:
    """A mailbox's address as the daemon spells it. Raises ValueError."""
    canonical = addresses.normalise(given)
    if canonical is None:
        raise ValueError(f"{given} is no address")
    return canonical


async def _look(
    settings: Settings, patience: timedelta, *, mailboxes: Sequence[str], spinner: Spinner | None = None
) -> list[Area]:
    """Everything at once, in the order it is told."""
    checks: Mapping[tuple[str, str], _Check] = {
        ("Kafka", settings.kafka.bootstrap_servers): brokers.check,
        ("Store", settings.store.url.partition(":")[0]): stores.check,
        ("Exchange", settings.exchange.endpoint): partial(exchanges.check, mailboxes=mailboxes),
        ("HTTP", "health and metrics"): listening.check,
    }
    awaited = [name for name, _ in checks]

    async def one(name: str, about: str, look: _Check) -> Area:
        findings = await look(settings, patience)
        awaited.remove(name)
        if spinner is not None and awaited:
            spinner.update(f"waiting for {', '.join(awaited)} ...")
        return Area(name, about, findings)

    return await asyncio.gather(*(one(name, about, look) for (name, about), look in checks.items()))


@contextmanager
def _quiet() -> Iterator[None]:
    """Libraries complain to their logs of what is told here in better words."""
    root, silence = logging.getLogger(), logging.NullHandler()
    root.addHandler(silence)
    try:
        yield
    finally:
        root.removeHandler(silence)


def _print(told: object, console: Console) -> None:
    console.out(json.dumps(told, indent=2, ensure_ascii=False), highlight=False)


def _verdict(found: Sequence[Area]) -> int:
    return FAILED if any(area.failures for area in found) else DONE
