"""The security check on For contacts (FOR-5, FOR-7).

On, only contacts that every CRM user who takes part may see stay in For; who declined takes part, and so does whom the
CRM assigned. Beyond a configured number of such users nobody stays. Off, all stay (FOR-6).
"""

from __future__ import annotations

from handlers import registry
from handlers.drafts import Draft
from handlers.facts import Contact, User
from handlers.participants import Verdict
from handlers.policy import Policy
from handlers.visibility import Audience
from schemas import options
from schemas.copies import Kind
from schemas.outcomes import Direction


def concerns(draft: Draft) -> bool:
    """Whether anyone would be in For at all."""
    return bool(draft.candidates)


def check(draft: Draft, user: User) -> tuple[Draft, registry.Effect]:
    """Demote every candidate that someone in Assign To may not see."""
    contacts = {contact.id: contact for person in draft.participants for contact in person.admitted}
    audience = Audience((*draft.assign_to, *draft.to_be_assigned), model=draft.policy.security_model)
    verdicts = (_demoted(contacts[contact_id], audience, draft.policy) for contact_id in sorted(contacts))
    checked = draft.judged(verdict for verdict in verdicts if verdict is not None)
    kept = set(checked.candidates)
    return checked, tuple(f"for:{contact}" for contact in draft.candidates if contact not in kept)


def _demoted(contact: Contact, audience: Audience, policy: Policy) -> Verdict | None:
    limit = policy.max_assigned_users
    if limit is not None and len(audience) > limit:
        because = f"{len(audience)} users take part, more than {limit}"
        return Verdict(contact.id, "FOR-7", admitted=False, because=because)
    blind = audience.blind_to(contact)
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
