"""Looking at grants: what goes wrong in the middle of it, which no house shows (INV-1)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any, cast

import pytest
from sqlalchemy import Connection
from structlog.testing import capture_logs

from daemon.exchange.port import Exchange, ExchangeError, Misconfigured, Missing, NoMailbox, Rejected, Unavailable
from daemon.store import delegates, directory
from daemon.store.delegates import Kept
from daemon.store.errors import CommitFailed
from daemon.store.heads import Source
from daemon.sync import packing
from daemon.sync.delegating import Delegating
from handlers.delegations import Pair, State
from handlers.facts import User
from handlers.policy import Policy
from schemas import catalogue
from schemas.delegates import NO_RIGHTS, Delegates, Rights
from tests.support.instant import InstantExchange
from tests.unit.sync.parts import Desk, a_record

ANNA, BEN, CARL = "anna@bank.example", "ben@bank.example", "carl@bank.example"
ANNA_BEN, ANNA_CARL, CARL_BEN = Pair("u-anna", "u-ben"), Pair("u-anna", "u-carl"), Pair("u-carl", "u-ben")
EDITOR = NO_RIGHTS.as_editor()
GRANTED, REVOKED = "crm.delegation.granted.v1", "crm.delegation.revoked.v1"
Spoil = Callable[[str], None]


class Spoiled(InstantExchange):
    """An Exchange where something happens between two calls: `before` is told of each call about to be made."""

    def __init__(self) -> None:
        super().__init__()
        self.before: Spoil = lambda _operation: None

    async def delegates(self, mailbox: str) -> Delegates:
        self.before("delegates")
        return await super().delegates(mailbox)

    async def add_delegate(self, mailbox: str, delegate: str, rights: Rights, *, deliver: str) -> None:
        self.before("add")
        await super().add_delegate(mailbox, delegate, rights, deliver=deliver)

    async def update_delegate(self, mailbox: str, delegate: str, rights: Rights, *, deliver: str) -> None:
        self.before("update")
        await super().update_delegate(mailbox, delegate, rights, deliver=deliver)

    async def remove_delegate(self, mailbox: str, delegate: str) -> None:
        self.before("remove")
        await super().remove_delegate(mailbox, delegate)


class Office:
    """Anna, Ben and Carl, a store, an Exchange, and whoever looks at their grants."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.exchange = Spoiled()
        self.policy = Policy(options={"meeting_invitations": True})
        self.delegating = self.another()
        self._offset = 0

    def another(self) -> Delegating:
        """One more daemon at the same work, or the next life of one."""
        return Delegating(
            store=self.desk.store,
            exchange=cast("Exchange", self.exchange),
            settler=self.desk.settler,
            policy=lambda: self.policy,
            now=self.desk.clock,
        )

    async def furnish(self) -> None:
        def work(tx: Connection) -> None:
            for number, (name, mailbox) in enumerate((("anna", ANNA), ("ben", BEN), ("carl", CARL))):
                at = Source(catalogue.USERS, 0, number, 1)
                directory.put_user(tx, User(f"u-{name}", mailbox=mailbox), at=at)

        await self.desk.store.write(work)

    async def say(self, kind: str, pair: Pair, *, broken: bool = False) -> None:
        """The CRM grants or revokes; a broken record is one that nobody can read."""
        self._offset += 1
        offset = self._offset
        data = {"principal": pair.principal, "delegate": pair.delegate, "version": offset}
        record = a_record(catalogue.DELEGATIONS, kind, data, key=pair.key, offset=offset)
        packed = b"[" if broken else packing.pack([record])

        def work(tx: Connection) -> None:
            at = Source(catalogue.DELEGATIONS, 0, offset, offset)
            stood = delegates.stands(tx, pair)
            store = directory.put_delegation if kind == GRANTED else directory.delete_delegation
            store(tx, pair.principal, pair.delegate, at=at)
            delegates.ask(tx, [pair], record=packed, stood=stood)

        await self.desk.store.write(work)

    async def looked(self) -> None:
        """Everything that is due was looked at, as often as it takes."""
        stop = asyncio.Event()
        run = asyncio.create_task(self.delegating.run(stop))
        self.delegating.poke()
        async with asyncio.timeout(30):
            while await self.desk.store.read(lambda tx: delegates.due(tx, self.desk.now, 1)):  # noqa: ASYNC110
                await asyncio.sleep(0.001)
        stop.set()
        await run

    async def until(self, state: State) -> None:
        """Anna's grant to Ben has come that far."""
        async with asyncio.timeout(30):
            while (await self.kept()).done.state is not state:  # noqa: ASYNC110
                await asyncio.sleep(0.001)

    async def kept(self, pair: Pair = ANNA_BEN) -> Kept:
        return await self.desk.store.read(lambda tx: delegates.of(tx, pair))

    async def told(self) -> list[tuple[str, str | None, list[str]]]:
        """Result, reason and writes of all that was said."""
        return [
            (data["result"], data["reason"], [each["operation"] for each in data["writes"]])
            for _, data in await self.desk.waiting()
        ]

    def calls(self) -> list[str]:
        return [each.operation for each in self.exchange.calls]


@pytest.fixture
async def office(desk: Desk) -> Office:
    office = Office(desk)
    await office.furnish()
    return office


def once(operation: str, act: Callable[[], Any]) -> Spoil:
    """Something that happens before the first call of an operation."""
    left = [act]

    def spoil(asked: str) -> None:
        if asked == operation and left:
            left.pop()()

    return spoil


def raising(error: ExchangeError) -> Callable[[], Any]:
    def fail() -> None:
        raise error

    return fail


@pytest.mark.rule("INV-1")
async def test_what_he_could_do_before_is_written_down_before_the_first_call(office: Office) -> None:
    """Given rights of his own, then they are in the store, in a state that tells of the call, when it is made."""
    before = Rights(calendar="Reviewer", tasks="Author")
    office.exchange.delegated[ANNA][BEN] = before
    seen: list[Kept] = []
    with office.desk.store._database.reading.connect() as tx:
        office.exchange.before = once("update", lambda: seen.append(delegates.of(tx, ANNA_BEN)))
        await office.say(GRANTED, ANNA_BEN)
        await office.looked()
    [kept] = seen
    assert (kept.done.state, kept.done.prior) == (State.GRANTING, before)
    assert (await office.kept()).done.state is State.GRANTED
    assert office.exchange.delegated[ANNA][BEN] == before.as_editor()


@pytest.mark.rule("INV-1")
async def test_somebody_who_makes_him_a_delegate_in_between_keeps_what_he_gave(office: Office) -> None:
    """Given rights that come between our look and our call, then they are looked at anew, and kept beside ours."""
    tasks = Rights(tasks="Editor")
    office.exchange.before = once("add", lambda: office.exchange.delegated[ANNA].update({BEN: tasks}))
    await office.say(GRANTED, ANNA_BEN)
    await office.looked()
    office.desk.pass_by(timedelta(minutes=1))
    await office.looked()
    assert office.exchange.delegated[ANNA][BEN] == tasks.as_editor()
    assert await office.told() == [("applied", None, ["update_delegate"])]


@pytest.mark.rule("INV-1")
async def test_somebody_who_removes_him_in_between_leaves_nothing_to_be_said_of_a_write(office: Office) -> None:
    """Given a delegate who is removed between our look and our removal, then it is done, and not by us."""
    await office.say(GRANTED, ANNA_BEN)
    await office.looked()
    await office.say(REVOKED, ANNA_BEN)
    office.exchange.before = once("remove", raising(Missing(ANNA, "ErrorNotDelegate")))
    await office.looked()
    assert await office.told() == [("applied", None, ["add_delegate"]), ("applied", None, [])]


@pytest.mark.rule("INV-1")
async def test_a_revoke_that_exchange_refuses_is_tried_on(office: Office) -> None:
    """Given a removal that is rejected, then it is held, for the right is still there, and made when it can be."""
    await office.say(GRANTED, ANNA_BEN)
    await office.looked()
    await office.say(REVOKED, ANNA_BEN)
    office.exchange.before = once("remove", raising(Rejected(ANNA, "ErrorDelegateValidationFailed")))
    await office.looked()
    assert (await office.told())[1:] == [("held", "denied", [])]
    office.desk.pass_by(timedelta(minutes=5))
    await office.looked()
    assert (await office.told())[2:] == [("applied", None, ["remove_delegate"])]
    assert (await office.kept()).turn == 0


@pytest.mark.rule("INV-1")
async def test_a_revoke_that_comes_during_the_call_is_looked_at_next(office: Office) -> None:
    """Given a grant under way, when it is revoked, then both are carried out and answered, one after the other."""
    sayings: list[asyncio.Task[None]] = []
    under_way = asyncio.Event()

    def say() -> None:
        sayings.append(asyncio.create_task(office.say(REVOKED, ANNA_BEN)))
        office.exchange.hold = asyncio.Event()
        under_way.set()

    office.exchange.before = once("add", say)
    await office.say(GRANTED, ANNA_BEN)
    looking = asyncio.create_task(office.looked())
    await asyncio.wait_for(under_way.wait(), 30)
    await asyncio.gather(*sayings)
    assert office.exchange.hold is not None
    office.exchange.hold.set()
    await looking
    await office.looked()
    assert office.exchange.delegated[ANNA] == {}
    assert await office.told() == [("applied", None, ["add_delegate"]), ("applied", None, ["remove_delegate"])]
    assert (await office.kept()).turn == 0


@pytest.mark.rule("INV-1")
async def test_one_pair_that_nobody_can_deal_with_does_not_stop_the_others(office: Office) -> None:
    """Given a cause that cannot be read, then the other grants are made, and it is tried ever more seldom."""
    await office.say(GRANTED, ANNA_BEN, broken=True)
    await office.say(GRANTED, ANNA_CARL)
    await office.say(GRANTED, CARL_BEN)
    await office.looked()
    assert (office.exchange.delegated[ANNA], office.exchange.delegated[CARL]) == ({CARL: EDITOR}, {BEN: EDITOR})
    waits = []
    for _ in range(8):
        kept = await office.kept()
        assert (kept.reason, kept.done.state) == ("unexpected", State.NONE)
        assert kept.due is not None
        waits.append(kept.due - office.desk.now)
        office.desk.pass_by(waits[-1])
        await office.looked()
    assert waits[:3] == [timedelta(minutes=1), timedelta(minutes=2), timedelta(minutes=4)]
    assert waits[-1] == timedelta(hours=1)


@pytest.mark.rule("INV-1")
async def test_an_exchange_that_is_away_is_asked_ever_more_seldom(office: Office) -> None:
    """Given an Exchange that does not answer, then a grant is tried again, up to once a minute, and nothing is said."""
    await office.say(GRANTED, ANNA_BEN)
    waits = []
    for _ in range(8):
        office.exchange.failures.append(Unavailable(ANNA, "down"))
        await office.looked()
        kept = await office.kept()
        assert kept.due is not None
        waits.append(int((kept.due - office.desk.now).total_seconds()))
        office.desk.pass_by(kept.due - office.desk.now)
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60]
    assert await office.told() == []
    await office.looked()
    assert await office.told() == [("applied", None, ["add_delegate"])]
    assert ((await office.kept()).tries, (await office.kept()).due) == (0, None)


@pytest.mark.rule("INV-1")
@pytest.mark.parametrize("error", [NoMailbox(ANNA, "none"), Misconfigured(ANNA, "wrong")])
async def test_who_has_moved_from_a_mailbox_that_is_no_more_keeps_his_delegates(
    office: Office, error: ExchangeError
) -> None:
    """Given Anna who has another mailbox, and her old one is gone, then Ben may act for her in the new one."""
    await office.say(GRANTED, ANNA_BEN)
    await office.looked()
    place = Source(catalogue.USERS, 0, 9, 2)
    anna = User("u-anna", mailbox="anna@new.example")
    await office.desk.store.write(lambda tx: directory.put_user(tx, anna, at=place))
    office.exchange.before = once("delegates", raising(error))
    await office.looked()
    moved = "anna@new.example" if isinstance(error, NoMailbox) else ANNA
    assert (await office.kept()).done.mailbox == moved
    assert (BEN in office.exchange.delegated.get("anna@new.example", {})) == (moved != ANNA)


async def put_user(office: Office, user: User, *, version: int) -> None:
    at = Source(catalogue.USERS, 0, version, version)
    await office.desk.store.write(lambda tx: directory.put_user(tx, user, at=at))


@pytest.mark.rule("INV-1")
async def test_a_mailbox_that_is_gone_is_waited_for_for_a_week(office: Office) -> None:
    """Given a revoke in a mailbox that is no more, then it waits; after a week it has failed, nothing is kept of it,
    nobody is asked any more, and an administrator can know.
    """

    def gone(operation: str) -> None:
        raise NoMailbox(ANNA, "ErrorNonExistentMailbox")

    await office.say(GRANTED, ANNA_BEN)
    await office.looked()
    await office.say(REVOKED, ANNA_BEN)
    office.exchange.before = gone
    await office.looked()
    office.desk.pass_by(timedelta(days=7))
    await office.looked()
    assert (await office.told())[1:] == [("held", "denied", [])]
    assert (await office.kept()).done.state is State.GRANTED
    office.desk.pass_by(timedelta(hours=1))
    with capture_logs() as logs:
        await office.looked()
    assert (await office.told())[2:] == [("failed", "gone", [])]
    assert (await office.kept()).turn == 0
    events = [{k: v for k, v in each.items() if k != "log_level"} for each in logs if "delegate." in each["event"]]
    assert events == [{"event": "delegate.given_up", "principal": "u-anna", "delegate": "u-ben"}]
    assert await office.desk.store.read(lambda tx: delegates.due(tx, office.desk.now + timedelta(days=9), 1)) == ()


@pytest.mark.rule("INV-1", "OPT-2")
async def test_settings_wait_for_a_mailbox_that_is_gone_for_about_a_week_too(office: Office) -> None:
    """Given the option switched off in the configuration, then it ends after some tries for each day, and is said."""

    def gone(operation: str) -> None:
        raise NoMailbox(ANNA, "ErrorNonExistentMailbox")

    await office.say(GRANTED, ANNA_BEN)
    await office.looked()
    office.policy = Policy()
    office.exchange.before = gone
    tries = 0
    while (await office.kept()).done.state is State.GRANTED:
        office.desk.pass_by(timedelta(hours=1))
        await office.looked()
        tries += 1
        assert tries < 200
    assert tries > 7 * 24
    assert (await office.told())[1:] == [("held", "denied", []), ("failed", "gone", [])]
    await office.looked()
    assert len(await office.told()) == 3


@pytest.mark.rule("INV-1")
async def test_a_mailbox_that_comes_back_within_the_week_loses_its_delegate(office: Office) -> None:
    """Given a revoke in a mailbox that is away for days, then the right goes once it is there again."""
    await office.say(GRANTED, ANNA_BEN)
    await office.looked()
    await office.say(REVOKED, ANNA_BEN)
    office.exchange.before = once("delegates", raising(NoMailbox(ANNA, "none")))
    await office.looked()
    office.desk.pass_by(timedelta(days=30))
    await office.looked()
    assert office.exchange.delegated[ANNA] == {}
    assert (await office.told())[1:] == [("held", "denied", []), ("applied", None, ["remove_delegate"])]


@pytest.mark.rule("INV-1")
async def test_a_grant_waits_for_its_mailbox_as_long_as_it_stands(office: Office) -> None:
    """Given a mailbox that Exchange makes weeks after the CRM knew of it, then the grant is carried out there."""
    await office.say(GRANTED, ANNA_BEN)
    for _ in range(3):
        office.exchange.before = once("delegates", raising(NoMailbox(ANNA, "none")))
        await office.looked()
        office.desk.pass_by(timedelta(days=8))
    await office.looked()
    assert office.exchange.delegated[ANNA] == {BEN: EDITOR}
    assert await office.told() == [("held", "denied", []), ("applied", None, ["add_delegate"])]


@pytest.mark.rule("INV-1")
async def test_a_revoke_after_a_restore_that_is_cut_off_is_ended_in_the_next_try(office: Office) -> None:
    """Given rights that a lost store left, and a removal without an answer, then what was found is remembered."""
    await office.desk.store.raise_generation()
    office.exchange.delegated[ANNA][BEN] = Rights(calendar="Editor", tasks="Author")
    await office.say(REVOKED, ANNA_BEN)
    office.exchange.before = once("update", raising(Unavailable(ANNA, "down")))
    await office.looked()
    kept = await office.kept()
    assert (kept.done.state, kept.done.prior) == (State.REVOKING, Rights(tasks="Author"))
    office.desk.pass_by(timedelta(minutes=1))
    await office.looked()
    assert office.exchange.delegated[ANNA] == {BEN: Rights(tasks="Author")}
    assert await office.told() == [("applied", None, ["update_delegate"])]
    assert (await office.kept()).turn == 0


@pytest.mark.rule("INV-1")
async def test_after_a_restore_a_revoke_leaves_the_right_to_another_user_with_the_same_mailbox(office: Office) -> None:
    """Given Carl, who has taken over Ben's mailbox and may act for Anna, then Ben's revoke takes nothing from him."""
    await put_user(office, User("u-carl", mailbox=BEN), version=9)
    await office.say(GRANTED, ANNA_CARL)
    await office.looked()
    await office.desk.store.raise_generation()
    await office.say(REVOKED, ANNA_BEN)
    await office.looked()
    assert office.exchange.delegated[ANNA] == {BEN: EDITOR}
    assert (await office.told())[1:] == [("skipped", "no_grant", [])]


@pytest.mark.rule("INV-1")
async def test_settings_that_come_while_the_store_is_away_are_looked_at_when_it_is_back(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a reload that switches the option off and cannot store anything, then the right goes all the same."""

    async def away(*_args: object, **_named: object) -> None:
        raise CommitFailed("away")

    await office.say(GRANTED, ANNA_BEN)
    stop = asyncio.Event()
    run = asyncio.create_task(office.delegating.run(stop))
    await office.until(State.GRANTED)
    office.policy = Policy()
    with monkeypatch.context() as trouble:
        trouble.setattr(office.desk.store, "write", away)
        with pytest.raises(CommitFailed):
            await office.delegating.look_at_all()
    office.delegating.poke()
    await office.until(State.NONE)
    stop.set()
    await run
    assert office.exchange.delegated[ANNA] == {}


@pytest.mark.rule("INV-1")
async def test_two_who_look_at_once_do_it_once(office: Office) -> None:
    """Given two who believe that a pair is theirs, as after a lost session, then one finds that the other was there."""
    before = Rights(calendar="Reviewer")
    office.exchange.delegated[ANNA][BEN] = before
    await office.say(GRANTED, ANNA_BEN)
    one, other = office.delegating, office.another()
    await asyncio.gather(one._look_safely(ANNA_BEN), other._look_safely(ANNA_BEN))
    office.desk.pass_by(timedelta(minutes=1))
    await office.looked()
    kept = await office.kept()
    assert (kept.done.state, kept.done.prior) == (State.GRANTED, before)
    assert [each[0] for each in await office.told()] == ["applied"]
