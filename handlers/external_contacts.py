"""Display of external contacts: to whom in Assign To the External Contacts zone is shown (OPT table, OPT-4).

The link keeps external contacts whoever may see them; each viewer's own option decides whether he is named.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from handlers import registry
from handlers.drafts import Draft
from handlers.facts import User
from handlers.merging import merge_users
from schemas import options
from schemas.copies import Kind
from schemas.outcomes import Direction


def viewers(draft: Draft) -> Iterable[User]:
    """Everybody in Assign To, as it will be: the CRM may have added users or taken some out (PART-6)."""
    agreed, before = draft.link.agreed, draft.link.exchange
    if agreed is None or before is None:
        return draft.assign_to
    known = {**draft.facts.by_id, **{user.id: user for user in draft.assign_to}}
    held = merge_users(agreed.assign_to, before=before.assign_to, now=[user.id for user in draft.assign_to])
    return [known[user_id] for user_id in held if user_id in known and known[user_id].active]


def concerns(draft: Draft) -> bool:
    """Whether there is, or was, an external contact to show."""
    before = draft.link.agreed
    return any(person.external for person in draft.participants) or bool(before and before.external)


def show(draft: Draft, user: User) -> tuple[Draft, registry.Effect]:
    """Name this viewer."""
    return replace(draft, viewers=(*draft.viewers, user.id)), (f"external_shown_to:{user.id}",)


STEP = registry.Step(
    option=options.EXTERNAL_CONTACTS_DISPLAY,
    direction=Direction.INBOUND,
    kinds=frozenset({Kind.SCHEDULE_ITEM}),
    order=40,
    users=viewers,
    concerns=concerns,
    on=show,
    off=registry.unchanged,
)
