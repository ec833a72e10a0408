"""What holds of mails after every test in a house; see `invariants`.

Judged from what left the sandbox (`watch.Mailed`), the CRM's events, and the outcomes: a mail has an outcome that names
it, and that one an event which asked for it. Who may act for whom is the CRM's word and the outcomes' (INV-1, INV-2).
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from daemon.sandbox.exchange import series
from daemon.sandbox.exchange.items import Cause, Item
from daemon.sandbox.exchange.meetings import TOLD, is_organizers
from daemon.sandbox.exchange.values import Attendee
from daemon.sandbox.people import PersonKind
from schemas import catalogue
from tests.support import write_invariants as writes
from tests.support.watch import Mailed, Pairs, Written

if TYPE_CHECKING:
    from tests.support.house import House

DELEGATION = frozenset(("AddDelegate", "UpdateDelegate", "RemoveDelegate", "GetDelegate"))
_GRANTED, _REVOKED = "crm.delegation.granted.v1", "crm.delegation.revoked.v1"


@dataclass(frozen=True)
class Sent:
    """The mails that one request of the daemon sent: from and by which user, of which item, to how many."""

    link: str
    owner: str | None
    delegate: str | None
    reached: int
    unreached: int  # who takes part and was never told, and so may have got nothing now
    by: str


@dataclass(frozen=True)
class Named:
    """The mails that an outcome names; `may_be_nobody`: whom it cancels for may never have been told."""

    link: str
    owner: str
    delegate: str | None
    recipients: int
    may_be_nobody: bool


_Each = TypeVar("_Each", Sent, Named)


def unasked(house: House) -> Iterator[str]:
    """Outcomes that name mails which no event asked for, or in the wrong name."""
    for outcome in _outcomes(house):
        for mail in outcome["mails"]:
            yield from _unasked(outcome, mail, _event(house, outcome["cause"]))


def _unasked(outcome: Mapping[str, Any], mail: Mapping[str, Any], caused: tuple[str, Any] | None) -> Iterator[str]:
    told = f"a mail of {outcome['link']}"
    if caused is None:
        yield f"{told} because of no event of the CRM"
        return
    _, event = caused
    actor = event.get("actor") or {}
    principal = actor.get("on_behalf_of")
    delegate = actor.get("user") if principal and actor.get("user") != principal else None
    if event["origin"] != "user" or event["notify"] != mail["mode"]:
        yield f"{told} to {mail['mode']} although {event['notify']} was asked by a {event['origin']}"
    if mail["sender"] != delegate:
        yield f"{told} sent by {mail['sender']}, and not by {delegate}"
    if principal is not None and mail["from"] != principal:
        yield f"{told} from {mail['from']}, for {principal}"
    if principal is None and actor.get("user") not in (None, mail["from"]):
        yield f"{told} from {mail['from']}, in whose name nobody acted (INV-2)"


def unnamed(house: House) -> Iterator[str]:
    """Mails that no outcome names, and mails in outcomes of which none left.

    One by one in their order, unless an answer was lost or a daemon died on purpose: then it may be that an outcome can
    only say that a mail may have left.
    """
    replies = [each.mail.kind for each in _ours(house) if each.mail.kind == "response"]
    if replies:
        yield f"the daemon caused {len(replies)} responses"
    sent, named = _by_link(_sent(house)), _by_link(_named(house))
    doubted = _doubted(house) if writes.is_troubled(house) or len(house.metrics) > 1 else Counter[str]()
    for link in sorted({*sent, *named}):
        left, wrong = _matched(sent[link], named[link])
        if len(wrong) > doubted[link]:
            yield from (f"the daemon caused {_of(each)}, and no outcome says so" for each in wrong)
        yield from (f"{each} of which none left" for each in left if not each.may_be_nobody)


def _matched(sent: list[Sent], named: list[Named]) -> tuple[list[Named], list[Sent]]:
    """What was named and not sent, and the other way round."""
    left, wrong = list(named), []
    for each in sent:
        fitting = next((said for said in left if _fits(each, said)), None)
        if fitting is None:
            wrong.append(each)
        else:
            left.remove(fitting)
    return left, wrong


def _fits(sent: Sent, named: Named) -> bool:
    same = (sent.owner, sent.delegate) == (named.owner, named.delegate)
    return same and sent.reached <= named.recipients <= sent.reached + sent.unreached


def _of(sent: Sent) -> str:
    return f"mails to {sent.reached} by {sent.by} of {sent.link} from {sent.owner} by {sent.delegate}"


def _by_link(found: Iterator[_Each]) -> dict[str, list[_Each]]:
    links: dict[str, list[_Each]] = defaultdict(list)
    for each in found:
        links[each.link].append(each)
    return links


# what was sent


def _ours(house: House) -> list[Mailed]:
    return [each for each in house.watch.mailed if each.mail.cause.account == house.service]


def _sent(house: House) -> Iterator[Sent]:
    known = {outcome["link"] for outcome in house.outcomes() if outcome["link"]}
    calls: dict[int, list[Mailed]] = defaultdict(list)
    for mailed in _ours(house):
        if mailed.mail.kind != "response":
            calls[id(mailed.call)].append(mailed)
    for mails in calls.values():
        yield _of_call(house, mails, known)


def _of_call(house: House, mails: list[Mailed], known: set[str]) -> Sent:
    mail, call = mails[0].mail, mails[0].call
    done = [each for each in writes.ours(house) if each.call is call and call is not None]
    links = set[str]().union(*(writes.links_of(house, each.item) for each in done))
    to = {address for each in mails for address in each.mail.to}
    attendees, told = _attendees(done)
    reached = _people(house, to, attendees)
    missed = {_address(house, each) for each in attendees if _address(house, each) not in told} - reached
    owner, sender = (writes.user_at(house, each) or {} for each in (mail.sender_mailbox, mail.sender))
    return Sent(
        link=min(links & known, default=min(links, default=mail.uid)),
        owner=owner.get("id"),
        delegate=None if sender == owner else sender.get("id"),
        reached=len(reached),
        unreached=len(missed),
        by=_name(call),
    )


def _name(call: Cause | None) -> str:
    return call.operation if call is not None else "nobody"


def _attendees(done: list[Written]) -> tuple[list[Attendee], set[str]]:
    """Everybody who takes part or took part until then, and who had been told."""
    found: list[Attendee] = []
    told: set[str] = set()
    for item in (each for write in done for each in (write.before, write.after) if each is not None):
        for one in _with_occurrences(item):
            found += [each for each in one.attendees if each not in one.get("Resources", ())]
    for before in (write.before for write in done if write.before is not None):
        told |= {name for one in _with_occurrences(before) for name in one.get(TOLD, ())}
    return found, told


def _with_occurrences(item: Item) -> list[Item]:
    return [item, *(series.exceptions(item) if series.is_series(item) else ())]


def _people(house: House, addresses: set[str], attendees: list[Attendee]) -> set[str]:
    """Who was reached: a list once, whoever is on it; a room is nobody."""
    people, found = house.sandbox.people, set[str]()
    named = {_address(house, each) for each in attendees}
    lists = [entry for each in named if (entry := people.find(each)) and entry.kind is PersonKind.LIST]
    for address in addresses:
        entry = people.find(address)
        email = entry.email if entry else address.casefold()
        if entry is not None and entry.kind is PersonKind.ROOM:
            continue
        through = [each.email for each in lists if address in people.members(each)]
        found |= {email} if email in named or not through else {*through}
    return found


def _address(house: House, attendee: Attendee) -> str:
    entry = house.sandbox.people.find(attendee.recipient.address)
    return entry.email if entry else (attendee.recipient.address or attendee.recipient.name).casefold()


# what was said


def _outcomes(house: House) -> list[dict[str, Any]]:
    """Each once: who had died may say it again. A store put back to an older state says of an event what is left."""
    told = dict.fromkeys((record.headers, record.value) for record in house.broker.records(catalogue.OUTCOMES))
    return [json.loads(value or b"{}") for _, value in told]


def _event(house: House, cause: Mapping[str, Any]) -> tuple[str, Any] | None:
    """The type and the data of the CRM's event that an outcome names as its cause."""
    for record in house.broker.records(catalogue.SCHEDULE_ITEMS):
        if (cause["topic"], cause["partition"], cause["offset"]) == (record.topic, record.partition, record.offset):
            return dict(record.headers).get("ce_type", b"").decode(), json.loads(record.value or b"{}")
    return None


def _named(house: House) -> Iterator[Named]:
    for outcome in _outcomes(house):
        _, event = _event(house, outcome["cause"]) or ("", {})
        for mail in outcome["mails"]:
            yield Named(
                outcome["link"], mail["from"], mail["sender"], mail["recipients"], _takes_out(house, outcome, event)
            )


def _takes_out(house: House, outcome: Mapping[str, Any], event: Mapping[str, Any]) -> bool:
    """Whether what it mails may be cancellations alone: Exchange sends none to whom it never told."""
    after, before = event.get("after") or {}, event.get("before") or {}
    is_over = not after or after.get("status") == "cancelled"
    is_removed = bool(writes.takes_part(house, before) - writes.takes_part(house, after))
    return is_over or is_removed or any(each["operation"] == "delete" for each in outcome["writes"])


def _doubted(house: House) -> Counter[str]:
    """How often it was said of a link that it may have been mailed before."""
    return Counter(
        outcome["link"]
        for outcome in _outcomes(house)
        if any((each["rule"], each["decision"]) == ("INV-4", "silent") for each in outcome["explain"])
    )


# who acts for whom


def in_force(house: House) -> Pairs:
    """Who may act for whom now: granted, and not revoked by an event that was dealt with already."""
    dealt = {
        (each["cause"]["partition"], each["cause"]["offset"])
        for each in house.outcomes(direction="control")
        if each["cause"]["topic"] == catalogue.DELEGATIONS
    }
    pairs: dict[tuple[str, str], bool] = {}
    for record in house.broker.records(catalogue.DELEGATIONS):
        pair = _pair(record.value)
        kind = dict(record.headers).get("ce_type", b"").decode()
        if pair is None:
            continue
        if kind == _GRANTED:
            pairs[pair] = True
        elif kind == _REVOKED and (record.partition, record.offset) in dealt:
            pairs[pair] = False
    return frozenset(pair for pair, stands in pairs.items() if stands)


def _pair(value: bytes | None) -> tuple[str, str] | None:
    try:
        said = json.loads(value or b"{}")
    except ValueError:
        return None
    if not isinstance(said, dict) or not {"principal", "delegate"} <= said.keys():
        return None
    return said["principal"], said["delegate"]


def ever_granted(house: House) -> Pairs:
    """Every pair of which the CRM announced a grant."""
    return _announced(house, _GRANTED)


def _announced(house: House, *kinds: str) -> Pairs:
    records = house.broker.records(catalogue.DELEGATIONS)
    types = {kind.encode() for kind in kinds}
    found = (_pair(each.value) for each in records if dict(each.headers).get("ce_type") in types)
    return frozenset(each for each in found if each is not None)


def overstepping(house: House) -> Iterator[str]:
    """INV-2: writes made in another's name than the mailbox's owner's, without a grant or beyond his calendar."""
    granted = ever_granted(house)
    for write in writes.ours(house):
        if write.call is None or write.call.mailbox == write.item.mailbox:
            continue
        acting, owner = (writes.user_at(house, each) or {} for each in (write.call.mailbox, write.item.mailbox))
        pair = (owner.get("id"), acting.get("id"))
        told = f"{write.operation} in {write.item.mailbox} as {write.call.mailbox}"
        if pair not in (granted if write.granted is None else granted & write.granted):
            yield f"{told} without a grant"
        elif not is_organizers(write.item):
            yield f"{told} of what is not the principal's own"
        elif not _was_asked(house, write, pair):
            yield f"{told}, whom no event names"


def _was_asked(house: House, write: Written, pair: tuple[str | None, str | None]) -> bool:
    links = writes.links_of(house, write.item)
    asked = (event["actor"] or {} for event in writes.crm_events(house) if writes.links_of_event(event) & links)
    return any((each.get("on_behalf_of"), each.get("user")) == pair for each in asked)


def unexplained_delegates(house: House) -> Iterator[str]:
    """INV-1: requests about delegates of whom no grant told, and delegates who came and went otherwise than is said. A
    daemon with a new store may have to look up what was revoked, though the topic no longer tells of the grant."""
    kinds = (_GRANTED, _REVOKED) if len(house.metrics) > 1 else (_GRANTED,)
    principals = {each for principal, _ in _announced(house, *kinds) for each in _mailboxes_of(house, principal)}
    for each in house.sandbox.meter.report():
        if each["account"] == house.service and each["operation"] in DELEGATION and each["mailbox"] not in principals:
            yield f"{each['operation']} of {each['mailbox']}, who granted nothing"
    done = Counter(
        (each.mailbox, f"{each.operation}_delegate") for each in house.watch.delegated if each.account == house.service
    )
    said = Counter(
        (_canonical(house, write["mailbox"]), write["operation"])
        for outcome in _outcomes(house)
        for write in outcome["writes"]
        if write["operation"].endswith("_delegate")
    )
    uncertain = len(house.metrics) > 1 or any(house.sandbox.faults.struck[each] for each in DELEGATION)
    for place in sorted({*done, *said}):
        if done[place] < said[place] or (done[place] > said[place] and not uncertain):
            yield f"{place[1]} of {place[0]}: done {done[place]} times, said {said[place]} times"


def _mailboxes_of(house: House, user: str) -> set[str]:
    """All he ever had: rights are taken back in the one he had when they were given."""
    records = [each for each in house.broker.records(catalogue.USERS) if each.key == user.encode() and each.value]
    return {_canonical(house, json.loads(each.value or b"{}").get("mailbox") or "") for each in records}


def _canonical(house: House, address: str) -> str:
    person = house.sandbox.people.find(address) if address else None
    return person.email if person else address
