"""Who is asking, and in whose mailbox: basic authentication and impersonation."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass

from daemon.sandbox.exchange.errors import SoapFault
from daemon.sandbox.exchange.markup import Element, child, children, text
from daemon.sandbox.people import People, Person, Service


@dataclass(frozen=True, slots=True)
class Access:
    """An authenticated request; `owner` is whose mailbox it acts on, None for a service that names nobody."""

    account: str
    owner: Person | None


def authenticate(people: People, authorization: str) -> Person | Service | None:
    """The person or service behind an Authorization header, None if the password is not his."""
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        username, _, password = base64.b64decode(token, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    service = people.service(username)
    if service is not None:
        return service if service.password == password else None
    person = people.find(username)
    known = person is not None and person.has_mailbox and person.password is not None
    return person if known and person is not None and person.password == password else None


def access(people: People, principal: Person | Service, header: Element | None) -> Access:
    """What the principal may act on.

    Raises:
        SoapFault: he impersonates whom he may not, or somebody without a mailbox.
    """
    impersonated = child(child(header, "ExchangeImpersonation"), "ConnectingSID")
    if impersonated is None:
        if isinstance(principal, Service):
            return Access(principal.username, None)
        return Access(principal.email, principal)
    address = text(next(children(impersonated), None))
    target = people.find(address)
    if target is None or not target.has_mailbox:
        raise SoapFault("ErrorNonExistentMailbox", "The SMTP address has no mailbox associated with it.")
    if not isinstance(principal, Service) or not people.may_impersonate(principal, target):
        raise SoapFault("ErrorImpersonateUserDenied", "The account does not have permission to impersonate this user.")
    return Access(principal.username, target)
