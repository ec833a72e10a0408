"""Effects: what a decision wants done to mailboxes, as data, and what a link is once they are done.

Each is one call to Exchange in one mailbox. The shell claims them, carries them out and settles them (`daemon.sync`);
what was done is folded into the link here, one effect after the other, so that a half-done plan is a link, too.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from hashlib import sha256

from handlers.blocks import Block
from handlers.links import OCCURRENCES_BEHIND, Link, Replica
from schemas.copies import Attendee
from schemas.edits import UNSET, Unset
from schemas.items import Moment, Response, ScheduleItem
from schemas.sending import SILENT, Sending, Whom

TIMES = frozenset({"start", "end", "zone", "all_day"})
CONTENT = ("subject", "notes", "location", "start", "end", "zone", "all_day", "priority", "restricted", "recurrence")
"""What a direct copy holds of an item; attendees are the organizer's copy's alone."""


class Operation(StrEnum):
    """What is done to a copy."""

    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """One call in one mailbox.

    Of two changes of one copy, the second has no change key: it is made with the one that the first leaves (INV-3).

    `fields` are the item's fields to write from `item`, in its own names; `invite` and `uninvite` (canonical addresses)
    change the attendees and leave all others as they are; `joining` and `leaving` are the users these are.
    `authoritative`: this is the copy that counts, so what is written there is what Exchange says from then on. `marker`
    and `uid` are a create's identity. `sensitivity` is what `restricted` comes to in Exchange's words.

    `sending` is whom Exchange is asked to mail by this call, and who makes it; `recipients` are those of them the link
    knows (user ids, contact ids, hashes of strangers), in order. `delegate` is the user who acts for the owner, whether
    that mails anybody or not (INV-2).

    `occurrence` is the original start of the one occurrence of a series that is meant, `index` its number as Exchange
    counts; `item` is then that occurrence, while `item_id` and `change_key` are the series'. `again`: it was written
    before, and may be so still.
    """

    operation: Operation
    mailbox: str
    user: str
    item: ScheduleItem
    item_id: str = ""
    change_key: str = ""
    marker: str | None = None
    uid: str | None = None
    direct: bool = False
    authoritative: bool = False
    fields: tuple[str, ...] = ()
    invite: tuple[Attendee, ...] = ()
    uninvite: frozenset[str] = frozenset()
    joining: tuple[str, ...] = ()
    leaving: tuple[str, ...] = ()
    sensitivity: str | Unset = UNSET
    reminder: int | Unset | None = UNSET
    block: Block | Unset | None = UNSET
    sending: Sending = SILENT
    recipients: tuple[str, ...] = ()
    delegate: str | None = None
    occurrence: Moment | None = None
    index: int = 0
    again: bool = False

    @property
    def needs_copy(self) -> bool:
        """Whether what is there must be read first: a body keeps what is not ours, people are written whole."""
        if self.operation is not Operation.UPDATE:
            return False
        return "notes" in self.fields or self.block is not UNSET or bool(self.invite or self.uninvite)

    @property
    def named(self) -> tuple[str, ...]:
        """What is written, in the outcome's words."""
        if self.occurrence is not None:
            return ("exceptions",)
        facets = (
            ("assign_to", bool(self.invite or self.uninvite)),
            ("alarm", self.reminder is not UNSET),
            ("related", self.block is not UNSET),
        )
        return (*self.fields, *(name for name, is_written in facets if is_written))


def done(link: Link, effect: Effect, *, item_id: str, change_key: str) -> Link:
    """The link after an effect was carried out: its replica, and what the copy that counts says now."""
    if effect.occurrence is not None:
        return _touched(link, effect)
    if effect.operation is Operation.DELETE:
        left = (each for each in link.replicas if not _is_of(effect, each))
        return replace(link, replicas=tuple(_called_off(each) if _calls_off(effect) else each for each in left))
    known = link.replica(effect.mailbox) or Replica(effect.mailbox, effect.user, item_id, response=_own(effect))
    written = replace(
        known,
        item_id=item_id,
        change_key=change_key,
        live=True,
        cancelled=known.cancelled and effect.operation is not Operation.CREATE,
        direct=effect.direct,
        reminder=known.reminder if isinstance(effect.reminder, Unset) else effect.reminder,
        block=known.block if isinstance(effect.block, Unset) else _fingerprint(effect.block),
        sensitivity=known.sensitivity if isinstance(effect.sensitivity, Unset) else effect.sensitivity,
        holds=holding(effect.item) if effect.fields else known.holds,
        ours=change_key,
    )
    others = (_left(each, effect) for each in link.replicas if each.mailbox != effect.mailbox)
    return replace(link, replicas=tuple(sorted((*others, written), key=lambda replica: replica.mailbox)))


def _calls_off(effect: Effect) -> bool:
    """Whether Exchange tells everybody that there is no meeting any more."""
    return effect.authoritative and effect.sending.to is Whom.ALL


def _called_off(replica: Replica) -> Replica:
    """An invited copy whose user gets a cancellation: it is marked so by Exchange, and is his to throw away."""
    return replica if replica.direct else replace(replica, cancelled=True)


def _left(replica: Replica, effect: Effect) -> Replica:
    """The copy of somebody else than whose was written: called off if he was taken out and told (INV-6)."""
    is_told = effect.sending.to is Whom.ALL and replica.user in effect.leaving
    return _called_off(replica) if is_told else replica


def stood(link: Link, effect: Effect) -> Link:
    """The link after an occurrence was found to be so already: its series has changed by nothing of ours, and no hint
    will tell of it, so that what is known of it stays.
    """
    followed = (
        replace(each, holds=None) if _is_of(effect, each) and each.holds == OCCURRENCES_BEHIND else each
        for each in link.replicas
    )
    return replace(link, replicas=tuple(followed))


def progressed(link: Link, effect: Effect, *, item_id: str, change_key: str) -> Link:
    """The link of a plan that was carried out in part: what this effect wrote is what Exchange says from now on.

    What was agreed on comes with the plan as a whole. Under the change key lies also what people wrote and the plan
    knew of, or nobody has read yet: our own part is known again by its content (CON-3).
    """
    link = _unread(done(link, effect, item_id=item_id, change_key=change_key), effect)
    if effect.occurrence is not None:
        return link  # what it says is decided anew with the whole plan, and what is so already is not written again
    if not effect.authoritative or effect.operation is Operation.DELETE:
        return link
    if effect.operation is Operation.CREATE:
        return replace(link, exchange=_as_made(effect.item))
    exchange = link.exchange or effect.item
    values = {name: getattr(effect.item, name) for name in effect.fields}
    values["assign_to"] = tuple(sorted({*exchange.assign_to, *effect.joining} - {*effect.leaving}))
    return replace(link, exchange=replace(exchange, **values))


def _unread(link: Link, effect: Effect) -> Link:
    replicas = (replace(each, ours="") if each.ours and _is_of(effect, each) else each for each in link.replicas)
    return replace(link, replicas=tuple(replicas))


def _as_made(item: ScheduleItem) -> ScheduleItem:
    """What a copy of ours says of an item: nothing that is the CRM's alone."""
    return replace(item, for_=(), external=(), status="open", alarms=(), related=())


def holding(item: ScheduleItem) -> str:
    """Fingerprints the content that all copies of an item share."""
    content = tuple(getattr(item, name) for name in CONTENT)
    return sha256(repr(content).encode()).hexdigest()


def _touched(link: Link, effect: Effect) -> Link:
    """A change of an occurrence leaves its series under another change key, which may cover what a person changed
    meanwhile: it is unknown until the series was read, and our own write is known again by its content (CON-3).
    """
    written = (replace(each, change_key="", ours="") if _is_of(effect, each) else each for each in link.replicas)
    return stood(replace(link, replicas=tuple(written)), effect)


def _is_of(effect: Effect, replica: Replica) -> bool:
    """Whether this is the copy that an effect was about: a direct copy is removed beside an invited one (INV-6)."""
    return replica.mailbox == effect.mailbox and (replica.item_id == effect.item_id or replica.direct == effect.direct)


def _own(effect: Effect) -> Response:
    return Response.ORGANIZER if effect.authoritative else Response.NONE


def _fingerprint(block: Block | None) -> str:
    return block.fingerprint if block else ""
