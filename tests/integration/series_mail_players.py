"""Series of which people are told, as a whole or occurrence by occurrence, by their owner or whoever acts for him.

One thing at a time is done to a series. What no rule decides nobody does: he tells of one occurrence only where
everybody has the series by invitation, and of a series that moves only as long as no occurrence of it is special.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from random import Random
from typing import Any

from schemas import ids
from tests.integration.both_players import Outlooks, address_of, asked
from tests.integration.test_both_sides import brief
from tests.integration.test_series_at_random import BERLIN, HOUR, ROOMS, WORDS, moment, said
from tests.oracle.mails import Mail, Wish
from tests.oracle.series import WEEK, Seen, Series
from tests.oracle.series_mails import ToldSeries
from tests.oracle.sides import Bank
from tests.support.house import House

COUNT = 6
_DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_BEFORE, _AFTER = timedelta(weeks=4), timedelta(weeks=30)


@dataclass
class Told:
    """A series as it is played: what must come of it, its tag, by which its occurrences are known, and the CRM's id."""

    told: ToldSeries
    tag: str
    crm_id: str
    log: list[str] = field(default_factory=list)

    @property
    def uid(self) -> str:
        return ids.uid_of_crm(self.crm_id)


@dataclass
class SeriesPlayers:
    """Everybody who acts."""

    house: House
    draw: Random
    bank: Bank
    outlooks: Outlooks
    wish: Callable[[str], Wish]
    people: tuple[str, ...]
    played: list[Told] = field(default_factory=list)

    @property
    def now(self) -> datetime:
        return self.house.clock()

    async def begin(self) -> None:
        """Somebody makes a series, for himself or for another."""
        number = len(self.played)
        owner = self.draw.choice(sorted(self.bank.synchronized))
        others = self.draw.sample([each for each in self.people if each != owner], self.draw.randint(1, 2))
        first = (self.now.astimezone(BERLIN) + timedelta(days=number + 1)).replace(
            hour=8 + number % 8, minute=0, second=0, microsecond=0, tzinfo=None
        )
        tag, wish = f"S{number:02d}", self.wish(owner)
        held = Series(first, COUNT, tag, "Room 0")
        until = (first + COUNT * WEEK).replace(tzinfo=BERLIN).astimezone(UTC)
        item = {
            "subject": held.subject,
            "location": held.location,
            "start": said(first),
            "end": said(first + HOUR),
            "zone": "Europe/Berlin",
            "all_day": False,
            "owner": owner,
            "assign_to": sorted({owner, *others}),
            "recurrence": {
                "frequency": "weekly",
                "interval": 1,
                "weekdays": [_DAYS[first.weekday()]],
                "end": "after",
                "count": COUNT,
            },
        }
        record = await self.house.crm.create({**asked(wish), "kind": "schedule_item", "item": item})
        told = ToldSeries(self.bank, held, owner, set(others), until)
        told.made(wish, self.now)
        self.played.append(Told(told, tag, record["id"], [f"made for {owner}, {others}, by {wish}"]))

    async def go_on(self, one: Told) -> None:
        """One thing is done to it."""
        if one.told.is_over:
            return
        acts: list[Callable[[Told], Awaitable[None]]] = [self._rename, self._people, self._people, self._move]
        acts += [self._change_one] * 3 + [self._delete_one]
        acts += [self._in_outlook] if one.told.all_invited else []
        acts += [self._end] if self.draw.random() < 0.2 else []
        await self.draw.choice(acts)(one)

    async def _rename(self, one: Told) -> None:
        wish, subject = self.wish(one.told.owner), self._word(one)
        if one.told.changed(wish, self.now):
            one.told.held.subject = subject
        await self._edit(one, wish, subject=subject)

    async def _move(self, one: Told) -> None:
        held, wish = one.told.held, self.wish(one.told.owner)
        if held.special or held.deleted:
            wish = Wish(wish.actor, wish.on_behalf_of, "none")
        start = held.start + self.draw.choice([HOUR, -HOUR])
        if one.told.changed(wish, self.now):
            held.move_all(start - held.start, in_outlook=False)
        await self._edit(one, wish, start=said(start), end=said(start + HOUR))

    async def _people(self, one: Told) -> None:
        wish, owner = self.wish(one.told.owner), one.told.owner
        free = [each for each in self.people if each != owner and each not in one.told.attendees]
        added = self.draw.sample(free, 1) if free and self.draw.random() < 0.7 else []
        removed = self.draw.sample(sorted(one.told.attendees), 1) if one.told.attendees and not added else []
        if added or removed:
            users = (set(self._item(one)["assign_to"]) | set(added)) - set(removed)
            one.told.people_changed(wish, self.now, added=added, removed=removed)
            await self._edit(one, wish, assign_to=sorted(users))

    async def _change_one(self, one: Told) -> None:
        held, wish = one.told.held, self._wish_of_one(one)
        number = self.draw.choice(held.left())
        start = held.at(number) + 2 * HOUR
        word, room = self._word(one), self.draw.choice(ROOMS)
        changes: dict[str, Any] = self.draw.choice(
            [{"subject": word}, {"location": room}, {"start": said(start), "end": said(start + HOUR)}]
        )
        if not self._is_news(one, number, changes):
            return
        if one.told.one_changed(wish, self.now):
            if "start" in changes:
                held.move(number, start)
            else:
                held.change(number, **changes)
        await self._edit_one(one, number, changes, wish)

    def _is_news(self, one: Told, number: int, changes: dict[str, Any]) -> bool:
        """Who says what the occurrence is anyhow changes nothing, which nobody is told."""
        own = one.told.held.special.get(number)
        if "start" in changes:
            return own is None or own.start is None or said(own.start) != changes["start"]
        return "location" not in changes or own is None or own.location != changes["location"]

    async def _delete_one(self, one: Told) -> None:
        held, wish = one.told.held, self._wish_of_one(one)
        if len(held.left()) < 3:
            return
        number = self.draw.choice(held.left())
        if one.told.one_deleted(wish, self.now):
            held.delete(number)
        await self._edit_one(one, number, None, wish)

    async def _end(self, one: Told) -> None:
        wish = self.wish(one.told.owner)
        one.log.append(f"deleted {wish}")
        one.told.ended(wish, self.now)
        await self.house.crm.delete(one.crm_id, asked(wish))

    async def _in_outlook(self, one: Told) -> None:
        """The owner tells everybody himself."""
        number, word = self.draw.choice(one.told.held.left()), self._word(one)
        act = partial(self.outlooks(one.told.owner).edit_occurrence, one.uid, number, subject=word)
        one.log.append(f"occurrence {number} is {word} in Outlook")
        await self.house.does(act)
        one.told.held.change(number, subject=word)

    # how

    def _wish_of_one(self, one: Told) -> Wish:
        wish = self.wish(one.told.owner)
        return wish if one.told.all_invited else Wish(wish.actor, wish.on_behalf_of, "none")

    def _word(self, one: Told) -> str:
        return f"{one.tag} {self.draw.choice(WORDS)} {self.draw.randrange(16**4):04x}"

    async def _edit(self, one: Told, wish: Wish, **fields: Any) -> None:
        one.log.append(f"CRM {fields} {wish}")
        await self.house.crm.edit(one.crm_id, {**asked(wish), "item": fields})

    async def _edit_one(self, one: Told, number: int, changes: dict[str, Any] | None, wish: Wish) -> None:
        """On top of what the CRM holds; None: it is deleted."""
        item = self._item(one)
        first = moment(item["start"]).astimezone(BERLIN).replace(tzinfo=None)
        start = said(first + (number - 1) * WEEK)
        held = item.get("exceptions", [])
        others = [each for each in held if moment(each["original_start"]) != moment(start)]
        known = next((each["changes"] for each in held if each not in others), {})
        mine: dict[str, Any] = {"original_start": start, "deleted": True}
        if changes is not None:
            mine = {"original_start": start, "changes": {**known, **changes}}
        await self._edit(one, wish, exceptions=[*others, mine])

    def _item(self, one: Told) -> dict[str, Any]:
        return dict(next(each["item"] for each in self.house.crm.items() if each["id"] == one.crm_id))

    # judging

    def told(self) -> list[str]:
        """What was done to each."""
        return ["\n  ".join([f"{one.tag} {one.crm_id}", *one.log]) for one in self.played]

    async def differences(self) -> list[str]:
        views = {who: await self._calendar(who) for who in sorted(self.bank.synchronized)}
        wrong: list[str] = []
        for one in self.played:
            found = [*self._of_calendars(one, views), *self._of_mails(one)]
            said = [brief(each) for each in self.house.outcomes() if each["link"] == ids.link_of_crm(one.crm_id)]
            wrong += ["\n".join([f"{one.tag} {one.crm_id} {one.uid[-8:]}:", *found, *one.log, *said])] if found else []
        return wrong

    async def _calendar(self, who: str) -> list[Seen]:
        first, last = ((self.now + each).replace(tzinfo=None) for each in (-_BEFORE, _AFTER))
        found = await self.house.does(self.outlooks(who).view, first, last)
        return sorted(
            (each.start.astimezone(BERLIN).replace(tzinfo=None), str(each.subject), str(each.location or ""))
            for each in found
            if not each.is_cancelled
        )

    def _of_calendars(self, one: Told, views: dict[str, list[Seen]]) -> Iterator[str]:
        shown = sorted(one.told.held.shown())
        for who, view in views.items():
            wanted = shown if who in one.told.shown_to else []
            held = [seen for seen in view if seen[1].startswith(one.tag)]
            yield from (f"  {who}'s calendar lacks {seen}" for seen in wanted if seen not in held)
            yield from (f"  {who}'s calendar shows {seen}" for seen in held if seen not in wanted)

    def _of_mails(self, one: Told) -> Iterator[str]:
        names = {address_of(each): each for each in self.people}
        sent = [
            Mail(
                mail.kind,
                names.get(mail.sender_mailbox, mail.sender_mailbox),
                names.get(mail.sender, mail.sender),
                frozenset(names.get(each, each) for each in mail.to),
            )
            for mail in self.house.sandbox.world.mails
            if mail.uid == one.uid and mail.cause.account == self.house.service
        ]
        wanted, got = Counter(one.told.post.sent), Counter(sent)
        yield from (f"  not mailed: {mail}" for mail in (wanted - got).elements())
        yield from (f"  mailed, and nobody asked: {mail}" for mail in (got - wanted).elements())
