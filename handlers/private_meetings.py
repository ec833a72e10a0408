"""Private meetings with several participants under hierarchical security (PRIV-2, PRIV-4).

With the option off such a meeting does not come in; one that is already linked is redacted at its next change. What is
private because the CRM said so is never affected, and without hierarchical security the option means nothing (PRIV-3).
"""

from __future__ import annotations

from dataclasses import replace

from handlers import registry
from handlers.drafts import Admission, Draft
from handlers.facts import User
from handlers.links import IN_CRM
from handlers.privacy import is_private
from handlers.visibility import SecurityModel
from schemas import options
from schemas.copies import Kind
from schemas.outcomes import Direction

_SEVERAL = 2


def concerns(draft: Draft) -> bool:
    """Private, by Outlook's word, with more than one participant, under HAM."""
    return (
        draft.policy.security_model is SecurityModel.HAM
        and not draft.link.private_from_crm
        and is_private(draft.copy.sensitivity)
        and len(draft.participants) >= _SEVERAL
    )


def refuse(draft: Draft, user: User) -> tuple[Draft, registry.Effect]:
    """Keep it out, or hide its content if it is in already."""
    if not concerns(draft):
        return draft, ()
    if draft.link.state in IN_CRM:
        return replace(draft, admission=Admission.REDACTED), ("redacted",)
    return replace(draft, admission=Admission.REFUSED), ("refused",)


STEP = registry.Step(
    option=options.PRIVATE_MEETINGS_INBOUND,
    direction=Direction.INBOUND,
    kinds=frozenset({Kind.SCHEDULE_ITEM}),
    order=10,
    users=registry.authority,
    concerns=concerns,
    on=registry.unchanged,
    off=refuse,
)
