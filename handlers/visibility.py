"""Who may see whom: one predicate for every security model (VIS-1..3).

Unknown is invisible: a contact without a known node, a user without nodes, an inactive user.
"""

from __future__ import annotations

from enum import StrEnum

from handlers.facts import Contact, User


class SecurityModel(StrEnum):
    """How the CRM decides who may see a contact."""

    HAM = "ham"  # hierarchical: by the node a contact lies at
    CAM = "cam"  # coverage: by the contact's coverage team
    GSM = "gsm"  # group: by the contact's own view setting


def can_see(user: User | None, contact: Contact | None, *, model: SecurityModel) -> bool:
    """Whether a user may see a contact. Coverage grants visibility in every model (VIS-2)."""
    if user is None or contact is None or not user.active:
        return False
    covers = user.id in contact.coverage_users or not contact.coverage_groups.isdisjoint(user.groups)
    return covers or _MODELS[model](user, contact)


def _at_or_below(user: User, contact: Contact) -> bool:
    return contact.node_path is not None and not set(contact.node_path).isdisjoint(user.node_ids)


def _coverage_only(user: User, contact: Contact) -> bool:
    return False


def _view_admits(user: User, contact: Contact) -> bool:
    if contact.view == "public":
        return True
    if contact.view == "group":
        return not contact.view_groups.isdisjoint(user.groups)
    return contact.created_by == user.id


_MODELS = {
    SecurityModel.HAM: _at_or_below,
    SecurityModel.CAM: _coverage_only,
    SecurityModel.GSM: _view_admits,
}
