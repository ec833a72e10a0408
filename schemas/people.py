"""Users, nodes, contacts, options and delegations as the CRM announces them.

What is missing is read as the narrower meaning: an unknown node, group or coverage gives no visibility (VIS-3).
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, ValidationInfo, field_validator, model_validator

from schemas.fields import Addresses, Flag, Id, Ids, Model, Text, Version, refused
from schemas.options import OPTIONS
from schemas.problems import shown


class UserChanged(Model):
    """A CRM user as he is now; without a mailbox he is not synchronized."""

    id: Id
    version: Version
    name: Text = ""
    emails: Addresses
    mailbox: Id | None
    active: Flag
    sync_enabled: Flag
    user_type: Id | None = None
    nodes: Ids = ()
    groups: Ids = ()


class NodeChanged(Model):
    """A node of the access hierarchy; the root has no parent."""

    id: Id
    version: Version
    parent: Id | None

    @field_validator("parent")
    @classmethod
    def _is_not_its_own_parent(cls, parent: str | None, info: ValidationInfo) -> str | None:
        if parent is not None and parent == info.data.get("id"):
            raise refused("must not be the node itself")
        return parent


class Access(Model):
    """Who may see a contact, for all three security models (VIS-2)."""

    node: Id | None = None
    coverage_users: Ids = ()
    coverage_groups: Ids = ()
    view: Literal["public", "group", "private"] = "private"
    view_groups: Ids = ()
    created_by: Id | None = None


class ContactChanged(Model):
    """A CRM contact as it is now; a merged one points to its survivor."""

    id: Id
    version: Version
    name: Text = ""
    emails: Addresses
    active: Flag
    user: Id | None = None
    access: Access = Access()
    merged_into: Id | None = None


class OptionScope(Model):
    """Whom options are set for; the system as a whole has no id."""

    level: Literal["system", "type", "user"]
    id: Id | None = None

    @model_validator(mode="after")
    def _has_an_id(self) -> Self:
        if self.level != "system" and self.id is None:
            raise refused(f"is required at level {self.level}", at="id")
        return self

    @property
    def key(self) -> str:
        """The record key that belongs to this scope."""
        return "system" if self.level == "system" else f"{self.level}:{self.id}"


def _described(schema: dict[str, Any]) -> None:
    schema["properties"] = {
        option.key: {
            "type": "boolean",
            "description": f"{option.description} Default: {'on' if option.default else 'off'}.",
        }
        for option in OPTIONS.values()
    }
    schema["additionalProperties"] = False


class OptionsChanged(Model):
    """The options set at one level; an absent one is not set there."""

    scope: OptionScope
    version: Version
    options: Annotated[dict[str, Flag], Field(json_schema_extra=_described)]

    @field_validator("options")
    @classmethod
    def _are_known(cls, options: dict[str, bool]) -> dict[str, bool]:
        unknown = sorted(options.keys() - OPTIONS.keys())
        if unknown:
            raise refused(f"is no option; the options are {', '.join(OPTIONS)}", at=shown(unknown[0]))
        return options


class _Delegation(Model):
    principal: Id
    delegate: Id
    version: Version

    @field_validator("delegate")
    @classmethod
    def _is_somebody_else(cls, delegate: str, info: ValidationInfo) -> str:
        if delegate == info.data.get("principal"):
            raise refused("must not be the principal himself")
        return delegate


class DelegationGranted(_Delegation):
    """The delegate may act for the principal (INV-1)."""


class DelegationRevoked(_Delegation):
    """The delegate may no longer act for the principal."""
