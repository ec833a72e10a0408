"""Who takes part, as Exchange names them (PART-4, PART-5, PART-7).

Each attendee is read from his own element, so that nobody gets another's answer. An address may be blank or an X500
name; who that is, is for the directory and the decision to say.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from daemon.exchange.ews.envelopes import TYPES, Element
from daemon.exchange.ews.fields import Fields, texts_below
from schemas.copies import Attendee, Role
from schemas.items import Response

RESPONSE_TYPES = {
    "Unknown": Response.UNKNOWN,
    "Organizer": Response.ORGANIZER,
    "Tentative": Response.TENTATIVE,
    "Accept": Response.ACCEPTED,
    "Decline": Response.DECLINED,
    "NoResponseReceived": Response.NONE,
}

_ATTENDEE, _RESPONSE = f"{TYPES}Attendee", f"{TYPES}ResponseType"
_NAME, _ADDRESS = f"{TYPES}Name", f"{TYPES}EmailAddress"
_ROUTING, _MAILBOX_TYPE = f"{TYPES}RoutingType", f"{TYPES}MailboxType"
_READ = (_ATTENDEE, _NAME, _ADDRESS, _ROUTING, _MAILBOX_TYPE, _RESPONSE)
_NO_ANSWER = frozenset({Response.UNKNOWN, Response.NONE})
_ROLES = (("RequiredAttendees", Role.REQUIRED), ("OptionalAttendees", Role.OPTIONAL), ("Resources", Role.RESOURCE))


def response(text: str | None) -> Response:
    """A response type; one that nobody knows is unknown."""
    return RESPONSE_TYPES.get(text or "", Response.UNKNOWN)


def organizer(fields: Fields) -> Attendee | None:
    """The organizer; None if he is absent or has neither name nor address."""
    element = fields.elements.get("Organizer")
    if element is None:
        return None
    person, address = _person(Role.ORGANIZER, texts_below(element), "Organizer")
    return person if person.name.strip() or address else None


def attendees(fields: Fields, organizer: Attendee | None) -> tuple[Attendee, ...]:
    """Everybody invited, once per role. The organizer, whom attendees' copies list as required, is not among them."""
    once: dict[tuple[Role, str], Attendee] = {}
    own = organizer.address.strip().lower() if organizer else ""
    for name, role in _ROLES:
        container = fields.elements.get(name)
        for texts in () if container is None else _listed(container):
            person, address = _person(role, texts, texts.get(_RESPONSE))
            if address and address == own:
                continue
            key = role, address or f"name:{person.name}"
            if key not in once or once[key].response in _NO_ANSWER:
                once[key] = person
    return tuple(once.values())


def _listed(container: Element) -> list[dict[str, str | None]]:
    """The texts of each entry of a list, in one walk."""
    entries: list[dict[str, str | None]] = []
    texts: dict[str, str | None] = {}
    for element in container.iter(*_READ):
        tag = element.tag
        if tag == _ATTENDEE:
            texts = {}
            entries.append(texts)
        else:
            texts[tag] = element.text
    return entries


def _person(role: Role, texts: Mapping[str, str | None], answer: str | None) -> tuple[Attendee, str]:
    get = texts.get
    return _known(role, get(_NAME), get(_ADDRESS), get(_ROUTING), get(_MAILBOX_TYPE), answer)


@lru_cache(maxsize=16_384)
def _known(role: Role, *stated: str | None) -> tuple[Attendee, str]:
    """A person, and the address by which to recognise him. Kept, because the same few people are in most meetings, and
    making a frozen value costs more than finding it."""
    name, address, routing_type, mailbox_type, answer = stated
    person = Attendee(
        role, name or "", address or "", routing_type or "SMTP", mailbox_type or "Mailbox", response(answer)
    )
    return person, person.address.strip().lower()
