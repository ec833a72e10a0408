"""People at the bank and outside who make, change, answer and drop meetings at random, each through his own client.

What they do is written down as deeds; what they may do next is read from the mailboxes these deeds leave. They never do
what no rule decides: whoever accepted an outsider's meeting does not drop it, for its next master would be chance.
"""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

from exchangelib import CalendarItem

from tests.integration.bank import LIST, ROBOT, ROOM, SPAM, Bank
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
from tests.oracle.mailboxes import BIN, CALENDAR, Copy, Mailboxes, Meeting
from tests.support.outlook import Outlook

OUTSIDERS = {"xaver@else.example": "Xaver Xenos", "client1@client.example": "Carla of Client"}
SENSITIVITIES = ["Private", "Private", "Confidential", "Personal"]
WINDOWS_ZONE, ZONE = "W. Europe Standard Time", "Europe/Berlin"
_STEP = timedelta(seconds=2)

Act = Callable[[], None]


class Swift(Outlook):
    """An Outlook that finds a meeting by a list of ids, and then fetches that one alone."""

    def copy(self, uid: str, *, folder: str = "calendar") -> CalendarItem:
        listed = getattr(self.account, folder).all().only("id", "changekey", "uid")
        found = [item for item in listed if getattr(item, "uid", None) == uid]
        assert found, f"{self.address} has no copy of the meeting in {folder}"
        return next(iter(self.account.fetch([found[0]])))


@dataclass
class Clock:
    """Exchange's clock: every deed has its own moment."""

    now: datetime

    def __call__(self) -> datetime:
        return self.now

    def tick(self) -> int:
        self.now += _STEP
        return int(self.now.timestamp())


@dataclass
class Players:
    """Everybody who acts, blocking as people's clients do; `dns` are the X500 names of people by address."""

    bank: Bank
    random: Random
    mailboxes: Mailboxes
    url: str
    clock: Clock
    dns: dict[str, str]
    words: list[str] = field(default_factory=list)
    _outlooks: dict[str, Swift] = field(default_factory=dict)

    def make(self) -> None:
        """Somebody makes a meeting or an appointment."""
        if self.random.random() < 0.2:
            self._make_outside()
            return
        who = self.random.choice([*self.bank.synchronized * 3, *self.bank.others])
        guests = self._guests(who) if self.random.random() < 0.88 else ()
        content, told = self._content(self.bank.zone(who)), bool(guests) and self.random.random() < 0.92
        uid = self._outlook(who).meet(
            content.subject,
            start=content.start,
            end=_typed_end(content.end),
            required=_written(guests, "required"),
            optional=_written(guests, "optional"),
            resources=_written(guests, "resource"),
            private=content.sensitivity != "Normal",
            silent=not told,
            body=content.body,
            location=content.location,
            importance=content.importance,
        )
        self._note(Made(self.clock.tick(), uid, who, content, guests, told))

    def go_on(self) -> None:
        """Somebody does something more to a meeting; nothing, if nobody can."""
        meeting = self.random.choice(sorted(self.mailboxes.meetings.values(), key=lambda each: each.log[0].moment))
        organizers, attendees = self._organizers_acts(meeting), self._attendees_acts(meeting)
        if acts := (attendees or organizers) if self.random.random() < 0.5 else (organizers or attendees):
            self.random.choice(acts)()

    # what organizers do

    def _organizers_acts(self, meeting: Meeting) -> list[Act]:
        who = meeting.organizer.target
        if who in OUTSIDERS:
            return self._outsiders_acts(meeting)
        if meeting.place == BIN and not meeting.cancelled:
            return [lambda: self._restore(meeting, who)] * 3
        if meeting.place != CALENDAR:
            return []
        acts = [
            *[lambda: self._edit(meeting, who, self._words("subject", "body"))] * 2,
            lambda: self._edit(meeting, who, self._words("location"), told=False),
            lambda: self._edit(meeting, who, self._times(meeting)),
            lambda: self._edit(meeting, who, {"importance": self.random.choice(["High", "Normal", "Low"])}),
            *[lambda: self._edit(meeting, who, self._privacy(meeting))] * 2,
            *[lambda: self._delete(meeting, who)] * 2,
        ]
        if meeting.guests:
            acts += [lambda: self._invite(meeting, who), lambda: self._uninvite(meeting, who)]
            acts += [lambda: self._cancel(meeting, who)]
        return acts

    def _edit(self, meeting: Meeting, who: str, changes: dict[str, Any], *, told: bool = True) -> None:
        typed = {name: _typed_end(value) if name == "end" else value for name, value in changes.items()}
        self._outlook(who).edit(meeting.uid, silent=not told, **typed)
        self._note(Edited(self.clock.tick(), meeting.uid, who, changes, told))

    def _invite(self, meeting: Meeting, who: str) -> None:
        known = {self.mailboxes.book.identity(guest) for guest in meeting.guests}
        new = [g for g in self._guests(who) if self.mailboxes.book.identity(g) not in known and g.role == "required"]
        if new:
            self._outlook(who).invite(meeting.uid, *(guest.address for guest in new))
            self._note(Invited(self.clock.tick(), meeting.uid, who, tuple(new)))

    def _uninvite(self, meeting: Meeting, who: str) -> None:
        required = [guest for guest in meeting.guests if guest.role == "required"]
        going = [guest for guest in required if self.mailboxes.book.identity(guest) != self.bank.x500]
        if not going or self._master_may_be_among(meeting):
            return
        leaving = self.random.choice(going)
        shown = self.mailboxes.book.identity(leaving) if self.mailboxes.book.find(leaving.target) else leaving.address
        self._outlook(who).uninvite(meeting.uid, shown)
        self._note(Uninvited(self.clock.tick(), meeting.uid, who, (leaving.target,)))

    def _cancel(self, meeting: Meeting, who: str) -> None:
        self._outlook(who).cancel(meeting.uid)
        self._note(Cancelled(self.clock.tick(), meeting.uid, who))

    # what attendees do

    def _attendees_acts(self, meeting: Meeting) -> list[Act]:
        acts: list[Act] = []
        for who, copy in meeting.copies.items():
            acts += self._acts_on_copy(meeting, who, copy)
        return acts

    def _acts_on_copy(self, meeting: Meeting, who: str, copy: Copy) -> list[Act]:
        if copy.place == BIN and copy.age == 1:
            return [lambda: self._restore(meeting, who)]
        if not copy.lives:
            return []
        if copy.cancelled:  # for good, and nobody could tell any more that it was
            return [lambda: self._delete(meeting, who, for_good=False)]
        acts: list[Act] = [
            *[lambda: self._answer(meeting, who, "accepted")] * 3,
            lambda: self._edit(meeting, who, self._words("location"), told=False),
        ]
        if self._is_bound(meeting, who):
            return acts
        acts += [lambda: self._answer(meeting, who, "tentative"), lambda: self._answer(meeting, who, "declined")]
        return [*acts, lambda: self._delete(meeting, who)]

    def _is_bound(self, meeting: Meeting, who: str) -> bool:
        """Whether he once accepted a meeting that may have made him its master."""
        if not self._master_may_be_among(meeting):
            return False
        return any(isinstance(deed, Answered) and (deed.who, deed.answer) == (who, "accepted") for deed in meeting.log)

    def _master_may_be_among(self, meeting: Meeting) -> bool:
        return meeting.organizer.target not in self.bank.synchronized

    def _answer(self, meeting: Meeting, who: str, answer: str) -> None:
        outlook = self._outlook(who)
        moment = self.clock.tick()
        act = {"accepted": outlook.accept, "tentative": outlook.tentatively_accept, "declined": outlook.decline}
        act[answer](meeting.uid)
        self._note(Answered(moment, meeting.uid, who, answer))

    def _delete(self, meeting: Meeting, who: str, *, for_good: bool | None = None) -> None:
        for_good = self.random.random() < 0.3 if for_good is None else for_good
        self._outlook(who).delete(meeting.uid, for_good=for_good)
        self._note(Deleted(self.clock.tick(), meeting.uid, who, for_good))

    def _restore(self, meeting: Meeting, who: str) -> None:
        self._outlook(who).restore(meeting.uid)
        self._note(Restored(self.clock.tick(), meeting.uid, who))

    # what outsiders do

    def _make_outside(self) -> None:
        who = self.random.choice(sorted(OUTSIDERS))
        content, guests = self._content(ZONE), self._guests_of_outsider()
        uid = self._post("invitation", who, content, guests)
        self._note(Made(self.clock.tick(), uid, who, content, guests, name=OUTSIDERS[who]))

    def _outsiders_acts(self, meeting: Meeting) -> list[Act]:
        if meeting.cancelled:
            return []
        who = meeting.organizer.target
        return [
            lambda: self._edit_outside(meeting, who, self._words("subject")),
            lambda: self._edit_outside(meeting, who, self._times(meeting)),
            lambda: self._cancel_outside(meeting, who),
        ]

    def _edit_outside(self, meeting: Meeting, who: str, changes: dict[str, Any]) -> None:
        deed = Edited(self.clock.tick(), meeting.uid, who, changes)
        self._note(deed)
        self._post("update", who, meeting.content, meeting.guests, uid=meeting.uid)

    def _cancel_outside(self, meeting: Meeting, who: str) -> None:
        self._post("cancellation", who, meeting.content, meeting.guests, uid=meeting.uid)
        self._note(Cancelled(self.clock.tick(), meeting.uid, who))

    def _post(
        self, happening: str, who: str, content: Content, guests: tuple[Guest, ...], *, uid: str | None = None
    ) -> str:
        day = not isinstance(content.start, datetime)
        start, end = (_midnight(each) if day else each for each in content.times)
        meeting = {
            "happening": happening,
            "uid": uid,
            "organizer": {"name": OUTSIDERS[who], "email": who},
            "attendees": [self._outside_entry(guest) for guest in guests],
            "subject": content.subject,
            "body": content.body,
            "location": content.location,
            "start": start.isoformat(),
            "end": end.isoformat(),
            "zone": WINDOWS_ZONE,
            "all_day": day,
            "sensitivity": content.sensitivity,
            "importance": content.importance,
        }
        request = urllib.request.Request(f"{self.url}/sandbox/external-meetings", json.dumps(meeting).encode())
        with urllib.request.urlopen(request) as answer:
            return str(json.load(answer)["uid"])

    def _outside_entry(self, guest: Guest) -> dict[str, str]:
        is_x500 = guest.address.startswith("/o=")
        routing = "EX" if is_x500 else "SMTP"
        return {"name": guest.name, "email": guest.address, "routing_type": routing, "role": guest.role}

    # who and what

    def _guests(self, host: str) -> tuple[Guest, ...]:
        """Whom somebody at the bank invites: each once, as he types the address."""
        chance = self.random.random
        colleagues = [each for each in self.bank.people if each != host]
        typed = [self._typed(each) for each in self.random.sample(colleagues, self.random.randint(1, 3))]
        typed += self.random.sample(self.bank.clients, self.random.choice([0, 0, 1, 1, 2]))
        typed += [address for address, share in ((SPAM, 0.1), (ROBOT, 0.1), (LIST, 0.1)) if chance() < share]
        typed += [f"{self._word()}@else.example"] if chance() < 0.3 else []
        guests = [Guest(each, role="optional" if chance() < 0.2 else "required") for each in typed]
        return (*guests, *([Guest(ROOM, role="resource")] if chance() < 0.2 else ()))

    def _typed(self, address: str) -> str:
        name = address.partition("@")[0]
        return self.random.choice([address, address, address.title(), f"{name[0]}.{name}@bank.example"])

    def _guests_of_outsider(self) -> tuple[Guest, ...]:
        people = self.random.sample(self.bank.people, self.random.randint(1, 3))
        guests = [self._as_outsiders_write(each) for each in people]
        guests += [Guest(each, name=f"Mr {each}") for each in self.random.sample(self.bank.clients[2:], 1)]
        if self.random.random() < 0.3:
            guests.append(Guest("", name=f"Somebody {self._word()}"))
        if self.random.random() < 0.3:
            guests.append(Guest("/o=Elsewhere/cn=Recipients/cn=gone", name=f"Gone {self._word()}", reaches=""))
        return tuple(guests)

    def _as_outsiders_write(self, address: str) -> Guest:
        if address in self.dns and self.random.random() < 0.4:
            return Guest(self.dns[address], name=f"X {address.partition('@')[0]}", reaches=address)
        return Guest(address, name=address.partition("@")[0].title())

    def _content(self, zone: str) -> Content:
        start, end = self._some_time(zone)
        return Content(
            subject=f"Subject {self._word()}",
            body=f"Notes on {self._word()}",
            location=f"Place {self._word()}",
            start=start,
            end=end,
            zone=zone,
            importance=self.random.choice(["Normal", "Normal", "High", "Low"]),
            sensitivity="Private" if self.random.random() < 0.33 else "Normal",
        )

    def _some_time(self, zone: str) -> tuple[datetime | date, datetime | date]:
        """A time or whole days to come; now and then one long past."""
        offset = self.random.randint(3, 40) if self.random.random() < 0.85 else -self.random.randint(50, 90)
        day = self.clock.now.date() + timedelta(days=offset)
        if self.random.random() < 0.1:
            return day, day + timedelta(days=self.random.randint(1, 3))
        hour, minute = self.random.randint(7, 18), self.random.choice([0, 15, 30])
        start = datetime(day.year, day.month, day.day, hour, minute, tzinfo=ZoneInfo(zone)).astimezone(UTC)
        return start, start + timedelta(minutes=self.random.choice([15, 30, 60, 90]))

    def _times(self, meeting: Meeting) -> dict[str, Any]:
        """Later by some days: a meeting that is not past stays so."""
        shift = timedelta(days=self.random.randint(1, 5))
        return {"start": meeting.content.start + shift, "end": meeting.content.end + shift}

    def _privacy(self, meeting: Meeting) -> dict[str, Any]:
        is_private = meeting.content.sensitivity != "Normal"
        changes = {"sensitivity": "Normal" if is_private else self.random.choice(SENSITIVITIES)}
        return changes | (self._words("subject") if self.random.random() < 0.5 else {})

    def _words(self, *names: str) -> dict[str, Any]:
        return {name: f"New {name} {self._word()}" for name in names}

    def _word(self) -> str:
        """A word that occurs nowhere else."""
        word = f"qz{len(self.words):04d}{self.random.randrange(16**4):04x}zq"
        self.words.append(word)
        return word

    def _outlook(self, who: str) -> Swift:
        if who not in self._outlooks:
            name = who.partition("@")[0]
            self._outlooks[who] = Swift(self.url, who, name, zone=self.bank.zone(who))
        return self._outlooks[who]

    def _note(self, deed: Deed) -> None:
        self.mailboxes.take(deed)


def _typed_end(end: datetime | date) -> datetime | date:
    """The client wants the last day of whole days, not the first that is over."""
    return end if isinstance(end, datetime) else end - timedelta(days=1)


def _written(guests: tuple[Guest, ...], role: str) -> list[str]:
    return [guest.address for guest in guests if guest.role == role]


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(ZONE))
