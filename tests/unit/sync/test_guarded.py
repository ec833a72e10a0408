"""What leaves the house while somebody is paused: nothing about his mailbox, whoever writes (OPS-1)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import pytest

from daemon.exchange.port import Written
from daemon.sync.pausing import Guarded, Paused
from schemas.copies import Kind
from schemas.delegates import CALENDAR_EDITOR
from schemas.edits import Edit, New
from schemas.sending import SILENT, Sending
from tests.support.instant import InstantExchange

ANNA, BEN = "anna@bank.example", "ben@bank.example"
ITEM = Written("item-1", "ck-1")
NEW = New(kind=Kind.SCHEDULE_ITEM, marker="crm-1", uid=None, edit=Edit(subject="Review"))


@dataclass
class Standing:
    """Knows by heart which mailboxes are to be left alone."""

    paused: set[str] = field(default_factory=set)

    async def admit(self, mailbox: str) -> None:
        if mailbox in self.paused:
            raise Paused(mailbox)


DELEGATES: dict[str, Callable[[Guarded], Awaitable[object]]] = {
    "delegates": lambda guarded: guarded.delegates(ANNA),
    "add_delegate": lambda guarded: guarded.add_delegate(ANNA, BEN, CALENDAR_EDITOR, deliver=""),
    "update_delegate": lambda guarded: guarded.update_delegate(ANNA, BEN, CALENDAR_EDITOR, deliver=""),
    "remove_delegate": lambda guarded: guarded.remove_delegate(ANNA, BEN),
}
WRITES: dict[str, Callable[[Guarded, Sending], Awaitable[object]]] = {
    "create": lambda guarded, sending: guarded.create(ANNA, NEW, sending=sending),
    "update": lambda guarded, sending: guarded.update(ANNA, ITEM, Edit(subject="x"), sending=sending),
    "delete": lambda guarded, sending: guarded.delete(ANNA, "item-1", sending=sending),
}


@pytest.mark.rule("OPS-1", "INV-1")
@pytest.mark.parametrize("operation", DELEGATES)
async def test_the_delegates_of_a_paused_mailbox_are_left_alone(operation: str) -> None:
    exchange, standing = InstantExchange(), Standing({ANNA})
    with pytest.raises(Paused):
        await DELEGATES[operation](Guarded(exchange, standing))
    assert exchange.calls == []


@pytest.mark.rule("OPS-1", "INV-1")
async def test_delegates_come_and_go_where_nobody_is_paused() -> None:
    exchange = InstantExchange()
    for operation in ("add_delegate", "update_delegate", "delegates", "remove_delegate"):
        await DELEGATES[operation](Guarded(exchange, Standing({BEN})))
    assert [call.operation for call in exchange.calls] == [
        "add_delegate",
        "update_delegate",
        "delegates",
        "remove_delegate",
    ]


@pytest.mark.rule("OPS-1", "INV-2")
@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize("paused", [ANNA, BEN])
async def test_a_delegate_writes_nothing_while_the_owner_or_he_is_paused(write: str, paused: str) -> None:
    exchange = InstantExchange()
    with pytest.raises(Paused) as refused:
        await WRITES[write](Guarded(exchange, Standing({paused})), Sending(acting=BEN))
    assert (refused.value.mailbox, exchange.calls) == (paused, [])


@pytest.mark.rule("OPS-1", "INV-2")
async def test_the_owner_writes_while_his_delegate_is_paused() -> None:
    exchange = InstantExchange()
    await WRITES["create"](Guarded(exchange, Standing({BEN})), SILENT)
    assert len(exchange.items(ANNA)) == 1
