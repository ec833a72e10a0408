"""Who of a meeting is where in the CRM, by which rule and why: what an inbound outcome explains (OPT-5)."""

from __future__ import annotations

from handlers.drafts import Admission, Draft
from handlers.participants import Participant, Verdict
from handlers.plans import Explanation
from schemas import ids
from schemas.items import ExternalReason
from schemas.outcomes import Decision


def explain(draft: Draft) -> tuple[Explanation, ...]:
    """One entry per participant, or per contact found for him: who is where, by which rule, and why.

    Users who were not invited by name are in Assign To because of the copy in their mailbox.
    """
    if draft.admission is Admission.REDACTED:
        return (Explanation("PRIV-4", draft.link.id, Decision.REDACTED, "private, with several participants"),)
    named = {person.user.id for person in draft.participants if person.user}
    holders = (user.id for user in draft.assign_to if user.id not in named)
    return (
        *(entry for person in draft.participants for entry in _explain(person)),
        *(Explanation("PART-1", user, Decision.ASSIGN_TO, "a copy lies in his mailbox") for user in holders),
    )


def _explain(person: Participant) -> tuple[Explanation, ...]:
    if person.user is not None:
        return (Explanation("PART-1", person.user.id, Decision.ASSIGN_TO, "an active CRM user has this address"),)
    if not person.verdicts:
        return (_stranger(person),)
    return tuple(_of_contact(verdict, person) for verdict in person.verdicts)


def _of_contact(verdict: Verdict, person: Participant) -> Explanation:
    if verdict.admitted:
        return Explanation(verdict.rule, verdict.contact, Decision.FOR, verdict.because)
    decision = Decision.EXTERNAL if person.external else Decision.DROPPED
    return Explanation(verdict.rule, verdict.contact, decision, verdict.because)


def _stranger(person: Participant) -> Explanation:
    rule, because = _STRANGERS[person.reason]
    return Explanation(rule, ids.external_about(person.key), Decision.EXTERNAL, because)


_STRANGERS = {
    ExternalReason.NO_MATCH: ("PART-1", "no active user or contact has this address"),
    ExternalReason.BLACKLISTED: ("BLK-2", "the address is blacklisted"),
    ExternalReason.UNRESOLVED: ("PART-4", "no SMTP address could be found"),
    ExternalReason.LIST: ("PART-5", "a distribution list is not expanded"),
}
