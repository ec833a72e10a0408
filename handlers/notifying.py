"""Whom Exchange tells of a CRM user's change, and why nobody else (INV-3..7).

Silent unless the event asks for more. A message leaves with the write of the organizer's own copy: to everybody who
takes part and who was taken out (`all`), or only to who is new (`added`). Who gets it gets no direct write of content.
Whatever was asked for and is not done is said, with the rule.

What a plan says of mails is what Exchange is asked for. Whether a message has left is known when the call was made, and
said then by whoever made it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from handlers.crm_changes import CrmChange
from handlers.effects import Effect
from handlers.facts import Facts
from handlers.links import Link
from handlers.mandates import Mandate
from handlers.moments import is_over
from handlers.notices import Notice
from handlers.plans import Explanation
from schemas import ids
from schemas.items import ScheduleItem, Source
from schemas.outcomes import Decision, Reason
from schemas.sending import Sending, Whom

_ADDED, _NOBODY = "added", "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class People:
    """Who takes part beside the organizer, once the change is made.

    `users` are in Exchange's list, `added` those of them whom a change of what is there puts into it, `before` those
    whom an earlier try of it, or somebody else meanwhile, has put there. `removed` were in it until now, and had been
    told. `guests` are no users, by the ids they go by in outcomes.
    """

    users: frozenset[str] = frozenset()
    added: frozenset[str] = frozenset()
    before: frozenset[str] = frozenset()
    removed: frozenset[str] = frozenset()
    guests: tuple[str, ...] = ()

    @property
    def staying(self) -> tuple[str, ...]:
        """Everybody in the list."""
        return tuple(sorted({*self.users, *self.guests}))

    @property
    def concerned(self) -> tuple[str, ...]:
        """Everybody in the list, and who leaves it."""
        return tuple(sorted({*self.users, *self.removed, *self.guests}))


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A change, as far as it matters to whom it is told. `about`: the link's id.

    `item` is what it makes of the item; what it was, if it ends it (`is_end`). `organizes`: whether what is written is
    the organizer's own copy. `is_seen`: whether guests see anything of it. `is_hidden`: Exchange may name people of
    whom the link is not to know.
    """

    about: str
    change: CrmChange
    mandate: Mandate
    item: ScheduleItem
    people: People = People()
    organizes: bool = True
    is_seen: bool = True
    is_new: bool = False
    is_end: bool = False
    is_hidden: bool = False


def notice(asked: Change, *, now: datetime, most: int) -> Notice:
    """Whom to tell. `most`: how many may be mailed of one change."""
    mandate = asked.mandate
    quiet = Notice(Sending(acting=mandate.acting), mandate.delegate)
    if asked.change.notify == _NOBODY:
        return quiet
    silence = next(_silences(asked, now=now), None)
    if silence is not None:
        return replace(quiet, silences=(silence,))
    people, is_added = asked.people, _is_added(asked)
    recipients = tuple(sorted(people.added)) if is_added else people.concerned
    if len(recipients) > most:
        because = f"{len(recipients)} recipients, more than the limit of {most} (invitations.most_recipients)"
        return replace(quiet, silences=(_silent("INV-4", asked.about, because),), reason=Reason.PARTLY)
    return replace(
        quiet,
        sending=Sending(Whom.ADDED if is_added else Whom.ALL, mandate.acting),
        told=people.added | people.before if is_added else people.users | people.removed,
        recipients=recipients,
        staying=people.staying,
    )


def _silences(asked: Change, *, now: datetime) -> Iterator[Explanation]:
    """Why nobody is told though that was asked for; the first reason is the one that is said."""
    people, is_added = asked.people, _is_added(asked)
    reasons = (
        ("INV-2", asked.mandate.is_strangers, "made by somebody who is neither the owner nor his delegate"),
        ("INV-5", asked.change.replayed, "dealt with before"),
        ("INV-7", not asked.organizes, "there is no copy of the organizer's to mail from"),
        ("INV-5", is_past(asked.item, now=now), "it is over"),
        ("INV-3", is_added and asked.is_end, "nobody is added where something ends"),
        ("INV-5", not people.concerned and not asked.is_hidden, "nobody else takes part"),
        ("INV-3", is_added and not people.added | people.before, "nobody is added"),
        ("INV-5", not asked.is_seen, "nothing that guests see"),
        ("INV-4", asked.is_hidden and not is_added, "redacted: how many would get it is not known"),
    )
    return (_silent(rule, asked.about, because) for rule, is_so, because in reasons if is_so)


def _is_added(asked: Change) -> bool:
    """Of an item that is made, everybody is new."""
    return asked.change.notify == _ADDED and not asked.is_new


def is_past(item: ScheduleItem, *, now: datetime) -> bool:
    """Whether an item, or an occurrence, has taken place already, or was to: nobody is told of it any more (INV-5)."""
    return is_over(replace(item, status="open"), now=now)


def silences_of(notice_: Notice, effects: Iterable[Effect], *, about: str, now: datetime) -> tuple[Explanation, ...]:
    """All that is to be said of who is not told, now that it is known what is written to the organizer's copy."""
    written = [effect for effect in effects if effect.authoritative]
    if not notice_.sending.mails or any(effect.sending.mails for effect in written):
        return notice_.silences
    is_gone = any(effect.occurrence is not None and is_past(effect.item, now=now) for effect in written)
    because = "of single occurrences that are over" if is_gone else "the organizer's copy says so already"
    return (*notice_.silences, _silent("INV-5", about, because))


def guests_of(link: Link, facts: Facts) -> tuple[str, ...]:
    """Those whom Exchange names and who are no users, each once: a contact has several addresses, an address several
    contacts (PART-2).
    """
    exchange = link.exchange
    if exchange is None:
        return ()
    seen: set[str] = set()
    contacts = []
    for entry in sorted(exchange.for_):
        contact = facts.by_contact.get(entry.contact)
        addresses = set(contact.addresses) if contact else set[str]()
        if entry.source is Source.EXCHANGE and not addresses & seen:
            contacts.append(entry.contact)
        seen |= addresses
    strangers = (ids.external_about(each.key) for each in exchange.external or ())
    return tuple(sorted({*contacts, *strangers}))


def _silent(rule: str, about: str, because: str) -> Explanation:
    return Explanation(rule, about, Decision.SILENT, because)
