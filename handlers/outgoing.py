"""An outbound decision in the making: whose copies are written to, and what (MAP-1, INV-3, INV-6, INV-7, PART-6).

The organizer's copy gets content and attendees, every other one the same content, unless its user gets a message
(`notifying`). Who takes part by the CRM's word, has no copy and gets no message gets a direct copy: a plain appointment
with our marker. The steps of `registry` refine the targets, and `effects_of` makes of each target one call to Exchange,
or two where only who is new is to be mailed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from handlers.blocks import Block
from handlers.effects import CONTENT, Effect, Operation, holding
from handlers.facts import Facts, User
from handlers.links import Link, Replica
from handlers.notices import QUIET, Notice
from handlers.policy import Policy
from handlers.privacy import is_fine
from schemas import ids
from schemas.copies import Attendee, Kind, Role
from schemas.edits import UNSET, Unset
from schemas.items import Moment, ScheduleItem
from schemas.sending import Sending, Whom


@dataclass(frozen=True, slots=True, kw_only=True)
class Occurrence:
    """What is to be written to one occurrence of a series; `start` is its original start, `item` how it shall be.

    `alarms` are its user's, if those are to be told; () where the series' alarm goes for it again. `is_silent`: nobody
    is told of it, whoever is told of its series. `is_hidden`: its series is made private by the same change, so that
    Exchange hides it from a delegate before he comes to this.
    """

    start: Moment
    index: int
    item: ScheduleItem
    fields: tuple[str, ...] = ()
    delete: bool = False
    again: bool = False
    alarms: tuple[int, ...] | Unset = UNSET
    reminder: int | Unset | None = UNSET
    is_silent: bool = False
    is_hidden: bool = False

    @property
    def says_something(self) -> bool:
        """Whether there is anything to write."""
        return self.delete or bool(self.fields) or self.reminder is not UNSET

    @property
    def facets(self) -> Occurrence:
        """What is its user's alone of it."""
        return replace(self, fields=(), delete=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One user's copy and what is to be written to it.

    `replica` None: he has none yet, it is to be created. `is_fresh`: it is there, but his alarm was never told to it.
    `notice` is whom it tells that this is written.
    """

    user: User
    mailbox: str
    replica: Replica | None = None
    direct: bool = False
    authoritative: bool = False
    is_fresh: bool = False
    fields: tuple[str, ...] = ()
    invite: tuple[Attendee, ...] = ()
    uninvite: frozenset[str] = frozenset()
    joining: tuple[str, ...] = ()
    leaving: tuple[str, ...] = ()
    sensitivity: str | Unset = UNSET
    reminder: int | Unset | None = UNSET
    block: Block | Unset | None = UNSET
    delete: bool = False
    occurrences: tuple[Occurrence, ...] = ()
    notice: Notice = QUIET

    @property
    def says_something(self) -> bool:
        """Whether there is anything to write."""
        facets = self.reminder is not UNSET or self.block is not UNSET
        return self.delete or self.replica is None or facets or bool(self.fields or self.invite or self.uninvite)


@dataclass(frozen=True, slots=True)
class Outgoing:
    """What the CRM wants, as far as it was accepted.

    `item` is what both sides shall hold, `before` and `after` what the CRM said last and says now. `owner` is whose
    options count (OPT-4): the item's owner, else its master; None: there is neither. `guests`: whether Exchange names
    attendees who are no CRM users.
    """

    link: Link
    item: ScheduleItem
    before: ScheduleItem
    after: ScheduleItem
    facts: Facts
    policy: Policy
    now: datetime
    owner: User | None = None
    guests: bool = False
    targets: tuple[Target, ...] = ()

    @property
    def kind(self) -> Kind:
        """What is decided about."""
        return Kind.SCHEDULE_ITEM

    @property
    def is_closed(self) -> bool:
        """Every step has its say."""
        return False

    def aimed(self, user: User, **written: Any) -> Outgoing:
        """With these values for a user's copy."""
        targets = (replace(each, **written) if each.user.id == user.id else each for each in self.targets)
        return replace(self, targets=tuple(targets))


def has_guests(link: Link) -> bool:
    """Whether Exchange names attendees who are no CRM users (NOTE-6); of a redacted item nobody knows."""
    exchange = link.exchange
    return exchange is not None and bool(exchange.external or exchange.for_ or exchange.redacted)


def participants_of(item: ScheduleItem, facts: Facts) -> frozenset[str]:
    """The users who take part by the CRM's word: in Assign To, or as a contact in For who is a user (PART-6)."""
    contacts = (facts.by_contact.get(entry.contact) for entry in item.for_)
    return frozenset(item.assign_to) | {contact.user for contact in contacts if contact and contact.user}


def address_of(user: User | None, policy: Policy) -> str | None:
    """Where a user is invited: his mailbox, else the first of his addresses; None: nowhere (PART-6, S09d)."""
    if user is None or not user.active:
        return None
    written = user.mailbox or next(iter(user.addresses), None)
    return written if written is not None and policy.canonical(written) else None


def attendee_of(user: User, policy: Policy) -> Attendee | None:
    """A user as he is invited."""
    address = address_of(user, policy)
    return None if address is None else Attendee(Role.REQUIRED, name=user.name, address=address)


def addresses_of(user: User, policy: Policy) -> frozenset[str]:
    """Everything he may be invited by."""
    written = (*user.addresses, *((user.mailbox,) if user.mailbox else ()))
    return frozenset(address for address in map(policy.canonical, written) if address)


def reachable(user: User | None) -> bool:
    """Whether his mailbox may be written to."""
    return user is not None and user.synchronized


def content_for(replica: Replica | None, item: ScheduleItem, fields: Iterable[str]) -> dict[str, Any]:
    """What a copy gets of changed content: nothing if it holds that already, and never another word for privacy than a
    person chose (PRIV-6)."""
    wanted = frozenset(fields)
    if replica is None or wanted.issuperset(CONTENT):  # of a whole item, a pattern it has not is nothing to write
        wanted = frozenset(CONTENT) - (set() if item.recurrence else {"recurrence"})
    changed = tuple(name for name in CONTENT if name in wanted)
    if replica is None:
        return {"fields": changed, "sensitivity": sensitivity_of(item)}
    if not changed or replica.holds == holding(item):
        return {}
    if "restricted" not in changed:
        return {"fields": changed}
    if is_fine(replica.sensitivity):
        return {"fields": tuple(name for name in changed if name != "restricted")}
    return {"fields": changed, "sensitivity": sensitivity_of(item)}


def sensitivity_of(item: ScheduleItem) -> str:
    """Exchange's word for what the CRM restricts or not."""
    return "Private" if item.restricted else "Normal"


def effects_of(targets: Iterable[Target], item: ScheduleItem, *, crm_id: str | None) -> tuple[Effect, ...]:
    """The calls for each copy that anything is written to, the one that counts first; then one for each occurrence."""
    ordered = sorted(targets, key=lambda each: (not each.authoritative, each.mailbox, each.delete))
    said = (target for target in ordered if target.says_something)
    whole = (each for target in said for each in _told(target, _effect(target, item, crm_id=crm_id)))
    single = (_of_occurrence(target, each) for target in ordered for each in target.occurrences if each.says_something)
    return (*whole, *single)


def _told(target: Target, effect: Effect) -> tuple[Effect, ...]:
    """The call with whom it mails. Exchange takes everybody for concerned who is put in, or taken out, or for whom
    anything else is new: so who is new comes last, in a call of his own, if he alone is to be told (INV-3).
    """
    notice = target.notice
    quiet = replace(effect, sending=Sending(acting=notice.sending.acting), delegate=notice.delegate)
    loud = replace(quiet, sending=notice.sending, recipients=notice.recipients)
    is_facet = effect.operation is Operation.UPDATE and not (effect.fields or effect.invite or effect.uninvite)
    if not notice.sending.mails or is_facet:
        return (quiet,)
    if notice.sending.to is Whom.ALL:
        return (loud,)
    if not effect.invite:
        return (quiet,)
    first = replace(quiet, invite=(), joining=())
    last = replace(
        loud,
        fields=(),
        uninvite=frozenset(),
        leaving=(),
        sensitivity=UNSET,
        reminder=UNSET,
        block=UNSET,
        change_key="",
    )
    return (first, last) if first.named else (replace(last, change_key=effect.change_key),)


def _of_occurrence(target: Target, occurrence: Occurrence) -> Effect:
    replica, notice = target.replica, target.notice
    is_told = notice.sending.to is Whom.ALL and not occurrence.is_silent and (occurrence.delete or occurrence.fields)
    quiet = Sending() if occurrence.is_hidden else Sending(acting=notice.sending.acting)
    return Effect(
        operation=Operation.DELETE if occurrence.delete else Operation.UPDATE,
        mailbox=target.mailbox,
        user=target.user.id,
        item=occurrence.item,
        item_id=replica.item_id if replica else "",
        change_key=replica.change_key if replica else "",
        direct=target.direct,
        authoritative=target.authoritative,
        fields=occurrence.fields,
        sensitivity=sensitivity_of(occurrence.item) if "restricted" in occurrence.fields else UNSET,
        reminder=occurrence.reminder,
        occurrence=occurrence.start,
        index=occurrence.index,
        again=occurrence.again,
        sending=notice.sending if is_told else quiet,
        recipients=notice.staying if is_told else (),
        delegate=notice.delegate,
    )


def _effect(target: Target, item: ScheduleItem, *, crm_id: str | None) -> Effect:
    known: Mapping[str, Any] = {
        "mailbox": target.mailbox,
        "user": target.user.id,
        "item": item,
        "direct": target.direct,
        "authoritative": target.authoritative,
    }
    if target.replica is not None:
        known = {**known, "item_id": target.replica.item_id, "change_key": target.replica.change_key}
    if target.delete:
        return Effect(operation=Operation.DELETE, **known)
    written: Mapping[str, Any] = {
        "fields": target.fields,
        "sensitivity": target.sensitivity,
        "reminder": target.reminder,
        "block": target.block,
        "invite": target.invite,
        "uninvite": target.uninvite,
        "joining": target.joining,
        "leaving": target.leaving,
    }
    if target.replica is not None:
        return Effect(operation=Operation.UPDATE, **known, **written)
    return Effect(operation=Operation.CREATE, marker=crm_id, uid=_uid(target, crm_id), **known, **written)


def _uid(target: Target, crm_id: str | None) -> str | None:
    if crm_id is None:
        return None
    return ids.uid_of_direct_copy(crm_id, target.user.id) if target.direct else ids.uid_of_crm(crm_id)


def removals(
    replicas: Iterable[Replica], *, link: Link, facts: Facts, counting: Replica | None = None, notice: Notice = QUIET
) -> tuple[Effect, ...]:
    """Takes copies away, as far as their mailboxes may be written to; the notice goes with the one that counts."""
    targets = (
        Target(
            user=user,
            mailbox=each.mailbox,
            replica=each,
            direct=each.direct,
            delete=True,
            authoritative=each == counting,
            notice=notice if each == counting else QUIET,
        )
        for each in replicas
        if (user := facts.by_id.get(each.user)) is not None and user.synchronized
    )
    return effects_of(targets, link.agreed or ScheduleItem(), crm_id=link.crm_id)
