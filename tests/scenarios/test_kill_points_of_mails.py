"""Mails: the daemon killed at every await around each send (INV-4, S08b); see `support.plays`.

Whenever it dies, everybody is mailed once, for nobody else changes anything: so it is always to be known what became of
a call.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from daemon.app import Daemon
from daemon.sandbox.exchange import series
from daemon.sandbox.exchange.items import Item
from schemas import ids
from tests.support import plays
from tests.support.house import House, grant, options
from tests.support.plays import PEOPLE, Play, killed_everywhere

TEN = datetime(2027, 3, 2, 9, tzinfo=UTC)
WEEK = timedelta(weeks=1)
WEEKLY = {"frequency": "weekly", "interval": 1, "weekdays": ["TU"], "end": "after", "count": 4}
ALL, TWO = [f"u-{name}" for name in PEOPLE], ["u-anna", "u-bob"]
ANNA = {"user": "u-anna"}
BOB_FOR_ANNA = {"user": "u-bob", "on_behalf_of": "u-anna"}
Mails = dict[tuple[str, str], int]
"""How many mails of a kind somebody gets."""


def item(**more: Any) -> dict[str, Any]:
    known = {
        "subject": "Review",
        "start": TEN.isoformat(),
        "end": (TEN + timedelta(hours=1)).isoformat(),
        "zone": "Europe/Berlin",
        "all_day": False,
        "owner": "u-anna",
        "assign_to": ALL,
        "notes": "Bring the file",
    }
    return known | more


class Told:
    """An item that is there, and what one event makes of it and mails; `sent` is what has gone before."""

    def __init__(self, wanted: Mails, *, event: str, actor: dict[str, str] | None = None, **given: Any) -> None:
        self.wanted, self.event, self.actor, self.given = wanted, event, actor or ANNA, given
        self.sent: dict[str, Counter[tuple[str, str]]] = {}

    async def nothing(self, house: House) -> str:
        return ""

    async def there(self, house: House) -> str:
        """Everybody has been invited to it."""
        crm_id = await self._create(house, ANNA)
        await house.quiet()
        self.sent[crm_id] = mails_of(house, crm_id)
        return crm_id

    async def made(self, house: House, _name: str) -> str:
        return await self._create(house, self.actor)

    async def _create(self, house: House, actor: dict[str, str]) -> str:
        body = {"actor": actor, "kind": "schedule_item", "notify": "all", "item": item(**self.given)}
        return str((await house.crm.create(body))["id"])

    async def renamed(self, house: House, crm_id: str) -> str:
        return await self._edit(house, crm_id, subject="Renamed", location="Room 4")

    async def cleo_for_bob(self, house: House, crm_id: str) -> str:
        """Bob leaves and Cleo comes, and only who is new is to hear."""
        return await self._edit(house, crm_id, notify="added", assign_to=["u-anna", "u-cleo"], subject="Renamed")

    async def one_edited(self, house: House, crm_id: str) -> str:
        return await self._edit(house, crm_id, exceptions=[_exception(1, location="Room 5")])

    async def one_deleted(self, house: House, crm_id: str) -> str:
        return await self._edit(house, crm_id, exceptions=[_exception(2, deleted=True)])

    async def _edit(self, house: House, crm_id: str, *, notify: str = "all", **changed: Any) -> str:
        await house.crm.edit(crm_id, {"actor": self.actor, "notify": notify, "item": changed})
        return crm_id

    async def deleted(self, house: House, crm_id: str) -> str:
        await house.crm.delete(crm_id, {"actor": self.actor, "notify": "all"})
        return crm_id

    def is_told(self, house: House, crm_id: str) -> None:
        """Everybody got what was asked for, once, and the event's outcome names it."""
        sent = mails_of(house, crm_id) - self.sent.get(crm_id, Counter())
        assert sent == self.wanted, f"mailed {sent} in place of {self.wanted}"
        said = outcome_of(house, crm_id, self.event)
        assert (said["result"], said["reason"]) == ("applied", None)
        assert sum(mail["recipients"] for mail in said["mails"]) == sent.total(), said["mails"]


def _exception(week: int, *, deleted: bool = False, **changes: str) -> dict[str, Any]:
    return {"original_start": (TEN + week * WEEK).isoformat(), "deleted": deleted, "changes": changes}


def mails_of(house: House, crm_id: str) -> Counter[tuple[str, str]]:
    """The mails of an item, by kind and whoever got one."""
    mails = (mail for mail in house.sandbox.world.mails if mail.uid == ids.uid_of_crm(crm_id))
    return Counter((mail.kind, address.partition("@")[0]) for mail in mails for address in mail.to)


def outcome_of(house: House, crm_id: str, event: str) -> dict[str, Any]:
    """The last outcome that events of this kind caused."""
    mine = [each for each in house.outcomes() if each["link"] == ids.link_of_crm(crm_id)]
    return [each for each in mine if event in each["cause"]["type"]][-1]


def copies(house: House, crm_id: str, names: Iterable[str] = PEOPLE) -> dict[str, Item]:
    """Everybody's one copy of an item in his calendar: the organizer's, and of those who were invited."""
    found = {}
    for name in names:
        items = house.sandbox.world.items(f"{name}@bank.example", "calendar")
        mine = [each for each in items if each.uid in (ids.uid_of_crm(crm_id), _direct(crm_id, name))]
        assert [each.uid for each in mine] == [ids.uid_of_crm(crm_id)], f"{name} has {len(mine)} copies"
        found[name] = mine[0]
    return found


def _direct(crm_id: str, name: str) -> str:
    return ids.uid_of_direct_copy(crm_id, f"u-{name}")


async def play(store: Path, told: Told, given: Any, happens: Any, holds: Any, capsys: Any) -> None:
    """Kills everywhere; what holds of mails is judged after what else is to hold."""

    async def judged(house: House, born: Daemon, crm_id: str) -> None:
        await holds(house, born, crm_id)
        told.is_told(house, crm_id)

    awaits = await killed_everywhere(store, Play(given, happens, judged), capsys)
    assert {"Acting._written", "Settler._settled", "Limits._in_thread"} <= awaits.keys()


async def invited(house: House, _born: Daemon, crm_id: str) -> None:
    """Anna organizes, the others are invited; nobody has a direct copy beside."""
    for name, copy in copies(house, crm_id).items():
        assert (copy.get("Subject"), copy.get("Start")) == ("Review", TEN), name
    plays.told_nothing(house, crm_id, but=plays.ANSWERS)


async def renamed_for_all(house: House, _born: Daemon, crm_id: str) -> None:
    for name, copy in copies(house, crm_id).items():
        assert (copy.get("Subject"), copy.get("Location")) == ("Renamed", "Room 4"), name
    plays.told_nothing(house, crm_id, but=plays.ANSWERS)


async def cleo_instead(house: House, _born: Daemon, crm_id: str) -> None:
    [annas] = [each for name, each in copies(house, crm_id, ("anna", "cleo")).items() if name == "anna"]
    assert [each.recipient.address for each in annas.attendees] == ["cleo@bank.example"]
    assert annas.get("Subject") == "Renamed"
    plays.told_nothing(house, crm_id, but=plays.ANSWERS)


async def one_elsewhere(house: House, _born: Daemon, crm_id: str) -> None:
    for name, copy in copies(house, crm_id).items():
        exceptions = [(each.get("OriginalStart"), each.get("Location")) for each in series.exceptions(copy)]
        assert exceptions == [(TEN + WEEK, "Room 5")], f"{name} has the exceptions {exceptions}"


async def one_off(house: House, _born: Daemon, crm_id: str) -> None:
    """It is gone for Anna, and cancelled for who was invited."""
    for name, copy in copies(house, crm_id).items():
        cancelled = [each.get("OriginalStart") for each in series.exceptions(copy) if each.get("IsCancelled")]
        assert [*series.deleted_starts(copy), *cancelled] == [TEN + 2 * WEEK], name
        assert name != "anna" or not cancelled


async def gone(house: House, _born: Daemon, crm_id: str) -> None:
    """Nobody has it any more, but for cancelled copies."""
    for name in PEOPLE:
        items = house.sandbox.world.items(f"{name}@bank.example", "calendar")
        mine = [each for each in items if each.uid in (ids.uid_of_crm(crm_id), _direct(crm_id, name))]
        assert not [each for each in mine if not each.get("IsCancelled")], name


@pytest.mark.timeout(600)
@pytest.mark.rule("INV-3", "INV-4", "INV-6")
@pytest.mark.scenario("S08b")
async def test_s08b_an_invitation_killed_anywhere_is_sent_once(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Given a new item that everybody is to be told of, then each is invited once, whenever the daemon dies."""
    told = Told({("invitation", "bob"): 1, ("invitation", "cleo"): 1}, event="created")
    await play(store, told, told.nothing, told.made, invited, capsys)


@pytest.mark.timeout(600)
@pytest.mark.rule("INV-3", "INV-4")
@pytest.mark.scenario("S08b")
async def test_s08b_an_update_killed_anywhere_is_mailed_once(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = Told({("update", "bob"): 1, ("update", "cleo"): 1}, event="updated")
    await play(store, told, told.there, told.renamed, renamed_for_all, capsys)


@pytest.mark.timeout(600)
@pytest.mark.rule("INV-3", "INV-4", "INV-6")
@pytest.mark.scenario("S08b")
async def test_s08b_who_is_added_hears_once_and_who_left_does_not(
    store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Given Cleo who comes for Bob in one change, then two writes are made, and only the second mails, once."""
    told = Told({("invitation", "cleo"): 1}, event="updated", assign_to=TWO)
    await play(store, told, told.there, told.cleo_for_bob, cleo_instead, capsys)


@pytest.mark.timeout(600)
@pytest.mark.rule("INV-3", "INV-4", "INV-7")
@pytest.mark.scenario("S08b")
async def test_s08b_a_cancellation_killed_anywhere_is_sent_once(
    store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = Told({("cancellation", "bob"): 1, ("cancellation", "cleo"): 1}, event="deleted")
    await play(store, told, told.there, told.deleted, gone, capsys)


@pytest.mark.timeout(900)
@pytest.mark.rule("INV-3", "INV-4", "REC-3")
@pytest.mark.scenario("S08b")
async def test_s08b_one_occurrence_changed_is_mailed_once_wherever_it_is_killed(
    store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = Told({("update", "bob"): 1, ("update", "cleo"): 1}, event="updated", recurrence=WEEKLY)
    await play(store, told, told.there, told.one_edited, one_elsewhere, capsys)


@pytest.mark.timeout(900)
@pytest.mark.rule("INV-3", "INV-4", "REC-3")
@pytest.mark.scenario("S08b")
async def test_s08b_one_occurrence_deleted_is_cancelled_once_wherever_it_is_killed(
    store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = Told({("cancellation", "bob"): 1, ("cancellation", "cleo"): 1}, event="updated", recurrence=WEEKLY)
    await play(store, told, told.there, told.one_deleted, one_off, capsys)


@pytest.mark.timeout(600)
@pytest.mark.rule("INV-2", "INV-3", "INV-4")
@pytest.mark.scenario("S08b")
async def test_s08b_a_delegates_invitation_killed_anywhere_is_sent_once_and_by_him(
    store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Given Bob who invites for Anna, then Cleo is invited once, from Anna by Bob, and so is he."""
    told = Told({("invitation", "bob"): 1, ("invitation", "cleo"): 1}, event="created", actor=BOB_FOR_ANNA)

    async def granted(house: House) -> str:
        if not house.watch.delegated:
            await house.announce(options(meeting_invitations=True), grant("anna", "bob"))
        return ""

    async def invited_by_bob(house: House, born: Daemon, crm_id: str) -> None:
        await invited(house, born, crm_id)
        mails = [mail for mail in house.sandbox.world.mails if mail.uid == ids.uid_of_crm(crm_id)]
        assert {(mail.sender_mailbox, mail.sender) for mail in mails} <= {("anna@bank.example", "bob@bank.example")}

    await play(store, told, granted, told.made, invited_by_bob, capsys)
