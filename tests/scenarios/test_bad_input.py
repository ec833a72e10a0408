"""Bad records, in a whole house: each ends as a dead letter that names what is wrong, and the next event is processed.

That letters are what came in, byte for byte, and that no canary is in their headers, is checked after every test.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from daemon.settings import SettingsError, load, reload
from schemas import catalogue
from tests.support.house import House, a_house, contact

TEN = datetime(2026, 12, 1, 10)  # noqa: DTZ001  # in the person's own zone
ANNA = "anna@bank.example"
CANARY = "Nachtigall"
HINT = {"mailbox": ANNA, "folder": "calendar", "item_id": CANARY, "change_key": None, "old_item_id": None}
TIMES = {"start": "2026-12-01T10:00:00+01:00", "end": "2026-12-01T11:00:00+01:00", "zone": "Europe/Berlin"}
ITEM = {"subject": CANARY, "owner": "u-anna", "assign_to": ["u-anna"], **TIMES}
CRM = {"id": "si-9", "version": 1, "origin": "user", "after": ITEM}
HINTED, UPDATED = "exchange.item.modified.v1", "crm.schedule-item.updated.v1"


def headers(event_type: str, **more: str) -> tuple[tuple[str, bytes], ...]:
    stated = {"ce_id": "1", "ce_source": "test", "ce_type": event_type, "ce_specversion": "1.0"} | more
    return tuple((name, text.encode()) for name, text in stated.items())


def a_hint(**changes: Any) -> bytes:
    """A hint in which some fields are others; None takes one out."""
    return json.dumps({name: value for name, value in (HINT | changes).items() if value != "out"}).encode()


def an_edit(**changes: Any) -> bytes:
    """A CRM user's edit in whose item some fields are others."""
    item = {name: value for name, value in (ITEM | changes).items() if value != "out"}
    return json.dumps(CRM | {"after": item}).encode()


def letter(house: House) -> dict[str, str]:
    """Our headers on the one dead letter."""
    [found] = house.broker.records(catalogue.DEAD_LETTERS)
    return {name: value.decode() for name, value in found.headers if name.startswith("x-dlq-")}


async def the_next_is_processed(house: House) -> None:
    """A meeting that comes after it, in the same partition, comes in."""
    uid = await house.does(house.outlook("anna").meet, "Lunch", start=TEN)
    await house.quiet()
    assert house.has_item(uid)


@pytest.fixture
async def house(store: Path) -> AsyncIterator[House]:
    async with a_house(store, "anna", "bob") as house:
        house.canary(CANARY)
        yield house


@pytest.mark.scenario("S25b")
@pytest.mark.rule("PRIV-5")
@pytest.mark.parametrize(
    ("stated", "value", "named"),
    [
        (headers(HINTED), b"\xff\xfe" + CANARY.encode(), "UTF-8"),
        (headers(HINTED), b'{"mailbox": "Nachtigall"', "JSON"),
        (headers(HINTED), b"[" * 50_000, "nested"),
        (headers(HINTED), json.dumps([CANARY]).encode(), "object"),
        (headers(HINTED), None, "null"),
        (headers("exchange.item.exploded.v1"), a_hint(), "unknown type"),
        (headers("crm.user.changed.v1"), a_hint(), "does not belong here"),
        (headers("exchange.item.modified.v2"), a_hint(), "unknown version"),
        (headers(HINTED, ce_specversion="0.3"), a_hint(), "specversion"),
        (headers(HINTED, ce_time=CANARY), a_hint(), "time"),
        ((), a_hint(), "data"),
        (headers(HINTED), a_hint(mailbox="out"), "mailbox"),
        (headers(HINTED), a_hint(item_id=5), "item_id"),
        (headers(HINTED), a_hint(mailbox=None), "mailbox"),
        (headers(HINTED), a_hint(folder=CANARY), "folder"),
    ],
)
async def test_s25b_a_poison_hint_is_a_dead_letter_that_names_what_is_wrong(
    house: House, stated: tuple[tuple[str, bytes], ...], value: bytes | None, named: str
) -> None:
    """Given a hint that cannot be read, then its letter says why and whence, and the key's next is followed."""
    house.broker.append(catalogue.NOTIFICATIONS, key=ANNA.encode(), value=value, headers=stated)
    await the_next_is_processed(house)
    said = letter(house)
    assert named in said["x-dlq-exception-message"]
    assert (said["x-dlq-reason"], said["x-dlq-original-topic"]) == ("decode", catalogue.NOTIFICATIONS)
    assert house.metrics[0].value("exsyncd_dead_letters_total", {"reason": "decode"}) == 1


@pytest.mark.scenario("S25b")
@pytest.mark.rule("PRIV-5", "MAP-2", "MAP-4")
@pytest.mark.parametrize(
    ("value", "named"),
    [
        (an_edit(end="2026-12-01T09:00:00+01:00"), "end"),
        (an_edit(zone="Mars/Olympus"), "zone"),
        (an_edit(start="1601-01-01T00:00:00Z"), "start"),
        (an_edit(start="2026-12-01", end="2026-12-02"), "start"),
        (an_edit(all_day=True), "start"),
        (an_edit(subject=None), "subject"),
        (an_edit(assign_to="u-anna"), "assign_to"),
        (an_edit(priority=CANARY), "priority"),
        (an_edit(responses={"u-anna": CANARY}), "responses"),
        (json.dumps(CRM | {"version": "five"}).encode(), "version"),
        (json.dumps(CRM | {"after": None}).encode(), "after"),
    ],
)
async def test_s25b_a_poison_edit_is_a_dead_letter_that_names_its_field(house: House, value: bytes, named: str) -> None:
    """Given an edit with an impossible value, then its letter names the field, and the item's next edit counts."""
    for content, version in ((value, 1), (json.dumps(CRM | {"version": 2}).encode(), 2)):
        house.broker.append(catalogue.SCHEDULE_ITEMS, key=b"si-9", value=content, headers=headers(UPDATED))
        assert version
    await house.quiet()
    assert named in letter(house)["x-dlq-exception-message"]
    assert [(said["result"], said["reason"]) for said in house.outcomes()] == [("applied", None)]


@pytest.mark.scenario("S25b")
@pytest.mark.rule("BLK-1", "VIS-3")
@pytest.mark.parametrize(
    ("topic", "event_type", "data", "named"),
    [
        (catalogue.USERS, "crm.user.changed.v1", {"id": "u-bob", "version": 2, "emails": CANARY}, "emails"),
        (catalogue.NODES, "crm.node.changed.v1", {"id": 7, "version": 2}, "id"),
        (catalogue.CONTACTS, "crm.contact.changed.v1", {"id": "c-7", "version": 2, "access": []}, "access"),
        (catalogue.OPTIONS, "crm.options.changed.v1", {"scope": {"level": CANARY}, "version": 1}, "scope"),
    ],
)
async def test_s25b_a_poison_entry_of_the_directory_leaves_the_one_in_force(
    house: House, topic: str, event_type: str, data: dict[str, Any], named: str
) -> None:
    """Given an entry that cannot be, then its letter names the field, and what was known stays in force."""
    await house.announce(contact("c-7", "carla@client.example"))
    key = str(data.get("id", "system")).encode()
    house.broker.append(topic, key=key, value=json.dumps(data).encode(), headers=headers(event_type))
    guests = ["bob@bank.example", "carla@client.example"]
    uid = await house.does(house.outlook("anna").meet, "Review", start=TEN, required=guests)
    await house.quiet()
    assert named in letter(house)["x-dlq-exception-message"]
    assert house.item(uid)["item"]["assign_to"] == ["u-anna", "u-bob"]
    assert [entry["contact"] for entry in house.item(uid)["item"]["for"]] == ["c-7"]


@pytest.mark.scenario("S25b")
async def test_s25b_a_record_as_large_as_its_topic_allows_fits_the_dead_letters(house: House) -> None:
    """Given poison as large as the topic takes, headers and all, then its letter is whole, and the next one counts."""
    largest = catalogue.topic(catalogue.NOTIFICATIONS).max_bytes
    stated = headers("exchange.item.exploded.v1")
    room = largest - len(ANNA) - sum(len(name) + len(value) for name, value in stated) - 100
    house.broker.append(catalogue.NOTIFICATIONS, key=ANNA.encode(), value=b"x" * room, headers=stated)
    await the_next_is_processed(house)
    [found] = house.broker.records(catalogue.DEAD_LETTERS)
    assert len(found.value or b"") == room
    assert letter(house)["x-dlq-reason"] == "decode"


@pytest.mark.scenario("S25b")
async def test_s25b_poison_between_good_records_keeps_their_order(house: House) -> None:
    """Given edits 1, poison, 2 of one item, then both edits count in their order, and one letter is written."""
    subjects = ("First", None, "Second")
    for version, subject in enumerate(subjects, start=1):
        item = ITEM | {"subject": subject}
        value = json.dumps(CRM | {"version": version, "after": item}).encode()
        house.broker.append(catalogue.SCHEDULE_ITEMS, key=b"si-9", value=value, headers=headers(UPDATED))
    await house.quiet()
    offsets = [said["cause"]["offset"] for said in house.outcomes()]
    assert offsets == sorted(offsets)
    assert len(offsets) == 2
    assert letter(house)["x-dlq-original-offset"] == "1"


@pytest.mark.rule("BLK-1")
async def test_an_invalid_blacklist_pattern_is_refused_and_the_list_in_force_stays(store: Path, tmp_path: Path) -> None:
    """Given a reload with `*@b.com`, then it is refused by its path, and the daemon goes on with the list it has."""
    config = tmp_path / "exsyncd.toml"
    async with a_house(store, "anna", blacklist={"patterns": ["@secret\\.example$"]}) as house:
        await house.announce(contact("c-7", "spy@secret.example"), contact("c-8", "carla@client.example"))
        [daemon] = house.daemons
        config.write_text(_as_toml(house, '["*@client.example"]'))
        with pytest.raises(SettingsError, match=r"blacklist\.patterns\[0\]"):
            reload(daemon.settings, config, {})
        guests = ["spy@secret.example", "carla@client.example"]
        anna = house.outlook("anna")
        first = await house.does(anna.meet, "Review", start=TEN, required=guests)
        await house.quiet()
        assert [entry["contact"] for entry in house.item(first)["item"]["for"]] == ["c-8"]
        config.write_text(_as_toml(house, '["@client\\\\.example$"]'))
        await daemon.reload(reload(daemon.settings, config, {}).settings)
        second = await house.does(anna.meet, "Review", start=TEN, required=guests)
        await house.quiet()
        assert [entry["contact"] for entry in house.item(second)["item"]["for"]] == ["c-7"]


def _as_toml(house: House, patterns: str) -> str:
    exchange = house.settings.exchange
    return f"""
[kafka]
bootstrap_servers = "memory:1"
[exchange]
endpoint = "{exchange.endpoint}"
username = "{exchange.username}"
password = "secret"
[blacklist]
patterns = {patterns}
"""


def test_a_configuration_with_an_invalid_pattern_does_not_start(tmp_path: Path) -> None:
    """Given `*@b.com` at the start, then the refusal names it and its place."""
    config = tmp_path / "exsyncd.toml"
    config.write_text('[blacklist]\npatterns = ["*@b.com"]\n')
    with pytest.raises(SettingsError, match=r"blacklist\.patterns\[0\]"):
        load(config, {})
