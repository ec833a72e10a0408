"""People on both sides: what they do in Outlook and in the CRM, at random, and what the oracle is told of it.

In a round every meeting has one thing done to it, or two at the same moment: one in Outlook and one in the CRM. They
never do what no rule decides, such as taking somebody out on one side while the other side invites him.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from exchangelib import Attendee, CalendarItem, Mailbox
from exchangelib.items import SEND_ONLY_TO_ALL

from schemas import ids
from tests.oracle.mails import Wish
from tests.oracle.sides import Bank, Meeting
from tests.support.house import House
from tests.support.outlook import Outlook

SYNCHRONIZED = ("anna", "bob", "cleo", "dora", "emil")
UNSYNCHRONIZED, UNREACHABLE = "fay", "gus"
CLIENTS = {"client1@client.example": "c-1", "client2@client.example": "c-2"}
CRM_CONTACTS = ("c-3", "c-4")
STRANGERS = ("xenia@else.example", "yuri@else.example")
REMINDERS = (None, 0, 5, 30, 60, 10080)
PRIORITIES = {"A": "High", "B": "Normal", "C": "Low"}
FIRST_DAY = timedelta(days=30)

ANNA = Wish("u-anna")
"""Who changes things in the CRM if nobody else is named, telling nobody."""

Act = Callable[[], Awaitable[None]]


class Swift(Outlook):
    """An Outlook that finds a meeting by a list of ids, and then fetches that one alone."""

    def copy(self, uid: str, *, folder: str = "calendar") -> CalendarItem:
        listed = getattr(self.account, folder).all().only("id", "changekey", "uid")
        found = [item for item in listed if getattr(item, "uid", None) == uid]
        assert found, f"{self.address} has no copy of the meeting in {folder}"
        return next(iter(self.account.fetch([found[0]])))

    def invite(self, uid: str, *addresses: str) -> None:
        """Tells everybody, also of what was an appointment of his own until now."""
        item = self.copy(uid)
        added = [Attendee(mailbox=Mailbox(email_address=address)) for address in addresses]
        item.required_attendees = [*(item.required_attendees or ()), *added]
        item.save(update_fields=["required_attendees"], send_meeting_invitations=SEND_ONLY_TO_ALL)


class Outlooks:
    """Everybody's Outlook, by user."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._opened: dict[str, Swift] = {}

    def __call__(self, user: str) -> Swift:
        if user not in self._opened:
            address = address_of(user)
            self._opened[user] = Swift(self._url, address, address.partition("@")[0])
        return self._opened[user]


def a_bank() -> Bank:
    users = frozenset(f"u-{name}" for name in SYNCHRONIZED)
    return Bank(synchronized=users, invitable=users | {f"u-{UNSYNCHRONIZED}"}, contacts=CLIENTS)


def address_of(person: str) -> str:
    return f"{person.removeprefix('u-')}@bank.example" if person.startswith("u-") else person


@dataclass
class Players:
    """Everybody who acts on either side of a house."""

    house: House
    random: Random
    outlooks: Outlooks
    bank: Bank = field(default_factory=a_bank)
    meetings: list[Meeting] = field(default_factory=list)
    _words: int = 0

    # rounds

    async def make(self) -> None:
        """A new meeting, on one side or the other."""
        choice = self.random.random()
        if choice < 0.45:
            await self._make_in_outlook()
        elif choice < 0.9:
            await self._make_in_crm()
        else:
            await self._make_outside()

    async def go_on(self) -> list[Act]:
        """Something is done to every meeting that is not over: in Outlook at once; the CRM's part is handed back."""
        later: list[Act] = []
        for meeting in self.meetings:
            if meeting.is_over or meeting.crm_id is None:
                continue
            where = self.random.choice(["outlook", "crm", "crm", "both", "both"])
            later += await self._one_side(meeting, where) if where != "both" else await self._both_sides(meeting)
        return later

    async def _one_side(self, meeting: Meeting, where: str) -> list[Act]:
        if where == "crm":
            return [self._in_crm(meeting)]
        act = self.random.choice(self._outlook_acts(meeting) or [self._nothing])
        await act()
        return []

    async def _both_sides(self, meeting: Meeting) -> list[Act]:
        """At the same moment: content against content, an alarm against an alarm, a delete against an edit."""
        pairs = [self._content_twice, self._content_twice, self._alarm_twice, self._people_twice, self._answer_and_edit]
        pairs += [self._delete_and_edit] if self.random.random() < 0.3 else []
        return await self.random.choice(pairs)(meeting)

    async def _content_twice(self, meeting: Meeting) -> list[Act]:
        if meeting.own is None:
            return [self._in_crm(meeting)]
        told = self.random.random() < 0.5 and self._all_have_copies(meeting)
        names = self.random.sample(list(meeting.content), self.random.randint(1, 2))
        await self._edit_in_outlook(meeting, self._changes(meeting, *names), told=told)
        same = [*names, *self.random.sample(list(meeting.content), 1)]
        return [self._edit_in_crm(meeting, self._changes(meeting, *dict.fromkeys(same)))]

    async def _alarm_twice(self, meeting: Meeting) -> list[Act]:
        users = [user for user in meeting.copies if meeting.live(user) and user in self.bank.synchronized]
        if not users:
            return [self._in_crm(meeting)]
        user, other = self.random.choice(users), self.random.choice(users)
        before = min(meeting.alarms.get(user, ()), default=None)
        await self._set_reminder(meeting, user)
        minutes = self._alarms()
        while user == other and meeting.copies[user].reminder is None and min(minutes, default=None) == before:
            minutes = self._alarms()  # no rule says whether that is the change after which another one goes out (ALM-5)
        return [self._edit_in_crm(meeting, {}, alarms={other: minutes})]

    async def _people_twice(self, meeting: Meeting) -> list[Act]:
        if meeting.own is None:
            return [self._in_crm(meeting)]
        await self._invite(meeting, guests=meeting.guests or not meeting.related)
        free = self._uninvolved(meeting)
        if not free:
            return []
        return [self._edit_in_crm(meeting, {}, added=[self.random.choice(free)])]

    async def _answer_and_edit(self, meeting: Meeting) -> list[Act]:
        if acts := self._attendees_acts(meeting):
            await self.random.choice(acts)()
        return [self._edit_in_crm(meeting, self._changes(meeting, self.random.choice(list(meeting.content))))]

    async def _delete_and_edit(self, meeting: Meeting) -> list[Act]:
        if meeting.own is None:
            return [self._in_crm(meeting)]
        changes = self._changes(meeting, self.random.choice(list(meeting.content)))
        if self.random.random() < 0.5:
            await self._delete_in_outlook(meeting)
            return [self._edit_in_crm(meeting, changes)]
        await self._edit_in_outlook(meeting, changes, told=False)
        return [self._delete_in_crm(meeting)]

    # in Outlook

    async def _make_in_outlook(self) -> None:
        user = f"u-{self.random.choice(SYNCHRONIZED)}"
        people = self._some_people(user)
        content, reminder = self._content(), self.random.choice(REMINDERS)
        told = bool(people) and self.random.random() < 0.85
        alarm = {"reminder_is_set": reminder is not None, "reminder_minutes_before_start": reminder or 0}
        written = self._in_outlooks_words(content)
        uid = await self.house.does(
            self.outlooks(user).meet,
            written.pop("subject"),
            required=[address_of(each) for each in people],
            private=written.pop("sensitivity") != "Normal",
            silent=not told,
            **written,
            **alarm,
        )
        meeting = Meeting(self.bank, uid, user, content)
        meeting.made_in_outlook(people, reminder=reminder, told=told)
        self._note(meeting, f"made in Outlook by {user}, {people}, told {told}, reminder {reminder}")
        self.meetings.append(meeting)

    async def _make_outside(self) -> None:
        people = self.random.sample([f"u-{name}" for name in SYNCHRONIZED], 2)
        content = self._content() | {"restricted": False, "priority": "B"}
        start, end = content["times"]
        uid = self.house.outsider(
            *map(address_of, people),
            subject=content["subject"],
            body=content["notes"],
            location=content["location"],
            start=start,
            end=end,
        )
        await self.house.does(self.outlooks(people[0]).accept, uid)
        meeting = Meeting(self.bank, uid, None, content)
        meeting.made_outside(people, master=people[0])
        self._note(meeting, f"made by an outsider, {people}")
        self.meetings.append(meeting)

    def _outlook_acts(self, meeting: Meeting) -> list[Act]:
        acts = self._attendees_acts(meeting)
        for user in meeting.copies:
            if meeting.live(user) and user in self.bank.synchronized:
                acts.append(lambda user=user: self._set_reminder(meeting, user))  # type: ignore[misc]
        if meeting.own is None:
            return acts
        one = self.random.choice(list(meeting.content))
        told = self.random.random() < 0.6
        acts += [lambda: self._edit_in_outlook(meeting, self._changes(meeting, one), told=told)] * 3
        acts += [lambda: self._invite(meeting)]
        acts += [lambda: self._uninvite(meeting)] if meeting.attendees else []
        acts += [lambda: self._delete_in_outlook(meeting)] if self.random.random() < 0.2 else []
        return acts

    def _attendees_acts(self, meeting: Meeting) -> list[Act]:
        acts: list[Act] = []
        for user, copy in meeting.copies.items():
            if copy.cancelled or user == meeting.organizer or user not in self.bank.synchronized:
                continue
            acts.append(lambda user=user: self._change_own_copy(meeting, user))  # type: ignore[misc]
            if copy.kind == "invited" and meeting.organizer is not None:
                for answer in ("accepted", "tentative", "declined"):
                    acts.append(lambda user=user, answer=answer: self._answer(meeting, user, answer))  # type: ignore[misc]  # noqa: PERF401
            if meeting.organizer is not None:
                acts.append(lambda user=user: self._drop(meeting, user))  # type: ignore[misc]
        return acts

    async def _edit_in_outlook(self, meeting: Meeting, changes: dict[str, Any], *, told: bool) -> None:
        told = told and bool(meeting.attendees)
        written = self._in_outlooks_words(changes)
        await self.house.does(self._of(meeting.organizer).edit, meeting.uid, silent=not told, **written)
        meeting.edited_in_outlook(changes, told=told)
        self._note(meeting, f"organizer edited {changes}, told {told}")

    async def _invite(self, meeting: Meeting, *, guests: bool = True) -> None:
        """Somebody new; a first guest not while a CRM event is on its way, which takes the block away or does not
        (NOTE-5, NOTE-6), as it comes after him or before.
        """
        known = meeting.attendees | meeting.assign_to | set(meeting.copies)
        everybody = [*(f"u-{name}" for name in SYNCHRONIZED), *CLIENTS, *STRANGERS, f"u-{UNSYNCHRONIZED}"]
        everybody = everybody if guests else [each for each in everybody if self.bank.is_user(each)]
        contacts = {contact for contact, source in meeting.for_.items() if source == "crm"}
        free = [each for each in everybody if each not in known and CLIENTS.get(each) not in contacts]
        if not free:
            return
        person = self.random.choice(free)
        await self.house.does(self._of(meeting.organizer).invite, meeting.uid, address_of(person))
        meeting.invited_in_outlook([person])
        self._note(meeting, f"organizer invited {person}")

    async def _uninvite(self, meeting: Meeting) -> None:
        person = self.random.choice(sorted(meeting.attendees))
        await self.house.does(self._of(meeting.organizer).uninvite, meeting.uid, address_of(person))
        meeting.uninvited_in_outlook(person)
        self._note(meeting, f"organizer took out {person}")

    async def _answer(self, meeting: Meeting, user: str, answer: str) -> None:
        outlook = self.outlooks(user)
        acts = {"accepted": outlook.accept, "tentative": outlook.tentatively_accept, "declined": outlook.decline}
        await self.house.does(acts[answer], meeting.uid)
        meeting.answered(user, answer)
        self._note(meeting, f"{user} {answer}")

    async def _drop(self, meeting: Meeting, user: str) -> None:
        await self.house.does(self.outlooks(user).delete, self._uid(meeting, user))
        meeting.dropped(user)
        self._note(meeting, f"{user} deleted his copy")

    async def _change_own_copy(self, meeting: Meeting, user: str) -> None:
        changes = self._changes(meeting, "location")
        await self.house.does(self.outlooks(user).edit, self._uid(meeting, user), silent=True, **changes)
        meeting.changed_own_copy(user, changes)
        self._note(meeting, f"{user} changed his own copy {changes}")

    async def _set_reminder(self, meeting: Meeting, user: str) -> None:
        minutes = self.random.choice(REMINDERS)
        await self.house.does(self.outlooks(user).set_reminder, self._uid(meeting, user), minutes)
        meeting.set_reminder(user, minutes)
        self._note(meeting, f"{user} set his reminder to {minutes}")

    async def _delete_in_outlook(self, meeting: Meeting) -> None:
        told = bool(meeting.attendees) and self.random.random() < 0.5
        outlook = self._of(meeting.organizer)
        await self.house.does(outlook.cancel if told else outlook.delete, meeting.uid)
        meeting.deleted_in_outlook(told=told)
        self._note(meeting, f"organizer deleted it, told {told}")

    # in the CRM

    async def _make_in_crm(self) -> None:
        owner = f"u-{self.random.choice([*SYNCHRONIZED, *SYNCHRONIZED, UNREACHABLE])}"
        others = self.random.sample([*SYNCHRONIZED, UNSYNCHRONIZED, UNREACHABLE], self.random.randint(0, 3))
        assign_to = sorted({owner, *(f"u-{name}" for name in others)})
        for_ = self.random.sample(CRM_CONTACTS, self.random.randint(0, 1))
        content, wish = self._content(), self.wish(owner)
        stated = self.random.sample(assign_to, self.random.randint(0, len(assign_to)))
        stated = [] if content["times"][1] < self.house.clock() else stated  # nobody is reminded of it (ALM-7)
        alarms = {user: self._alarms() for user in stated if user in self.bank.synchronized}
        related = (self._word(),) if self.random.random() < 0.4 else ()
        item = self._in_crms_words(content) | {
            "zone": "Europe/Berlin",
            "owner": owner,
            "assign_to": assign_to,
            "for": [{"contact": each} for each in for_],
            "alarms": {user: list(minutes) for user, minutes in alarms.items()},
            "related": self._related(related),
        }
        record = await self.house.crm.create({**asked(wish), "item": item})
        meeting = Meeting(self.bank, ids.uid_of_crm(record["id"]), None, content, crm_id=record["id"])
        meeting.alarms = {user: tuple(sorted(minutes)) for user, minutes in alarms.items()}
        meeting.related = related
        meeting.made_in_crm(owner=owner, assign_to=assign_to, for_=for_, wish=wish, now=self.house.clock())
        self._note(meeting, f"made in the CRM by {wish}, {assign_to}, {for_}, alarms {alarms}, related {related}")
        self.meetings.append(meeting)

    def wish(self, owner: str | None) -> Wish:
        """Who makes an item of somebody's, and whom he wants told."""
        return Wish(owner)

    def _in_crm(self, meeting: Meeting) -> Act:
        """One thing a CRM user does."""
        acts = [self._content_in_crm, self._content_in_crm, self._alarm_in_crm, self._related_in_crm, self._for_in_crm]
        if meeting.organizer is not None or meeting.owner is not None:
            acts += [self._people_in_crm, self._people_in_crm]
            acts += [lambda each: self._delete_in_crm(each)] if self.random.random() < 0.15 else []
        return self.random.choice(acts)(meeting)

    def _content_in_crm(self, meeting: Meeting, *, wish: Wish = ANNA) -> Act:
        names = self.random.sample(list(meeting.content), self.random.randint(1, 3))
        return self._edit_in_crm(meeting, self._changes(meeting, *names), wish=wish)

    def _alarm_in_crm(self, meeting: Meeting, *, wish: Wish = ANNA) -> Act:
        users = [user for user in sorted(meeting.assign_to) if meeting.live(user) and user in self.bank.synchronized]
        if not users:
            return self._content_in_crm(meeting, wish=wish)
        return self._edit_in_crm(meeting, {}, alarms={self.random.choice(users): self._alarms()}, wish=wish)

    def _related_in_crm(self, meeting: Meeting, *, wish: Wish = ANNA) -> Act:
        related = tuple(self._word() for _ in range(self.random.randint(0, 2)))
        return self._edit_in_crm(meeting, {}, related=related, wish=wish)

    def _for_in_crm(self, meeting: Meeting, *, wish: Wish = ANNA) -> Act:
        there = sorted(meeting.for_)
        if there and self.random.random() < 0.5:
            return self._edit_in_crm(meeting, {}, for_removed=[self.random.choice(there)], wish=wish)
        return self._edit_in_crm(meeting, {}, for_added=[self.random.choice(CRM_CONTACTS)], wish=wish)

    def _people_in_crm(self, meeting: Meeting, *, wish: Wish = ANNA) -> Act:
        free = self._uninvolved(meeting)
        there = sorted(meeting.assign_to - {meeting.organizer or "", meeting.owner or ""})
        if there and (not free or self.random.random() < 0.5):
            return self._edit_in_crm(meeting, {}, removed=[self.random.choice(there)], wish=wish)
        return self._edit_in_crm(meeting, {}, added=[self.random.choice(free)] if free else [], wish=wish)

    def _edit_in_crm(self, meeting: Meeting, changes: Mapping[str, Any], *, wish: Wish = ANNA, **more: Any) -> Act:
        """A CRM user's edit, made later; the oracle hears of it at once."""
        shown = next((each["item"] for each in self.house.crm.items() if each["id"] == meeting.crm_id), {})
        news = {name: value for name, value in changes.items() if value != _shown(shown, name)}
        seen = {user: tuple(minutes) for user, minutes in (shown.get("alarms") or {}).items()}
        now = self.house.clock()
        meeting.edited_in_crm(news, **more, seen=seen, wish=wish, now=now)  # who states what it holds changes nothing
        self._note(meeting, f"CRM edited {dict(changes)} {more} by {wish}")

        async def edit() -> None:
            shown = next(each["item"] for each in self.house.crm.items() if each["id"] == meeting.crm_id)
            fields = self._in_crms_words(changes) | self._people(shown, **more)
            await self.house.crm.edit(meeting.crm_id or "", {**asked(wish), "item": fields})

        return edit

    def _people(self, shown: Mapping[str, Any], **more: Any) -> dict[str, Any]:
        """What a CRM user states, who sees what the CRM holds when he does."""
        fields: dict[str, Any] = {}
        if "added" in more or "removed" in more:
            users = (set(shown["assign_to"]) | set(more.get("added", ()))) - set(more.get("removed", ()))
            fields["assign_to"] = sorted(users)
        if "for_added" in more or "for_removed" in more:
            known = {entry["contact"]: entry for entry in shown.get("for", ())}
            entries = {contact: {"contact": contact} for contact in more.get("for_added", ())} | known
            fields["for"] = [entry for contact, entry in entries.items() if contact not in more.get("for_removed", ())]
        if "alarms" in more:
            stated = {user: list(minutes) for user, minutes in more["alarms"].items()}
            fields["alarms"] = shown.get("alarms", {}) | stated
        if "related" in more:
            fields["related"] = self._related(more["related"])
        return fields

    def _delete_in_crm(self, meeting: Meeting, *, wish: Wish = ANNA) -> Act:
        cancelled = self.random.random() < 0.4
        meeting.deleted_in_crm(cancelled=cancelled, wish=wish, now=self.house.clock())
        self._note(meeting, f"CRM deleted it, cancelled {cancelled}, by {wish}")

        async def delete() -> None:
            if cancelled:
                await self.house.crm.edit(meeting.crm_id or "", {**asked(wish), "item": {"status": "cancelled"}})
            else:
                await self.house.crm.delete(meeting.crm_id or "", asked(wish))

        return delete

    # who and what

    def _uninvolved(self, meeting: Meeting) -> list[str]:
        """Users whom the CRM may add: nobody who has, or had, anything of it in his mailbox by an invitation."""
        known = meeting.assign_to | meeting.attendees | set(meeting.copies) | set(meeting.ended)
        return [f"u-{n}" for n in (*SYNCHRONIZED, UNSYNCHRONIZED, UNREACHABLE) if f"u-{n}" not in known]

    def _all_have_copies(self, meeting: Meeting) -> bool:
        there = {user for user, copy in meeting.copies.items() if copy.kind == "invited" and not copy.cancelled}
        return meeting.attendees & self.bank.synchronized <= there

    def _some_people(self, host: str) -> list[str]:
        users = [f"u-{name}" for name in (*SYNCHRONIZED, UNSYNCHRONIZED) if f"u-{name}" != host]
        guests = [*CLIENTS, *STRANGERS]
        chosen = self.random.sample(users, self.random.randint(0, 3))
        return chosen + self.random.sample(guests, self.random.choice([0, 0, 1, 2]))

    def _uid(self, meeting: Meeting, user: str) -> str:
        is_direct = meeting.copies[user].kind == "direct"
        return ids.uid_of_direct_copy(meeting.crm_id or "", user) if is_direct else meeting.uid

    def _content(self) -> dict[str, Any]:
        return {
            "subject": f"Subject {self._word()}",
            "notes": f"Notes on {self._word()}",
            "location": f"Place {self._word()}",
            "times": self._times(),
            "priority": self.random.choice("ABBC"),
            "restricted": self.random.random() < 0.2,
        }

    def _changes(self, meeting: Meeting, *names: str) -> dict[str, Any]:
        """New values of these fields."""
        fresh = self._content() | {"restricted": not meeting.content["restricted"]}
        fresh["priority"] = self.random.choice([each for each in "ABC" if each != meeting.content["priority"]])
        return {name: fresh[name] for name in names}

    def _times(self) -> tuple[datetime, datetime]:
        morning = self.house.clock().replace(hour=7, minute=0, second=0, microsecond=0) + FIRST_DAY
        start = morning + timedelta(days=self.random.randint(0, 40), minutes=15 * self.random.randint(0, 30))
        return start, start + timedelta(minutes=self.random.choice([15, 30, 60]))

    def _alarms(self) -> tuple[int, ...]:
        return tuple(self.random.sample([0, 10, 45, 120], self.random.choice([0, 1, 1, 2])))

    def _word(self) -> str:
        self._words += 1
        return f"w{self._words:04d}{self.random.randrange(16**4):04x}"

    def _related(self, titles: tuple[str, ...]) -> list[dict[str, str]]:
        return [{"kind": "opportunity", "id": f"o-{title}", "title": title} for title in titles]

    def _in_crms_words(self, content: Mapping[str, Any]) -> dict[str, Any]:
        fields = dict(content)
        if "times" in fields:
            fields["start"], fields["end"] = (each.isoformat() for each in fields.pop("times"))
        return fields

    def _in_outlooks_words(self, content: Mapping[str, Any]) -> dict[str, Any]:
        fields = dict(content)
        if "times" in fields:
            fields["start"], fields["end"] = fields.pop("times")
        if "notes" in fields:
            fields["body"] = fields.pop("notes")
        if "priority" in fields:
            fields["importance"] = PRIORITIES[fields.pop("priority")]
        if "restricted" in fields:
            fields["sensitivity"] = "Private" if fields.pop("restricted") else "Normal"
        return fields

    def learn_ids(self) -> None:
        """The CRM's ids of what was made in Outlook."""
        by_uid = {each["uid"]: each["id"] for each in self.house.crm.items()}
        for meeting in self.meetings:
            meeting.crm_id = meeting.crm_id or by_uid.get(meeting.uid)

    def _of(self, user: str | None) -> Swift:
        assert user is not None
        return self.outlooks(user)

    def _note(self, meeting: Meeting, what: str) -> None:
        meeting.log.append(what)

    async def _nothing(self) -> None:
        """Nobody does anything."""


def asked(wish: Wish) -> dict[str, Any]:
    """What the CRM is told of who does it, and who shall hear of it."""
    actor = None if wish.actor is None else {"user": wish.actor, "on_behalf_of": wish.on_behalf_of}
    return {"actor": actor, "notify": wish.notify}


def _shown(item: Mapping[str, Any], name: str) -> object:
    if name == "times" and "start" in item:
        return utc(item["start"]), utc(item["end"])
    return item.get(name)


def utc(moment: str) -> datetime:
    return datetime.fromisoformat(moment).astimezone(UTC)
