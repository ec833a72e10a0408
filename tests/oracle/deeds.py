"""What people do to meetings, as a log."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime


@dataclass(frozen=True)
class Guest:
    """Somebody invited: how he is written and named; of an X500 name also the address it stands for ("": nobody's)."""

    address: str
    role: str = "required"  # required | optional | resource
    name: str = ""
    reaches: str = ""

    @property
    def target(self) -> str:
        return self.reaches if self.address.startswith("/") else self.address


@dataclass(frozen=True)
class Content:
    """What all copies of a meeting share. Times are aware instants, or days (the end exclusive)."""

    subject: str
    body: str
    location: str
    start: datetime | date
    end: datetime | date
    zone: str
    importance: str = "Normal"
    sensitivity: str = "Normal"

    @property
    def all_day(self) -> bool:
        return not isinstance(self.start, datetime)

    @property
    def times(self) -> tuple[datetime | date, datetime | date]:
        return self.start, self.end


@dataclass(frozen=True)
class Deed:
    """Something somebody (an address) did to a meeting; `moment` orders deeds."""

    moment: int
    uid: str
    who: str


@dataclass(frozen=True)
class Made(Deed):
    """`told`: the guests were sent invitations. `name` is an outsider's, whom no address book names."""

    content: Content
    guests: tuple[Guest, ...] = ()
    told: bool = True
    name: str = ""


@dataclass(frozen=True)
class Edited(Deed):
    """Of the organizer: the meeting; of anybody else: his own copy."""

    changes: Mapping[str, object] = field(default_factory=dict)
    told: bool = True


@dataclass(frozen=True)
class Invited(Deed):
    guests: tuple[Guest, ...] = ()


@dataclass(frozen=True)
class Uninvited(Deed):
    addresses: tuple[str, ...] = ()


@dataclass(frozen=True)
class Answered(Deed):
    answer: str = "accepted"  # accepted | tentative | declined


@dataclass(frozen=True)
class Cancelled(Deed):
    """The organizer calls it off and says so."""


@dataclass(frozen=True)
class Deleted(Deed):
    """Somebody's own copy, without a word; into Deleted Items unless `for_good`."""

    for_good: bool = False


@dataclass(frozen=True)
class Restored(Deed):
    """Out of Deleted Items, back into the calendar."""
