"""Late in the afternoon: a weekly meeting, of which each side changes one (REC-3)."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from daemon.demo import cast
from daemon.demo.day import Day, Scene
from daemon.demo.evidence import expect
from daemon.demo.morning import invites
from daemon.demo.telling import Told
from schemas.outcomes import Direction

_WEEKS = 6
_ANNAS_OFFICE, _ROOM_5, _ROOM_1 = "Anna's office", "Room 5", "Room 1"
_A_DAY = timedelta(days=1)


async def _one_is_moved(day: Day) -> Told:
    """A series is one item; of single occurrences the CRM has what is different (REC-1, REC-3)."""
    anna = day.outlook("anna")
    made = await anna.meets("Jour fixe", (cast.address("dora"),), start=day.at(10), weeks=_WEEKS)
    before = await day.item(made.uid)
    third = await anna.occurrence(made.uid, 3)
    moved = await anna.changes_occurrence(made.uid, 3, start=third.start + _A_DAY, place=_ANNAS_OFFICE)
    outcome = await day.latest(made.uid, Direction.INBOUND)
    item = await day.item(made.uid)
    pattern = item["item"]["recurrence"]
    held = _exceptions(item)
    expect("occurrences of the series in the CRM", seen=pattern["count"], wanted=_WEEKS)
    expect("occurrences that differed before", seen=list(_exceptions(before)), wanted=[])
    expect("occurrences that differ in the CRM", seen=list(held), wanted=[third.original_start])
    [changes] = held.values()
    expect("start of the third in the CRM", seen=datetime.fromisoformat(changes["start"]), wanted=moved.start)
    expect("place of the third in the CRM", seen=changes["location"], wanted=moved.location)
    day.meetings["weekly"], day.records["weekly"] = made.uid, item["id"]
    weekly = f", {pattern['frequency']}, {pattern['count']} times"
    return Told(
        f"{invites(made, kind=weekly)} Then she moves the third to the day after, into {moved.location}.",
        (
            f"{item['id']} is the whole series, one item of the CRM. Of single occurrences it has what is different: "
            f"of the third, {cast.listed(sorted(changes))}.",
        ),
        outcome,
        only=(),
    )


async def _all_get_a_room(day: Day) -> Told:
    """A change of the whole series does not touch what was customized on an occurrence, on whichever side (REC-3)."""
    uid, crm_id = day.meetings["weekly"], day.records["weekly"]
    before = (await day.record(crm_id))["item"]["exceptions"]
    fifth = await day.outlook("anna").occurrence(uid, 5)
    own = {"original_start": fifth.original_start.isoformat(), "changes": {"location": _ROOM_5}}
    await day.crm("dora").changes(crm_id, exceptions=[*before, own])
    await day.stage.quiet()
    await day.crm("dora").changes(crm_id, location=_ROOM_1)
    outcome = await day.latest(uid, Direction.OUTBOUND)
    shown = {who: await _shown(day, who) for who in ("anna", "dora")}
    places = {who: [place for _, place in each] for who, each in shown.items()}
    wanted = [_ROOM_1, _ROOM_1, _ANNAS_OFFICE, _ROOM_1, _ROOM_5, _ROOM_1]
    expect("places in u-anna's calendar", seen=places["anna"], wanted=wanted)
    expect("places in u-dora's calendar", seen=places["dora"], wanted=wanted)
    expect(
        "starts in u-dora's calendar", seen=[start for start, _ in shown["dora"]], wanted=[s for s, _ in shown["anna"]]
    )
    expect("exceptions in the CRM", seen=len((await day.record(crm_id))["item"]["exceptions"]), wanted=2)
    return Told(
        f"In the CRM, Dora Diaz gives the fifth another room, {places['dora'][4]}; then the whole series a new one, "
        f"{places['dora'][0]}.",
        (
            f"Both calendars show, week by week: {', '.join(places['anna'])}.",
            f"The third is where Anna Adler put it. Mails sent: {len(await day.mails_of_daemon())}.",
        ),
        outcome,
        only=(),
    )


async def _shown(day: Day, who: str) -> list[tuple[datetime, str]]:
    """When and where somebody's calendar has each of the series."""
    outlook, uid = day.outlook(who), day.meetings["weekly"]
    found = await asyncio.gather(*(outlook.occurrence(uid, number) for number in range(1, _WEEKS + 1)))
    return [(each.start, each.location) for each in found]


def _exceptions(record: Mapping[str, Any]) -> dict[datetime, Mapping[str, Any]]:
    """What the CRM holds of single occurrences, by when the series would have them."""
    held = record["item"].get("exceptions", [])
    return {datetime.fromisoformat(each["original_start"]): each["changes"] for each in held}


SCENES = (
    Scene("A weekly meeting, one of them moved", _one_is_moved),
    Scene("A new room for one, then for all", _all_get_a_room),
)
