"""The invariants can be broken: each is, once, and says so.

What no daemon would do, a test does in its place: it mails in the service's name, puts out what must not be put out,
changes what the CRM holds. The house is only judged (`invariants`), never left by its own door, which would judge too.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from exchangelib import (
    IMPERSONATION,
    Account,
    Attendee,
    Build,
    CalendarItem,
    Configuration,
    Credentials,
    Mailbox,
    Version,
)
from exchangelib.items import SEND_ONLY_TO_ALL, SEND_TO_NONE

from daemon.observe.logs import log
from daemon.sandbox.exchange.items import Cause, Draft, ExtendedName, Item
from daemon.sandbox.exchange.values import Attendee as Guest
from daemon.sandbox.exchange.values import Recipient
from schemas import catalogue, ids
from schemas.envelope import Envelope, write
from schemas.problems import Malformed
from tests.support import invariants
from tests.support.house import PATH, SERVICE, House, a_house, contact, grant, options
from tests.support.invariants import Broken
from tests.support.watch import Delegated, Written

TEN = datetime(2026, 12, 1, 10)  # noqa: DTZ001  # in the person's own zone
MARKER = "name:exsyncd-crm-id"
Saboteur = Callable[[House, str], Any]


@pytest.fixture
async def lived_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[House, str]]:
    """A house in which one meeting with a user, a contact and a stranger was made, and the meeting's UID."""
    async with a_house(tmp_path / "store.sqlite", "anna", "bob") as house:
        await house.announce(
            contact("c-7", "carla@client.example"), options(external_contacts__display=True, meeting_alarms=True)
        )
        anna = house.outlook("anna")
        guests = ["bob@bank.example", "carla@client.example", "xaver@else.example"]
        uid = await house.does(anna.meet, "Review", start=TEN, required=guests)
        await house.quiet()
        await invariants.check(house)
        yield house, uid

        async def no_check(_house: House) -> None:
            """The house is in ruins, on purpose."""

        monkeypatch.setattr(invariants, "check", no_check)


def as_service(house: House, mailbox: str) -> Account:
    """The service account at work in somebody's mailbox, as no daemon should be."""
    configuration = Configuration(
        service_endpoint=house.url + PATH,
        credentials=Credentials(*SERVICE),
        auth_type="basic",
        version=Version(Build(15, 2, 1118, 7)),
    )
    return Account(mailbox, config=configuration, autodiscover=False, access_type=IMPERSONATION)


def of_meeting(house: House, name: str, uid: str | None = None) -> CalendarItem:
    """A copy as the service account sees it: the one there is, or the one of a UID."""
    copies = as_service(house, f"{name}@bank.example").calendar.all()
    return next(each for each in copies if uid in (None, each.uid))


def as_service_edits(house: House, **changes: Any) -> None:
    """Anna's meeting is changed in the service's name, without telling anybody."""
    copy = of_meeting(house, "anna")
    for name, value in changes.items():
        setattr(copy, name, value)
    copy.save(update_fields=list(changes), send_meeting_invitations=SEND_TO_NONE)


def says_it_wrote(house: House, uid: str, *fields: str) -> None:
    """An outcome of a daemon that says it updated Anna's copy."""
    written = [{"mailbox": "anna@bank.example", "operation": "update", "fields": list(fields)}]
    data = {"link": ids.link_of_uid(uid), "direction": "outbound", "result": "applied", "writes": written, "mails": []}
    data |= {"explain": [], "cause": {"topic": "", "partition": 0, "offset": 0}}
    number = len(house.broker.records(catalogue.OUTCOMES))
    event = Envelope(id=f"mad-{number}", source="test", type="sync.outcome.v1", data=data)
    put_out(house, catalogue.OUTCOMES, data["link"], event)


def item_in(house: House, name: str) -> Item:
    """The one calendar item in somebody's mailbox."""
    items = house.sandbox.world.items(f"{name}@bank.example", "calendar")
    return items[0]


def put_out(house: House, topic: str, key: str, event: Envelope) -> None:
    headers, value = write(event)
    house.broker.append(topic, key=key.encode(), value=value, headers=tuple(headers))


def a_command(house: House, uid: str, *, ce_type: str, **data: Any) -> None:
    """A command as a daemon that went mad would put it out."""
    link = ids.link_of_uid(uid)
    known = house.commands()[-1]
    told = {"link": link, "revision": 99, "id": known["id"], "seen": known["seen"], "uid": uid} | data
    put_out(house, catalogue.COMMANDS, link, Envelope(id="mad", source="test", type=ce_type, data=told))


def changed_in_crm(house: House, **fields: Any) -> None:
    """The CRM's item is not what Exchange has."""
    record = house.crm._records.all()[0]
    record.item.update(fields)  # type: ignore[attr-defined]  # a dict, though nobody promises it


async def test_a_mail_by_the_service_account_is_seen(lived_in: tuple[House, str]) -> None:
    """1: given a decline sent in the service's name, then both the mail and the write are seen."""
    house, uid = lived_in
    copy = await house.does(lambda: next(iter(as_service(house, "bob@bank.example").calendar.filter(subject="Review"))))
    await house.does(copy.decline)
    assert copy.uid == uid
    with pytest.raises(Broken, match="caused 1 responses"):
        invariants.mails_what_was_asked(house)
    with pytest.raises(Broken, match="not said"):
        invariants.writes_what_it_says(house)


async def asks(house: House, notify: str, **actor: str | None) -> dict[str, Any]:
    """The cause of an outcome: a CRM user changes an alarm and asks for mails, of which nothing comes (INV-5)."""
    body = {"actor": {"user": "u-anna", **actor}, "notify": notify, "item": {"alarms": {"u-anna": [20]}}}
    await house.crm.edit(house.items()[0]["id"], body)
    await house.quiet()
    known = house.broker.records(catalogue.SCHEDULE_ITEMS)
    events = [each for each in known if json.loads(each.value or b"{}").get("origin") == "user"]
    event = max(events, key=lambda each: json.loads(each.value or b"{}")["version"])
    return {"topic": event.topic, "partition": event.partition, "offset": event.offset}


def says_it_mailed(house: House, uid: str, cause: dict[str, Any], **mail: Any) -> None:
    """An outcome of a daemon that says it mailed everybody about Anna's meeting."""
    named = {"mode": "all", "from": "u-anna", "sender": None, "recipients": 3, "why": "INV-3"} | mail
    data = {"link": ids.link_of_uid(uid), "direction": "outbound", "result": "applied", "writes": [], "explain": []}
    event = Envelope(id="mad", source="test", type="sync.outcome.v1", data=data | {"mails": [named], "cause": cause})
    put_out(house, catalogue.OUTCOMES, data["link"], event)


def as_service_mails(house: House) -> None:
    """Anna's meeting is moved elsewhere in the service's name, and everybody is told."""
    copy = of_meeting(house, "anna")
    copy.location = "Room 13"
    copy.save(update_fields=["location"], send_meeting_invitations=SEND_ONLY_TO_ALL)


async def test_a_mail_that_no_outcome_names_is_seen(lived_in: tuple[House, str]) -> None:
    """1, INV-4: given mails in the service's name, then they are seen until an outcome names them and who asked."""
    house, uid = lived_in
    cause = await asks(house, "all")
    await house.does(as_service_mails, house)
    with pytest.raises(Broken, match=r"mails to 3 by UpdateItem .* and no outcome says so"):
        invariants.mails_what_was_asked(house)
    says_it_mailed(house, uid, cause)
    invariants.mails_what_was_asked(house)


@pytest.mark.parametrize(
    ("notify", "mail", "said"),
    [
        ("none", {}, "although none was asked"),
        ("added", {}, "although added was asked"),
        ("all", {"mode": "added"}, "although all was asked"),
        ("all", {"sender": "u-bob"}, "sent by u-bob, and not by None"),
        ("all", {"from": "u-bob"}, "in whose name nobody acted"),
        ("all", {"recipients": 2}, "no outcome says so"),
        ("all", {"recipients": 4}, "no outcome says so"),
    ],
)
async def test_a_mail_that_nobody_asked_for_so_is_seen(
    lived_in: tuple[House, str], notify: str, mail: dict[str, Any], said: str
) -> None:
    """1, INV-3, INV-4: given an outcome that names mails otherwise than was asked or than they left, it is seen."""
    house, uid = lived_in
    cause = await asks(house, notify)
    await house.does(as_service_mails, house)
    says_it_mailed(house, uid, cause, **mail)
    with pytest.raises(Broken, match=said):
        invariants.mails_what_was_asked(house)


async def test_a_mail_in_the_name_of_another_is_seen(lived_in: tuple[House, str]) -> None:
    """1, INV-2: given mails of the owner's although a delegate asked, and the other way round, then it is seen."""
    house, uid = lived_in
    cause = await asks(house, "all", user="u-bob", on_behalf_of="u-anna")
    await house.does(as_service_mails, house)
    says_it_mailed(house, uid, cause)
    with pytest.raises(Broken, match="sent by None, and not by u-bob"):
        invariants.mails_what_was_asked(house)


async def test_a_mail_of_no_event_is_seen(lived_in: tuple[House, str]) -> None:
    """1, INV-5: given mails that an outcome explains by a hint, then it is seen."""
    house, uid = lived_in
    await house.does(as_service_mails, house)
    says_it_mailed(house, uid, {"topic": catalogue.NOTIFICATIONS, "partition": 0, "offset": 0})
    with pytest.raises(Broken, match="because of no event"):
        invariants.mails_what_was_asked(house)


async def test_mails_that_never_left_are_seen(lived_in: tuple[House, str]) -> None:
    """1: given an outcome that names mails of which none left, then it is seen."""
    house, uid = lived_in
    says_it_mailed(house, uid, await asks(house, "all"))
    with pytest.raises(Broken, match="of which none left"):
        invariants.mails_what_was_asked(house)


async def test_a_second_mail_is_seen(lived_in: tuple[House, str]) -> None:
    """1, INV-5: given mails that left twice and are named once, then it is seen."""
    house, uid = lived_in
    cause = await asks(house, "all")
    await house.does(as_service_mails, house)
    says_it_mailed(house, uid, cause)
    invariants.mails_what_was_asked(house)
    await house.does(as_service_mails, house)
    with pytest.raises(Broken, match="no outcome says so"):
        invariants.mails_what_was_asked(house)


async def test_mails_at_the_second_pass_are_seen(lived_in: tuple[House, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """1, INV-5: given a mail upon something heard before, then the second pass is not quiet, and that is seen."""
    house, _ = lived_in
    mail = house.sandbox.world.mails[0]
    monkeypatch.setattr(house, "deliver", lambda _: house.sandbox.world.mails.append(mail))
    with pytest.raises(Broken, match="mails left although"):
        await invariants.stays_quiet(house)


async def test_a_write_in_the_name_of_another_is_seen(lived_in: tuple[House, str]) -> None:
    """INV-2: given a write as Bob in Anna's calendar, then it is seen until she granted it and an event names him."""
    house, _ = lived_in
    item = item_in(house, "anna")
    as_bob = Cause("UpdateItem", house.service, "bob@bank.example")
    house.watch.written.append(Written(house.service, "update", item, item, as_bob))
    with pytest.raises(Broken, match="without a grant"):
        invariants.acts_for_whom_it_may(house)
    await house.announce(options("anna", meeting_invitations=True), grant("anna", "bob"))
    with pytest.raises(Broken, match="whom no event names"):
        invariants.acts_for_whom_it_may(house)
    await asks(house, "none", user="u-bob", on_behalf_of="u-anna")
    invariants.acts_for_whom_it_may(house)
    house.watch.written.append(Written(house.service, "update", item, item, as_bob, granted=frozenset()))
    with pytest.raises(Broken, match="without a grant"):
        invariants.acts_for_whom_it_may(house)


async def test_a_write_in_the_name_of_another_beyond_his_own_is_seen(lived_in: tuple[House, str]) -> None:
    """INV-2: given a write as Anna to Bob's copy of her meeting, then it is seen though Bob granted it."""
    house, _ = lived_in
    await house.announce(options("bob", meeting_invitations=True), grant("bob", "anna"))
    item, as_anna = item_in(house, "bob"), Cause("UpdateItem", house.service, "anna@bank.example")
    house.watch.written.append(Written(house.service, "update", item, item, as_anna))
    with pytest.raises(Broken, match="not the principal's own"):
        invariants.acts_for_whom_it_may(house)


async def test_delegates_of_whom_nobody_told_are_seen(lived_in: tuple[House, str]) -> None:
    """INV-1: given a request about delegates though nobody granted anything, then it is seen."""
    house, _ = lived_in
    with house.sandbox.meter.running("GetDelegate", "anna@bank.example", house.service):
        pass
    with pytest.raises(Broken, match="who granted nothing"):
        invariants.acts_for_whom_it_may(house)


async def test_a_delegate_who_came_unsaid_is_seen(lived_in: tuple[House, str]) -> None:
    """INV-1, 11: given a delegate who was added and not said to be, or the other way round, then it is seen."""
    house, _ = lived_in
    await house.announce(options("anna", meeting_invitations=True), grant("anna", "bob"))
    invariants.acts_for_whom_it_may(house)
    house.watch.delegated.append(Delegated("remove", "anna@bank.example", house.service))
    with pytest.raises(Broken, match=r"remove_delegate of anna.*: done 1 times, said 0 times"):
        invariants.acts_for_whom_it_may(house)
    for _ in range(2):
        number = len(house.broker.records(catalogue.OUTCOMES))
        written = [{"mailbox": "anna@bank.example", "operation": "remove_delegate", "fields": ["calendar"]}]
        data = {"link": None, "direction": "control", "result": "applied", "writes": written, "mails": []}
        event = Envelope(
            id=f"mad-{number}", source="test", type="sync.outcome.v1", data=data | {"cause": {"topic": ""}}
        )
        put_out(house, catalogue.OUTCOMES, "anna", event)
    with pytest.raises(Broken, match="done 1 times, said 2 times"):
        invariants.acts_for_whom_it_may(house)


async def test_a_silent_write_by_the_service_account_is_seen(lived_in: tuple[House, str]) -> None:
    """9, 11: given an item saved in the service's name that mails nobody, then the write is seen."""
    house, _ = lived_in

    def save() -> None:
        account = as_service(house, "bob@bank.example")
        start = house.sandbox.world.now()
        CalendarItem(account=account, folder=account.calendar, subject="x", start=start, end=start).save()

    await house.does(save)
    invariants.mails_what_was_asked(house)
    with pytest.raises(Broken, match=r"create in bob.*not said 1 times"):
        invariants.writes_what_it_says(house)


async def test_a_write_that_never_was_is_seen(lived_in: tuple[House, str]) -> None:
    """11: given an outcome that names a write nobody made, then it is seen."""
    house, uid = lived_in
    says_it_wrote(house, uid, "subject")
    with pytest.raises(Broken, match=r"update in anna.*not done 1 times"):
        invariants.writes_what_it_says(house)


async def test_a_field_too_many_is_seen(lived_in: tuple[House, str]) -> None:
    """11: given an update that changes the place beside the subject it is to change, then it is seen."""
    house, uid = lived_in
    await house.does(as_service_edits, house, subject="Renamed")
    says_it_wrote(house, uid, "subject")
    invariants.writes_what_it_says(house)
    await house.does(as_service_edits, house, subject="Review", location="Room 13")
    says_it_wrote(house, uid, "subject")
    with pytest.raises(Broken, match=r"Location.* changed in anna"):
        invariants.writes_what_it_says(house)


async def test_a_guest_who_is_lost_on_the_way_is_seen(lived_in: tuple[House, str]) -> None:
    """11, PART-6: given an update of the people that loses a stranger, then it is seen; a user may go."""
    house, uid = lived_in
    for keeps in ("xaver@else.example", "carla@client.example"):
        stays = dict.fromkeys((keeps, "carla@client.example"))
        people = [Attendee(mailbox=Mailbox(email_address=each)) for each in stays]
        await house.does(as_service_edits, house, required_attendees=people)
        says_it_wrote(house, uid, "assign_to")
        if keeps == "xaver@else.example":
            invariants.writes_what_it_says(house)
    with pytest.raises(Broken, match="not as he was"):
        invariants.writes_what_it_says(house)


async def test_another_organizer_is_seen(lived_in: tuple[House, str]) -> None:
    """9: given a write after which somebody else organizes the meeting, then it is seen."""
    house, _ = lived_in
    item = item_in(house, "anna")
    other = item.with_values(Organizer=Recipient("Bob Braun", "bob@bank.example"))
    invariants.keeps_organizers(house)
    house.watch.written.append(Written(house.service, "update", item, other))
    with pytest.raises(Broken, match="organizer in anna"):
        invariants.keeps_organizers(house)


async def test_a_service_that_takes_part_is_seen(lived_in: tuple[House, str]) -> None:
    """9: given a write that invites the service account, then it is seen."""
    house, _ = lived_in
    item = item_in(house, "anna")
    invited = item.with_values(OptionalAttendees=(Guest(Recipient("Sync", house.service)),))
    house.watch.written.append(Written(house.service, "update", item, invited))
    with pytest.raises(Broken, match="the service takes part"):
        invariants.keeps_organizers(house)


async def test_a_second_item_of_a_record_is_seen(lived_in: tuple[House, str]) -> None:
    """3: given an item and a direct copy of it in one mailbox, then they are seen; a copy a person made is none."""
    house, _ = lived_in
    item, record = item_in(house, "bob"), house.items()[0]
    world, marker = house.sandbox.world, ExtendedName("8c1f5f0e-6a0b-4f0e-9a55-6d1c7c2f3a10", MARKER, "String")
    for uid in (world.new_uid(), ids.uid_of_direct_copy(record["id"], "u-bob")):
        invariants.one_item_per_mailbox(house)
        draft = Draft(item.kind, {**item.values, "UID": uid}, {marker: record["id"]})
        world.create(world.folder("bob@bank.example", "calendar"), draft, by="somebody")
    with pytest.raises(Broken, match="2 items of si-1 in bob"):
        invariants.one_item_per_mailbox(house)


async def test_a_delete_that_nobody_asked_for_is_seen(lived_in: tuple[House, str]) -> None:
    """2: given Bob's copy deleted in the service's name, then it is seen until the CRM has taken him out."""
    house, _ = lived_in
    await house.does(lambda: of_meeting(house, "bob").delete())
    with pytest.raises(Broken, match="nobody wanted"):
        invariants.deletes_what_the_crm_ended(house)
    await house.crm.edit(house.items()[0]["id"], {"item": {"assign_to": ["u-anna"]}})
    invariants.deletes_what_the_crm_ended(house)


async def test_a_write_without_a_cause_is_seen(lived_in: tuple[House, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """4: given a write upon something heard before, then the second pass is not quiet, and that is seen."""
    house, _ = lived_in
    item = item_in(house, "anna")
    monkeypatch.setattr(
        house, "deliver", lambda _: house.watch.written.append(Written(SERVICE[0], "update", item, item))
    )
    with pytest.raises(Broken, match="Exchange was written to although"):
        await invariants.stays_quiet(house)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"subject": "Other"}, "subject"),
        ({"location": "Elsewhere"}, "location"),
        ({"notes": "Not what Anna wrote"}, "notes"),
        ({"priority": "A"}, "priority"),
        ({"restricted": True}, "restricted"),
        ({"alarms": {"u-bob": [30]}}, "u-bob is reminded"),
    ],
)
async def test_sides_that_say_different_things_are_seen(
    lived_in: tuple[House, str], fields: dict[str, Any], said: str
) -> None:
    """7: given a CRM item that says something else than the copy that counts, or of an alarm, then it is seen."""
    house, _ = lived_in
    invariants.keeps_content(house)
    changed_in_crm(house, **fields)
    with pytest.raises(Broken, match=said):
        invariants.keeps_content(house)


async def test_a_direct_copy_that_stayed_behind_is_seen(lived_in: tuple[House, str]) -> None:
    """INV-6: given a direct copy that says something else than the CRM, then it is seen; not if a person touched it."""
    house, _ = lived_in
    details = {"subject": "Made in the CRM", "assign_to": ["u-anna", "u-bob"], "owner": "u-anna"}
    times = {"start": "2026-12-01T10:00:00+01:00", "end": "2026-12-01T11:00:00+01:00"}
    record = await house.crm.create({"item": details | times})
    await house.quiet()
    invariants.keeps_content(house)
    uid = ids.uid_of_direct_copy(record["id"], "u-bob")
    world = house.sandbox.world
    copy = next(each for each in world.items("bob@bank.example") if each.uid == uid)
    world.modify(copy, {"Subject": "Stale"}, by="nobody")
    with pytest.raises(Broken, match=r"subject.*direct copy"):
        invariants.keeps_content(house)
    await house.does(house.outlook("bob").edit, uid, subject="Mine")
    invariants.keeps_content(house)


async def test_a_delete_without_an_end_is_seen(lived_in: tuple[House, str]) -> None:
    """2: given a delete of a meeting that stands in the organizer's calendar, then it is seen."""
    house, uid = lived_in
    a_command(house, uid, ce_type="sync.schedule-item.delete.v1", reason="deleted")
    with pytest.raises(Broken, match="nobody deleted"):
        invariants.deletes_what_ended(house)


async def test_a_delete_because_of_an_attendee_is_seen(lived_in: tuple[House, str]) -> None:
    """2: given an attendee's deleted copy, then a delete of the whole meeting is still seen."""
    house, uid = lived_in
    await house.does(house.outlook("bob").delete, uid)
    await house.quiet()
    invariants.deletes_what_ended(house)
    a_command(house, uid, ce_type="sync.schedule-item.delete.v1", reason="deleted")
    with pytest.raises(Broken, match="nobody deleted"):
        invariants.deletes_what_ended(house)


async def test_a_second_record_of_a_meeting_is_seen(lived_in: tuple[House, str]) -> None:
    """3: given a command that makes a second record of the same UID, then it is seen."""
    house, uid = lived_in
    known = house.commands()[-1]
    other = known | {"link": "another", "id": None, "seen": 0, "revision": 1}
    put_out(
        house,
        catalogue.COMMANDS,
        "another",
        Envelope(id="mad", source="test", type="sync.schedule-item.upsert.v1", data=other),
    )
    await house.quiet()
    with pytest.raises(Broken, match=f"several CRM records of one uid.*{uid}"):
        invariants.one_record_per_meeting(house)


async def test_a_hint_that_says_something_new_is_seen(lived_in: tuple[House, str]) -> None:
    """4: given a change whose hint was lost, then the next pass over old hints is not quiet, and that is seen."""
    house, uid = lived_in
    house.hold_hints = True
    await house.does(house.outlook("anna").edit, uid, subject="Moved on")
    await house.take_hints()
    with pytest.raises(Broken, match="although nothing happened"):
        await invariants.stays_quiet(house)


async def test_what_the_contract_does_not_know_is_seen(lived_in: tuple[House, str]) -> None:
    """Given a command without a revision, then it is seen."""
    house, uid = lived_in
    a_command(house, uid, ce_type="sync.schedule-item.delete.v1", reason="deleted", revision=None)
    with pytest.raises(Malformed, match="revision"):
        invariants.says_what_is_in_the_contract(house)


async def test_one_id_with_two_contents_is_seen(lived_in: tuple[House, str]) -> None:
    """Given two commands of one id that say different things, then it is seen."""
    house, uid = lived_in
    for reason in ("deleted", "cancelled"):
        a_command(house, uid, ce_type="sync.schedule-item.delete.v1", reason=reason)
    with pytest.raises(Broken, match="one id"):
        invariants.says_what_is_in_the_contract(house)


async def test_a_dead_letter_that_was_touched_is_seen(lived_in: tuple[House, str]) -> None:
    """Given a poison record, then its letter passes as it is and not with another byte."""
    house, _ = lived_in
    house.broker.append(catalogue.NOTIFICATIONS, key=b"k", value=b"{", headers=(("h", b"\xff"),))
    await house.quiet()
    invariants.keeps_dead_letters_whole(house)
    letter = house.broker.records(catalogue.DEAD_LETTERS)[0]
    house.broker.append(catalogue.DEAD_LETTERS, key=letter.key, value=b"{ ", headers=letter.headers)
    with pytest.raises(Broken, match="not what came in"):
        invariants.keeps_dead_letters_whole(house)


async def test_a_canary_is_seen_wherever_it_sits(lived_in: tuple[House, str]) -> None:
    """8: given a word in a command, it is seen unless admitted there; in an outcome or the log, in any case."""
    house, uid = lived_in
    house.canary("Review", admitted=uid)
    invariants.keeps_secrets(house)
    house.canary("Review")
    with pytest.raises(Broken, match=f"sits in {catalogue.COMMANDS}"):
        invariants.keeps_secrets(house)
    house.canary("Review", admitted="another")
    with pytest.raises(Broken, match=f"sits in {catalogue.COMMANDS}"):
        invariants.keeps_secrets(house)
    house.canary("Review", admitted=uid)
    log.info("canary.sung", about="Review")
    with pytest.raises(Broken, match="sits in the log"):
        invariants.keeps_secrets(house)


@pytest.mark.parametrize("place", ["outcome", "header", "letter", "metric"])
async def test_a_canary_is_seen_in_every_other_place(lived_in: tuple[House, str], place: str) -> None:
    """8: given a word in an outcome, a header, a dead letter's header or a metric, then it is seen."""
    house, uid = lived_in
    house.canary("Kanari", admitted=uid)
    invariants.keeps_secrets(house)
    match place:
        case "outcome":
            house.broker.append(catalogue.OUTCOMES, key=b"k", value=json.dumps({"because": "Kanari"}).encode())
        case "header":
            house.broker.append(catalogue.COMMANDS, key=b"k", value=b'{"uid": null}', headers=(("x", b"Kanari"),))
        case "letter":
            headers = (("x-dlq-exception-message", b"Kanari"),)
            house.broker.append(catalogue.DEAD_LETTERS, key=b"k", value=b"", headers=headers)
        case "metric":
            house.metrics[0].records_skipped.labels("Kanari").inc()
    with pytest.raises(Broken, match="Kanari"):
        invariants.keeps_secrets(house)


async def test_a_shifted_time_is_seen(lived_in: tuple[House, str]) -> None:
    """7: given a CRM item that begins an hour later than the meeting, then it is seen."""
    house, _ = lived_in
    changed_in_crm(house, start="2026-12-01T11:00:00+01:00", end="2026-12-01T12:00:00+01:00")
    with pytest.raises(Broken, match="times"):
        invariants.keeps_times(house)


async def test_a_shifted_day_is_seen(lived_in: tuple[House, str]) -> None:
    """7: given an all-day item that is a day off in the CRM, then it is seen."""
    house, uid = lived_in
    day = datetime(2026, 12, 1).date()  # noqa: DTZ001  # a civil day
    await house.does(house.outlook("anna").edit, uid, is_all_day=True, start=day, end=day)
    await house.quiet()
    invariants.keeps_times(house)
    changed_in_crm(house, start="2026-11-30", end="2026-12-01")
    with pytest.raises(Broken, match="days"):
        invariants.keeps_times(house)


async def test_an_item_without_a_meeting_is_seen(lived_in: tuple[House, str]) -> None:
    """Given a meeting that is gone from Exchange while the CRM still has it, then it is seen."""
    house, uid = lived_in
    house.hold_hints = True
    await house.does(house.outlook("anna").delete, uid)
    with pytest.raises(Broken, match="does not"):
        invariants.keeps_times(house)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"external": []}, "nowhere"),
        ({"for": []}, "nowhere"),
        ({"assign_to": ["u-anna"]}, "nowhere"),
        ({"external": [{"name": "Nemo", "email": "nemo@else.example"}]}, "nowhere|does not take part"),
        ({"responses": {"u-anna": "organizer", "u-bob": "declined"}}, "answered accepted"),
    ],
)
async def test_a_person_lost_or_forged_is_seen(lived_in: tuple[House, str], fields: dict[str, Any], said: str) -> None:
    """10: given a CRM item that lacks somebody, or holds an answer nobody gave, then it is seen."""
    house, uid = lived_in
    await house.does(house.outlook("bob").accept, uid)
    await house.quiet()
    invariants.keeps_people(house)
    changed_in_crm(house, **fields)
    with pytest.raises(Broken, match=said):
        invariants.keeps_people(house)


async def test_a_person_too_many_is_seen(lived_in: tuple[House, str]) -> None:
    """10: given somebody in the CRM who does not take part, or twice, or in two places, then it is seen."""
    house, _ = lived_in
    shown = house.items()[0]["item"]["external"]
    nemo = {"name": "Nemo", "email": "nemo@else.example"}
    carla = {"name": "Carla", "email": "carla@client.example"}
    for external, said in (
        ([*shown, nemo], "does not take part"),
        ([*shown, *shown], "twice"),
        ([*shown, carla], "is in"),
    ):
        changed_in_crm(house, external=external)
        with pytest.raises(Broken, match=said):
            invariants.keeps_people(house)
    changed_in_crm(house, external=shown)
    await house.announce(contact("c-8", "nobody@client.example"))
    changed_in_crm(house, **{"for": [*house.items()[0]["item"]["for"], {"contact": "c-8", "source": "exchange"}]})
    with pytest.raises(Broken, match="does not take part"):
        invariants.keeps_people(house)


async def test_another_end_state_from_scratch_is_seen(lived_in: tuple[House, str], tmp_path: Path) -> None:
    """6: given an item that cannot come of the meetings there are, then a fresh daemon shows it."""
    house, _ = lived_in
    await invariants.same_from_scratch(house, tmp_path / "again.sqlite")
    changed_in_crm(house, subject="Something else")
    with pytest.raises(Broken, match="from scratch"):
        await invariants.same_from_scratch(house, tmp_path / "once-more.sqlite")
