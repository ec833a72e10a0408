"""The instant Exchange writes as a real one does."""

from __future__ import annotations

from dataclasses import replace

import pytest

from daemon.exchange import port
from schemas.copies import Copy
from tests.support.instant import InstantExchange
from tests.unit.exchange.behaviour import ANNA
from tests.unit.exchange.delegating import DelegatingBehaviour
from tests.unit.exchange.writing import Desk, WritingBehaviour


class InstantDesk(Desk):
    """Mailboxes in memory."""

    exchange: InstantExchange

    def __init__(self) -> None:
        self.exchange = InstantExchange()

    async def touch(self, mailbox: str, item_id: str) -> None:
        self.exchange.put(replace(await self.copy(mailbox, item_id), subject="Touched"))

    def sent(self) -> set[tuple[str, str, str]]:
        return {(mail.mailbox, mail.sender, to) for mail in self.exchange.mails for to in mail.recipients}

    def forget_mails(self) -> None:
        self.exchange.mails.clear()

    def lose_answer(self, operation: str) -> None:
        self.exchange.lost.append(port.Unavailable(ANNA, "ConnectionFailed"))


@pytest.fixture
def desk() -> InstantDesk:
    return InstantDesk()


class TestInstantWriting(WritingBehaviour):
    """Nothing of its own."""


class TestInstantDelegating(DelegatingBehaviour):
    """Nothing of its own."""


async def test_a_failure_comes_before_the_work(desk: InstantDesk) -> None:
    desk.exchange.failures.append(port.Unavailable(ANNA, "ConnectionFailed"))
    with pytest.raises(port.Unavailable):
        await desk.meet()
    assert desk.exchange.items(ANNA) == []
    await desk.meet()
    assert [type(item) for item in desk.exchange.items(ANNA)] == [Copy]
