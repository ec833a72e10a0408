"""Who takes part: users, contacts by address, everybody else (PART-1..5, PART-7, BLK-2).

A participant is a person, whatever the number of his addresses or the way Exchange spells them; position in a list
means nothing. Which of his contacts may stand in For is decided later (`for_contacts`, `security_check`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from handlers import blacklist
from handlers.facts import Contact, Facts, User
from handlers.policy import Policy
from schemas.addresses import normalise
from schemas.copies import Attendee, Copy, Role
from schemas.items import ExternalReason, Response

_LISTS = frozenset({"PublicDL", "PrivateDL", "GroupMailbox"})
_FIRMNESS = (
    Response.ORGANIZER,
    Response.ACCEPTED,
    Response.TENTATIVE,
    Response.DECLINED,
    Response.REMOVED,
    Response.NONE,
    Response.UNKNOWN,
)
_ROLES = (Role.ORGANIZER, Role.REQUIRED, Role.OPTIONAL, Role.RESOURCE)
_REASONS = (ExternalReason.BLACKLISTED, ExternalReason.NO_MATCH, ExternalReason.UNRESOLVED, ExternalReason.LIST)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was decided about one contact of a participant, and by which rule."""

    contact: str
    rule: str
    admitted: bool
    because: str


@dataclass(frozen=True, slots=True)
class Participant:
    """One person (or unexpanded list) who takes part.

    `key` is his identity: canonical address, else his name in lower case. `email` is what people may read. `found`
    are the active contacts with one of his addresses; `admitted` those of them that may stand in For so far;
    `verdicts` say why. `reason` is why he has none, should he end as an external contact.
    """

    key: str
    name: str
    email: str | None
    role: Role
    response: Response
    user: User | None = None
    found: tuple[Contact, ...] = ()
    admitted: tuple[Contact, ...] = ()
    verdicts: tuple[Verdict, ...] = ()
    reason: ExternalReason = ExternalReason.NO_MATCH

    @property
    def external(self) -> bool:
        """An external contact: no user, and none of his contacts is in For (PART-1)."""
        return self.user is None and not self.admitted


def identify(copy: Copy, *, facts: Facts, policy: Policy) -> tuple[Participant, ...]:
    """Every participant once, the organizer included, resources left out; in order of identity."""
    people = [_recognise(attendee, facts, policy) for attendee in _named(copy)]
    users = {person.key: person.user.id for person in people if person.user}
    by_identity: dict[str, Participant] = {}
    for person in sorted(people, key=_precedence):
        identity = f"user:{users[person.key]}" if person.key in users else person.key
        known = by_identity.get(identity)
        by_identity[identity] = person if known is None else _same(known, person)
    return tuple(sorted(by_identity.values(), key=lambda person: person.key))


def addresses_of(attendee: Attendee, *, facts: Facts, policy: Policy) -> tuple[str, ...]:
    """The canonical addresses an attendee is known by: his own, and those Exchange resolved his name to (PART-4)."""
    own = policy.canonical(attendee.address) if attendee.routing_type.upper() == "SMTP" else None
    others = facts.resolved.get(resolvable(attendee), ()) if facts.resolved else ()
    return tuple(dict.fromkeys((own, *others) if own else others))


def resolvable(attendee: Attendee) -> str:
    """What Exchange is asked to resolve for an attendee: his address as given, else his name."""
    return (attendee.address or attendee.name).strip().casefold()


def user_of(addresses: Iterable[str], facts: Facts) -> User | None:
    """The active user with one of these addresses; of several, the lowest id (PART-1)."""
    users = (user for address in addresses for user in facts.users.get(address, ()) if user.active)
    return min(users, key=lambda user: user.id, default=None)


def recognised(attendee: Attendee, *, facts: Facts, policy: Policy) -> User | None:
    """The user an attendee is, unless the blacklist keeps users, too, from being matched (BLK-3)."""
    return _recognised(attendee, addresses_of(attendee, facts=facts, policy=policy), facts, policy=policy)


def _recognised(attendee: Attendee, addresses: tuple[str, ...], facts: Facts, *, policy: Policy) -> User | None:
    user = None if attendee.mailbox_type in _LISTS else user_of(addresses, facts)
    if user is None or not blacklist.blocks_users(policy):
        return user
    is_blocked = _is_blocked(attendee, addresses, policy) or blacklist.blocks(policy, user.addresses)
    return None if is_blocked else user  # by any address: else he would take part as a user and as a stranger


def firmest(responses: Iterable[Response]) -> Response:
    """Of several answers of one person, the one that says most."""
    return min(responses, key=_FIRMNESS.index, default=Response.UNKNOWN)


def _named(copy: Copy) -> Sequence[Attendee]:
    organizer = [copy.organizer] if copy.organizer else []
    return [*organizer, *(attendee for attendee in copy.attendees if attendee.role is not Role.RESOURCE)]


def _recognise(attendee: Attendee, facts: Facts, policy: Policy) -> Participant:
    addresses = addresses_of(attendee, facts=facts, policy=policy)
    blocked = _is_blocked(attendee, addresses, policy)
    listed = attendee.mailbox_type in _LISTS
    user = _recognised(attendee, addresses, facts, policy=policy)
    found = () if user or blocked or listed else _contacts(addresses, facts)
    return Participant(
        key=addresses[0] if addresses else resolvable(attendee),
        name=attendee.name.strip(),
        email=_readable(attendee, addresses),
        role=attendee.role,
        response=Response.ORGANIZER if attendee.role is Role.ORGANIZER else attendee.response,
        user=user,
        found=found,
        admitted=found,
        reason=_reason(bool(addresses), blocked=blocked, listed=listed),
    )


def _is_blocked(attendee: Attendee, addresses: tuple[str, ...], policy: Policy) -> bool:
    """Whether the blacklist names him by any address, also one that a domain alias or plus tag stands behind."""
    written = _readable(attendee, addresses)
    return blacklist.blocks(policy, (*addresses, written) if written else addresses)


def _contacts(addresses: Iterable[str], facts: Facts) -> tuple[Contact, ...]:
    named = (contact for address in addresses for contact in facts.contacts.get(address, ()))
    found = {contact.id: contact for contact in named if contact.active}
    return tuple(found[contact_id] for contact_id in sorted(found))


def _readable(attendee: Attendee, addresses: tuple[str, ...]) -> str | None:
    own = _plain(attendee.address) if attendee.routing_type.upper() == "SMTP" else None
    return own or (addresses[0] if addresses else None)


_plain = lru_cache(maxsize=10_000)(normalise)
"""What a decision asks of each address several times, and the next one of nearly the same."""


def _reason(addressed: bool, *, blocked: bool, listed: bool) -> ExternalReason:
    if listed:
        return ExternalReason.LIST
    if not addressed:
        return ExternalReason.UNRESOLVED
    return ExternalReason.BLACKLISTED if blocked else ExternalReason.NO_MATCH


def _precedence(person: Participant) -> tuple[bool, int, str, int, str, str]:
    """Which of a person's entries stands, whatever their order: the organizer's, a person's before a list's."""
    kind, role = _REASONS.index(person.reason), _ROLES.index(person.role)
    return (person.role is not Role.ORGANIZER, kind, person.key, role, person.email or "", person.name)


def _same(one: Participant, other: Participant) -> Participant:
    """Two entries of one person: the first stands, with the firmer answer and any name there is."""
    return Participant(
        key=one.key,
        name=one.name or other.name,
        email=one.email or other.email,
        role=one.role,
        response=firmest((one.response, other.response)),
        user=one.user,
        found=one.found,
        admitted=one.admitted,
        reason=one.reason,
    )
