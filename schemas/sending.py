"""Whom Exchange is asked to mail when an item is written, and in whose name (INV-2, INV-3, INV-4)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Whom(StrEnum):
    """Who gets a message: nobody; every attendee, and who was taken out; only who was added."""

    NOBODY = "none"
    ALL = "all"
    ADDED = "added"


@dataclass(frozen=True, slots=True)
class Sending:
    """How a write is made. `acting` is the mailbox of the delegate who makes it for the owner; "": the owner himself.

    A write that mails nobody may be a delegate's all the same.
    """

    to: Whom = Whom.NOBODY
    acting: str = ""

    @property
    def mails(self) -> bool:
        """Whether anybody is mailed."""
        return self.to is not Whom.NOBODY


SILENT = Sending()
"""By the owner, to nobody."""
