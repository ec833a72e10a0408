"""What both sides must hold, worked out from what people did on both (CON, PART, INV, ALM, NOTE, DEL, ID-6, MAP).

One meeting at a time: Exchange's copies of it by user, and the CRM's item. Each method is one thing somebody did, with
all that must follow from it once everything is settled. Two things done to one meeting at the same moment come out as
if the one in Outlook had been done first, because the CRM wins conflicts, sets merge, and a delete wins over an edit:
that is the whole of CON-1, CON-2 and CON-5 as far as the end state goes.

All participants who synchronize are known by their user ids, everybody else by what identifies him.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tests.oracle.mails import SILENT, Delegations, Leave, Post, Wish

CONTENT = ("subject", "notes", "location", "times", "priority", "restricted")
DEFAULT_REMINDER = 15
"""What a mailbox gives to appointments that say nothing of a reminder."""


@dataclass(frozen=True)
class Bank:
    """Who is there. `synchronized` users have mailboxes we write to; `invitable` ones can be invited at all.

    `contacts` are the addresses of contacts who are no users, with the contact of each.
    """

    synchronized: frozenset[str]
    invitable: frozenset[str]
    contacts: Mapping[str, str]
    delegations: Delegations = field(default_factory=Delegations)

    def is_user(self, person: str) -> bool:
        return person in self.synchronized or person in self.invitable


@dataclass
class Copy:
    """One user's copy. `block` is what the note in its body shows; `ours`: we wrote one there (NOTE-6)."""

    kind: str  # own | invited | direct
    content: dict[str, Any]
    reminder: int | None
    response: str = "none"
    cancelled: bool = False
    block: tuple[str, ...] = ()
    ours: bool = False


@dataclass
class Meeting:
    """A meeting on both sides. `organizer` None: an outsider, whose meeting is read-only (ID-6); `master` is then whose
    copy counts (ID-4).

    `gone`: the CRM's item is deleted, or cancelled. `ended` are the answers of users whose copies came to an end.
    """

    bank: Bank
    uid: str
    organizer: str | None
    content: dict[str, Any]
    crm_id: str | None = None
    owner: str | None = None
    master: str | None = None
    attendees: set[str] = field(default_factory=set)
    assign_to: set[str] = field(default_factory=set)
    for_: dict[str, str] = field(default_factory=dict)
    alarms: dict[str, tuple[int, ...]] = field(default_factory=dict)
    related: tuple[str, ...] = ()
    status: str = "open"
    copies: dict[str, Copy] = field(default_factory=dict)
    ended: dict[str, str] = field(default_factory=dict)
    threw_direct: set[str] = field(default_factory=set)
    deleted: bool = False
    refused: bool = False  # the CRM alone knows of it (INV-2)
    post: Post = field(default_factory=Post)
    log: list[str] = field(default_factory=list)

    @property
    def is_over(self) -> bool:
        """Whether Exchange holds nothing of it any more but what others keep."""
        return self.deleted or self.status == "cancelled"

    def is_past(self, now: datetime) -> bool:
        """INV-5, ALM-7."""
        return bool(self.content["times"][1] < now)

    def _is_past(self, now: datetime | None) -> bool:
        return now is not None and self.is_past(now)

    @property
    def own(self) -> Copy | None:
        return self.copies.get(self.organizer or "")

    @property
    def guests(self) -> bool:
        """NOTE-6: attendees who are no CRM users."""
        return any(not self.bank.is_user(each) for each in self.attendees)

    def live(self, user: str) -> bool:
        return user in self.copies and not self.copies[user].cancelled

    # people in Outlook

    def made_in_outlook(self, attendees: Iterable[str], *, reminder: int | None, told: bool) -> None:
        """The organizer makes it in his calendar."""
        assert self.organizer is not None
        self.owner = self.organizer
        self.copies[self.organizer] = Copy("own", dict(self.content), reminder, "organizer")
        self.assign_to = {self.organizer}
        if reminder is not None:
            self.alarms[self.organizer] = (reminder,)
        self._join(attendees)
        if told:
            self._deliver(reminder)

    def made_outside(self, attendees: Iterable[str], *, master: str) -> None:
        """An outsider invites users, the first of whom accepts (ID-4, ID-6)."""
        self._join(attendees)
        self._deliver(None)
        self.master = master
        self.copies[master].response = "accepted"

    def edited_in_outlook(self, changes: Mapping[str, Any], *, told: bool) -> None:
        """The organizer changes content; guests' copies follow by mail, direct copies by our hand (INV-6)."""
        own = self.own
        moved = "times" in changes and changes["times"] != self.content["times"]
        self.content |= changes
        if own is not None:
            own.content |= changes
            if "notes" in changes:
                own.block = ()  # a new body; what was overwritten is put back (NOTE-6)
                self._put_back(own, self.organizer)
        if told:
            self._deliver(own.reminder if own else None, moved=moved)
        for copy in self.copies.values():
            if copy.kind == "direct":
                copy.content |= changes

    def invited_in_outlook(self, people: Iterable[str]) -> None:
        self._join(people)
        self._deliver(self.own.reminder if self.own else None)

    def uninvited_in_outlook(self, person: str) -> None:
        """Told of it; a direct copy goes, an invited one is marked as cancelled."""
        self.attendees.discard(person)
        self.assign_to.discard(person)
        contact = self.bank.contacts.get(person)
        if contact and self.for_.get(contact) == "exchange":
            del self.for_[contact]
        copy = self.copies.get(person)
        if copy is not None and copy.kind == "direct":
            del self.copies[person]
        elif copy is not None:
            copy.cancelled = True
        self._deliver(self.own.reminder if self.own else None)

    def answered(self, user: str, answer: str) -> None:
        """PART-7, DEL-3: a declined copy is gone."""
        if answer == "declined":
            del self.copies[user]
            self.ended[user] = answer
        else:
            self.copies[user].response = answer

    def dropped(self, user: str) -> None:
        """DEL-3: somebody deletes his copy of another's meeting, telling nobody."""
        if self.copies.pop(user).kind == "direct":
            self.threw_direct.add(user)
        self.ended[user] = "removed"

    def changed_own_copy(self, user: str, changes: Mapping[str, Any]) -> None:
        """ID-3, ID-4, INV-6: what somebody changes in a copy that does not count stays there, and nowhere else."""
        self.copies[user].content |= changes
        if user == self.master:
            self.content |= changes

    def set_reminder(self, user: str, minutes: int | None) -> None:
        """ALM-5: the paired alarm is replaced or removed, the others stay."""
        copy = self.copies[user]
        kept = set(self.alarms.get(user, ())) - {copy.reminder}
        self.alarms[user] = tuple(sorted(kept if minutes is None else kept | {minutes}))
        copy.reminder = minutes

    def deleted_in_outlook(self, *, told: bool) -> None:
        """DEL-1, DEL-6: the organizer's copy goes, and with it the CRM's item and all direct copies."""
        self.deleted = True
        self.copies.pop(self.organizer or "", None)
        for user in [each for each, copy in self.copies.items() if copy.kind == "direct"]:
            del self.copies[user]
        for copy in self.copies.values():
            copy.cancelled = copy.cancelled or told

    # CRM users

    def made_in_crm(
        self,
        *,
        owner: str,
        assign_to: Iterable[str],
        for_: Iterable[str],
        wish: Wish = SILENT,
        now: datetime | None = None,
    ) -> None:
        """INV-6, INV-7: in the owner's calendar, and direct copies for the others; or these alone. Who is invited has
        no direct one.
        """
        self.owner = owner
        self.assign_to, self.for_ = set(assign_to), dict.fromkeys(for_, "crm")
        leave = self.bank.delegations.leave(wish, owner, creates=True)
        if leave is None:
            self.refused = True
            return
        if owner in self.bank.synchronized:
            self.organizer = owner
            self.attendees = (self.assign_to - {owner}) & self.bank.invitable
            self._put(owner, "own", is_past=self._is_past(now))
        if self.attendees and self._asks(wish, leave, now) != "none":
            self.post.tell_all(owner, leave, self.attendees)
            self._deliver(self.own.reminder if self.own else None, stated=True)
        for user in sorted(self.assign_to - {owner} if self.organizer else self.assign_to):
            if user not in self.copies:
                self._put(user, "direct", is_past=self._is_past(now))
        self._show_related()

    def edited_in_crm(
        self,
        changes: Mapping[str, Any],
        *,
        added: Iterable[str] = (),
        removed: Iterable[str] = (),
        for_added: Iterable[str] = (),
        for_removed: Iterable[str] = (),
        alarms: Mapping[str, tuple[int, ...]] | None = None,
        related: tuple[str, ...] | None = None,
        seen: Mapping[str, tuple[int, ...]] | None = None,
        wish: Wish = SILENT,
        now: datetime | None = None,
    ) -> None:
        """One change of one item: content, people, alarms (`seen` before), related information."""
        leave = self.bank.delegations.leave(wish, self.owner)
        if self.is_over or self.refused:
            return  # the delete wins (CON-5)
        touches = changes or related is not None or self._moves_guests(set(added), set(removed))
        if leave is None or (touches and self._is_hidden(leave)):
            return  # put back (INV-2)
        self.for_ |= {contact: "crm" for contact in for_added if contact not in self.for_}
        for contact in for_removed:
            self.for_.pop(contact, None)
        for user, minutes in (alarms or {}).items():
            self._change_alarms(user, minutes, seen=(seen or {}).get(user))
        self.related = self.related if related is None else related
        if self.organizer is not None or self.owner is not None:
            added = set(added) - self.assign_to
            whom = self._asks(wish, leave, now)
            if whom == "all" and (changes or self._moves_guests(added, set(removed))):
                self._tell_all(changes, added, set(removed), leave)
            else:
                invites = leave if whom == "added" else None
                self._change_content(changes, added, set(removed), invites=invites)
                self._put_directly(added, is_past=self._is_past(now))
        self._show_related()

    def _asks(self, wish: Wish, leave: Leave, now: datetime | None) -> str:
        """INV-3, INV-5, INV-7: whom to tell, where anybody may be told at all."""
        return wish.notify if leave.mails and self.own is not None and not self._is_past(now) else "none"

    def _is_hidden(self, leave: Leave) -> bool:
        """INV-1: private items are not for a delegate."""
        return leave.delegate is not None and self.own is not None and bool(self.own.content["restricted"])

    def _moves_guests(self, added: set[str], removed: set[str]) -> bool:
        return bool(added & self.bank.invitable - self.attendees or removed & self.attendees)

    def _change_alarms(self, user: str, minutes: tuple[int, ...], *, seen: tuple[int, ...] | None) -> None:
        """ALM-5: the nearest is Exchange's; who changed others alone leaves it as Exchange has it meanwhile (CON-1)."""
        held = set(self.alarms.get(user, ()))
        if seen is not None and set(seen) != held and min(seen, default=None) == min(minutes, default=None):
            self.alarms[user] = tuple(sorted((set(minutes) | (held - set(seen))) - (set(seen) - held)))
            return
        self.alarms[user] = tuple(sorted(minutes))
        if self.live(user):
            self.copies[user].reminder = min(minutes, default=None)

    def deleted_in_crm(self, *, cancelled: bool = False, wish: Wish = SILENT, now: datetime | None = None) -> None:
        """DEL-1, DEL-6: every copy we may write to goes, silently; or Exchange cancels what it invited to."""
        leave = self.bank.delegations.leave(wish, self.owner)
        if self.deleted or self.refused or leave is None or self._is_hidden(leave):
            return
        tells = self._asks(wish, leave, now) == "all"
        self.deleted, self.status = not cancelled, "cancelled" if cancelled else self.status
        if tells and self.organizer is not None:
            self.post.tell_the_end(self.organizer, leave, self.attendees)
        for user in [each for each in self.copies if each in self.bank.synchronized]:
            if tells and self.copies[user].kind == "invited":
                self.copies[user].cancelled = True
            else:
                del self.copies[user]

    def _tell_all(self, changes: Mapping[str, Any], added: set[str], removed: set[str], leave: Leave) -> None:
        """INV-3: everybody hears of it, also who is taken out; nobody invited is written to beside that (INV-6)."""
        assert self.organizer is not None
        out = removed & self.attendees
        moved = "times" in changes and changes["times"] != self.content["times"]
        for user in removed:
            copy = self.copies.get(user)
            if copy is not None and copy.kind == "invited":
                copy.cancelled = True
            else:
                self.copies.pop(user, None)
        self.assign_to = (self.assign_to - removed) | added
        self.attendees = (self.attendees - removed) | added & self.bank.invitable
        self.content |= changes
        if self.own is not None:
            self.own.content |= changes
        self.post.tell_all(self.organizer, leave, self.attendees, out=out)
        self._deliver(self.own.reminder if self.own else None, moved=moved, stated=True)

    def _change_content(
        self, changes: Mapping[str, Any], added: set[str], removed: set[str], *, invites: Leave | None = None
    ) -> None:
        """Told to nobody, or to who is new (`invites`)."""
        for user in removed:
            self.assign_to.discard(user)
            self.attendees.discard(user)
            self.copies.pop(user, None)
        self.content |= changes
        self.assign_to |= added
        for user, copy in self.copies.items():
            if not copy.cancelled and user in {*self.assign_to, self.organizer}:
                copy.content |= changes
        new = added & self.bank.invitable - self.attendees if self.organizer is not None else set()
        self.attendees |= new
        if invites is not None and self.organizer is not None:
            self.post.tell_added(self.organizer, invites, new)
            for user in sorted(new & self.bank.synchronized):
                self._invite(user, dict(self.content), self._own_reminder, stated=True)

    def _put_directly(self, added: set[str], *, is_past: bool) -> None:
        for user in sorted(added):
            if user not in self.copies:
                self._put(user, "direct", is_past=is_past)

    # what follows

    def _join(self, people: Iterable[str]) -> None:
        """PART-1: users to Assign To, contacts to For."""
        for person in people:
            self.attendees.add(person)
            if self.bank.is_user(person):
                self.assign_to.add(person)
            elif person in self.bank.contacts:
                self.for_.setdefault(self.bank.contacts[person], "exchange")

    def _put(self, user: str, kind: str, *, is_past: bool = False) -> None:
        """A copy of ours. An alarm the CRM does not state is the server's, and comes in (ALM-8); what is past has none
        (ALM-7).
        """
        if user not in self.bank.synchronized:
            return
        self.ended.pop(user, None)
        minutes = self.alarms.setdefault(user, () if is_past else (DEFAULT_REMINDER,))
        response = "organizer" if kind == "own" else "none"
        self.copies[user] = Copy(kind, dict(self.content), min(minutes, default=None), response)

    @property
    def _own_reminder(self) -> int:
        reminder = self.own.reminder if self.own else None
        return DEFAULT_REMINDER if reminder is None else reminder

    def _deliver(self, reminder: int | None, *, moved: bool = False, stated: bool = False) -> None:
        """The organizer's item goes to all attendees by mail; `stated`: because the CRM said so."""
        self.post.told |= self.attendees
        content = self.own.content if self.own else self.content
        for user in sorted(self.attendees & self.bank.synchronized):
            known = self.copies.get(user)
            if known is None or known.kind == "direct":
                minutes = DEFAULT_REMINDER if reminder is None else reminder
                self._invite(user, dict(content), minutes, stated=stated)
                continue
            if moved or known.content["times"] != content["times"]:
                known.response = "none"
            known.content, known.cancelled = dict(content), False
            known.block = self.own.block if self.own else ()
            self._put_back(known, user)

    def _invite(self, user: str, content: dict[str, Any], reminder: int, *, stated: bool = False) -> None:
        """A copy comes by mail, in the place of a direct one if there is: that one's alarm is written to it, and that
        which the CRM stated of whom it invites itself, even if he threw away what he had of it (INV-6).
        """
        old = self.copies.pop(user, None)
        self.ended.pop(user, None)
        copy = Copy("invited", content, reminder)
        self.copies[user] = copy
        copy.block = self.own.block if self.own else ()
        had_direct = stated or old is not None or user in self.threw_direct
        self.threw_direct.discard(user)
        if had_direct and user in self.alarms:
            copy.reminder = min(self.alarms[user], default=None)
        else:
            self.alarms[user] = (reminder,)
        if had_direct:
            self._show(copy, user)

    # the note of related information

    def _wanted(self, user: str | None) -> tuple[str, ...]:
        return () if self.guests and user == self.organizer else self.related

    def _show_related(self) -> None:
        """NOTE-5: with every event of the CRM."""
        for user, copy in self.copies.items():
            if not copy.cancelled and user in {*self.assign_to, self.organizer}:
                self._show(copy, user)

    def _show(self, copy: Copy, user: str | None) -> None:
        copy.block = self._wanted(user)
        copy.ours = bool(copy.block)

    def _put_back(self, copy: Copy, user: str | None) -> None:
        """NOTE-6: a block that Exchange overwrote."""
        if copy.ours and not copy.block:
            self._show(copy, user)
