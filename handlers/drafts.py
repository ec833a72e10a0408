"""A draft: one inbound decision in the making.

The steps of `registry` take a draft and return another; `translation` makes the item of the last one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from handlers.facts import Facts, User
from handlers.links import Link
from handlers.merging import merge_users
from handlers.participants import Participant, Verdict
from handlers.policy import Policy
from schemas.copies import Copy, Kind
from schemas.items import Moment, SeriesException


class Admission(StrEnum):
    """Whether the item comes into the CRM."""

    ADMITTED = "admitted"
    REDACTED = "redacted"  # already linked: shown without content (PRIV-4)
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Draft:
    """The authoritative copy and everything decided about it so far.

    `creator` is whose visibility counts, `authority` whose options count (OPT-4): both the organizer, or the master.
    `assign_to` are the CRM users who take part; `viewers` those of them who are shown external contacts. `seen` are the
    copies that were read, each with whose it is; `alarms` what the CRM shall hold of everybody's alarms, and
    `occurrence_alarms` of those of single occurrences. `exceptions` is what the copy's exceptions say otherwise.
    """

    copy: Copy
    link: Link
    facts: Facts
    policy: Policy
    creator: User
    authority: User
    participants: tuple[Participant, ...]
    assign_to: tuple[User, ...]
    now: datetime
    seen: tuple[tuple[User, Copy], ...] = ()
    alarms: tuple[tuple[str, tuple[int, ...]], ...] = ()
    occurrence_alarms: tuple[tuple[Moment, tuple[tuple[str, tuple[int, ...]], ...]], ...] = ()
    exceptions: tuple[SeriesException, ...] = ()
    admission: Admission = Admission.ADMITTED
    viewers: tuple[str, ...] = ()

    @property
    def kind(self) -> Kind:
        """What is decided about."""
        return self.copy.kind

    @property
    def is_closed(self) -> bool:
        """Whether it is settled that nobody may see it."""
        return self.admission is not Admission.ADMITTED

    @property
    def candidates(self) -> tuple[str, ...]:
        """The contacts that stand in For so far, by id."""
        return tuple(sorted({contact.id for person in self.participants for contact in person.admitted}))

    @property
    def to_be_assigned(self) -> tuple[User, ...]:
        """Everybody in Assign To, as it will be: the CRM may have added users or taken some out (PART-6)."""
        agreed, before = self.link.agreed, self.link.exchange
        if agreed is None or before is None:
            return self.assign_to
        known = {**self.facts.by_id, **{user.id: user for user in self.assign_to}}
        held = merge_users(agreed.assign_to, before=before.assign_to, now=[user.id for user in self.assign_to])
        return tuple(known[user_id] for user_id in held if user_id in known and known[user_id].active)

    @property
    def guests(self) -> tuple[Participant, ...]:
        """The participants who are no CRM users."""
        return tuple(person for person in self.participants if person.user is None)

    def judged(self, verdicts: Iterable[Verdict]) -> Draft:
        """With these verdicts on contacts: a refused one leaves For, for every participant he was found for."""
        by_contact = {verdict.contact: verdict for verdict in verdicts}
        if not by_contact:
            return self
        return replace(self, participants=tuple(_judge(person, by_contact) for person in self.participants))

    def settled(self, contacts: Collection[str]) -> Draft:
        """With exactly these contacts in For, in which the CRM has a say, too (FOR-3, PART-6)."""
        return replace(self, participants=tuple(_settle(person, contacts) for person in self.participants))


def _settle(person: Participant, contacts: Collection[str]) -> Participant:
    admitted = {contact.id for contact in person.admitted}
    verdicts = {verdict.contact: verdict for verdict in person.verdicts}
    for contact in person.found:
        if contact.id in contacts and contact.id not in admitted:
            verdicts[contact.id] = Verdict(contact.id, "FOR-3", admitted=True, because="the CRM put it into For")
        if contact.id not in contacts and contact.id in admitted:
            verdicts[contact.id] = Verdict(contact.id, "PART-6", admitted=False, because="the CRM took it out of For")
    kept = tuple(contact for contact in person.found if contact.id in contacts)
    return person if kept == person.admitted else replace(person, admitted=kept, verdicts=tuple(verdicts.values()))


def _judge(person: Participant, verdicts: dict[str, Verdict]) -> Participant:
    own = [verdicts[contact.id] for contact in person.admitted if contact.id in verdicts]
    if not own:
        return person
    refused = {verdict.contact for verdict in own if not verdict.admitted}
    kept = tuple(verdict for verdict in person.verdicts if verdict.contact not in {v.contact for v in own})
    return replace(
        person,
        admitted=tuple(contact for contact in person.admitted if contact.id not in refused),
        verdicts=(*kept, *own),
    )
