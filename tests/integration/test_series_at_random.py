"""Series with people on both sides at once: single occurrences, those that follow, and whole series, at random.

One house: Anna in Outlook through a stock EWS client, CRM users through the sandbox CRM. After every round both
calendars and the CRM must show what `tests.oracle.series` works out; in the end everything once more says and writes
nothing, and nobody was mailed. `EXSYNCD_TEST_SEED` repeats a run, `EXSYNCD_TEST_SERIES` and `EXSYNCD_TEST_ROUNDS` make
it larger.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial
from pathlib import Path
from random import Random, SystemRandom
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from schemas import ids
from tests.oracle.series import WEEK, Seen, Series
from tests.support.house import House, a_house

SERIES = int(os.environ.get("EXSYNCD_TEST_SERIES", "5"))
ROUNDS = int(os.environ.get("EXSYNCD_TEST_ROUNDS", "5"))
BERLIN = ZoneInfo("Europe/Berlin")
HOUR = timedelta(hours=1)
TUESDAY = datetime(2027, 2, 2, 9)  # noqa: DTZ001  # in everybody's own zone; a change of clocks lies within
COUNT = 12
ROOMS = ("Room 1", "Room 2", "Room 3")
WORDS = ("Budget", "Review", "Jour fixe")
FIRST, LAST = TUESDAY - 2 * WEEK, TUESDAY + 40 * WEEK


@dataclass
class Played:
    """A series, the oracle's and the house's name for it, and whose calendars show it."""

    held: Series
    crm_id: str
    uid: str
    calendars: tuple[str, ...]
    tag: str


class Players:
    """People on both sides, and what each of them did."""

    def __init__(self, house: House, draw: Random) -> None:
        self.house = house
        self.draw = draw
        self.played: list[Played] = []
        self.log: list[str] = []

    async def begin(self, number: int) -> None:
        """Every second series is made in Outlook by Anna for herself, every other in the CRM for Anna and Bob."""
        held = Series(TUESDAY + number * timedelta(days=1, hours=1), COUNT, f"S{number}")
        if number % 2:
            record = await self._made(held, ["u-anna", "u-bob"])
            await self.house.quiet()
            self._keep(held, record["id"], calendars=("anna", "bob"))
            return
        uid = await self.house.does(self.house.outlook("anna").meet_weekly, held.subject, start=held.start, count=COUNT)
        await self.house.quiet()
        self._keep(held, self.house.item(uid)["id"], calendars=("anna",))

    def _keep(self, held: Series, crm_id: str, *, calendars: tuple[str, ...]) -> None:
        uid = self._record(crm_id)["uid"] or ids.uid_of_crm(crm_id)
        self.played.append(Played(held, crm_id, uid, calendars, held.subject))

    async def _made(self, held: Series, people: list[str], **more: Any) -> dict[str, Any]:
        item = {
            "subject": held.subject,
            "location": held.location,
            "start": said(held.start),
            "end": said(held.start + HOUR),
            "zone": "Europe/Berlin",
            "all_day": False,
            "owner": "u-anna",
            "assign_to": people,
            "recurrence": self._pattern(held),
        }
        body = {"actor": {"user": "u-anna"}, "kind": "schedule_item", "item": item | more}
        record: dict[str, Any] = await self.house.crm.create(body)
        return record

    def _pattern(self, held: Series) -> dict[str, Any]:
        day = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")[held.start.weekday()]
        return {"frequency": "weekly", "interval": 1, "weekdays": [day], "end": "after", "count": held.count}

    async def play(self, one: Played) -> None:
        """Both sides change something at once: how the series goes on, its occurrences, or what they share."""
        if self.draw.random() < 0.3:
            await self._pattern_changes(one)
            return
        await self._in_outlook(one)
        await self._in_crm(one)

    # what goes on at once: Outlook first, so that where both meet the CRM's is the later word

    async def _in_outlook(self, one: Played) -> None:
        anna, held = self.house.outlook("anna"), one.held
        number = self.draw.choice(held.left())
        word, room = f"{one.tag} {self.draw.choice(WORDS)}", self.draw.choice(ROOMS)
        kind = self.draw.choice(["name", "place", "move", "delete", "whole", "nothing"])
        if kind in ("name", "place"):
            changes = {"subject": word} if kind == "name" else {"location": room}
            await self._does(one, kind, partial(anna.edit_occurrence, one.uid, number, silent=True, **changes))
            held.change(number, **changes)
        elif kind == "move":
            start = held.at(number) + self.draw.choice([timedelta(days=1), 2 * HOUR])
            await self._does(
                one, kind, partial(anna.move_occurrence, one.uid, number, start.replace(tzinfo=BERLIN), silent=True)
            )
            held.move(number, start)
        elif kind == "delete" and len(held.left()) > 2:
            await self._does(one, kind, partial(anna.delete_occurrence, one.uid, number))
            held.delete(number)
        elif kind == "whole":
            await self._does(one, kind, partial(anna.edit, one.uid, silent=True, location=f"{room} for all"))
            held.location = f"{room} for all"

    async def _in_crm(self, one: Played) -> None:
        held, number = one.held, self.draw.choice(one.held.left())
        word, room = f"{one.tag} {self.draw.choice(WORDS)} (CRM)", f"{self.draw.choice(ROOMS)} (CRM)"
        kind = self.draw.choice(["name", "place", "move", "delete", "whole", "nothing"])
        if kind in ("name", "place"):
            changes = {"subject": word} if kind == "name" else {"location": room}
            await self._edit_one(one, number, changes)
            held.change(number, **changes)
        elif kind == "move":
            start = held.at(number) + self.draw.choice([timedelta(days=1), 2 * HOUR])
            await self._edit_one(one, number, {"start": said(start), "end": said(start + HOUR)})
            held.move(number, start)
        elif kind == "delete" and len(held.left()) > 2:
            await self._edit_one(one, number, None)
            held.delete(number)
        elif kind == "whole":
            await self._edit(one, subject=word)
            held.subject = word

    async def _pattern_changes(self, one: Played) -> None:
        held, anna = one.held, self.house.outlook("anna")
        kind = self.draw.choice(["hour in Outlook", "hour in the CRM", "end in the CRM", "split in the CRM", "split"])
        if kind.endswith("in the CRM"):
            await self._in_outlook(one)  # in the same moment
        number = self._somewhere_within(held)
        if kind == "hour in Outlook":
            start = (held.start + HOUR).replace(tzinfo=BERLIN)
            await self._does(one, kind, partial(anna.edit, one.uid, silent=True, start=start, end=start + HOUR))
            held.move_all(HOUR, in_outlook=True)
            held.subject = f"{one.tag} {self.draw.choice(WORDS)} (CRM)"
            await self._edit(one, subject=held.subject)
        elif kind == "hour in the CRM":
            start = held.start - HOUR
            await self._edit(one, start=said(start), end=said(start + HOUR))
            held.move_all(-HOUR, in_outlook=False)
        elif number and kind == "end in the CRM":
            held.end(number)
            await self._edit(one, recurrence=self._pattern(held))
        elif number and kind == "split" and len(one.calendars) == 1:
            following = held.split(number)
            following.subject = f"{one.tag} again"
            uid = await self._does(one, kind, partial(anna.split, one.uid, number, subject=following.subject))
            await self.house.quiet()
            self._keep(following, self.house.item(uid)["id"], calendars=one.calendars)
            self.played[-1].tag = one.tag
        elif number:
            following = held.split(number)
            await self._edit(one, recurrence=self._pattern(held))
            following.subject = f"{one.tag} again"
            people = [f"u-{name}" for name in one.calendars]
            record = await self._made(following, people, split_from=one.crm_id)
            await self.house.quiet()
            self._keep(following, record["id"], calendars=one.calendars)
            self.played[-1].tag = one.tag

    def _somewhere_within(self, held: Series) -> int:
        """An occurrence at which a series can end or be split; 0: there is none."""
        return self.draw.choice([each for each in held.left() if 2 < each < held.count] or [0])

    async def _does(self, one: Played, what: str, act: Callable[[], Any]) -> Any:
        self.log.append(f"{one.tag}: Anna: {what} {getattr(act, 'args', ())[1:]} {getattr(act, 'keywords', {})}")
        return await self.house.does(act)

    async def _edit(self, one: Played, **fields: Any) -> None:
        self.log.append(f"{one.tag}: CRM: {fields}")
        await self.house.crm.edit(one.crm_id, {"actor": {"user": "u-bob"}, "item": fields})

    async def _edit_one(self, one: Played, number: int, changes: dict[str, str] | None) -> None:
        """On top of what the CRM holds in that moment; None: it is deleted."""
        record = self._record(one.crm_id)["item"]
        start = said(
            datetime.fromisoformat(record["start"]).astimezone(BERLIN).replace(tzinfo=None) + (number - 1) * WEEK
        )
        others = [each for each in record.get("exceptions", []) if moment(each["original_start"]) != moment(start)]
        [known] = [each for each in record.get("exceptions", []) if each not in others] or [{"changes": {}}]
        if known.get("deleted"):
            return
        if changes is None:
            mine: dict[str, Any] = {"original_start": start, "deleted": True}
        else:
            mine = {"original_start": start, "changes": {**known["changes"], **changes}}
        await self._edit(one, exceptions=[*others, mine])

    def _record(self, crm_id: str) -> dict[str, Any]:
        [found] = [each for each in self.house.crm.items() if each["id"] == crm_id]
        return dict(found)


def said(moment: datetime) -> str:
    """As the CRM says it."""
    return moment.replace(tzinfo=BERLIN).isoformat()


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def in_crm(item: dict[str, Any]) -> list[Seen]:
    """What the CRM shows, by its own record alone: weekly, so and so often, from the start on."""
    start = moment(item["start"]).astimezone(BERLIN).replace(tzinfo=None)
    exceptions = {moment(each["original_start"]): each for each in item.get("exceptions", [])}
    shown: list[Seen] = []
    for number in range(_count(item["recurrence"], start)):
        local = start + number * WEEK
        exception = exceptions.pop(local.replace(tzinfo=BERLIN), {})
        if not exception.get("deleted"):
            own = {**item, "start": said(local), **exception.get("changes", {})}
            when = moment(own["start"]).astimezone(BERLIN).replace(tzinfo=None)
            shown.append((when, own["subject"], own.get("location") or ""))
    assert not exceptions, f"exceptions of no occurrence: {sorted(exceptions)}"
    return sorted(shown)


def _count(pattern: dict[str, Any], start: datetime) -> int:
    if pattern["end"] == "after":
        return int(pattern["count"])
    return (date.fromisoformat(pattern["until"]) - start.date()).days // 7 + 1


async def in_outlook(house: House, who: str) -> list[Seen]:
    found = await house.does(house.outlook(who).view, FIRST, LAST)
    return sorted(
        (each.start.astimezone(BERLIN).replace(tzinfo=None), str(each.subject), str(each.location or ""))
        for each in found
    )


async def judge(players: Players) -> None:
    """Each calendar as a whole, and each of the CRM's items."""
    house = players.house
    for name in ("anna", "bob"):
        wanted = sorted(seen for one in players.played if name in one.calendars for seen in one.held.shown())
        assert await in_outlook(house, name) == wanted, f"{name}'s calendar"
    for one in players.played:
        item = next(each["item"] for each in house.crm.items() if each["id"] == one.crm_id)
        assert in_crm(item) == sorted(one.held.shown()), f"the CRM's {one.tag}"


@pytest.mark.timeout(600)
@pytest.mark.rule("REC-2", "REC-3", "REC-4", "CON-1", "CON-3", "CON-5")
async def test_series_on_both_sides_end_as_the_rules_say(tmp_path: Path) -> None:
    """At random; then silence."""
    seed = int(os.environ.get("EXSYNCD_TEST_SEED") or SystemRandom().randrange(10**6))
    print(f"EXSYNCD_TEST_SEED={seed}")  # noqa: T201  # shown when the test fails
    async with a_house(tmp_path / "store.sqlite", "anna", "bob") as house:
        players = Players(house, Random(seed))
        for number in range(SERIES):
            await players.begin(number)
        await judge(players)
        try:
            for _ in range(ROUNDS):
                for one in tuple(players.played):
                    await players.play(one)
                await house.quiet()
                await judge(players)
        except AssertionError:
            print("\n".join(players.log))  # noqa: T201
            raise
