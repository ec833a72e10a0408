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
    person = _person(texts_below(element), Role.ORGANIZER, Response.ORGANIZER)
    return person if person.name.strip() or person.address.strip() else None


def attendees(fields: Fields, organizer: Attendee | None) -> tuple[Attendee, ...]:
    """Everybody invited, once per role. The organizer, whom attendees' copies list as required, is not among them."""
    once: dict[tuple[Role, str], Attendee] = {}
    own = organizer.address.strip().lower() if organizer else ""
    for name, role in _ROLES:
        container = fields.elements.get(name)
        for texts in () if container is None else _listed(container):
            person = _person(texts, role, response(texts.get(_RESPONSE)))
            address = person.address.strip().lower()
            if address and address == own:
                continue
            key = role, address or f"name:{person.name}"
            if key not in once or once[key].response in _NO_ANSWER:
                once[key] = person
    return tuple(once.values())


def _listed(container: Element) -> list[dict[str, str | None]]:
    """The texts of each entry of a list, in one walk."""
    entries: list[dict[str, str | None]] = []
    for element in container.iter():
        tag = element.tag
        if tag == _ATTENDEE:
            entries.append({})
        elif entries:
            entries[-1][tag] = element.text
    return entries


def _person(texts: Mapping[str, str | None], role: Role, answer: Response) -> Attendee:
    name, address = texts.get(_NAME) or "", texts.get(_ADDRESS) or ""
    return _known(role, name, address, texts.get(_ROUTING) or "SMTP", texts.get(_MAILBOX_TYPE) or "Mailbox", answer)


_known = lru_cache(maxsize=16_384)(Attendee)
"""The same few people are in most meetings, and making a frozen value costs more than finding it."""
