"""A world for the decision core, in the domain's words.

`anna = a_user("u-anna")`, `carla = a_contact("c-carla")`, `a_meeting(organizer=anna, attendees=[carla])`;
a `World` holds who is known and what is configured, gathers the facts as a store would, and asks for decisions. Whose
copy counts is asked of `handlers.authority`; here is only what a shell would have read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from typing import Any

from handlers import authority, inbound, outbound
from handlers.authority import Authority
from handlers.crm_changes import CrmChange, Kind
from handlers.effects import Effect
from handlers.facts import Contact, Facts, User
from handlers.inbound import Sighting, Surroundings
from handlers.links import Link, State
from handlers.plans import Delete, Explanation, Plan, Report, Upsert
from handlers.policy import Policy
from schemas import ids
from schemas.copies import Attendee, Copy, Folder, Role
from schemas.items import External, Response, ScheduleItem
from schemas.outcomes import Decision, Reason

NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
START = datetime(2026, 12, 1, 9, tzinfo=UTC)
END = datetime(2026, 12, 1, 10, tzinfo=UTC)
A_UID = "040000008200E00074C5B7101A82E008AA"

Person = User | Contact | Attendee | str
"""Who takes part: somebody declared, or an address nobody knows."""


def a_user(user_id: str, *, emails: Iterable[str] | None = None, **about: Any) -> User:
    """A synchronized CRM user at the top of the bank, who sees every contact there; `u-anna` is anna@bank.example."""
    short = user_id.removeprefix("u-")
    addresses = (f"{short}@bank.example",) if emails is None else tuple(emails)
    known: dict[str, Any] = {
        "name": short.capitalize(),
        "mailbox": addresses[0] if addresses else None,
        "node_ids": ("bank",),
    }
    return User(id=user_id, addresses=addresses, **(known | about))


def a_contact(contact_id: str, *, emails: Iterable[str] | None = None, **about: Any) -> Contact:
    """An active CRM contact of the bank, at its top node; `c-carla` is carla@client.example."""
    addresses = (f"{contact_id.removeprefix('c-')}@client.example",) if emails is None else tuple(emails)
    known: dict[str, Any] = {"node_path": ("bank",)}
    return Contact(id=contact_id, addresses=addresses, **(known | about))


def invited(person: Person, *, response: Response = Response.NONE, role: Role = Role.REQUIRED) -> Attendee:
    """Somebody as Exchange names him in an attendee list."""
    if isinstance(person, Attendee):
        return person
    if isinstance(person, str):
        return Attendee(role, name=person.partition("@")[0].capitalize(), address=person, response=response)
    name = person.name if isinstance(person, User) else person.id.removeprefix("c-").capitalize()
    return Attendee(role, name=name, address=person.addresses[0], response=response)


def a_list(name: str = "Desk 3", address: str = "desk3@bank.example") -> Attendee:
    """A distribution list that was invited and not expanded."""
    return Attendee(Role.REQUIRED, name=name, address=address, mailbox_type="PublicDL")


def a_room(name: str = "Room 4", address: str = "room4@bank.example") -> Attendee:
    """A room that was booked."""
    return Attendee(Role.RESOURCE, name=name, address=address)


def x500(name: str, number: int = 1) -> Attendee:
    """Somebody of whom Exchange gives no SMTP address."""
    return Attendee(Role.REQUIRED, name=name, address=f"/o=bank/cn=recipients/cn={number}", routing_type="EX")


def a_meeting(*, organizer: Person, attendees: Sequence[Person] = (), private: bool = False, **about: Any) -> Copy:
    """A meeting as its organizer's mailbox has it; `copy_of` makes the copies of the others."""
    host = replace(invited(organizer), role=Role.ORGANIZER, response=Response.ORGANIZER)
    known: dict[str, Any] = {
        "item_id": f"AAMk-{host.address}",
        "change_key": "1",
        "uid": A_UID,
        "subject": "Review",
        "start": START,
        "end": END,
        "zone": "Europe/Berlin",
        "sensitivity": "Private" if private else "Normal",
        "organizer": host,
        "attendees": tuple(invited(person) for person in attendees),
        "is_meeting": True,
        "my_response": Response.ORGANIZER,
    }
    return Copy(mailbox=host.address, **(known | about))


def an_appointment(of: User, *, private: bool = False, **about: Any) -> Copy:
    """An entry in somebody's own calendar, with nobody invited."""
    known: dict[str, Any] = {"is_meeting": False, "my_response": Response.UNKNOWN}
    return a_meeting(organizer=of, private=private, **(known | about))


def copy_of(meeting: Copy, user: User, *, response: Response = Response.NONE, **about: Any) -> Copy:
    """The copy of a meeting that lies in an attendee's mailbox."""
    assert user.mailbox is not None, f"{user.id} has no mailbox for a copy to lie in"
    known: dict[str, Any] = {"mailbox": user.mailbox, "item_id": f"AAMk-{user.mailbox}", "my_response": response}
    return replace(meeting, **(known | about))


def in_deleted_items(copy: Copy) -> Copy:
    """The copy after its owner deleted it."""
    return replace(copy, folder=Folder.DELETED_ITEMS)


def pattern(expression: str) -> re.Pattern[str]:
    """A blacklist pattern, compiled as the settings do."""
    return re.compile(expression, re.IGNORECASE)


def a_link(uid: str = A_UID, **about: Any) -> Link:
    """A meeting nobody has decided about yet."""
    return Link(id=ids.link_of_uid(uid), uid=uid, **about)


@dataclass(frozen=True)
class World:
    """Who is known to the CRM, what is configured, and what Exchange resolves names to."""

    users: tuple[User, ...] = ()
    contacts: tuple[Contact, ...] = ()
    options: Mapping[str, Mapping[str, bool]] = field(default_factory=dict)
    policy: Policy = field(default_factory=Policy)
    resolved: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    now: datetime = NOW
    generation: int = 0
    grants: frozenset[tuple[str, str]] = frozenset()

    def facts(self) -> Facts:
        """The directory as a store hands it over: by canonical address, in order of id."""
        return self._facts

    @cached_property
    def _facts(self) -> Facts:
        return Facts(
            users=_by_address(self.users, self.policy),
            contacts=_by_address(tuple(contact for contact in self.contacts if contact.active), self.policy),
            by_id={user.id: user for user in self.users},
            by_contact={contact.id: contact for contact in self.contacts},
            options=self.options,
            resolved=self.resolved,
            grants=self.grants,
        )

    @property
    def around(self) -> Surroundings:
        """What a decision takes from outside."""
        return Surroundings(self.facts(), self.policy, self.now, self.generation)

    def with_options(self, scope: str = "system", /, **values: bool) -> World:
        """With these options set in a scope; `security_check=True` is `for_contacts.security_check`."""
        set_here = {**self.options.get(scope, {}), **{_OPTION_KEYS[name]: value for name, value in values.items()}}
        return replace(self, options={**self.options, scope: set_here})

    def granting(self, *pairs: tuple[str, str]) -> World:
        """With these pairs of principal and delegate in force."""
        return replace(self, grants=self.grants | set(pairs))

    def with_policy(self, **settings: Any) -> World:
        """With these settings."""
        return replace(self, policy=replace(self.policy, **settings))

    def knowing(self, *people: User | Contact) -> World:
        """With these users and contacts as they are now; others stay."""
        users = {user.id: user for user in (*self.users, *people) if isinstance(user, User)}
        contacts = {each.id: each for each in (*self.contacts, *people) if isinstance(each, Contact)}
        return replace(self, users=tuple(users.values()), contacts=tuple(contacts.values()))

    def user_at(self, mailbox: str) -> User:
        """Whose mailbox it is."""
        return next(user for user in self.users if user.mailbox == mailbox)

    def decided(self, meeting: Copy, *, link: Link | None = None, others: Sequence[Copy] = ()) -> Plan:
        """What comes of a hint for this copy; `others` are the copies that lie in other mailboxes."""
        return self.hinted(self.user_at(meeting.mailbox), copies=(meeting, *others), link=link)

    def hinted(self, user: User, *, copies: Sequence[Copy], link: Link | None = None) -> Plan:
        """What comes of a hint from a user's mailbox, when these copies lie in Exchange."""
        link = link or a_link()
        by_user = {self.user_at(copy.mailbox): authority.authored(copy) for copy in copies}
        sighting = Sighting(user.mailbox or "", user, by_user.get(user))
        link = inbound.sighted(link, sighting)
        whose = self._authority(link, sighting, by_user)
        if whose is None:
            return self._undecided(link, sighting)
        counting = by_user.get(whose.user)
        link = replace(link, master=whose.user.id if whose.is_master else None)
        link = inbound.sighted(link, Sighting(whose.user.mailbox or "", whose.user, counting))
        skipped = [each for each in by_user.items() if link.agreed is None and link.replica_of(each[0].id)]
        others = tuple(Sighting(holder.mailbox or "", holder, copy) for holder, copy in skipped)
        plan = inbound.decide(link, counting, authority=whose, around=self.around, sighting=sighting, others=others)
        return inbound.with_deviation(plan, sighting, counting)

    def crm_says(
        self, link: Link, *, kind: Kind = Kind.CHANGED, version: int | None = None, notify: str = "none", **edited: Any
    ) -> Plan:
        """What comes of a CRM user's edit of what the CRM holds; `version` is the next one unless stated."""
        assert link.crm is not None, "the CRM holds nothing yet that could be edited"
        change = CrmChange(
            link.crm_id or "si-1",
            link.crm_version + 1 if version is None else version,
            kind,
            revision=link.crm_revision,
            after=replace(link.crm, **edited),
            notify=notify,
        )
        return outbound.decide(link, change, around=self.around)

    def crm_creates(self, item: ScheduleItem, *, crm_id: str = "si-1", notify: str = "none") -> Plan:
        """What comes of an item that a CRM user made."""
        link = Link(id=ids.link_of_crm(crm_id), uid=None)
        return outbound.decide(link, CrmChange(crm_id, 1, after=item, notify=notify), around=self.around)

    def crm_answers(self, plan: Plan) -> Plan:
        """The CRM applied the plan's command and says so."""
        item = plan.command.item if isinstance(plan.command, Upsert) else None
        kind = Kind.DELETED if isinstance(plan.command, Delete) else Kind.CHANGED
        change = CrmChange("si-1", plan.link.crm_version + 1, kind, ours=True, revision=plan.link.revision, after=item)
        return outbound.decide(plan.link, change, around=self.around)

    def _authority(self, link: Link, sighting: Sighting, copies: Mapping[User, Copy]) -> Authority | None:
        copy, holder = sighting.copy, sighting.user
        organizer = authority.organizer_of(link, copy, holder=holder, facts=self.facts(), policy=self.policy)
        if organizer is not None and organizer.synchronized:
            return Authority(organizer, organizer)
        master = self._master(link, sighting, copies)
        nameless = copy is not None and copy.is_meeting and copy.organizer is None
        if master is None or (nameless and master == holder):
            return None
        return Authority(master, organizer or master, is_master=True)

    def _master(self, link: Link, sighting: Sighting, copies: Mapping[User, Copy]) -> User | None:
        facts = self.facts()
        if standing := authority.standing_master(link, facts):
            return standing
        if link.state is State.ACTIVE:
            return authority.successor(link, holder=sighting.user, copy=sighting.copy, facts=facts)
        return authority.first_to_accept(copies.items())

    def _undecided(self, link: Link, sighting: Sighting) -> Plan:
        if link.state is not State.OUTSIDE:
            return inbound.answered(link, sighting.user, generation=0)
        if sighting.copy is not None and sighting.copy.is_meeting and sighting.copy.organizer is None:
            return inbound.skip(link, Reason.NO_ORGANIZER)
        return inbound.skip(link, Reason.AWAITING_ACCEPTANCE)


_OPTION_KEYS = {
    "display": "external_contacts.display",
    "matching": "for_contacts.inbound",
    "security_check": "for_contacts.security_check",
    "private_meetings": "private_meetings.inbound",
    "alarms": "meeting_alarms",
    "notes": "related_notes",
    "invitations": "meeting_invitations",
}


def a_world(*people: User | Contact, **about: Any) -> World:
    """A CRM that knows these users and contacts."""
    return World(**about).knowing(*people)


def _by_address(people: Sequence[User | Contact], policy: Policy) -> dict[str, tuple[Any, ...]]:
    found: dict[str, list[Any]] = {}
    for person in sorted(people, key=lambda each: each.id):
        for address in {policy.canonical(each) for each in person.addresses} - {None}:
            found.setdefault(address or "", []).append(person)
    return {address: tuple(those) for address, those in found.items()}


def told(plan: Plan) -> ScheduleItem:
    """The item the CRM is told to hold."""
    assert isinstance(plan.command, Upsert), f"the CRM should be told the item, but gets {plan.command}"
    return plan.command.item


def changed(plan: Plan) -> tuple[str, ...]:
    """The fields the CRM is told to set."""
    assert isinstance(plan.command, Upsert), f"the CRM should be told the item, but gets {plan.command}"
    return plan.command.changed


def deleted(plan: Plan) -> Delete:
    """The delete the CRM is told."""
    assert isinstance(plan.command, Delete), f"the CRM should be told to delete the item, but gets {plan.command}"
    return plan.command


def agreed(plan: Plan) -> ScheduleItem:
    """What the link holds as agreed."""
    assert plan.link.agreed is not None, "nothing was agreed on, the item is not in the CRM"
    return plan.link.agreed


def said(plan: Plan) -> Report:
    """The report of a decision that is worth one."""
    assert plan.report is not None, "something was decided, but nobody is told"
    return plan.report


def in_for(plan: Plan) -> list[str]:
    """The contacts in For, by id."""
    return [entry.contact for entry in agreed(plan).for_]


def external(plan: Plan) -> dict[str, External]:
    """The external contacts the link keeps, by name."""
    return {person.name: person for person in agreed(plan).external or ()}


def why(plan: Plan, about: str) -> list[Explanation]:
    """What the report says about somebody or something."""
    return [entry for entry in said(plan).explain if entry.about == about]


def decision_on(plan: Plan, about: str) -> tuple[str, Decision]:
    """The one rule and decision the report gives for somebody."""
    entries = {(entry.rule, entry.decision) for entry in why(plan, about)}
    assert len(entries) == 1, f"the report should say one thing about {about}, it says {entries or 'nothing'}"
    return entries.pop()


def is_quiet(plan: Plan) -> bool:
    """Whether nothing is told, nothing reported and nothing written."""
    return plan.command is None and plan.report is None and not plan.effects


def written(plan: Plan) -> dict[str, Effect]:
    """What is written, by whose mailbox: at most one call each."""
    assert len({effect.mailbox for effect in plan.effects}) == len(plan.effects), "a mailbox is written to twice"
    return {effect.mailbox: effect for effect in plan.effects}


def confirmed(plan: Plan, *, crm_id: str = "si-1", **edited: Any) -> Link:
    """The link after the CRM applied the command and answered; `edited` is what a CRM user changed since."""
    item = told(plan)
    applied = replace(plan.link, crm=item, crm_id=crm_id, crm_version=plan.link.crm_version + 1)
    applied = replace(applied, crm_revision=plan.link.revision)
    if not edited:
        return applied
    held = replace(agreed(plan), **edited)
    return replace(applied, agreed=held, crm=replace(item, **edited))


def days(count: int) -> timedelta:
    """So many days."""
    return timedelta(days=count)


def on(day: str) -> date:
    """A civil day."""
    return date.fromisoformat(day)
