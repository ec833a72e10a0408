"""What the EWS backend needs to know, with the limits that Exchange's own throttling suggests."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class EwsConfig:
    """The endpoint, how to sign in, and the limits. Only `basic` is tested; the other ways are exchangelib's.

    Exceptions of a series are read so far back and ahead, and so many of them, at a time (REC-5).
    """

    endpoint: str
    auth: str = "basic"
    username: str = ""
    password: str = field(default="", repr=False)
    tenant_id: str = ""
    client_id: str = ""
    client_secret: str = field(default="", repr=False)
    ca_file: str | None = None
    timeout: timedelta = timedelta(seconds=25)
    threads: int = 24
    slow_threads: int = 8
    slow_after: timedelta = timedelta(seconds=2)
    calls_per_mailbox: int = 4
    items_per_call: int = 10
    back_off_first: timedelta = timedelta(seconds=1)
    back_off_longest: timedelta = timedelta(minutes=5)
    occurrences_past: timedelta = timedelta(days=93)
    occurrences_future: timedelta = timedelta(days=366)
    most_exceptions: int = 200
