"""What an operator asks for on `sync.requests`."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from schemas.fields import Flag, Id, Model, WireInstant, refused


class RequestScope(Model):
    """Everybody, one user, or one link."""

    level: Literal["system", "user", "link"]
    id: Id | None = None

    @model_validator(mode="after")
    def _has_an_id(self) -> Self:
        if self.level != "system" and self.id is None:
            raise refused(f"is required at level {self.level}", at="id")
        return self

    @property
    def key(self) -> str:
        """The record key that belongs to this scope."""
        if self.level == "user":
            return f"user:{self.id}"
        return self.id or "system"


class _Request(Model):
    scope: RequestScope
    requested_by: Id
    dry_run: Flag = False


class PauseRequested(_Request):
    """Apply nothing until it is resumed (OPS-1)."""


class ResumeRequested(_Request):
    """Go on with what has gathered since (OPS-1)."""


class ReleaseRequested(_Request):
    """Carry out the deletes that were held (DEL-4)."""


class RematchRequested(_Request):
    """Decide anew who is in For of future meetings (FOR-8); `contact`: only where this one is concerned."""

    contact: Id | None = None


class DateRange(Model):
    """Items modified, or starting, within these instants; an open end is null."""

    on: Literal["modified", "start"]
    from_: WireInstant | None = Field(default=None, alias="from")
    to: WireInstant | None = None

    @model_validator(mode="after")
    def _is_in_order(self) -> Self:
        if self.from_ is not None and self.to is not None and self.to < self.from_:
            raise refused("must not be before from", at="to")
        return self


class SnapshotRequested(_Request):
    """Read everything from Exchange (`get`) or write everything to it (`send`), or a part (OPS-2)."""

    mode: Literal["get", "send"]
    range: DateRange | None = None
    items: Literal["series", "singles", "both"] = "both"
