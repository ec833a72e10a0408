"""What a weekly series shows, worked out from what people did to it on either side (REC-2..4, CON-1, CON-5).

Occurrences are counted from 1. People change them one by one, all of them, or all that follow; what was changed of one
stays when the series changes (REC-3). A series that is moved in Outlook gives up what was special of its occurrences,
as Exchange does; moved in the CRM it keeps that. Where both change the same at once, they do so one after the other,
the CRM last.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

WEEK = timedelta(weeks=1)

Seen = tuple[datetime, str, str]
"""What a person sees of an occurrence: its start in local time, its name, its place."""


@dataclass
class Special:
    """What is different of one occurrence; None: as in the series."""

    subject: str | None = None
    location: str | None = None
    start: datetime | None = None


@dataclass
class Series:
    """A series as both sides shall show it."""

    start: datetime
    count: int
    subject: str
    location: str = ""
    special: dict[int, Special] = field(default_factory=dict)
    deleted: set[int] = field(default_factory=set)

    def at(self, number: int) -> datetime:
        """When an occurrence is if nobody moved it."""
        return self.start + (number - 1) * WEEK

    def shown(self) -> Iterator[Seen]:
        """Every occurrence there is."""
        for number in range(1, self.count + 1):
            if number not in self.deleted:
                own = self.special.get(number, Special())
                where = self.location if own.location is None else own.location
                yield own.start or self.at(number), own.subject or self.subject, where

    def left(self) -> list[int]:
        """The occurrences that are still there."""
        return [number for number in range(1, self.count + 1) if number not in self.deleted]

    # what people do

    def change(self, number: int, *, subject: str | None = None, location: str | None = None) -> None:
        """One occurrence gets a name or a place of its own."""
        own = self.special.setdefault(number, Special())
        own.subject = own.subject if subject is None else subject
        own.location = own.location if location is None else location

    def move(self, number: int, start: datetime) -> None:
        """One occurrence is at another time."""
        self.special.setdefault(number, Special()).start = start

    def delete(self, number: int) -> None:
        """One occurrence is not."""
        self.deleted.add(number)
        self.special.pop(number, None)

    def move_all(self, by: timedelta, *, in_outlook: bool) -> None:
        """The whole series is at another hour."""
        self.start += by
        if in_outlook:
            self.special.clear()
            self.deleted.clear()

    def end(self, count: int) -> None:
        """It has only so many occurrences."""
        self.count = count
        self.special = {number: own for number, own in self.special.items() if number <= count}
        self.deleted = {number for number in self.deleted if number <= count}

    def split(self, number: int) -> Series:
        """This and all that follow are a series of their own, which has what all occurrences share."""
        following = Series(self.at(number), self.count - number + 1, self.subject, self.location)
        self.end(number - 1)
        return following
