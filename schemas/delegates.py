"""Who may act for the owner of a mailbox, as Exchange keeps it (INV-1).

Levels are Exchange's own names. It says `Custom` of a folder whose rights are none of its ready-made levels, without
saying which they are, and takes `Custom` from nobody: such rights can be left alone, or replaced for good.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

NONE = "None"
EDITOR = "Editor"
CUSTOM = "Custom"
UNSAID = ""
"""No level: it was not read, and is left as it is where rights are written."""


@dataclass(frozen=True, slots=True)
class Rights:
    """What a delegate may do: his level in each folder, and whether he sees private items and gets copies of what is
    said about meetings."""

    calendar: str = NONE
    tasks: str = NONE
    inbox: str = NONE
    contacts: str = NONE
    notes: str = NONE
    journal: str = NONE
    receives_copies: bool = False
    sees_private: bool = False

    def as_editor(self) -> Rights:
        """These rights and the calendar to write in, without its private items."""
        return replace(self, calendar=EDITOR, sees_private=False)

    def restorable(self) -> Rights:
        """These rights as they can be given back: a calendar of rights that nobody can name is closed, because any
        level might be more than there was. The other folders, which we never touch, are left alone where unnamed."""
        return replace(self, calendar=NONE) if self.calendar in (CUSTOM, UNSAID) else self


NO_RIGHTS = Rights()
CALENDAR_EDITOR = NO_RIGHTS.as_editor()
"""Who could do nothing before, and may write in the calendar now."""


@dataclass(frozen=True, slots=True)
class Delegates:
    """A mailbox's delegates by their normalised addresses, and who gets its meeting requests: one setting for all of
    them, in Exchange's words; empty if it did not say."""

    deliver: str
    rights: Mapping[str, Rights]
