"""The related block: what the CRM's Related tab holds, as a note in an Outlook body (NOTE-1)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Block:
    """One block in both formats a body may have; `fingerprint` tells whether it is the one last written."""

    html: str
    text: str
    fingerprint: str
