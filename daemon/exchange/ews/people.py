"""Who takes part, as Exchange names them (PART-4, PART-5, PART-7).

Each attendee is read from his own element, so that nobody gets another's answer. An address may be blank or an X500
name; who that is, is for the directory and the decision to say.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from daemon.exchange.ews.envelopes import Element
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
        for element in () if container is None else container:
            person = _attendee(element, role)
            address = person.address.strip().lower()
            if address and address == own:
                continue
            key = role, address or f"name:{person.name}"
            if key not in once or once[key].response in _NO_ANSWER:
                once[key] = person
    return tuple(once.values())


def _attendee(element: Element, role: Role) -> Attendee:
    texts = texts_below(element)
    return _person(texts, role, response(texts.get("ResponseType")))


def _person(texts: Mapping[str, str | None], role: Role, answer: Response) -> Attendee:
    name, address = texts.get("Name") or "", texts.get("EmailAddress") or ""
    return _known(
        role, name, address, texts.get("RoutingType") or "SMTP", texts.get("MailboxType") or "Mailbox", answer
    )


_known = lru_cache(maxsize=16_384)(Attendee)
"""The same few people are in most meetings, and making a frozen value costs more than finding it."""
