"""A scene's view of the house: what has happened since it began, and what is there now."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from daemon.demo import cast
from daemon.demo.desk import Desk
from daemon.demo.evidence import expect, waited_for
from daemon.demo.outlook import Outlook
from daemon.demo.stage import Stage
from daemon.demo.telling import Told
from daemon.demo.witness import Seen
from schemas import catalogue, ids
from schemas.outcomes import Direction

OUT = (catalogue.COMMANDS, catalogue.OUTCOMES, catalogue.DEAD_LETTERS)


@dataclass(frozen=True, slots=True)
class Counts:
    """Records of one stretch of the day."""

    hints: int
    commands: int
    outcomes: int
    dead_letters: int
    writes: int
    """What the outcomes say was written to mailboxes."""

    @property
    def put_out(self) -> int:
        """All that the daemon put on the bus."""
        return self.commands + self.outcomes + self.dead_letters


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail to one address: from whose mailbox, sent by whom, about which meeting, and by which account's doing."""

    from_: str
    sender: str
    to: str
    kind: str
    uid: str
    account: str


@dataclass(slots=True)
class Day:
    """The day so far. `meetings`: UIDs, `records`: the CRM's ids, by the scenes' own names for them."""

    stage: Stage
    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    meetings: dict[str, str] = field(default_factory=dict)
    records: dict[str, str] = field(default_factory=dict)
    options: dict[str, dict[str, bool]] = field(default_factory=dict)
    items_before: dict[str, int] = field(default_factory=dict)
    begun: list[int] = field(default_factory=list)
    """What had been read from the bus when each scene began."""

    @property
    def since(self) -> int:
        """Where the present scene begins."""
        return self.begun[-1] if self.begun else 0

    def begin(self) -> None:
        """From here on counts as the present scene."""
        self.begun.append(len(self.stage.witness.seen))

    def outlook(self, who: str) -> Outlook:
        return self.stage.outlook(who)

    def crm(self, who: str) -> Desk:
        return self.stage.crm(who)

    def at(self, hour: int) -> datetime:
        """Next week's day at this hour."""
        return (self.now + timedelta(days=7)).replace(hour=hour, minute=0, second=0, microsecond=0)

    def counts(self) -> Counts:
        """What was read from the bus since the scene began."""
        since = self.since
        hints, commands, outcomes, dead = (
            len(self.stage.witness.of(topic, since=since)) for topic in (catalogue.NOTIFICATIONS, *OUT)
        )
        said = self.stage.witness.of(catalogue.OUTCOMES, since=since)
        return Counts(hints, commands, outcomes, dead, writes=sum(len(each.data["writes"]) for each in said))

    async def outcome(self, uid: str, *, result: str, reason: str | None = None) -> Seen:
        """The outcome of a meeting that was made in Outlook, of this scene. Raises `NotSo`."""
        return await self.outcome_of(ids.link_of_uid(uid), result=result, reason=reason)

    async def outcome_of(
        self, link: str, *, result: str, reason: str | None = None, direction: Direction | None = None
    ) -> Seen:
        """The outcome of a link, of this scene, one way or either. Raises `NotSo`."""
        wanted = result if reason is None else f"{result} ({reason})"
        ways = (direction,) if direction else tuple(Direction)
        return await self._read(
            catalogue.OUTCOMES,
            lambda each: (
                each.data["link"] == link
                and (each.data["result"], each.data["reason"]) == (result, reason)
                and each.data["direction"] in ways
            ),
            expected=f"an outcome of the item: {wanted}",
        )

    async def latest(self, uid: str, direction: Direction) -> Seen:
        """The last outcome one way of a meeting that was made in Outlook, of this scene, when all of it is finished.
        Raises `NotSo`.
        """
        await self.stage.quiet()
        link = ids.link_of_uid(uid)
        said = self.stage.witness.of(catalogue.OUTCOMES, since=self.since)
        mine = [each for each in said if (each.data["link"], each.data["direction"]) == (link, direction)]
        expect("the last outcome of the item", seen=_results(mine[-1:]), wanted="applied")
        return mine[-1]

    async def command(self, uid: str) -> Seen:
        """The command for a meeting, of this scene. Raises `NotSo`."""
        link = ids.link_of_uid(uid)
        return await self._read(
            catalogue.COMMANDS, lambda each: each.data["link"] == link, expected="a command for the meeting"
        )

    async def dead_letter(self) -> Seen:
        """The dead letter of this scene. Raises `NotSo`."""
        return await self._read(catalogue.DEAD_LETTERS, lambda each: True, expected="a dead letter")

    async def of_delegation(self, *, result: str, reason: str | None = None) -> Seen:
        """What was said in this scene of who may act for whom. Raises `NotSo`."""
        wanted = result if reason is None else f"{result} ({reason})"
        return await self._read(
            catalogue.OUTCOMES,
            lambda each: (
                any(said["rule"] == "INV-1" for said in each.data["explain"])
                and (each.data["result"], each.data["reason"]) == (result, reason)
            ),
            expected=f"an outcome of the delegation: {wanted}",
        )

    async def switches(self, key: str, *, value: bool, who: str | None = None) -> Seen:
        """The CRM announces an option; the daemon's answer that it is in force. Raises `NotSo`."""
        name = f"user:{cast.user(who)}" if who else "system"
        values = self.options.setdefault(name, {})
        values[key] = value  # an event says all that is set in its scope
        await self.stage.announce(cast.options(values, who=who))
        answer = await self._read(
            catalogue.OUTCOMES,
            lambda each: each.data["cause"]["topic"] == catalogue.OPTIONS and each.record.key == name.encode(),
            expected=f"an answer to the options of {name}",
        )
        expect("the answer to the changed option", seen=answer.data["result"], wanted="applied")
        return answer

    async def items(self, uid: str, *, deleted: bool = False) -> list[dict[str, Any]]:
        """The CRM's items of a meeting."""
        return [each for each in await self.stage.items() if each["uid"] == uid and each["deleted"] is deleted]

    async def record(self, crm_id: str) -> dict[str, Any]:
        """What the CRM holds under an id, when it has applied what it was told. Raises `NotSo`."""
        await self.stage.quiet()
        found = [each for each in await self.stage.items() if each["id"] == crm_id and not each["deleted"]]
        expect(f"items {crm_id} in the CRM", seen=len(found), wanted=1)
        return found[0]

    async def item(self, uid: str) -> dict[str, Any]:
        """The CRM's one item of a meeting, when it has applied what it was told. Raises `NotSo`."""
        await self.stage.quiet()
        found = await self.items(uid)
        expect("items of the meeting in the CRM", seen=len(found), wanted=1)
        return found[0]

    async def is_absent(self, uid: str) -> None:
        """Raises `NotSo` if the CRM has an item of this meeting."""
        await self.stage.quiet()
        expect("items of the meeting in the CRM", seen=len(await self.items(uid)), wanted=0)

    async def mails(self) -> list[Mail]:
        """What was mailed since the day began, once for everybody who was to get it."""
        mails = await self.stage.fetch(f"{self.stage.urls.exchange}/sandbox/mails")
        return [_mail(each, to) for each in mails for to in each["to"]]

    async def mails_of_daemon(self) -> list[Mail]:
        """Those that the daemon's account has caused."""
        return [mail for mail in await self.mails() if mail.account == cast.SERVICE[0]]

    async def received(self, who: str, uid: str) -> list[Mail]:
        """What somebody got about a meeting, as he reads it."""
        address = cast.address(who)
        mails = await self.stage.fetch(f"{self.stage.urls.exchange}/sandbox/mails?received_by={address}")
        return [_mail(each, address) for each in mails if each["uid"] == uid]

    def scenes_of(self, topic: str) -> list[tuple[int, Seen]]:
        """A topic's records, each with the number of its scene; what came before the first has 0."""
        found = enumerate(self.stage.witness.seen)
        return [(bisect_right(self.begun, place), seen) for place, seen in found if seen.record.topic == topic]

    def cause(self, outcome: Seen) -> Seen | None:
        """The record that an outcome names as its cause."""
        cause = outcome.data["cause"]
        return self.stage.witness.at(cause["topic"], cause["partition"], cause["offset"])

    async def _read(self, topic: str, fits: Callable[[Seen], bool], *, expected: str) -> Seen:
        def found() -> Sequence[Seen]:
            return self.stage.witness.of(topic, since=self.since)

        async def look() -> Seen | None:
            return next(filter(fits, found()), None)

        return await waited_for(look, expected=expected, instead=lambda: _results(found()))


@dataclass(frozen=True, slots=True)
class Scene:
    """One event of the day."""

    title: str
    play: Callable[[Day], Awaitable[Told]]


def contacts_in_for(item: Mapping[str, Any]) -> list[str]:
    """The ids in an item's For."""
    return [entry["contact"] for entry in item["item"]["for"]]


def _mail(mail: Mapping[str, Any], to: str) -> Mail:
    account = mail["caused_by"]["account"]
    return Mail(mail["from"], mail["sender"], to, mail["kind"], mail["uid"], account)


def _results(seen: Sequence[Seen]) -> str:
    said = (each.data.get("result", each.type) for each in seen)
    why = (each.data.get("reason") for each in seen)
    return ", ".join(f"{one} ({other})" if other else str(one) for one, other in zip(said, why, strict=True)) or "none"
