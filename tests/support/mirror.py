"""An Exchange and a CRM in a few lines, so that a whole conversation about one meeting can be played without I/O.

`a_bank(world, meeting)` is in peace. People change things on either side (`in_outlook`, `in_crm`), in any order; what
the decisions ask for is carried out at once (`hint`, `deliver`), and `until_quiet` lets both sides talk it out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from handlers import effects, inbound, outbound
from handlers.authority import Authority, is_live
from handlers.crm_changes import CrmChange, Kind
from handlers.edits import edit_of
from handlers.effects import Effect, Operation
from handlers.inbound import Sighting
from handlers.links import Link
from handlers.plans import Delete, Plan, Report, Upsert
from schemas import ids
from schemas.copies import Attendee, Copy, Folder, Role, Shape
from schemas.edits import UNSET, Edit, Unset
from schemas.items import Moment, Response, ScheduleItem
from schemas.items import wire_name as wire
from schemas.sending import Whom
from tests.support.world import World, a_link, copy_of

DEFAULT_REMINDER = 15
"""What a server gives a new item if nobody says otherwise."""


def untouched(copy: Copy) -> Copy:
    """A server that keeps what it is given."""
    return copy


@dataclass
class Bank:
    """One meeting in mailboxes, in the CRM, and the link between both.

    `copies` are by mailbox and item id, `edited_in` the version of a CRM user's last edit. `rewrite` is what the server
    makes of what it is given. `writes`, `commands` and `reports` are everything that was done so far; `mails` are what
    Exchange sent because of it, to whom, and `told` everybody who ever got one.
    """

    world: World
    link: Link = field(default_factory=a_link)
    copies: dict[tuple[str, str], Copy] = field(default_factory=dict)
    crm: ScheduleItem | None = None
    crm_id: str = "si-1"
    crm_version: int = 0
    crm_revision: int = 0
    edited_in: int = 0
    rewrite: Callable[[Copy], Copy] = untouched
    told: set[str] = field(default_factory=set)
    mails: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)
    events: list[CrmChange] = field(default_factory=list)
    writes: list[Effect] = field(default_factory=list)
    commands: list[Upsert | Delete] = field(default_factory=list)
    reports: list[Report] = field(default_factory=list)
    _keys: int = 0

    # What people do

    def in_outlook(self, mailbox: str, **changed: Any) -> Copy:
        """Somebody changes the copy that lies in a mailbox."""
        copy = self.copy_in(mailbox)
        self.copies[mailbox, copy.item_id] = replace(copy, change_key=self._next_key(), **changed)
        return self.copies[mailbox, copy.item_id]

    def sent_in_outlook(self, mailbox: str) -> None:
        """The organizer tells everybody how the meeting in his mailbox is."""
        meeting = self.copy_in(mailbox)
        self.told |= {each.address for each in meeting.attendees}
        for user in self.world.users:
            if user.mailbox is not None and user.mailbox in {each.address for each in meeting.attendees}:
                self._receive(user.mailbox, meeting)

    def deleted_in_outlook(self, mailbox: str) -> None:
        """Somebody moves it to Deleted Items."""
        self.in_outlook(mailbox, folder=Folder.DELETED_ITEMS)

    def in_crm(
        self,
        *,
        kind: Kind = Kind.CHANGED,
        notify: str = "none",
        actor: str | None = None,
        on_behalf_of: str | None = None,
        **changed: Any,
    ) -> None:
        """A CRM user changes the item; the event is on its way (`deliver`)."""
        self.crm = replace(self.crm or ScheduleItem(), **changed)
        self.crm_version += 1
        self.edited_in = self.crm_version
        after = self.crm if kind is Kind.CHANGED else None
        self._tell(kind=kind, after=after, notify=notify, actor=actor, on_behalf_of=on_behalf_of)

    # What the daemon does

    def deliver(self) -> None:
        """All CRM events on their way arrive and are carried out; a copy that changed meanwhile is read first."""
        while self.events:
            self._deliver(self.events.pop(0))

    def _deliver(self, event: CrmChange) -> None:
        for _ in range(3):
            plan = outbound.decide(self.link, event, around=self.world.around)
            if any(self._is_stale(effect) for effect in plan.effects):
                plan = outbound.decide(self._current(), event, around=self.world.around)
            if not self._is_overtaken(plan):
                self.settle(plan)
                return
        raise AssertionError("overtaken again and again")

    def _is_overtaken(self, plan: Plan) -> bool:
        """Whether Exchange brings messages to copies that the plan writes, too: what comes first of it is done then."""
        mailed = any(effect.sending.mails for effect in plan.effects)
        others = [each for each in plan.effects if not each.authoritative and each.operation is Operation.UPDATE]
        if not mailed or not others:
            return False
        first = [each for each in plan.effects if each.authoritative]
        for effect in first:
            known = self.carry_out(effect, self.link).replica(effect.mailbox)
            item_id, change_key = (known.item_id, known.change_key) if known else (effect.item_id, "")
            self.link = effects.progressed(self.link, effect, item_id=item_id, change_key=change_key)
        self.writes.extend(first)
        self.link = self._current()
        return True

    def hint(self, mailbox: str) -> Plan:
        """A hint comes through a mailbox."""
        user = self.world.user_at(mailbox)
        direct = [each for each in self.copies.values() if each.mailbox == mailbox and self.is_direct(each)]
        if direct and not any(not self.is_direct(each) and is_live(each) for each in self._all_in(mailbox)):
            newest = min(direct, key=lambda copy: not is_live(copy))
            return self.settle(
                inbound.decide_direct(self.link, Sighting(mailbox, user, newest), around=self.world.around)
            )
        copies = [each for each in self.copies.values() if not self.is_direct(each)]
        return self.settle(self.world.hinted(user, copies=copies, link=self._reread(self.link)))

    def until_quiet(self, *, rounds: int = 6) -> None:
        """Hints from every mailbox and whatever the CRM says, until nothing is done any more."""
        for _ in range(rounds):
            before = len(self.writes) + len(self.commands)
            self.deliver()
            for mailbox in sorted({mailbox for mailbox, _ in self.copies}):
                self.hint(mailbox)
            self.deliver()
            if len(self.writes) + len(self.commands) == before:
                return
        raise AssertionError(f"still talking after {rounds} rounds: {self.writes[-3:]}, {self.commands[-3:]}")

    # What there is

    def copy_in(self, mailbox: str) -> Copy:
        """The one copy in a mailbox, one outside Deleted Items if there is."""
        found = [copy for (where, _), copy in self.copies.items() if where == mailbox]
        assert found, f"nothing lies in {mailbox}"
        return min(found, key=lambda copy: not is_live(copy))

    def _all_in(self, mailbox: str) -> list[Copy]:
        return [copy for (where, _), copy in self.copies.items() if where == mailbox]

    def invited_in(self, mailbox: str) -> Copy:
        """The copy that an invitation brought into a mailbox."""
        [copy] = [each for each in self._all_in(mailbox) if not self.is_direct(each)]
        return copy

    def live_in(self, mailbox: str) -> list[Copy]:
        """What a person finds in a mailbox's calendar."""
        return [copy for (where, _), copy in self.copies.items() if where == mailbox and is_live(copy)]

    def is_direct(self, copy: Copy) -> bool:
        """Whether it is a direct copy."""
        user = self.world.user_at(copy.mailbox)
        return copy.marker is not None and copy.uid == ids.uid_of_direct_copy(copy.marker, user.id)

    # How it works

    def _is_stale(self, effect: Effect) -> bool:
        """Whether Exchange would refuse it, because the copy is no longer as the plan took it to be."""
        copy = self.copies.get((effect.mailbox, effect.item_id))
        if effect.operation is Operation.UPDATE or (effect.occurrence is not None and effect.item_id):
            return copy is None or copy.change_key != effect.change_key
        return False

    def _current(self) -> Link:
        """The link after copies that changed since were read, as a refused change key makes the daemon do."""
        link = self._reread(self.link)
        owner = self.world.facts().by_id.get(link.exchange.owner or "") if link.exchange else None
        replica = link.replica_of(owner.id) if owner else None
        copy = self.copies.get((replica.mailbox, replica.item_id)) if replica else None
        if owner is None or replica is None or copy is None or copy.change_key == replica.change_key:
            return link
        if not is_live(copy):
            return inbound.ended(link, around=self.world.around)
        return inbound.refreshed(link, copy, authority=Authority(owner, owner), around=self.world.around)

    def _reread(self, link: Link) -> Link:
        """The copies that do not count, read anew where they are not as they were."""
        for replica in link.replicas:
            copy = self.copies.get((replica.mailbox, replica.item_id))
            counts = link.exchange is not None and replica.user == link.exchange.owner
            if replica.live and not counts and (copy is None or copy.change_key != replica.change_key):
                link = inbound.sighted(link, Sighting(replica.mailbox, self.world.user_at(replica.mailbox), copy))
        return link

    def settle(self, plan: Plan) -> Plan:
        """Carries a plan out, lets the CRM answer, and remembers the link."""
        link = plan.link
        places = {(each.mailbox, each.item_id, each.occurrence, each.change_key) for each in plan.effects}
        assert len(places) == len(plan.effects), "written to twice"
        for effect in plan.effects:
            link = self.carry_out(effect, link)
        self.link = link
        self.writes.extend(plan.effects)
        if plan.report:
            self.reports.append(plan.report)
        if plan.command:
            self.commands.append(plan.command)
            self._command(plan.command)
        return plan

    def carry_out(self, effect: Effect, link: Link) -> Link:
        """One write, and the link that remembers it."""
        if effect.occurrence is not None:
            return self._to_occurrence(effect, link)
        if effect.operation is Operation.DELETE:
            copy = self.copies.pop((effect.mailbox, effect.item_id), None)
            assert copy is not None, "what is deleted must be there"
            self._post(effect, copy, None)
            return effects.done(link, effect, item_id=effect.item_id, change_key="")
        known = self.copies.get((effect.mailbox, effect.item_id))
        if effect.operation is Operation.UPDATE:
            assert known is not None, "what is changed must be there"
            key = effect.change_key or self._left(effect, link)
            assert known.change_key == key, "the change key is not the one that lies there"
        edit = edit_of(effect, known, policy=self.world.policy)
        base = known or self._blank(effect)
        copy = replace(self.rewrite(_edited(base, edit)), change_key=self._next_key())
        if not isinstance(edit.times, Unset) or not isinstance(edit.recurrence, Unset):
            copy = replace(copy, exceptions=(), deleted_starts=())  # which a series of another pattern gives up
        copy = replace(copy, exceptions=tuple(_following(each, base, copy) for each in copy.exceptions))
        self.copies[effect.mailbox, copy.item_id] = copy
        self._post(effect, known, copy)
        return effects.done(link, effect, item_id=copy.item_id, change_key=copy.change_key)

    def _to_occurrence(self, effect: Effect, link: Link) -> Link:
        """One write to an occurrence of a series, which changes the series."""
        [series] = [each for (_, each_id), each in self.copies.items() if self._is_meant(effect, each, each_id)]
        start = effect.occurrence
        assert start is not None
        others = tuple(each for each in series.exceptions if each.original_start != start)
        if effect.operation is Operation.DELETE:
            changed = replace(series, exceptions=others, deleted_starts=(*series.deleted_starts, start))
        else:
            assert start not in series.deleted_starts, "what was deleted is not there"
            known = next(
                (each for each in series.exceptions if each.original_start == start), _occurrence(series, start)
            )
            edit = edit_of(effect, known, policy=self.world.policy)
            changed = replace(series, exceptions=(*others, self.rewrite(_edited(known, edit))))
        self.copies[effect.mailbox, series.item_id] = changed = replace(changed, change_key=self._next_key())
        self._post(effect, series, changed)
        return effects.done(link, effect, item_id=series.item_id, change_key=changed.change_key)

    def _left(self, effect: Effect, link: Link) -> str:
        """The change key that the write before this one has left."""
        replica = link.replica(effect.mailbox)
        assert replica is not None
        return replica.change_key

    def _post(self, effect: Effect, before: Copy | None, after: Copy | None) -> None:
        """What Exchange sends because of a write, and what that does to the calendars of those who get it."""
        if not effect.sending.mails:
            return
        old, new = ({each.address for each in copy.attendees} if copy else set() for copy in (before, after))
        invited = new - (old if effect.sending.to is Whom.ADDED else self.told)
        updated = new & self.told if effect.sending.to is Whom.ALL else set()
        called_off = (old - new) & self.told
        self.told |= new if effect.sending.to is Whom.ALL else invited
        posts = (("invitation", invited), ("update", updated), ("cancellation", called_off))
        self.mails.extend((kind, tuple(sorted(to))) for kind, to in posts if to)
        for user in self.world.users:
            if after is not None and user.mailbox in invited | updated:
                self._receive(user.mailbox, after)
            elif user.mailbox in called_off:
                self._cancel(user.mailbox)

    def _receive(self, mailbox: str, meeting: Copy) -> None:
        known = next((each for each in self._all_in(mailbox) if not self.is_direct(each)), None)
        fresh = copy_of(meeting, self.world.user_at(mailbox), item_id=f"invited-{mailbox}", marker=None)
        kept = (
            replace(fresh, item_id=known.item_id, reminder=known.reminder, my_response=known.my_response)
            if known
            else fresh
        )
        reminder = known.reminder if known else DEFAULT_REMINDER
        self.copies[mailbox, kept.item_id] = replace(kept, reminder=reminder, change_key=self._next_key())

    def _cancel(self, mailbox: str) -> None:
        for copy in self._all_in(mailbox):
            if not self.is_direct(copy):
                self.in_outlook(mailbox, is_cancelled=True)

    def _is_meant(self, effect: Effect, copy: Copy, item_id: str) -> bool:
        if copy.mailbox != effect.mailbox or copy.recurrence is None:
            return False
        return item_id == effect.item_id if effect.item_id else self.is_direct(copy) == effect.direct

    def _blank(self, effect: Effect) -> Copy:
        user = self.world.user_at(effect.mailbox)
        return Copy(
            mailbox=effect.mailbox,
            item_id=f"new-{effect.mailbox}-{self._keys}",
            uid=effect.uid,
            marker=effect.marker,
            organizer=Attendee(Role.ORGANIZER, user.name, user.addresses[0], response=Response.ORGANIZER),
            my_response=Response.ORGANIZER,
            reminder=DEFAULT_REMINDER,
        )

    def _command(self, command: Upsert | Delete) -> None:
        """The CRM's part of the contract: higher revision, and nobody edited since `seen`; then it answers."""
        assert command.revision > self.crm_revision, "a command must be newer than the last"
        if command.seen < self.edited_in:
            return
        self.crm_revision = command.revision
        self.crm_version += 1
        if isinstance(command, Delete):
            self.crm = None
            self._tell(kind=Kind.DELETED, ours=True)
            return
        names = {wire(name): name for name in ScheduleItem.__slots__}
        values = {names[name]: getattr(command.item, names[name]) for name in command.changed}
        self.crm = replace(self.crm or ScheduleItem(), **values)
        self._tell(kind=Kind.CHANGED, ours=True, after=self.crm)

    def _tell(self, *, kind: Kind, ours: bool = False, after: ScheduleItem | None = None, **about: Any) -> None:
        change = CrmChange(
            self.crm_id, self.crm_version, kind, ours=ours, revision=self.crm_revision, after=after, **about
        )
        self.events.append(change)

    def _next_key(self) -> str:
        self._keys += 1
        return f"key-{self._keys}"


def a_bank(world: World, *meetings: Copy, **about: Any) -> Bank:
    """Both sides and the link in peace about a meeting born in Exchange; the first copy is hinted first."""
    told = {attendee.address for each in meetings for attendee in each.attendees}
    bank = Bank(world, copies={(each.mailbox, each.item_id): each for each in meetings}, told=told, **about)
    for meeting in meetings:
        bank.hint(meeting.mailbox)
    bank.until_quiet()
    return forgetting(bank)


def a_bank_of_the_crm(
    world: World,
    item: ScheduleItem,
    *,
    notify: str = "none",
    actor: str | None = None,
    on_behalf_of: str | None = None,
    **about: Any,
) -> Bank:
    """Both sides after a CRM user made an item."""
    bank = Bank(world, link=Link(id=ids.link_of_crm("si-1"), uid=None), **about)
    bank.crm = item
    bank.crm_version = bank.edited_in = 1
    bank._tell(kind=Kind.CHANGED, after=item, notify=notify, actor=actor, on_behalf_of=on_behalf_of)
    bank.deliver()
    return bank


def forgetting(bank: Bank) -> Bank:
    """The same bank, from here on."""
    bank.writes.clear()
    bank.commands.clear()
    bank.reports.clear()
    bank.mails.clear()
    return bank


def _occurrence(series: Copy, start: Moment) -> Copy:
    """An occurrence nobody has touched."""
    assert series.start is not None
    assert series.end is not None
    untouched_one = replace(series, recurrence=None, exceptions=(), deleted_starts=(), shape=Shape.EXCEPTION)
    return replace(untouched_one, original_start=start, start=start, end=start + (series.end - series.start))


def _following(exception: Copy, before: Copy, series: Copy) -> Copy:
    """An exception after its series changed: what it had of it, it has of it still."""
    names = ("subject", "body", "location", "importance", "sensitivity", "reminder")
    followed = {name: getattr(series, name) for name in names if getattr(exception, name) == getattr(before, name)}
    return replace(exception, **followed)


def _edited(copy: Copy, edit: Edit) -> Copy:
    """What a server makes of a request: the fields that are in it, and nothing else."""
    values: dict[str, Any] = {
        "subject": edit.subject,
        "importance": edit.importance,
        "sensitivity": edit.sensitivity,
        "location": edit.location,
        "reminder": edit.reminder,
        "attendees": edit.attendees,
        "recurrence": edit.recurrence,
    }
    if edit.body is not UNSET:
        values |= {"body": edit.body.text, "html": edit.body.html}
    if edit.times is not UNSET:
        values |= {"start": edit.times.start, "end": edit.times.end, "all_day": edit.times.all_day}
        values["zone"] = edit.times.zone or copy.zone
    changed = replace(copy, **{name: value for name, value in values.items() if value is not UNSET})
    if changed.original_start is None:
        changed = replace(changed, shape=Shape.MASTER if changed.recurrence else Shape.SINGLE)
    return replace(changed, is_meeting=copy.is_meeting or bool(changed.attendees))
