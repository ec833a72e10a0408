"""The EWS backend on the sandbox Exchange, through the suite that every backend passes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from daemon.exchange.ews.backend import EwsExchange
from daemon.exchange.ews.config import EwsConfig
from daemon.sandbox.exchange import PATH, ExchangeSandbox, People
from tests.support.outlook import Outlook
from tests.unit.exchange.behaviour import PEOPLE, Bank, ExchangeBehaviour


class SandboxBank(Bank):
    """People who work with Outlook on a sandbox Exchange."""

    service = "sync@bank.example"

    def __init__(self, sandbox: ExchangeSandbox, url: str) -> None:
        self.url = url
        self.sandbox = sandbox
        self.exchange = EwsExchange(EwsConfig(url + PATH, username=self.service, password="secret"))

    def outlook(self, person: str) -> Outlook:
        return Outlook(self.url, person, person.partition("@")[0])

    async def meet(self, organizer: str, **meeting: Any) -> str:
        return await asyncio.to_thread(lambda: self.outlook(organizer).meet(**meeting))

    async def does(self, person: str, what: str, uid: str, **how: Any) -> None:
        await asyncio.to_thread(lambda: getattr(self.outlook(person), what)(uid, **how))

    async def item_id(self, person: str, uid: str) -> str:
        return str(await asyncio.to_thread(lambda: self.outlook(person).copy(uid).id))

    def fault(self, name: str, **settings: Any) -> None:
        self.sandbox.faults.add([{"fault": name, **settings}])

    def most_at_once(self, mailbox: str) -> int:
        service = self.service
        counts = [one for one in self.sandbox.meter.report() if (one["mailbox"], one["account"]) == (mailbox, service)]
        return max(int(one["most_at_once"]) for one in counts)


@pytest.fixture
async def bank() -> AsyncIterator[SandboxBank]:
    sandbox = ExchangeSandbox(People.read(PEOPLE))
    running = SandboxBank(sandbox, await sandbox.start())
    yield running
    await running.exchange.close()
    await sandbox.stop()


class TestEwsBehaviour(ExchangeBehaviour):
    """Nothing of its own: what EWS alone does is tested beside this."""
