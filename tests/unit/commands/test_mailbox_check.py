"""What `exsyncd check --mailbox` says of a mailbox on a sandbox Exchange; no bus is asked for."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta

import pytest

from daemon.commands.checks import exchanges
from daemon.commands.checks.exchanges import MAILBOX
from daemon.commands.checks.findings import Finding, Status
from daemon.sandbox.exchange import PATH, ExchangeSandbox, People
from daemon.settings.loading import load
from tests.unit.exchange.behaviour import ANNA, BOB, CLEO, PEOPLE


@dataclass
class Place:
    """A sandbox Exchange and its address."""

    sandbox: ExchangeSandbox
    url: str

    def fault(self, name: str, operation: str) -> None:
        self.sandbox.faults.add([{"fault": name, "operation": operation}])

    async def say(self, mailbox: str) -> Finding:
        """What is found out about a mailbox."""
        env = {
            "EXSYNCD_EXCHANGE__ENDPOINT": self.url + PATH,
            "EXSYNCD_EXCHANGE__USERNAME": "sync@bank.example",
            "EXSYNCD_EXCHANGE__PASSWORD": "secret",
        }
        settings = load(None, env, needs={"exchange"})
        found = await exchanges.check(settings, timedelta(seconds=30), mailboxes=[mailbox])
        [finding] = [each for each in found if each.check == MAILBOX]
        return finding


@pytest.fixture
async def place() -> AsyncIterator[Place]:
    sandbox = ExchangeSandbox(People.read(PEOPLE))
    yield Place(sandbox, await sandbox.start())
    await sandbox.stop()


async def test_a_mailbox_that_tells_its_delegates_is_fine(place: Place) -> None:
    finding = await place.say(ANNA)
    assert (finding.status, finding.text) == (Status.OK, f"{ANNA}: may be read and written as its owner")


async def test_a_mailbox_that_may_not_be_impersonated_has_failed(place: Place) -> None:
    finding = await place.say(CLEO)
    assert finding.status is Status.FAILED
    assert "may not impersonate its owner" in finding.text


@pytest.mark.rule("INV-1")
async def test_a_mailbox_that_does_not_tell_its_delegates_works_but_for_them(place: Place) -> None:
    place.fault("access_denied", "GetDelegate")
    finding = await place.say(BOB)
    assert finding.status is Status.NOTE
    assert "its delegates are not told (ErrorAccessDenied)" in finding.text
    assert "meeting_invitations" in finding.remedies[0]


async def test_a_mailbox_that_is_busy_is_not_known(place: Place) -> None:
    place.fault("server_busy", "GetDelegate")
    finding = await place.say(BOB)
    assert (finding.status, finding.text) == (Status.NOTE, f"{BOB}: busy just now: not known")
