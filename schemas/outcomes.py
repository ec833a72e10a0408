"""What was decided and why: `sync.outcome.v1`.

Ids, rule ids and field names, never content (PRIV-5).
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import ConfigDict, Field

from schemas.activities import Actor
from schemas.fields import MOST_ENTRIES, Count, Flag, Id, Model, Text
from schemas.options import Level


class Direction(StrEnum):
    """Exchange to CRM, CRM to Exchange, or an answer to a request, option or delegation."""

    INBOUND = "inbound"
    OUTBOUND = "outbound"
    CONTROL = "control"


class Result(StrEnum):
    """What became of it. `unchanged` answers requests only."""

    APPLIED = "applied"
    SKIPPED = "skipped"
    REFUSED = "refused"
    HELD = "held"
    FAILED = "failed"
    UNCHANGED = "unchanged"


class Reason(StrEnum):
    """Why it was not, or not wholly, applied."""

    OPTION_OFF = "option_off"
    PRIVATE_MEETING = "private_meeting"
    AWAITING_ACCEPTANCE = "awaiting_acceptance"
    NOT_AUTHORITATIVE = "not_authoritative"
    READ_ONLY = "read_only"
    REDACTED = "redacted"
    NO_GRANT = "no_grant"
    STALE = "stale"
    OUT_OF_SCOPE = "out_of_scope"
    TOMBSTONED = "tombstoned"
    ARCHIVAL = "archival"
    UNKNOWN_MAILBOX = "unknown_mailbox"
    NO_ORGANIZER = "no_organizer"
    RESTRICTION = "restriction"
    PATTERN = "pattern"
    PAUSED = "paused"
    MASS_DELETE = "mass_delete"
    GONE = "gone"
    DENIED = "denied"
    PARTLY = "partly"
    NOT_YET = "not_yet"


class Decision(StrEnum):
    """What was decided about a participant or a field. `dropped`: another contact of his address stays in For."""

    ASSIGN_TO = "assign_to"
    FOR = "for"
    DROPPED = "dropped"
    EXTERNAL = "external"
    KEPT = "kept"
    REFUSED = "refused"
    REDACTED = "redacted"
    SILENT = "silent"
    MAILED = "mailed"


class _Part(Model):
    model_config = ConfigDict(validate_by_name=True, validate_by_alias=True)


class Cause(_Part):
    """The record that caused this; `also`: offsets of the hints that were collapsed into it."""

    id: Text
    type: Text
    topic: Id
    partition: Count
    offset: Count
    also: tuple[Count, ...] = ()


class Write(_Part):
    """One thing written to one mailbox."""

    mailbox: Id
    operation: Id
    fields: tuple[Id, ...] = ()


class Mail(_Part):
    """Mails that Exchange was asked to send; `why`: the rule."""

    mode: Id
    from_: Id = Field(alias="from")
    sender: Id | None = None
    recipients: Count
    why: Id


class OptionUsed(_Part):
    """An option that was consulted: whose, its value, where that came from, and what it changed (OPT-5)."""

    key: Id
    user: Id | None = None
    value: Flag
    level: Level
    effect: tuple[Text, ...] = ()


class Explanation(_Part):
    """One decision about one participant (`about`: an id, or `ext:` and a hash) or one field."""

    rule: Id
    about: Id
    decision: Decision
    because: Text = ""


class Conflict(_Part):
    """A field both sides had changed, and whose value stands (CON-2)."""

    field: Id
    winner: Id


class Outcome(_Part):
    """`sync.outcome.v1`. `directory_as_of`: per topic the offsets, by partition, that the decision could know."""

    link: Id | None = None
    direction: Direction
    result: Result
    reason: Reason | None = None
    cause: Cause
    actor: Actor | None = None
    writes: tuple[Write, ...] = ()
    mails: tuple[Mail, ...] = ()
    options: tuple[OptionUsed, ...] = ()
    explain: tuple[Explanation, ...] = ()
    conflicts: tuple[Conflict, ...] = ()
    directory_as_of: Annotated[dict[Id, tuple[Count, ...]], Field(max_length=MOST_ENTRIES)] = Field(
        default_factory=dict
    )

    def on_wire(self) -> dict[str, object]:
        """The outcome as an event's data."""
        return self.model_dump(mode="json", by_alias=True)
