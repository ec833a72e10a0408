"""In whose name a CRM user changes an item, and whether he may (INV-2).

Who acts for the owner needs a grant that is in force, and the owner's option on, at the time of the decision. Who acts
for nobody and is not the owner may change what the CRM let him change, but makes no items for others, and nobody is
mailed because of him. Who is not named acts for nobody: a change for somebody by nobody is nobody's to make. What was
dealt with before is not judged again: grants come and go.
"""

from __future__ import annotations

from dataclasses import dataclass

from handlers.crm_changes import CrmChange
from handlers.options import Consulted, OptionValues
from handlers.surroundings import Surroundings
from schemas.options import MEETING_INVITATIONS


@dataclass(frozen=True, slots=True)
class Mandate:
    """Who makes a change. The owner himself, unless said otherwise.

    `delegate` acts for him, and `acting` is that user's mailbox. `is_strangers`: it is somebody who acts for nobody.
    `refused` is why it is not to be made at all.
    """

    delegate: str | None = None
    acting: str = ""
    is_strangers: bool = False
    refused: str = ""
    consulted: tuple[Consulted, ...] = ()


OWN = Mandate()


def of(change: CrmChange, *, owner: str | None, is_new: bool, around: Surroundings) -> Mandate:
    """In whose name an item with this owner is changed, or made."""
    if change.replayed:
        return OWN
    if change.actor is None:
        return OWN if change.on_behalf_of is None else Mandate(refused=f"nobody acts for {change.on_behalf_of}")
    if change.on_behalf_of is not None and change.on_behalf_of != change.actor:
        return _delegates(change.actor, change.on_behalf_of, owner, around=around)
    if change.actor == owner or (is_new and owner is None):
        return OWN
    if is_new:
        return Mandate(refused=f"{change.actor} is not the owner, and acts for nobody")
    return Mandate(is_strangers=True)


def _delegates(actor: str, whose: str, owner: str | None, *, around: Surroundings) -> Mandate:
    principal = around.facts.by_id.get(whose)
    if principal is None or principal.id != owner:
        return Mandate(refused=f"{whose} is not the owner")
    option = OptionValues(events=around.facts.options, config=around.policy.options).of(principal, MEETING_INVITATIONS)
    if not option.value:
        return Mandate(refused=f"the option of {principal.id} is off", consulted=(option,))
    delegate = around.facts.by_id.get(actor)
    is_granted = (principal.id, actor) in around.facts.grants
    if not is_granted or delegate is None or not delegate.active or delegate.mailbox is None:
        return Mandate(refused=f"no grant of {principal.id} is in force", consulted=(option,))
    return Mandate(delegate=actor, acting=delegate.mailbox, consulted=(option.with_effect((f"delegate:{actor}",)),))
