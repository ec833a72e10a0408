"""The way of the hints from Exchange to the bus, where a scene can keep some of them back."""

from __future__ import annotations

from dataclasses import dataclass, field

from daemon.bus.port import Headers, Producer


@dataclass(frozen=True, slots=True)
class Hint:
    """One record of a listener beside Exchange."""

    topic: str
    mailbox: str
    value: bytes
    headers: Headers


@dataclass(slots=True)
class Post:
    """Brings hints onto the bus, in their order, except those of mailboxes that are kept back."""

    producer: Producer
    sent: list[Hint] = field(default_factory=list)
    waiting: list[Hint] = field(default_factory=list)
    kept_back: frozenset[str] = frozenset()

    async def publish(self, topic: str, key: bytes, value: bytes, headers: list[tuple[str, bytes]]) -> None:
        """What the sandbox Exchange calls for every change in a mailbox."""
        hint = Hint(topic, key.decode(), value, tuple(headers))
        if hint.mailbox in self.kept_back:
            self.waiting.append(hint)
            return
        await self._send(hint)
        self.sent.append(hint)

    def keep_back(self, *mailboxes: str) -> None:
        """From now on."""
        self.kept_back = frozenset(mailboxes)

    async def let_go(self) -> int:
        """Sends what was kept back; how many hints that were."""
        late, self.waiting, self.kept_back = self.waiting, [], frozenset()
        for hint in late:
            await self._send(hint)
        self.sent.extend(late)
        return len(late)

    async def send_all_again(self) -> int:
        """Every hint of the day once more, byte for byte; how many."""
        for hint in self.sent:
            await self._send(hint)
        return len(self.sent)

    async def _send(self, hint: Hint) -> None:
        await self.producer.send(hint.topic, key=hint.mailbox.encode(), value=hint.value, headers=hint.headers)
