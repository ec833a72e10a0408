"""What a CRM user asks for: the body of the HTTP requests that change items."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import ValidationError

from schemas.activities import Actor
from schemas.fields import Model
from schemas.problems import Malformed, MalformedKind, malformed, problems_of


class Edit(Model):
    """Who does it, who is to be notified, and the fields he states. `kind` is read where an item is made."""

    actor: Actor | None = None
    notify: Literal["none", "all", "added"] = "none"
    kind: Literal["schedule_item", "task"] = "schedule_item"
    item: dict[str, Any] | None = None

    def stated_item(self) -> dict[str, Any]:
        """The fields that are stated. Raises `Malformed` where there is no item at all."""
        if self.item is None:
            raise malformed(MalformedKind.INVALID, "item", "is required")
        return self.item


def read(body: Mapping[str, Any]) -> Edit:
    """The edit in a request's body. Raises `Malformed`."""
    try:
        return Edit.model_validate(body)
    except ValidationError as error:
        raise Malformed(MalformedKind.INVALID, problems_of(error)) from None
