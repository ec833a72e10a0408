"""The security check on For contacts (FOR-5, FOR-7).

On, only contacts that every CRM user who takes part may see stay in For, also users who declined; beyond a configured
number of such users nobody stays. Off, all stay (FOR-6).
"""

from __future__ import annotations

from handlers import registry
from handlers.drafts import Draft
from handlers.facts import Contact, User
from handlers.participants import Verdict
from handlers.visibility import can_see
from schemas import options
from schemas.copies import Kind
from schemas.outcomes import Direction


def concerns(draft: Draft) -> bool:
    """Whether anyone would be in For at all."""
    return bool(draft.candidates)


def check(draft: Draft, user: User) -> tuple[Draft, registry.Effect]:
    """Demote every candidate that someone in Assign To may not see."""
    contacts = {contact.id: contact for person in draft.participants for contact in person.admitted}
    checked = draft.judged(
        verdict for contact_id in sorted(contacts) if (verdict := _demoted(draft, contacts[contact_id])) is not None
    )
    return checked, tuple(f"for:{contact}" for contact in draft.candidates if contact not in checked.candidates)


def _demoted(draft: Draft, contact: Contact) -> Verdict | None:
    limit = draft.policy.max_assigned_users
    if limit is not None and len(draft.assign_to) > limit:
        because = f"{len(draft.assign_to)} users take part, more than {limit}"
        return Verdict(contact.id, "FOR-7", admitted=False, because=because)
    blind = [user.id for user in draft.assign_to if not can_see(user, contact, model=draft.policy.security_model)]
    if not blind:
        return None
    return Verdict(contact.id, "FOR-5", admitted=False, because=f"not visible to {', '.join(blind)}")


STEP = registry.Step(
    option=options.FOR_CONTACTS_SECURITY_CHECK,
    direction=Direction.INBOUND,
    kinds=frozenset({Kind.SCHEDULE_ITEM}),
    order=30,
    users=registry.authority,
    concerns=concerns,
    on=check,
    off=registry.unchanged,
)
