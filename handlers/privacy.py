"""What is private, and what is left of an item that must not be seen (PRIV-1, PRIV-3, PRIV-4, PRIV-6)."""

from __future__ import annotations

from dataclasses import replace

from schemas.items import Organizer, ScheduleItem, Source

REDACTED_SUBJECT = "Private"
REDACTED_FIELDS = frozenset({"subject", "notes", "location", "for_", "external", "responses", "restricted", "redacted"})
"""What a redacted item does not follow; the CRM's edits of these are refused."""


def is_private(sensitivity: str) -> bool:
    """Private, Confidential, Personal, and every value nobody knows; only Normal is not (PRIV-1)."""
    return sensitivity != "Normal"


def is_fine(sensitivity: str) -> bool:
    """Whether Exchange's word says more than the CRM can: it is never overwritten (PRIV-6)."""
    return sensitivity not in ("Normal", "Private")


def redact(item: ScheduleItem) -> ScheduleItem:
    """The item without its content: times and Assign To stay, names and addresses of strangers do not."""
    organizer = item.organizer and Organizer(user=item.organizer.user)
    return replace(
        item,
        subject=REDACTED_SUBJECT,
        notes="",
        location="",
        for_=tuple(entry for entry in item.for_ if entry.source is Source.CRM),
        external=(),
        responses=(),
        organizer=organizer,
        restricted=True,
        redacted=True,
    )
