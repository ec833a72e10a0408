"""What holds after every test in a house, whatever it was about.

`check` is called for every house whose test came to its end. Each function judges one invariant by what a stranger can
see: the topics, the sandboxes, the log, the metrics. `tests/scenarios/test_invariants.py` breaks each of them on
purpose. What only some tests may ask for is apart: `same_from_scratch`.
"""

from __future__ import annotations

import json
import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import text

from daemon.bus.port import Record
from daemon.policies import canonical_of
from daemon.sandbox.exchange.items import Item
from daemon.sandbox.exchange.properties import ItemKind
from daemon.sandbox.exchange.timezones import zone_of
from daemon.sandbox.exchange.values import Recipient
from schemas import catalogue, envelope, events, ids
from tests.support import mail_invariants as mails
from tests.support import task_invariants
from tests.support import write_invariants as writes
from tests.support.watch import HeldHint, is_in_a_calendar

if TYPE_CHECKING:
    from tests.support.house import House

READS = frozenset(
    ("GetItem", "FindItem", "GetFolder", "FindFolder", "ResolveNames", "SyncFolderItems", "GetServerTimeZones")
)
WRITES = frozenset(("CreateItem", "UpdateItem", "DeleteItem"))
_ANSWERS = {"Accept": "accepted", "Tentative": "tentative", "Decline": "declined"}
_OURS = "x-dlq-"
_OUT = (catalogue.COMMANDS, catalogue.OUTCOMES, catalogue.DEAD_LETTERS)
_FROM_CRM = (catalogue.SCHEDULE_ITEMS, catalogue.TASKS)
_ROUNDS = 2


class Broken(AssertionError):
    """An invariant does not hold."""


async def check(house: House) -> None:
    """Judges everything. Raises `Broken` with the first invariant that does not hold."""
    if house.daemons:
        await check_daemons(house)
    mails_what_was_asked(house)
    acts_for_whom_it_may(house)
    writes_what_it_says(house)
    keeps_organizers(house)
    one_item_per_mailbox(house)
    deletes_what_ended(house)
    deletes_what_the_crm_ended(house)
    one_record_per_meeting(house)
    says_what_is_in_the_contract(house)
    keeps_dead_letters_whole(house)
    keeps_secrets(house)
    keeps_times(house)
    keeps_people(house)
    keeps_content(house)


async def check_daemons(house: House) -> None:
    """Judges what is asked of daemons while they run."""
    await stays_quiet(house)
    await one_link_per_meeting(house)
    await keeps_tasks(house)


def mails_what_was_asked(house: House) -> None:
    """1: every mail that left because of the service account is one an outcome names, and that somebody asked for."""
    _none(mails.unasked(house), "an outcome names mails nobody asked for")
    _none(mails.unnamed(house), "mailed and said is not the same")


def acts_for_whom_it_may(house: House) -> None:
    """1, INV-1, INV-2: in a delegate's name only where he was granted it, and delegates come and go as grants do."""
    _none(mails.overstepping(house), "written in another's name")
    _none(mails.unexplained_delegates(house), "delegates are not as was said")


def writes_what_it_says(house: House) -> None:
    """11: the service account reads mailboxes, and writes exactly what outcomes say, field by field."""
    asked = {str(each["operation"]) for each in house.sandbox.meter.report() if each["account"] == house.service}
    known = READS | WRITES | mails.DELEGATION
    _hold(asked <= known, f"the daemon did more than read and write: {sorted(asked - known)}")
    _none(writes.unsaid(house), "written and said is not the same")
    _none(writes.interfering(house), "more was written than said")


def keeps_organizers(house: House) -> None:
    """9: the organizer is never changed, and nobody but people takes part."""
    _none(writes.organizers_changed(house), "an organizer is not who he was")


def one_item_per_mailbox(house: House) -> None:
    """3: an item of the CRM lies at most once in a mailbox."""
    _none(writes.doubled(house), "an item lies in a mailbox more than once")


def deletes_what_the_crm_ended(house: House) -> None:
    """2: every copy that is deleted had come to its end in the CRM."""
    _none(writes.groundless_deletes(house), "deleted without a reason")


def deletes_what_ended(house: House) -> None:
    """2: every delete has a copy that people deleted or cancelled where it counts."""
    told: dict[str, dict[str, Any]] = {}
    for command in house.commands():
        if "item" in command:
            told[command["link"]] = command
            continue
        if _ended_by_crm(house, command["link"]):
            continue  # what an earlier try of that deleted, a hint may have told of first
        if command["uid"] is None:
            ended = any(command["link"] in writes.links_of(house, each) for each in house.watch.ended)
            _hold(ended, f"nobody deleted the task {command['link']}")
            continue
        uid, last = command["uid"], told.get(command["link"]) or _as_made(house, command["link"])
        _hold(last is not None, f"a delete of what the CRM was never told: {command['link']}")
        places = {mailbox for ended_uid, mailbox in house.watch.ends if ended_uid == uid}
        _hold(bool(places & _where_it_counts(house, last or {}, places)), f"nobody deleted or cancelled {uid}")


def _ended_by_crm(house: House, link: str) -> bool:
    """Whether a CRM user deleted or cancelled it himself."""
    ended = (e for e in writes.crm_events(house) if e["after"] is None or e["after"].get("status") == "cancelled")
    return any(event["origin"] == "user" and link in writes.links_of_event(event) for event in ended)


def _as_made(house: House, link: str) -> dict[str, Any] | None:
    """What the CRM said itself of an item that no command told it of."""
    made = (event for event in writes.crm_events(house) if link in writes.links_of_event(event) and event["after"])
    return next(({"item": event["after"], "master": None} for event in made), None)


def _where_it_counts(house: House, last: Mapping[str, Any], ended: set[str]) -> set[str]:
    """The organizer's mailbox if he is synchronized, else the master's; all, if that one is synchronized no more."""
    users = directory(house, catalogue.USERS)
    person = users.get(_organizer(last["item"]) or "") or {}
    if not _is_synchronized(person):
        person = users.get(last["master"] or "") or {}
    if not _is_synchronized(person):
        return ended
    found = house.sandbox.people.find(person["mailbox"])
    return {found.email} if found else set()


def _organizer(shown: Mapping[str, Any]) -> str | None:
    """Whose meeting it is: an owner whom the CRM changed is none (INV-7)."""
    organizer: str | None = (shown.get("organizer") or {}).get("user") or shown["owner"]
    return organizer


def _is_synchronized(user: Mapping[str, Any]) -> bool:
    return bool(user.get("mailbox") and user.get("active", True) and user.get("sync_enabled", True))


def one_record_per_meeting(house: House) -> None:
    """3: a UID and a link have one CRM record each, deleted ones counted."""
    items = house.crm.items()
    for name in ("uid", "link"):
        twice = [value for value, count in Counter(item[name] for item in items).items() if value and count > 1]
        _hold(not twice, f"several CRM records of one {name}: {twice}")


async def one_link_per_meeting(house: House) -> None:
    """3: a UID and a CRM record have one link each, and a copy has one."""
    queries = ("SELECT uid FROM links", "SELECT crm_id FROM links", "SELECT mailbox || '/' || item_id FROM replicas")
    for daemon in house.daemons:
        for query in queries:
            rows = await daemon.store.read(lambda tx, query=query: list(tx.execute(text(query)).scalars()))
            twice = [value for value, count in Counter(rows).items() if value is not None and count > 1]
            _hold(not twice, f"several links of one: {query}: {twice}")


async def keeps_tasks(house: House) -> None:
    """3, 7: a task has one link, and lies once, and as the CRM holds it, in the list of everybody who is assigned."""
    twice = await task_invariants.several_links(house)
    _hold(not twice, f"several links of one task: {twice}")
    wrong = task_invariants.wrong_copies(house, directory(house, catalogue.USERS))
    _hold(not wrong, f"tasks that are not as the CRM holds them: {wrong}")


async def stays_quiet(house: House) -> None:
    """4, 6: every hint and every CRM event again, twice and in another order, makes no record and changes nothing."""
    await house.quiet()
    count, items, written = house.count(), house.crm.items(), len(writes.ours(house))
    mailed = len(house.sandbox.world.mails)
    order = random.Random(0)
    events = [as_it_came(each) for topic in _FROM_CRM for each in _sound(house, topic)]
    for _ in range(_ROUNDS):
        hints = [*house.watch.hints, *house.watch.hints]
        house.deliver(order.sample([*hints, *events, *events], len(hints) + 2 * len(events)))
        await house.quiet()
        _hold(house.count() == count, f"{house.count() - count} records although nothing happened{_news(house, count)}")
        _hold(house.crm.items() == items, "the CRM changed although nothing happened")
        _hold(len(writes.ours(house)) == written, "Exchange was written to although nothing happened")
        _hold(len(house.sandbox.world.mails) == mailed, "mails left although nothing happened")


def _sound(house: House, topic: str) -> list[Record]:
    """The records of a topic that are no dead letters."""
    dead = {_origin(letter) for letter in house.broker.records(catalogue.DEAD_LETTERS)}
    return [each for each in house.broker.records(topic) if (topic, each.partition, each.offset) not in dead]


def _origin(letter: Record) -> tuple[str, int, int]:
    ours = {name.removeprefix("x-dlq-original-"): value.decode() for name, value in letter.headers if _is_ours(name)}
    return ours["topic"], int(ours["partition"]), int(ours["offset"])


def _is_ours(name: str) -> bool:
    return name.startswith(_OURS)


def as_it_came(record: Record) -> HeldHint:
    """A record as it is to be delivered again."""
    return record.topic, record.key or b"", record.value or b"", list(record.headers)


def _news(house: House, count: int) -> str:
    said = [f"{each['result']}/{each['reason']} of {each['cause']['type']}" for each in house.outcomes()[-3:]]
    return f" ({count} before; the last outcomes: {said})"


def says_what_is_in_the_contract(house: House) -> None:
    """Every command and outcome can be read by the contract's schemas, under the key its own ids make."""
    for topic in (catalogue.COMMANDS, catalogue.OUTCOMES):
        seen: dict[str, bytes | None] = {}
        for record in house.broker.records(topic):
            stated = envelope.read(record.headers, record.value)
            events.parse(topic, stated, key=record.key)
            same = seen.setdefault(stated.id, record.value)
            is_again = house.watch.restored and topic == catalogue.OUTCOMES
            _hold(
                is_again or same == record.value,
                f"two records of {topic} with one id and different content: {stated.id}",
            )


def keeps_dead_letters_whole(house: House) -> None:
    """A dead letter is a record that came in, byte for byte, and says which."""
    for letter in house.broker.records(catalogue.DEAD_LETTERS):
        theirs = tuple(header for header in letter.headers if not _is_ours(header[0]))
        topic, *place = _origin(letter)
        source = next(each for each in house.broker.records(topic) if [each.partition, each.offset] == place)
        same = (letter.key, letter.value, theirs) == (source.key, source.value, tuple(source.headers))
        _hold(same, f"the dead letter of {topic} at {place} is not what came in")


def keeps_secrets(house: House) -> None:
    """8: the words a test declared are nowhere but, if at all, in the commands of their own meeting."""
    for word, uid in house.watch.canaries.items():
        for place, content in _everything_said(house, admitted=uid):
            _hold(word.encode() not in content, f"the canary {word} sits in {place}")


def _everything_said(house: House, *, admitted: str | None) -> Iterator[tuple[str, bytes]]:
    for topic in _OUT:
        for record in house.broker.records(topic):
            shown = _ours(record) if topic == catalogue.DEAD_LETTERS else record.headers
            yield f"the headers of {topic}", repr(shown).encode()
            yield f"the keys of {topic}", record.key or b""
            if topic == catalogue.DEAD_LETTERS or _is_of(record, admitted):
                continue
            yield topic, record.value or b""
    yield "the log", house.watch.logged.getvalue().encode()
    for metrics in house.metrics:
        yield "the metrics", metrics.exposition()[0]


def _ours(record: Record) -> list[tuple[str, bytes]]:
    return [header for header in record.headers if _is_ours(header[0])]


def _is_of(record: Record, uid: str | None) -> bool:
    return record.topic == catalogue.COMMANDS and uid is not None and json.loads(record.value or b"{}")["uid"] == uid


def keeps_times(house: House) -> None:
    """7: the CRM's instants, or civil days, are those of the copy that counts."""
    for item, copy in _pairs(house):
        shown, held = item["item"], copy.values
        if shown.get("all_day"):
            days = tuple(_civil_day(copy, name) for name in ("Start", "End"))
            got = tuple(date.fromisoformat(shown[name]) for name in ("start", "end"))
            _hold(got == days, f"the days of {item['uid']}: {got} in the CRM, {days} in Exchange")
            continue
        instants = tuple(datetime.fromisoformat(shown[name]).astimezone(UTC) for name in ("start", "end"))
        _hold(instants == (held["Start"], held["End"]), f"the times of {item['uid']} differ: {instants}")


def _civil_day(copy: Item, name: str) -> date:
    zone = copy.get("StartTimeZone")
    moment: datetime = copy.values[name]
    return moment.astimezone(zone_of(zone.id) if zone else UTC).date()


def keeps_people(house: House) -> None:
    """10: everybody in the copy that counts is in the CRM's item in exactly one place, and nobody else is."""
    users, contacts = directory(house, catalogue.USERS), _merged(directory(house, catalogue.CONTACTS))
    for item, copy in _pairs(house):
        if not item["item"].get("redacted"):
            _same_people(house, item, copy, users=users, contacts=contacts)
            _own_answers(house, item, users=users)


def _merged(contacts: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Survivors have the addresses of those who were merged into them."""
    for contact in list(contacts.values()):
        survivor = contact
        while survivor.get("merged_into"):
            survivor = contacts[survivor["merged_into"]]
        if survivor is not contact:
            survivor["emails"] = [*survivor["emails"], *contact["emails"]]
    return contacts


def _same_people(
    house: House,
    item: Mapping[str, Any],
    copy: Item,
    *,
    users: Mapping[str, Mapping[str, Any]],
    contacts: Mapping[str, Mapping[str, Any]],
) -> None:
    shown = item["item"]
    edited = _edited_by_users(house)  # whom they took out of For is external from the next change on
    invited = {_identity(house, each) for each in _people(copy)}
    places: dict[str, set[str]] = defaultdict(set)
    for user in shown["assign_to"]:
        for address in _addresses(house, users[user]):
            places[address].add("assign_to")
    for entry in shown.get("for", ()):
        for address in _addresses(house, contacts[entry["contact"]]):
            places[address].add("for")
    strangers = [_canonical(house, each["email"]) or each["name"].casefold() for each in shown.get("external", ())]
    for stranger in strangers:
        places[stranger].add("external")
    _hold(len(set(strangers)) == len(strangers), f"an external contact of {item['uid']} stands there twice")
    for person in invited:
        where = places.get(person, set())
        _hold("external" not in where or len(where) == 1, f"a participant of {item['uid']} is in {sorted(where)}")
        told = "external" in shown and item["id"] not in edited
        _hold(bool(where) or not told, f"a participant of {item['uid']} is nowhere in the CRM")
    holders = {_canonical(house, address) for uid, address in _holders(house) if uid == item["uid"]}
    for person in {*strangers, *(a for each in shown.get("for", ()) for a in _one_of(house, each, contacts, invited))}:
        _hold(person in invited, f"the CRM shows somebody in {item['uid']} who does not take part")
    for user in shown["assign_to"]:
        known = _addresses(house, users[user])
        is_left_out = not known or not users[user].get("active", True)  # in the CRM alone (S09d)
        _hold(is_left_out or bool(known & (invited | holders)), f"{user} is assigned to {item['uid']}, taking no part")


def _edited_by_users(house: House) -> set[str]:
    said = [json.loads(record.value or b"{}") for record in _sound(house, catalogue.SCHEDULE_ITEMS)]
    return {each["id"] for each in said if each["origin"] == "user"}


def _one_of(
    house: House,
    entry: Mapping[str, Any],
    contacts: Mapping[str, Mapping[str, Any]],
    invited: set[str],
) -> set[str]:
    """The address by which a contact takes part; any of his, if by none; nothing, if the CRM put him there."""
    addresses = _addresses(house, contacts[entry["contact"]])
    return set() if entry.get("source", "crm") == "crm" else (addresses & invited or addresses)


def _own_answers(house: House, item: Mapping[str, Any], *, users: Mapping[str, Mapping[str, Any]]) -> None:
    for user, answer in item["item"].get("responses", {}).items():
        own = _copy(house, item["uid"], users[user].get("mailbox"))
        if own is None or not _is_synchronized(users[user]) or own.get("MyResponseType") not in _ANSWERS:
            continue
        expected = _ANSWERS[own.values["MyResponseType"]]
        _hold(answer == expected, f"{user} answered {expected} to {item['uid']}, the CRM says {answer}")


def keeps_content(house: House) -> None:
    """Both sides say the same: in the copy that counts, in direct copies nobody touched, and of everybody's alarm."""
    for item, copy in _pairs(house):
        if item["item"].get("redacted"):
            continue
        found = writes.differing(item["item"], copy)
        _hold(not found, f"{found} of {item['uid']} differ between the CRM and {copy.mailbox}")
    for item in _kept(house):
        shown = item["item"]
        for user, copy in _own_copies(house, item):
            if copy.uid != item["uid"] and not shown.get("redacted") and _is_ours_alone(house, copy):
                found = writes.differing(shown, copy)
                _hold(not found, f"{found} of {item['uid']} differ between the CRM and {user}'s direct copy")
            minutes = shown.get("alarms", {}).get(user)
            if minutes is not None and _has_alarms(house, shown, minutes):
                agree = writes.alarms_agree(minutes, copy)
                _hold(agree, f"{user} is reminded of {item['uid']} otherwise than the CRM says")


def _own_copies(house: House, item: Mapping[str, Any]) -> Iterator[tuple[str, Item]]:
    """The copies of the synchronized users who take part, direct ones, too."""
    users = directory(house, catalogue.USERS)
    for user in item["item"]["assign_to"]:
        mailbox = users[user].get("mailbox") if _is_synchronized(users[user]) else None
        uids = (item["uid"], ids.uid_of_direct_copy(item["id"], user))
        copies = (found for uid in uids if (found := _copy(house, uid, mailbox)) is not None)
        yield from ((user, copy) for copy in copies if not copy.is_cancelled)


def _is_ours_alone(house: House, copy: Item) -> bool:
    return all(each.account == house.service for each in house.watch.written if each.item.id == copy.id)


def _has_alarms(house: House, shown: Mapping[str, Any], minutes: Sequence[int]) -> bool:
    """Whether alarms went both ways all the time, and those of the item are still to come (ALM-7, ALM-8)."""
    stated = [each["options"] for each in directory(house, catalogue.OPTIONS).values()]
    said = [values["meeting_alarms"] for values in stated if "meeting_alarms" in values]
    once = len(house.broker.records(catalogue.OPTIONS)) == len(directory(house, catalogue.OPTIONS))
    if shown.get("all_day") or not said or not all(said) or not once:
        return False
    first = timedelta(minutes=max(minutes, default=0))
    return datetime.fromisoformat(shown["start"]) - first > house.clock()


async def same_from_scratch(house: House, store: Path) -> None:
    """6: a daemon and a CRM that know nothing, given everything once and in another order, end with the same items."""
    from tests.support.house import running  # the house needs this module to close its door

    again = house.double(store)
    topics = (catalogue.USERS, catalogue.NODES, catalogue.CONTACTS, catalogue.OPTIONS)
    again.deliver([as_it_came(record) for topic in topics for record in _sound(house, topic)])
    hints = house.watch.hints[::-1]
    again.deliver(hints)
    async with running(again, clock=house.clock):
        await again.quiet()
    _hold(_content(again.items()) == _content(house.items()), "from scratch the CRM holds something else")


def _content(items: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    return {item["uid"]: item["item"] for item in items}


def directory(house: House, topic: str) -> dict[str, dict[str, Any]]:
    """The newest value of every key of a compacted topic."""
    newest: dict[str, dict[str, Any]] = {}
    for record in _sound(house, topic):
        if record.value is not None:
            newest[(record.key or b"").decode()] = json.loads(record.value)
    return newest


def _pairs(house: House) -> Iterator[tuple[dict[str, Any], Item]]:
    """Every item of the CRM with the copy that counts for it: the organizer's if he is synchronized, else the master's.

    What the CRM made for somebody without a mailbox has none (INV-7).
    """
    users = directory(house, catalogue.USERS)
    masters = {command["link"]: command.get("master") for command in house.commands() if "item" in command}
    for item in _kept(house):
        owner = users.get(_first_owner(house, item) or "") or {}
        person = owner if _is_synchronized(owner) else users.get(masters.get(item["link"]) or "") or {}
        if not person and item["uid"] == ids.uid_of_crm(item["id"]):
            continue
        copy = _copy(house, item["uid"], person.get("mailbox"))
        _hold(copy is not None, f"the CRM holds {item['uid']}, the mailbox that counts does not")
        if copy is not None:
            yield item, copy


def _kept(house: House) -> Iterator[dict[str, Any]]:
    """The schedule items that Exchange must hold, too, each with its UID."""
    parked = _parked(house) | _kept_out(house)
    for item in house.items():
        uid = item["uid"] or ids.uid_of_crm(item["id"])
        is_over = item["item"].get("status") == "cancelled" or item["id"] in parked
        if item["kind"] == "schedule_item" and not is_over and not {uid, item["id"]} & house.watch.excused.keys():
            yield item | {"uid": uid}


def _kept_out(house: House) -> set[str]:
    """The items that somebody made for another without a grant, and of which nothing was ever written (INV-2)."""
    said = {
        (each["cause"]["topic"], each["cause"]["partition"], each["cause"]["offset"]): each for each in house.outcomes()
    }
    refused, written = set[str](), set[str]()
    for record in _sound(house, catalogue.SCHEDULE_ITEMS):
        outcome = said.get((record.topic, record.partition, record.offset), {})
        if (outcome.get("result"), outcome.get("reason")) == ("refused", "no_grant"):
            refused.add((record.key or b"").decode())
        elif outcome.get("writes"):
            written.add((record.key or b"").decode())
    return refused - written


def _parked(house: House) -> set[str]:
    """The items that the CRM took out of scope, and not back."""
    last: dict[str, bytes] = {}
    for record in house.broker.records(catalogue.SCHEDULE_ITEMS):
        last[(record.key or b"").decode()] = dict(record.headers).get("ce_type", b"")
    return {item_id for item_id, ce_type in last.items() if ce_type.endswith(b".out-of-scope.v1")}


def _first_owner(house: House, item: Mapping[str, Any]) -> str | None:
    if item["uid"] != ids.uid_of_crm(item["id"]):
        return _organizer(item["item"])
    said = (event for event in writes.crm_events(house) if event["id"] == item["id"] and event["after"])
    return next((event["after"]["owner"] for event in said), None)


def _copy(house: House, uid: str, mailbox: str | None) -> Item | None:
    found = house.sandbox.people.find(mailbox or "")
    if found is None:
        return None
    world = house.sandbox.world
    return next(
        (
            each
            for each in world.items(found.email)
            if each.kind is ItemKind.CALENDAR_ITEM and each.uid == uid and is_in_a_calendar(world, each)
        ),
        None,
    )


def _holders(house: House) -> Iterator[tuple[str, str]]:
    """UID and mailbox of every copy that is or was."""
    yield from house.watch.ends
    yield from ((each.uid, each.mailbox) for each in house.sandbox.world if each.kind is ItemKind.CALENDAR_ITEM)


def _people(copy: Item) -> list[Recipient]:
    invited = [*copy.values.get("RequiredAttendees", ()), *copy.values.get("OptionalAttendees", ())]
    organizer = [copy.organizer] if copy.organizer else []
    if not copy.get("IsMeeting"):
        return []
    return [*organizer, *(each.recipient for each in invited)]


def _identity(house: House, person: Recipient) -> str:
    """One person, one identity: his address in the address book, else his own, else his name."""
    known = house.sandbox.people.find(person.address) if person.address.strip() else None
    if known is not None:
        return _canonical(house, known.email) or known.email
    named = _canonical(house, person.address) if person.routing_type.upper() == "SMTP" else None
    return named or person.name.strip().casefold()


def _addresses(house: House, person: Mapping[str, Any]) -> set[str]:
    written = [*person.get("emails", ()), person.get("mailbox") or ""]
    known = [house.sandbox.people.find(address) for address in written if address]
    everything = [*written, *(each.email for each in known if each)]
    return {found for address in everything if (found := _canonical(house, address))}


def _canonical(house: House, address: str | None) -> str | None:
    return canonical_of(house.settings)(address) if address else None


def _none(found: Iterable[str], what: str) -> None:
    wrong = list(found)
    _hold(not wrong, f"{what}: {wrong}")


def _hold(condition: bool, otherwise: str) -> None:
    if not condition:
        raise Broken(otherwise)
