"""What lies in the mailboxes after people did what they did: Exchange's own part, before any synchronization."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import singledispatchmethod
from typing import Any

from tests.oracle.deeds import (
    Answered,
    Cancelled,
    Content,
    Deed,
    Deleted,
    Edited,
    Guest,
    Invited,
    Made,
    Restored,
    Uninvited,
)

CALENDAR, BIN, GONE = "calendar", "deleted items", "gone"
UNASKED = "unknown"  # what Exchange says of somebody who has not answered, to the organizer
WAITING = "none"  # and what it says to himself


@dataclass(frozen=True)
class Entry:
    """One entry of the address book; `external` has no mailbox here."""

    name: str
    email: str
    kind: str = "person"
    aliases: tuple[str, ...] = ()
    members: tuple[str, ...] = ()

    @property
    def has_mailbox(self) -> bool:
        return self.kind in ("person", "room")


class Book:
    """The address book."""

    def __init__(self, entries: Iterable[Mapping[str, Any]]) -> None:
        self.entries = [
            Entry(
                name=each["name"],
                email=each["email"],
                kind=each.get("kind", "person"),
                aliases=tuple(each.get("aliases", ())),
                members=tuple(each.get("members", ())),
            )
            for each in entries
        ]
        self._by_address = {name.casefold(): each for each in self.entries for name in (each.email, *each.aliases)}

    def find(self, address: str) -> Entry | None:
        return self._by_address.get(address.strip().casefold())

    def identity(self, guest: Guest) -> str:
        """One name for everybody who is the same person to Exchange."""
        entry = self.find(guest.target)
        return entry.email if entry else (guest.target or guest.name).casefold()

    def reached(self, guest: Guest) -> Iterator[Entry]:
        """Whose mailboxes a mail to this guest comes to."""
        entry = self.find(guest.target)
        if entry is None:
            return
        if entry.kind != "list":
            yield from [entry] if entry.has_mailbox else []
            return
        for member in entry.members:
            yield from self.reached(Guest(member))


@dataclass
class Copy:
    """A meeting in an attendee's mailbox. `age` counts how often Exchange put it there anew."""

    content: Content
    guests: tuple[Guest, ...]
    response: str = WAITING
    answered_at: int | None = None
    place: str = CALENDAR
    cancelled: bool = False
    age: int = 1

    @property
    def lives(self) -> bool:
        return self.place == CALENDAR

    @property
    def exists(self) -> bool:
        return self.place != GONE


@dataclass
class Meeting:
    """A meeting: the organizer's own item, and everybody else's copies by address."""

    uid: str
    organizer: Guest
    content: Content
    guests: tuple[Guest, ...]
    sent: bool = False
    place: str = CALENDAR
    cancelled: bool = False
    tracked: dict[str, str] = field(default_factory=dict)
    copies: dict[str, Copy] = field(default_factory=dict)
    touched: set[str] = field(default_factory=set)
    log: list[Deed] = field(default_factory=list)

    def is_organizer(self, who: str) -> bool:
        return who.casefold() == self.organizer.target.casefold()


class Mailboxes:
    """All meetings, as the deeds left them."""

    def __init__(self, book: Book) -> None:
        self.book = book
        self.meetings: dict[str, Meeting] = {}

    def take(self, deed: Deed) -> None:
        """Something more was done."""
        if isinstance(deed, Made):
            self._make(deed)
            return
        meeting = self.meetings[deed.uid]
        meeting.log.append(deed)
        self._do(deed, meeting)

    def settle(self) -> dict[str, set[str]]:
        """The mailboxes touched since the last time, by meeting."""
        touched = {uid: meeting.touched for uid, meeting in self.meetings.items() if meeting.touched}
        for meeting in self.meetings.values():
            meeting.touched = set()
        return touched

    def holds(self, mailbox: str, meeting: Meeting) -> bool:
        """Whether anything of the meeting lies in that mailbox, be it in Deleted Items."""
        if meeting.is_organizer(mailbox):
            return meeting.place != GONE
        return mailbox in meeting.copies and meeting.copies[mailbox].exists

    def _make(self, deed: Made) -> None:
        entry = self.book.find(deed.who)
        host = Guest(deed.who, role="organizer", name=entry.name if entry else deed.name)
        meeting = Meeting(deed.uid, host, deed.content, deed.guests, log=[deed])
        self.meetings[deed.uid] = meeting
        meeting.touched.add(deed.who)
        if deed.told and deed.guests:
            meeting.sent = True
            self._deliver(meeting, deed.guests)

    @singledispatchmethod
    def _do(self, deed: Deed, meeting: Meeting) -> None:
        raise TypeError(f"nobody said what {deed} does")

    @_do.register
    def _(self, deed: Edited, meeting: Meeting) -> None:
        if not meeting.is_organizer(deed.who):
            copy = meeting.copies[deed.who]
            copy.content = replace(copy.content, **deed.changes)  # type: ignore[arg-type]
            meeting.touched.add(deed.who)
            return
        before = meeting.content
        meeting.content = replace(before, **deed.changes)  # type: ignore[arg-type]
        meeting.touched.add(deed.who)
        if not deed.told or not meeting.guests:
            return
        if meeting.sent and meeting.content.times != before.times:
            meeting.tracked = {}
        meeting.sent = True
        self._deliver(meeting, meeting.guests)

    @_do.register
    def _(self, deed: Invited, meeting: Meeting) -> None:
        meeting.guests += deed.guests
        meeting.touched.add(deed.who)
        meeting.sent = True
        self._deliver(meeting, meeting.guests)

    @_do.register
    def _(self, deed: Uninvited, meeting: Meeting) -> None:
        leaving = {address.casefold() for address in deed.addresses}
        removed = [guest for guest in meeting.guests if guest.target.casefold() in leaving]
        meeting.guests = tuple(guest for guest in meeting.guests if guest not in removed)
        meeting.touched.add(deed.who)
        for guest in removed:
            meeting.tracked.pop(self.book.identity(guest), None)
        self._call_off(meeting, removed)
        self._deliver(meeting, meeting.guests)

    @_do.register
    def _(self, deed: Answered, meeting: Meeting) -> None:
        copy = meeting.copies[deed.who]
        copy.response, copy.answered_at = deed.answer, deed.moment
        if deed.answer == "declined":
            copy.place = BIN
        meeting.touched.add(deed.who)
        host = self.book.find(meeting.organizer.target)
        if host is None or meeting.place == GONE:
            return
        meeting.touched.add(host.email)
        if deed.who in map(self.book.identity, meeting.guests):
            meeting.tracked[deed.who] = deed.answer

    @_do.register
    def _(self, deed: Cancelled, meeting: Meeting) -> None:
        meeting.place, meeting.cancelled = BIN, True
        meeting.touched.add(deed.who)
        if meeting.sent:
            self._call_off(meeting, meeting.guests)

    @_do.register
    def _(self, deed: Deleted, meeting: Meeting) -> None:
        self._put(deed.who, meeting, GONE if deed.for_good else BIN)

    @_do.register
    def _(self, deed: Restored, meeting: Meeting) -> None:
        self._put(deed.who, meeting, CALENDAR)

    def _put(self, who: str, meeting: Meeting, place: str) -> None:
        meeting.touched.add(who)
        if meeting.is_organizer(who):
            meeting.place = place
        else:
            meeting.copies[who].place = place

    def _deliver(self, meeting: Meeting, guests: Sequence[Guest]) -> None:
        """The meeting as it is now, to everybody these guests reach; a deleted copy comes anew."""
        for email in self._reached(meeting, guests):
            known = meeting.copies.get(email)
            meeting.touched.add(email)
            if known is None or not known.lives:
                age = known.age + 1 if known else 1
                meeting.copies[email] = Copy(meeting.content, meeting.guests, age=age)
                continue
            if known.content.times != meeting.content.times:
                known.response, known.answered_at = WAITING, None
            known.content, known.guests, known.cancelled = meeting.content, meeting.guests, False

    def _call_off(self, meeting: Meeting, guests: Sequence[Guest]) -> None:
        for email in self._reached(meeting, guests):
            copy = meeting.copies.get(email)
            if copy is None:
                continue
            meeting.touched.add(email)
            copy.cancelled = copy.cancelled or copy.lives

    def _reached(self, meeting: Meeting, guests: Sequence[Guest]) -> list[str]:
        people = [entry for guest in guests for entry in self.book.reached(guest) if entry.kind == "person"]
        return [email for email in dict.fromkeys(entry.email for entry in people) if not meeting.is_organizer(email)]
