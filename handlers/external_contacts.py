"""Display of external contacts: to whom in Assign To the External Contacts zone is shown (OPT table, OPT-4).

The link keeps external contacts whoever may see them; each viewer's own option decides whether he is named.
"""

from __future__ import annotations

from dataclasses import replace

from handlers import registry
from handlers.drafts import Draft
from handlers.facts import User
from schemas import options
from schemas.copies import Kind
from schemas.outcomes import Direction


def viewers(draft: Draft) -> tuple[User, ...]:
    """Everybody in Assign To, each of whom has an option of his own."""
    return draft.to_be_assigned


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
