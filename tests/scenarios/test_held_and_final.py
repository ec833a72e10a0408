"""What is said is said once, and what was held comes to an end that is said, too (the contract's "When")."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from schemas import catalogue
from tests.support.house import Clock, House, a_house

TEN = datetime(2026, 12, 1, 10)  # noqa: DTZ001  # in the person's own zone
ANNA = "anna@bank.example"


def held(house: House) -> set[tuple[int, int]]:
    """Partition and offset of every hint that was reported as held."""
    said = [each for each in house.outcomes(direction="inbound") if each["result"] == "held"]
    return {(each["cause"]["partition"], each["cause"]["offset"]) for each in said}


def ended(house: House) -> set[tuple[int, int]]:
    """Partition and offset of every hint that an outcome names which is final."""
    causes = [each["cause"] for each in house.outcomes(direction="inbound") if each["result"] != "held"]
    return {(cause["partition"], offset) for cause in causes for offset in [cause["offset"], *cause["also"]]}


@pytest.mark.rule("ID-3", "CON-3")
async def test_every_hint_that_was_held_has_a_final_outcome(store: Path) -> None:
    """Given a meeting whose organizer's mailbox is denied, when it is readable again, each held hint hears its end."""
    clock = Clock(datetime(2026, 11, 30, 9, tzinfo=UTC))
    async with a_house(store, "anna", "bob", "cleo", clock=clock) as house:
        house.hold_hints = True
        guests = ["bob@bank.example", "cleo@bank.example"]
        uid = await house.does(house.outlook("anna").meet, "Review", start=TEN, required=guests)
        house.fault("access_denied", mailbox=ANNA, operation="*", times=None)
        house.hold_hints = False
        house.deliver(await house.take_hints())
        await house.quiet()
        assert len(held(house)) == 3, "Anna's, Bob's and Cleo's"
        for _ in range(2):
            house.deliver(house.watch.hints)  # they join what waits
            await house.quiet()
        house.sandbox.faults.clear()
        clock.pass_by(timedelta(minutes=6))
        await house.until(lambda: held(house) <= ended(house))
        assert len(held(house)) == 3
        assert house.has_item(uid)
        assert len(house.commands()) == 1


@pytest.mark.rule("CON-3")
async def test_what_cannot_be_held_is_answered_once_however_often_it_is_read(store: Path) -> None:
    """Given two versions of a series in no zone, when Kafka brings both again in any order, then nothing is said."""
    async with a_house(store, "anna") as house:
        for version in (1, 2):
            daily = {"frequency": "daily", "end": "after", "count": 3}
            times = {"start": "2026-12-01T10:00:00Z", "end": "2026-12-01T11:00:00Z", "recurrence": daily}
            series = {"subject": f"Draft {version}", "owner": "u-anna", "assign_to": ["u-anna"], **times}
            data = {"id": "si-1", "version": version, "origin": "user", "before": None, "after": series}
            kind = "crm.schedule-item.updated.v1"
            headers = {"id": f"e-{version}", "source": "crm", "type": kind, "specversion": "1.0"}
            house.broker.append(
                catalogue.SCHEDULE_ITEMS,
                key=b"si-1",
                value=json.dumps(data).encode(),
                headers=tuple((f"ce_{name}", value.encode()) for name, value in headers.items()),
            )
        await house.quiet()
        count = house.count()
        assert [said["reason"] for said in house.outcomes(direction="outbound")] == ["pattern", "pattern"]
        records = house.broker.records(catalogue.SCHEDULE_ITEMS)
        house.deliver([(each.topic, each.key or b"", each.value or b"", list(each.headers)) for each in records])
        house.deliver([(each.topic, each.key or b"", each.value or b"", list(each.headers)) for each in records[::-1]])
        await house.quiet()
        assert house.count() == count
