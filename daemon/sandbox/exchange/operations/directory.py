"""ResolveNames: the address book."""

from __future__ import annotations

from daemon.sandbox.exchange.calls import Call, answer, failure, required, success
from daemon.sandbox.exchange.errors import EwsError, malformed
from daemon.sandbox.exchange.incoming import known_recipient
from daemon.sandbox.exchange.markup import Element, boolean, children, local_name, m, t, text
from daemon.sandbox.exchange.values import Recipient, recipient_markup
from daemon.sandbox.people import Person, PersonKind

_LIMIT = 100


def resolve_names(call: Call, request: Element) -> Element:
    """Whom an address, alias, X500 name, or the beginning of a name means; outsiders are not in the address book."""
    entry = text(required(request, "UnresolvedEntry"))
    if sum(local_name(each) == "UnresolvedEntry" for each in children(request)) > 1:
        raise malformed("ResolveNames takes one UnresolvedEntry")
    found = _matches(call, entry)
    if not found:
        error = EwsError("ErrorNameResolutionNoResults", "No results were found.")
        return answer(call.operation, [failure(call.operation, error)])
    full = boolean(request.get("ReturnFullContactData", "false"))
    resolutions = m(
        "ResolutionSet",
        *(_resolution(call, person, full=full) for person in found[:_LIMIT]),
        TotalItemsInView=str(len(found)),
        IncludesLastItemInRange="true" if len(found) <= _LIMIT else "false",
    )
    if len(found) == 1:
        return answer(call.operation, [success(call.operation, resolutions)])
    error = EwsError("ErrorNameResolutionMultipleResults", "Multiple results were found.")
    return answer(call.operation, [failure(call.operation, error, resolutions, severity="Warning")])


def _matches(call: Call, entry: str) -> list[Person]:
    book = [person for person in call.world.people if person.kind is not PersonKind.EXTERNAL]
    exact = call.world.people.find(entry)
    if exact is not None:
        return [exact] if exact in book else []
    wanted = entry.casefold()
    return [person for person in book if _begins(person, wanted)]


def _begins(person: Person, wanted: str) -> bool:
    words = [*person.name.casefold().split(), person.name.casefold(), person.email.casefold()]
    return any(word.startswith(wanted) for word in words)


def _resolution(call: Call, person: Person, *, full: bool) -> Element:
    mailbox = recipient_markup(known_recipient(Recipient(address=person.email), call.world.people))
    return t("Resolution", mailbox, _contact(person) if full else None)


def _contact(person: Person) -> Element:
    addresses = [f"SMTP:{person.email}", *(f"smtp:{alias}" for alias in person.aliases)]
    entries = (t("Entry", address, Key=f"EmailAddress{number}") for number, address in enumerate(addresses[:3], 1))
    return t(
        "Contact",
        t("DisplayName", person.name),
        t("EmailAddresses", *entries),
        t("ContactSource", "ActiveDirectory"),
    )
