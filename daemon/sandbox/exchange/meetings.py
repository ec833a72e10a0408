"""Meetings between mailboxes: invitations, updates, cancellations and answers.

Does what Exchange's transport and calendar assistants do. Whoever is invited has the meeting in his calendar at once,
unanswered; a list reaches its members; a room accepts by itself; an outsider gets a mail and no more. An answer
changes the organizer's tracking; who declines finds his copy in Deleted Items. A copy's facets (reminder, categories,
own answer) survive updates; the answer only as long as the times stay. All this holds of a series and of one of its
occurrences alike. Who is invited to an occurrence alone has just that in his calendar, as an item that stands for
itself until he is invited to the series.
"""

from __future__ import annotations

from collections.abc import Container, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from daemon.sandbox.exchange import series
from daemon.sandbox.exchange.content import (
    Meeting,
    cancellation_draft,
    cancelled,
    cancelled_subject,
    copy_values,
    meeting_of,
    request_draft,
    request_type_of,
    response_draft,
)
from daemon.sandbox.exchange.errors import EwsError
from daemon.sandbox.exchange.inboxes import Inboxes
from daemon.sandbox.exchange.items import ATTENDEE_LISTS, Cause, Draft, Item, Mail
from daemon.sandbox.exchange.properties import ItemKind
from daemon.sandbox.exchange.values import Attendee, Body, Recipient
from daemon.sandbox.exchange.world import World
from daemon.sandbox.people import Person, PersonKind

# Not a property of EWS: who has been told of a meeting, so that who never was is invited and not informed.
TOLD = "Told"


@dataclass(frozen=True, slots=True)
class SendMode:
    """Who hears of a change (`nobody`, `all`, `changed`) and whether Sent Items keeps a copy."""

    to: str
    save_copy: bool

    @classmethod
    def named(cls, name: str) -> SendMode:
        """By EWS's name, such as `SendToAllAndSaveCopy`."""
        to = "nobody" if name == "SendToNone" else "changed" if "Changed" in name else "all"
        return cls(to, name.endswith("AndSaveCopy"))


@dataclass(frozen=True, slots=True)
class Answer:
    """An attendee's answer, and whether the organizer is told."""

    response: str
    send: bool
    save_copy: bool
    body: Body | None = None


def is_organizers(item: Item) -> bool:
    """Whether the mailbox's owner organizes what this item shows."""
    return item.kind is ItemKind.CALENDAR_ITEM and item.get("MyResponseType") == "Organizer"


class Meetings:
    """The traffic between mailboxes."""

    def __init__(self, world: World, by: Person | None = None) -> None:
        """`by` is who acts, in his own mailbox or in another's; None: whoever's mailbox it is."""
        self._world = world
        self._by = by
        self._inboxes = Inboxes(world)

    # From organizers

    def announce(self, item: Item, mode: SendMode, cause: Cause, *, before: Item | None = None) -> Item:
        """Sends what attendees must know of an organizer's new or changed item; the item as it is then."""
        if mode.to == "nobody" or not is_organizers(item):
            return item
        told = set(item.get(TOLD, ()))
        earlier = {self._identity(each) for each in before.attendees} if before else set()
        current = {self._identity(each) for each in item.attendees}
        known = earlier if mode.to == "changed" else told
        added = [each for each in item.attendees if self._identity(each) not in known]
        kept = [each for each in item.attendees if self._identity(each) in told] if mode.to == "all" else []
        removed = [each for each in before.attendees if self._identity(each) in told - current] if before else []
        self.cancel_for(self._meeting(item), removed, cause)
        if before is not None and series.is_series(before):
            kept_days = {each.id for each in series.exceptions(item)} if series.is_series(item) else set()
            self._cancel_guests(before, cause, but=kept_days)
        if removed and mode.save_copy:
            self._keep_sent(item, cancellation_draft(self._meeting(item)))
        if not (added or kept):
            return item
        reached = {TOLD: tuple(sorted(told | {self._identity(each) for each in added})), "MeetingRequestWasSent": True}
        sent = self._world.modify(item, reached, by=item.modified_by)
        self.deliver(self._meeting(sent), added, cause, kind="invitation")
        self.deliver(self._meeting(sent), kept, cause, kind="update")
        if mode.save_copy:
            self._keep_sent(sent, request_draft(self._meeting(sent), to_organizer=True))
        return self._world.item(sent.mailbox, sent.id)

    def cancel(self, item: Item, mode: SendMode, cause: Cause, *, body: Body | None = None) -> None:
        """Tells the attendees that an organizer's item is no more; the item itself is the caller's business."""
        if mode.to == "nobody" or not item.get("MeetingRequestWasSent"):
            return
        meeting = self._meeting(item)
        if body is not None:
            meeting = replace(meeting, values={**meeting.values, "Body": body})
        told = set(item.get(TOLD, ()))
        self.cancel_for(meeting, [each for each in item.attendees if self._identity(each) in told], cause)
        if series.is_series(item):
            self._cancel_guests(item, cause)
        if mode.save_copy:
            self._keep_sent(item, cancellation_draft(meeting))

    def _cancel_guests(self, master: Item, cause: Cause, *, but: Container[str] = ()) -> None:
        """Tells those who were only invited to occurrences that are no more."""
        regulars = {self._identity(each) for each in master.attendees}
        for exception in series.exceptions(master):
            told = set(exception.get(TOLD, ())) - regulars
            guests = [each for each in exception.attendees if self._identity(each) in told]
            if exception.id not in but:
                self.cancel_for(self._meeting(exception), guests, cause)

    def deliver(self, meeting: Meeting, attendees: Iterable[Attendee], cause: Cause, *, kind: str) -> None:
        """A request to these attendees, and the meeting into their calendars."""
        receivers = self._receivers(meeting, attendees)
        self._record_mail(meeting, receivers, cause, kind=kind)
        for person in self._owners(receivers):
            self._receive_request(meeting, person, cause)

    def cancel_for(self, meeting: Meeting, attendees: Iterable[Attendee], cause: Cause) -> None:
        """A cancellation to these attendees, also to those who declined."""
        receivers = self._receivers(meeting, attendees)
        self._record_mail(meeting, receivers, cause, kind="cancellation")
        for person in self._owners(receivers):
            self._receive_cancellation(meeting, person)

    # From attendees

    def answer(self, copy: Item, answer: Answer, cause: Cause) -> list[Item]:
        """An attendee's answer on his calendar item: the item as it is then, and the response if one was sent."""
        person, moment = self._world.owner(copy.mailbox), self._world.now()
        busy = {"Accept": copy.get("IntendedFreeBusyStatus", "Busy"), "Tentative": "Tentative"}
        own = {
            "MyResponseType": answer.response,
            "AppointmentReplyTime": moment,
            "LegacyFreeBusyStatus": busy.get(answer.response, "Free"),
        }
        answered = self._world.modify(copy, own, by=self._actor(person).name)
        answered = self._put_where_it_belongs(answered, declined=answer.response == "Decline")
        self._inboxes.put_requests_away(answered)
        return [answered, *self._send_answer(answered, answer, cause)]

    def put_away(self, copy: Item) -> None:
        """The attendee drops a cancelled meeting: item and cancellation messages go to Deleted Items."""
        messages = self._inboxes.about(copy.mailbox, copy.uid, copy.recurrence_id)
        for each in (copy, *(each for each in messages if each.kind is ItemKind.CANCELLATION)):
            deleted = self._world.folder(each.mailbox, "deleteditems")
            if each.folder != deleted.id:
                self._world.throw(each, deleted)

    def calendar_item(self, mailbox: str, uid: str, recurrence_id: datetime | None = None) -> Item | None:
        """A mailbox's own item of a meeting or a series, or of one occurrence; deleted ones last."""
        own = [each for each in self._of_uid(mailbox, uid) if each.kind is ItemKind.CALENDAR_ITEM]
        found = [each for each in own if each.recurrence_id == recurrence_id]
        if recurrence_id is not None:
            occurrences = (series.at(each, recurrence_id) for each in own if series.is_series(each))
            found += [each for each in occurrences if each is not None]
        gone = self._bins(mailbox)
        return min(found, key=lambda each: each.folder in gone, default=None)

    def _bins(self, mailbox: str) -> set[str]:
        return {self._world.folder(mailbox, name).id for name in ("deleteditems", "recoverableitemsdeletions")}

    # At the receiver's

    def _receive_request(self, meeting: Meeting, person: Person, cause: Cause) -> None:
        existing = self._live_copy(person, meeting)
        values, request_type = copy_values(meeting, existing), request_type_of(meeting, existing)
        self._inboxes.outdate_requests(person, meeting.uid, meeting.recurrence_id)
        if existing is None:
            copy = self._first_copy(person, meeting, values)
        else:
            copy = self._world.modify(existing, values, by=person.name)
        draft = request_draft(meeting, request_type=request_type, my_response=copy.get("MyResponseType"))
        self._inboxes.receive(person, draft)
        if person.kind is PersonKind.ROOM:
            Meetings(self._world).answer(copy, Answer("Accept", send=True, save_copy=False), cause)

    def _first_copy(self, person: Person, meeting: Meeting, values: dict[str, Any]) -> Item:
        """A new copy; an occurrence that he threw out of his copy of the series comes back into it."""
        thrown = self._thrown_occurrence(person, meeting)
        if thrown is not None:
            return self._world.modify(thrown, values, by=person.name)
        if meeting.recurrence_id is None:
            self._drop_single_occurrences(person, meeting.uid)
        draft = Draft(ItemKind.CALENDAR_ITEM, values)
        return self._world.create(self._world.folder(person.email, "calendar"), draft, by=person.name)

    def _thrown_occurrence(self, person: Person, meeting: Meeting) -> Item | None:
        if meeting.recurrence_id is None:
            return None
        bins, own = self._bins(person.email), self._of_uid(person.email, meeting.uid)
        live = next((each for each in own if series.is_series(each) and each.folder not in bins), None)
        return series.at(live, meeting.recurrence_id, deleted_too=True) if live is not None else None

    def _drop_single_occurrences(self, person: Person, uid: str) -> None:
        """Who is invited to all of a series needs no items for its occurrences."""
        for each in self._of_uid(person.email, uid):
            if each.kind is ItemKind.CALENDAR_ITEM and each.recurrence_id is not None:
                self._world.delete(each)

    def _receive_cancellation(self, meeting: Meeting, person: Person) -> None:
        copy = self.calendar_item(person.email, meeting.uid, meeting.recurrence_id)
        if copy is None:
            return
        self._inboxes.outdate_requests(person, meeting.uid, meeting.recurrence_id)
        live = self._live_copy(person, meeting)
        if live is not None and person.kind is PersonKind.ROOM:
            self._world.delete(live)
        elif live is not None:
            self._world.modify(live, cancelled(live, state=7), by=person.name)
        self._inboxes.receive(person, cancellation_draft(meeting))

    def _send_answer(self, copy: Item, answer: Answer, cause: Cause) -> list[Item]:
        organizer = copy.organizer
        person = self._world.owner(copy.mailbox)
        draft = response_draft(
            copy,
            response=answer.response,
            body=answer.body,
            me=_recipient(person),
            sender=_recipient(self._actor(person)),
            moment=self._world.now(),
        )
        if not answer.send or organizer is None:
            drafts = self._world.folder(copy.mailbox, "drafts")
            return [self._world.create(drafts, draft, by=copy.modified_by)] if organizer and answer.save_copy else []
        host = self._world.people.find(organizer.address)
        to = host.email if host else organizer.address
        self._world.record(
            Mail(
                sender_mailbox=copy.mailbox,
                sender=self._actor(person).email,
                to=(to,),
                kind="response",
                uid=copy.uid,
                cause=cause,
                copies=self._copies((to,)),
                subject=str(draft.values["Subject"]),
                start=copy.get("Start"),
                recurrence_id=copy.recurrence_id,
            )
        )
        if host is not None and host.has_mailbox:
            self._inboxes.receive(host, draft)
            self._track(host, copy, answer)
        return [self._keep_sent(copy, draft)] if answer.save_copy else []

    def _track(self, host: Person, copy: Item, answer: Answer) -> None:
        """The organizer's item shows who answered what, and when."""
        item = self.calendar_item(host.email, copy.uid, copy.recurrence_id)
        if item is None or not is_organizers(item):
            return
        person, moment = self._world.owner(copy.mailbox), self._world.now()
        tracked = {
            name: tuple(
                replace(each, response=answer.response, replied=moment)
                if self._world.people.find(each.recipient.address) is person
                else each
                for each in item.values[name]
            )
            for name in ATTENDEE_LISTS
            if name in item.values
        }
        self._world.modify(item, tracked, by=host.name)

    def _put_where_it_belongs(self, copy: Item, *, declined: bool) -> Item:
        """A declined copy lies in Deleted Items; one accepted after all is back in the calendar."""
        deleted = self._world.folder(copy.mailbox, "deleteditems")
        if copy.part is not None:
            return self._world.throw(copy, deleted) if declined else copy
        if declined == (copy.folder == deleted.id):
            return copy
        return self._world.move(copy, deleted if declined else self._world.folder(copy.mailbox, "calendar"))

    # Helpers

    def _actor(self, owner: Person) -> Person:
        """Who acts in somebody's mailbox: he himself, unless it is known that another does."""
        return self._by or owner

    def _meeting(self, item: Item) -> Meeting:
        """What attendees get of an item, and by whom."""
        by = self._by
        return replace(meeting_of(item), delegate=_recipient(by) if by and by.email != item.mailbox else None)

    def _identity(self, attendee: Attendee) -> str:
        person = self._world.people.find(attendee.recipient.address)
        named = attendee.recipient.address or attendee.recipient.name
        return person.email if person else named.casefold()

    def _receivers(self, meeting: Meeting, attendees: Iterable[Attendee]) -> list[str]:
        """Everybody's address once, lists expanded, the organizer and the unreachable left out."""
        people, reached = self._world.people, dict[str, None]()
        host = people.find(meeting.organizer.address)
        for attendee in attendees:
            entry = people.find(attendee.recipient.address)
            for address in people.members(entry) if entry else [attendee.recipient.address]:
                if address and not (host and people.find(address) is host):
                    reached[address] = None
        return list(reached)

    def _owners(self, addresses: Iterable[str]) -> list[Person]:
        found = (self._world.people.find(address) for address in addresses)
        return [person for person in found if person is not None and person.has_mailbox]

    def _record_mail(self, meeting: Meeting, to: list[str], cause: Cause, *, kind: str) -> None:
        if not to:
            return
        subject = str(meeting.values.get("Subject", ""))
        self._world.record(
            Mail(
                sender_mailbox=meeting.organizer.address,
                sender=meeting.sender.address,
                to=tuple(to),
                kind=kind,
                uid=meeting.uid,
                cause=cause,
                copies=self._copies(to),
                subject=cancelled_subject(subject) if kind == "cancellation" else subject,
                start=meeting.values.get("Start"),
                recurrence_id=meeting.recurrence_id,
            )
        )

    def _copies(self, to: Iterable[str]) -> tuple[tuple[str, str], ...]:
        """The delegates who get copies, each with the one for whom the mail is."""
        owners = self._owners(to)
        return tuple((each.email, owner.email) for owner in owners for each in self._inboxes.delegates_of(owner))

    def _of_uid(self, mailbox: str, uid: str) -> list[Item]:
        return [each for each in self._world.items(mailbox) if each.uid == uid]

    def _live_copy(self, person: Person, meeting: Meeting) -> Item | None:
        item = self.calendar_item(person.email, meeting.uid, meeting.recurrence_id)
        return item if item and item.folder not in self._bins(person.email) else None

    def _keep_sent(self, item: Item, draft: Draft) -> Item:
        values = {**draft.values, "DateTimeSent": self._world.now(), "IsRead": True}
        sender = self._actor(self._world.owner(item.mailbox))
        folder = self._world.folder(sender.email, "sentitems")
        return self._world.create(folder, replace(draft, values=values), by=item.modified_by)


def _recipient(person: Person) -> Recipient:
    return Recipient(person.name, person.email)


def refuse_answer(copy: Item, response: str) -> None:
    """Exchange's reasons not to take an answer.

    Raises:
        EwsError: the item is one's own meeting, or is cancelled.
    """
    suffix = {"Accept": "Accept", "Tentative": "Tentative", "Decline": "Decline"}[response]
    if is_organizers(copy):
        raise EwsError(f"ErrorCalendarIsOrganizerFor{suffix}", "The organizer does not answer his own meeting.")
    if copy.is_cancelled:
        raise EwsError(f"ErrorCalendarIsCancelledFor{suffix}", "The meeting is cancelled.")
