"""A person's own lines that look like ours, or like an online meeting's.

Somebody may write into the CRM's notes what begins or ends such a part, by copying an invitation, say. Written to
Exchange as it is, it would be taken for the real thing and be lost. So it gets a sign before it that nobody sees.
"""

from __future__ import annotations

GUARD = "\u2060"


def is_guarded(text: str) -> bool:
    """Whether a line says that it is a person's, whatever it looks like."""
    return text.startswith(GUARD)


def unguarded(text: str) -> str:
    """The line beneath all its guards."""
    return text.lstrip(GUARD)
