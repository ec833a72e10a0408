"""What the CRM must hold (OPT, ID, PART, BLK, FOR, PRIV, DEL in their inbound half).

`Crm.hinted` is told which mailboxes a meeting was touched in, when everything people did is done and all hints of it
are delivered; what it then holds is what the CRM must hold.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from tests.oracle.deeds import Content, Guest
from tests.oracle.directory import Directory, Settings
from tests.oracle.mailboxes import CALENDAR, UNASKED, WAITING, Book, Copy, Mailboxes, Meeting

_KEPT_FOR = timedelta(days=30)
_PRIORITIES = {"High": "A", "Normal": "B", "Low": "C"}
_NOBODY = {"name": "", "email": None}
_REDACTED = {
    "subject": "Private",
    "notes": "",
    "location": "",
    "for": [],
    "responses": {},
    "redacted": True,
    "external": None,
    "external_shown_to": None,
}
"""PRIV-4; of the organizer's name and address speaks PRIV-5. Who would see external contacts is all one if none are."""


@dataclass(frozen=True)
class Participant:
    """Somebody who takes part, as the copy that counts names him."""

    identity: str
    name: str
    email: str | None
    response: str
    is_organizer: bool = False
    is_list: bool = False


@dataclass
class Record:
    """A meeting's record in the CRM: `item` None if it is not there.

    `seen` is what the last decision was about, `admitted` everything the CRM was ever shown of it. A copy that came and
    went before a hint of it was followed was never `sighted`: nobody can know of it.
    """

    item: dict[str, Any] | None = None
    master: str | None = None
    seen: object = None
    archived: bool = False
    sighted: set[str] = field(default_factory=set)
    admitted: list[object] = field(default_factory=list)


@dataclass(frozen=True)
class _Counting:
    """The copy that counts, with whose options and whose eyes."""

    content: Content
    guests: tuple[Guest, ...]
    tracked: dict[str, str]
    authority: str
    creator: str
    organizer: str | None


class Crm:
    """The CRM as it must be."""

    def __init__(self, mailboxes: Mailboxes, directory: Directory, settings: Settings, *, now: datetime) -> None:
        self._mailboxes = mailboxes
        self._directory = directory
        self._settings = settings
        self._now = now
        self.records: dict[str, Record] = {}

    @property
    def _book(self) -> Book:
        return self._mailboxes.book

    def hinted(self, uid: str, touched: Iterable[str]) -> None:
        """Hints of a meeting came from these mailboxes."""
        meeting, record = self._mailboxes.meetings[uid], self.records.setdefault(uid, Record())
        heard = {mailbox for mailbox in touched if self._directory.synchronized_at(mailbox)}
        if record.item is None:  # of what is gone for good nothing tells any more which meeting it was
            heard = {mailbox for mailbox in heard if self._mailboxes.holds(mailbox, meeting)}
        if not heard:
            return
        record.sighted |= {
            mailbox for mailbox in touched if mailbox in meeting.copies and meeting.copies[mailbox].exists
        }
        organizer = self._directory.user_at(meeting.organizer.target)
        if self._directory.is_synchronized(organizer):
            assert organizer is not None
            self._by_organizer(meeting, record, organizer)
        else:
            self._by_master(meeting, record, organizer)

    def _by_organizer(self, meeting: Meeting, record: Record, organizer: str) -> None:
        """ID-3: his item, whatever mailbox the hint came through. DEL-6: his item gone is a delete."""
        record.master = None
        if meeting.place != CALENDAR or meeting.cancelled:
            self._end(record, meeting.content)
            return
        counting = _Counting(meeting.content, meeting.guests, meeting.tracked, organizer, organizer, organizer)
        self._decide(meeting, record, counting)

    def _by_master(self, meeting: Meeting, record: Record, organizer: str | None) -> None:
        """ID-4: the first who accepted; he stays it."""
        copies = {self._directory.synchronized_at(mailbox): copy for mailbox, copy in meeting.copies.items()}
        holding = {user: copy for user, copy in copies.items() if user is not None}
        if record.master not in holding or not (holding[record.master].lives or holding[record.master].cancelled):
            record.master = self._new_master(record, holding)
        if record.master is None:
            return
        copy = holding[record.master]
        if copy.cancelled:
            self._end(record, copy.content)
            return
        creator = organizer or record.master
        self._decide(meeting, record, _Counting(copy.content, copy.guests, {}, record.master, creator, organizer))

    def _new_master(self, record: Record, holding: dict[str, Copy]) -> str | None:
        living = {user: copy for user, copy in holding.items() if copy.lives}
        if record.item is None:
            accepted = [(c.answered_at or 0, user) for user, c in living.items() if c.response == "accepted"]
            return min(accepted, default=(0, None))[1]
        assert len(living) <= 1, "who becomes master would be a matter of chance"
        return next(iter(living), None)

    def _end(self, record: Record, content: Content) -> None:
        """DEL-1; DEL-2: of an old one only the link ends, until the meeting is found again (S21a)."""
        if record.item is None or record.archived:
            return
        if _instant(content.end) < self._now - _KEPT_FOR:
            record.archived = True
            return
        record.item, record.seen = None, None

    def _decide(self, meeting: Meeting, record: Record, counting: _Counting) -> None:
        """OPT-3: anew only if the item differs from what was decided last, or is not in the CRM."""
        record.archived = False
        people = self._participants(meeting, counting)
        copies = {m: copy for m, copy in meeting.copies.items() if m in record.sighted}
        assigned = self._assigned(copies, people)
        answers = {user: self._answer(user, copies, people, counting) for user in assigned}
        seen = (counting.content, people, answers, counting.organizer)
        if record.item is not None and record.seen == seen:
            return
        item = self._item(people, assigned, answers, counting, linked=record.item is not None)
        if item is None:
            return
        if not item["redacted"]:
            record.admitted.append((counting.content, people))
        record.item, record.seen = item, seen

    # people

    def _participants(self, meeting: Meeting, counting: _Counting) -> list[Participant]:
        """PART: organizer, required and optional attendees; each person once."""
        host = meeting.organizer
        found = {self._book.identity(host): self._participant(host, "organizer", is_organizer=True)}
        for guest in counting.guests:
            if guest.role == "resource":
                continue
            identity = self._book.identity(guest)
            response = counting.tracked.get(identity, UNASKED)
            found.setdefault(identity, self._participant(guest, response))
        return sorted(found.values(), key=lambda person: person.identity)

    def _participant(self, guest: Guest, response: str, *, is_organizer: bool = False) -> Participant:
        entry = self._book.find(guest.target)
        return Participant(
            identity=self._book.identity(guest),
            name=guest.name or (entry.name if entry else guest.address),
            email=(entry.email if entry else guest.target).casefold() or None,
            response=response,
            is_organizer=is_organizer,
            is_list=bool(entry and entry.kind == "list"),
        )

    def _user(self, person: Participant) -> str | None:
        return self._directory.user_at(person.email) if person.email and not person.is_list else None

    def _assigned(self, copies: dict[str, Copy], people: list[Participant]) -> list[str]:
        """PART-1: the users who take part, and those in whose mailbox a replica lies; who deleted his stays (DEL-3)."""
        users = {user for person in people if (user := self._user(person))}
        by_list = any(person.is_list for person in people)
        for mailbox, copy in copies.items():
            user = self._directory.synchronized_at(mailbox)
            if user and not copy.cancelled and (copy.lives or by_list):
                users.add(user)
        return sorted(users)

    def _answer(self, user: str, copies: dict[str, Copy], people: list[Participant], counting: _Counting) -> str:
        """PART-7, DEL-3: his own copy's word; of those whose mailbox is not read, the word of the copy that counts."""
        if user == counting.organizer:
            return "organizer"
        tracked = next((person.response for person in people if self._user(person) == user), WAITING)
        mailbox = next((m for m in copies if self._directory.synchronized_at(m) == user), None)
        if mailbox is not None:
            copy = copies[mailbox]
            if copy.lives:
                return copy.response
            return "declined" if "declined" in (copy.response, tracked) else "removed"
        return WAITING if tracked == UNASKED and self._directory.is_synchronized(user) else tracked

    # decisions

    def _item(
        self,
        people: list[Participant],
        assigned: list[str],
        answers: dict[str, str],
        counting: _Counting,
        *,
        linked: bool,
    ) -> dict[str, Any] | None:
        """The item, or None where PRIV-2 keeps it out."""
        content, directory = counting.content, self._directory
        is_private = content.sensitivity != "Normal"
        is_redacted = (
            is_private
            and len(people) > 1
            and self._settings.security_model == "ham"
            and not directory.option("private_meetings.inbound", counting.authority)
        )
        if is_redacted and not linked:
            return None
        matched = self._matched(people, assigned, counting)
        viewers = [user for user in assigned if directory.option("external_contacts.display", user)]
        host = next(person for person in people if person.is_organizer)
        item = {
            "subject": content.subject,
            "notes": content.body,
            "location": content.location,
            "start": content.start,
            "end": content.end,
            "zone": content.zone,
            "all_day": content.all_day,
            "priority": _PRIORITIES[content.importance],
            "restricted": is_private,
            "redacted": False,
            "read_only": counting.organizer is None,
            "owner": counting.organizer,
            "organizer": {"user": counting.organizer, "name": host.name, "email": host.email},
            "assign_to": assigned,
            "for": self._for(people, matched),
            "external": self._external(people, matched) if viewers else None,
            "external_shown_to": viewers or None,
            "responses": answers,
        }
        return item if not is_redacted else item | _REDACTED | {"organizer": {**_NOBODY, "user": counting.organizer}}

    def _matched(self, people: list[Participant], assigned: list[str], counting: _Counting) -> dict[str, list[str]]:
        """FOR-1..7, BLK-2: by participant the contacts in For."""
        directory, settings = self._directory, self._settings
        if not directory.option("for_contacts.inbound", counting.authority):
            return {}
        eyes = [counting.creator]
        if directory.option("for_contacts.security_check", counting.authority):
            eyes += assigned
            if settings.max_assigned_users is not None and len(assigned) > settings.max_assigned_users:
                return {}
        return {
            person.identity: [
                contact
                for contact in self._candidates(person)
                if all(directory.can_see(user, contact, model=settings.security_model) for user in eyes)
            ]
            for person in people
        }

    def _candidates(self, person: Participant) -> list[str]:
        if person.email is None or person.is_list or self._user(person) or self._settings.blocks(person.email):
            return []
        return self._directory.contacts_at(person.email)

    def _for(self, people: list[Participant], matched: dict[str, list[str]]) -> list[dict[str, str]]:
        answers = {contact: person.response for person in people for contact in matched.get(person.identity, ())}
        return [{"contact": c, "source": "exchange", "response": answers[c]} for c in sorted(answers)]

    def _external(self, people: list[Participant], matched: dict[str, list[str]]) -> list[dict[str, Any]]:
        strangers = [p for p in people if not self._user(p) and not matched.get(p.identity)]
        found = [
            {"name": p.name, "email": p.email, "reason": self._reason(p), "response": p.response} for p in strangers
        ]
        return sorted(found, key=lambda each: (each["email"] or "", each["name"]))

    def _reason(self, person: Participant) -> str:
        """FOR-4."""
        if person.is_list:
            return "list"
        if person.email is None:
            return "unresolved"
        return "blacklisted" if self._settings.blocks(person.email) else "no_match"


def _instant(moment: datetime | date) -> datetime:
    return moment if isinstance(moment, datetime) else datetime.combine(moment, time(), tzinfo=UTC)
