"""People on both sides who act for each other and tell each other: what is mailed hangs from what they ask for.

In a round somebody grants or revokes, or switches the option, and time may pass; when that is in force one thing is
done to every meeting: in Outlook, in the CRM with a wish whom to tell and in whose name, or on both sides at once
telling nobody. What no rule decides they do not do: grant or revoke while something is done for whom it concerns, ask
for mails of what Outlook changes in the same moment, or move what is past.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from tests.integration.both_players import (
    CLIENTS,
    SYNCHRONIZED,
    UNSYNCHRONIZED,
    Act,
    Players,
    address_of,
)
from tests.oracle.mails import Delegations, Mail, Wish
from tests.oracle.sides import CONTENT, Bank, Meeting
from tests.support.house import House, grant, options, revoke

SOON = timedelta(days=2)
A_FORTNIGHT = timedelta(days=14)


def a_bank_with_delegates() -> Bank:
    users = frozenset(f"u-{name}" for name in SYNCHRONIZED)
    invitable = users | {f"u-{UNSYNCHRONIZED}"}
    return Bank(users, invitable, contacts=CLIENTS, delegations=Delegations(users, invitable))


@dataclass
class MailPlayers(Players):
    """Everybody who acts, tells and grants. `tells` False: they ask for no mails."""

    bank: Bank = field(default_factory=a_bank_with_delegates)
    tells: bool = True
    news: list[str] = field(default_factory=list)

    # the directory

    async def open(self) -> None:
        """Some grants are there from the beginning."""
        await self._switch(None, allowed=True)
        for _ in range(8):
            await self._grant()

    async def directory_changes(self) -> None:
        """One thing about who may act for whom; it is in force when this returns."""
        acts = [self._grant, self._grant, self._revoke, self._switch_one, self._switch_all, self._nothing]
        await self.random.choice(acts)()

    async def _grant(self) -> None:
        principal, delegate = self.random.sample([*SYNCHRONIZED, UNSYNCHRONIZED], 2)
        self.bank.delegations.standing.add((f"u-{principal}", f"u-{delegate}"))
        self.news.append(f"{principal} grants {delegate}")
        await self.house.announce(grant(principal, delegate))

    async def _revoke(self) -> None:
        """Of what is granted, or now and then of what never was."""
        standing = sorted(self.bank.delegations.standing)
        pair = self.random.choice(standing) if standing else ("u-anna", "u-bob")
        self.bank.delegations.standing.discard(pair)
        principal, delegate = (each.removeprefix("u-") for each in pair)
        self.news.append(f"{principal} revokes {delegate}")
        await self.house.announce(revoke(principal, delegate))

    async def _switch_one(self) -> None:
        await self._switch(self.random.choice(SYNCHRONIZED), allowed=self.random.random() < 0.5)

    async def _switch_all(self) -> None:
        await self._switch(None, allowed=self.random.random() < 0.7)

    async def _switch(self, who: str | None, *, allowed: bool) -> None:
        self.news.append(f"meeting_invitations of {who or 'all'}: {allowed}")
        if who is None:
            self.bank.delegations.for_all = allowed
            await self.house.announce(options(meeting_invitations=allowed, **ALWAYS))
        else:
            self.bank.delegations.of_user[f"u-{who}"] = allowed
            await self.house.announce(options(who, meeting_invitations=allowed))

    # who asks for what

    def wish(self, owner: str | None) -> Wish:
        """Mostly of whoever may; now and then of somebody who may not."""
        notify = self.random.choice(["none", "all", "all", "added"]) if self.tells else "none"
        kind = self.random.random()
        granted = [each for principal, each in sorted(self.bank.delegations.standing) if principal == owner]
        if owner is not None and granted and kind < 0.45:
            return Wish(self.random.choice(granted), owner, notify)
        if kind < 0.55:
            return Wish(self._anybody(), self._anybody(), notify)
        if kind < 0.65:
            return Wish(self._anybody(), None, notify)
        if owner is not None and kind < 0.75:
            return Wish(owner, owner, notify)
        return Wish(owner, None, notify)

    def _anybody(self) -> str:
        return f"u-{self.random.choice([*SYNCHRONIZED, UNSYNCHRONIZED])}"

    # rounds

    async def go_on(self) -> list[Act]:
        later: list[Act] = []
        for meeting in self.meetings:
            if meeting.is_over or meeting.refused or meeting.crm_id is None:
                continue
            where = self.random.choice(["outlook", *["wish"] * 4, "both"])
            if where == "wish":
                later.append(self._wished(meeting))
            elif meeting.is_past(self.now) or where == "outlook":
                later += await self._one_side(meeting, "outlook")
            else:
                later += await self._both_sides(meeting)
        return later

    @property
    def now(self) -> datetime:
        return self.house.clock()

    def _wished(self, meeting: Meeting) -> Act:
        """Something a CRM user does, saying whom to tell."""
        wish = self.wish(meeting.owner)
        leave = self.bank.delegations.leave(wish, meeting.owner)
        if self.random.random() < 0.15 and (meeting.organizer is not None or meeting.owner is not None):
            return self._delete_in_crm(meeting, wish=wish)
        if (
            leave is not None
            and leave.delegate is None
            and self.random.random() < 0.2
            and not meeting.is_past(self.now)
        ):
            act = self.random.choice([self._alarm_in_crm, self._related_in_crm, self._for_in_crm])
            return act(meeting, wish=wish)
        changes, people = self._changes_of(meeting)
        if wish.on_behalf_of not in (None, wish.actor) and wish.notify == "added" and people.get("added"):
            changes.pop("restricted", None)  # once it is private he does not see it any more, and can invite nobody
        return self._edit_in_crm(meeting, changes, wish=wish, **people)

    def _changes_of(self, meeting: Meeting) -> tuple[dict[str, Any], dict[str, list[str]]]:
        """Content, people, or both at once."""
        past = meeting.is_past(self.now)
        names = [each for each in CONTENT if not (past and each == "times")]
        changes = self._changes(meeting, *self.random.sample(names, self.random.choice([0, 1, 1, 2])))
        more: dict[str, list[str]] = {}
        is_open = meeting.organizer is not None or meeting.owner is not None
        free = [each for each in self._uninvolved(meeting) if not past or each not in meeting.alarms]
        there = sorted(meeting.assign_to - {meeting.organizer or "", meeting.owner or ""})
        if is_open and free and self.random.random() < 0.5:
            more["added"] = self.random.sample(free, 1)
        if is_open and there and self.random.random() < 0.35:
            more["removed"] = self.random.sample(there, 1)
        return changes or (self._changes(meeting, "subject") if not more else {}), more

    def _outlook_acts(self, meeting: Meeting) -> list[Act]:
        """Of what is past nobody moves anything, and nothing is deleted, which would be an archival one (DEL-2)."""
        if not meeting.is_past(self.now):
            return super()._outlook_acts(meeting)
        if meeting.own is None:
            return []
        one = self.random.choice(["subject", "location", "notes"])
        return [lambda: self._edit_in_outlook(meeting, self._changes(meeting, one), told=False)]

    def _changes(self, meeting: Meeting, *names: str) -> dict[str, Any]:
        """Nothing is moved into the past: of that nobody can say whether it was over before."""
        changes = super()._changes(meeting, *names)
        if "times" in changes and changes["times"][1] < self.now:
            changes["times"] = super()._times()
        return changes

    def _times(self) -> tuple[datetime, datetime]:
        """In some weeks; now and then in two days, so that it will be past, or long past from the beginning."""
        start, end = super()._times()
        kind = self.random.random()
        if kind > 0.3:
            return start, end
        back = timedelta(days=(start - self.now).days) - (SOON if kind > 0.08 else -A_FORTNIGHT)
        return start - back, end - back


ALWAYS = {"meeting_alarms": True, "task_alarms": True, "related_notes": True, "external_contacts__display": True}
"""Under which everything goes both ways."""


def mails_of(house: House, meeting: Meeting) -> Iterator[Mail]:
    """What left the sandbox of a meeting because of the daemon."""
    people = {address_of(f"u-{name}"): f"u-{name}" for name in (*SYNCHRONIZED, UNSYNCHRONIZED)}
    for mail in house.sandbox.world.mails:
        if mail.uid == meeting.uid and mail.cause.account == house.service:
            to = frozenset(people.get(each, each) for each in mail.to)
            owner, sender = (people.get(each, each) for each in (mail.sender_mailbox, mail.sender))
            yield Mail(mail.kind, owner, sender, to)
