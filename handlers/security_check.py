"""The security check on For contacts (FOR-5, FOR-7).

On, only contacts that every CRM user who takes part may see stay in For; who declined takes part, and so does whom the
CRM assigned. Beyond a configured number of such users nobody stays. Off, all stay (FOR-6).
"""

from __future__ import annotations

from collections.abc import Sequence

from handlers import registry
from handlers.drafts import Draft
from handlers.facts import Contact, User
from handlers.participants import Verdict
from handlers.policy import Policy
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
    people = {user.id: user for user in (*draft.assign_to, *draft.to_be_assigned)}
    everybody = [people[user_id] for user_id in sorted(people)]
    verdicts = (_demoted(contacts[contact_id], everybody, draft.policy) for contact_id in sorted(contacts))
    checked = draft.judged(verdict for verdict in verdicts if verdict is not None)
    kept = set(checked.candidates)
    return checked, tuple(f"for:{contact}" for contact in draft.candidates if contact not in kept)


def _demoted(contact: Contact, everybody: Sequence[User], policy: Policy) -> Verdict | None:
    limit = policy.max_assigned_users
    if limit is not None and len(everybody) > limit:
        because = f"{len(everybody)} users take part, more than {limit}"
        return Verdict(contact.id, "FOR-7", admitted=False, because=because)
    blind = [user.id for user in everybody if not can_see(user, contact, model=policy.security_model)]
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
