"""For-contact matching (FOR-1..4, FOR-6).

Finds the CRM contacts an Outlook meeting is about: everyone with a participant's address whom the creator may see.
Visibility to *all* attendees is the security check's business (`security_check`), blacklisting happened before
(`participants`).
"""

from __future__ import annotations

from handlers import registry
from handlers.drafts import Draft
from handlers.facts import Contact, User
from handlers.participants import Verdict
from handlers.visibility import Audience
from schemas import options
from schemas.copies import Kind
from schemas.outcomes import Direction


def concerns(draft: Draft) -> bool:
    """Whether anyone takes part who is no CRM user."""
    return bool(draft.guests)


def match(draft: Draft, user: User) -> tuple[Draft, registry.Effect]:
    """Every contact of a participant's address goes into For, if its creator may see it (FOR-1, FOR-2)."""
    creator = Audience((draft.creator,), model=draft.policy.security_model)
    matched = draft.judged(_seen_by_creator(draft, contact, creator) for contact in _found(draft))
    return matched, tuple(f"for:{contact}" for contact in matched.candidates)


def match_nobody(draft: Draft, user: User) -> tuple[Draft, registry.Effect]:
    """No matching: whoever is no user becomes an external contact."""
    found = _found(draft)
    verdicts = (
        Verdict(contact.id, "FOR-1", admitted=False, because=f"{options.FOR_CONTACTS_INBOUND} is off")
        for contact in found
    )
    return draft.judged(verdicts), tuple(f"for:{contact.id}" for contact in found)


def _found(draft: Draft) -> tuple[Contact, ...]:
    contacts = {contact.id: contact for person in draft.participants for contact in person.found}
    return tuple(contacts[contact_id] for contact_id in sorted(contacts))


def _seen_by_creator(draft: Draft, contact: Contact, creator: Audience) -> Verdict:
    visible = not creator.blind_to(contact)
    because = f"{'visible' if visible else 'not visible'} to the creator {draft.creator.id}"
    return Verdict(contact.id, "FOR-1", admitted=visible, because=because)


STEP = registry.Step(
    option=options.FOR_CONTACTS_INBOUND,
    direction=Direction.INBOUND,
    kinds=frozenset({Kind.SCHEDULE_ITEM}),
    order=20,
    users=registry.authority,
    concerns=concerns,
    on=match,
    off=match_nobody,
)
