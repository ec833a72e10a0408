"""GetDelegate, AddDelegate, UpdateDelegate and RemoveDelegate: one message for each user, who fails alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from daemon.sandbox.exchange.calls import Call, answer, failure, required, success
from daemon.sandbox.exchange.delegates import DELIVERIES, FOLDERS, LEVELS, Rights
from daemon.sandbox.exchange.errors import EwsError, malformed
from daemon.sandbox.exchange.markup import Element, boolean, child, child_text, children, m, t, text
from daemon.sandbox.people import Person

_MESSAGE = "DelegateUser"


def get_delegate(call: Call, request: Element) -> Element:
    """All delegates of a mailbox, or those that are asked for."""
    principal, shows_levels = _principal(call, request), boolean(request.get("IncludePermissions", "false"))
    held = call.world.delegates

    def get(user_id: Element) -> Element:
        delegate = _user(call, user_id)
        return _shown(delegate, held.rights(principal.email, delegate.email), shows_levels=shows_levels)

    asked = child(request, "UserIds")
    if asked is not None:
        messages = _each(children(asked), get)
    else:
        listed = held.of(principal.email).items()
        messages = [_shown(call.world.owner(name), rights, shows_levels=shows_levels) for name, rights in listed]
    return _answer(call, messages, m("DeliverMeetingRequests", held.delivery(principal.email)))


def add_delegate(call: Call, request: Element) -> Element:
    principal = _principal(call, request)

    def add(element: Element) -> Element:
        delegate = _user(call, required(element, "UserId"))
        rights = _given(element, Rights())
        call.world.delegates.add(principal.email, delegate.email, rights)
        return _shown(delegate, rights)

    elements = _checked(required(request, "DelegateUsers"))
    _deliver(call, principal, request)
    return _answer(call, _each(elements, add))


def update_delegate(call: Call, request: Element) -> Element:
    """What is not named of a delegate's rights stays as it is."""
    principal = _principal(call, request)

    def update(element: Element) -> Element:
        delegate = _user(call, required(element, "UserId"))
        rights = _given(element, call.world.delegates.rights(principal.email, delegate.email))
        call.world.delegates.update(principal.email, delegate.email, rights)
        return _shown(delegate, rights)

    elements = _checked(child(request, "DelegateUsers"))
    _deliver(call, principal, request)
    return _answer(call, _each(elements, update))


def remove_delegate(call: Call, request: Element) -> Element:
    principal = _principal(call, request)

    def remove(user_id: Element) -> Element:
        call.world.delegates.remove(principal.email, _user(call, user_id).email)
        return _message(success(_MESSAGE))

    return _answer(call, _each(children(required(request, "UserIds")), remove))


def _principal(call: Call, request: Element) -> Person:
    """Whose delegates are asked about; only he himself decides on them."""
    principal = call.world.owner(child_text(required(request, "Mailbox"), "EmailAddress"))
    if principal is not call.person:
        raise EwsError("ErrorAccessDenied", "Only a mailbox's owner may see and change its delegates.")
    return principal


def _user(call: Call, user_id: Element) -> Person:
    """The person behind a `UserId`.

    Raises:
        EwsError: it names nobody, or nobody who has a mailbox.
    """
    sid, address = child_text(user_id, "SID"), child_text(user_id, "PrimarySmtpAddress")
    if not (sid or address):
        raise EwsError("ErrorInvalidDelegateUserId", "A delegate is named by his SID or his primary address.")
    people = call.world.people
    found = people.find(address) if address else people.by_sid(sid)
    if found is None or not found.has_mailbox:
        raise EwsError("ErrorDelegateNoUser", "There is no such user in the directory.")
    return found


def _checked(listed: Element | None) -> list[Element]:
    """The delegates in a request, before any of them is dealt with.

    Raises:
        SoapFault: one is not as the schema has it.
    """
    elements = list(children(listed))
    for element in elements:
        required(element, "UserId")
        for level in _levels(element).values():
            if level not in LEVELS:
                raise malformed(f"{level} is no permission level")
    return elements


def _levels(element: Element) -> dict[str, str]:
    """The levels that are named, by folder."""
    permissions = child(element, "DelegatePermissions")
    named = {folder: child_text(permissions, _tag(folder)) for folder in FOLDERS}
    return {folder: level for folder, level in named.items() if level}


def _given(element: Element, before: Rights) -> Rights:
    """The rights before with those that the element names.

    Raises:
        EwsError: a level is one that nobody can give.
    """
    levels = _levels(element)
    if "Custom" in levels.values():
        raise EwsError("ErrorInvalidDelegatePermission", "Custom is a level that is read only.")
    return before.changed(
        levels,
        receives_copies=_flag(element, "ReceiveCopiesOfMeetingMessages"),
        sees_private=_flag(element, "ViewPrivateItems"),
    )


def _tag(folder: str) -> str:
    return f"{folder.capitalize()}FolderPermissionLevel"


def _flag(element: Element, name: str) -> bool | None:
    found = child(element, name)
    return None if found is None else boolean(text(found))


def _deliver(call: Call, principal: Person, request: Element) -> None:
    how = child_text(request, "DeliverMeetingRequests")
    if not how:
        return
    if how not in DELIVERIES:
        raise malformed(f"{how} is no way to deliver meeting requests")
    call.world.delegates.deliver(principal.email, how)


def _each(elements: Iterable[Element], work: Callable[[Element], Element]) -> list[Element]:
    return [_one(element, work) for element in elements]


def _one(element: Element, work: Callable[[Element], Element]) -> Element:
    try:
        return work(element)
    except EwsError as error:
        return _message(failure(_MESSAGE, error))


def _message(message: Element) -> Element:
    """By the name of its type, as Exchange has it here alone."""
    message.tag += "Type"
    return message


def _shown(delegate: Person, rights: Rights, *, shows_levels: bool = False) -> Element:
    levels = t("DelegatePermissions", *(t(_tag(folder), rights.level(folder)) for folder in FOLDERS))
    user = m(
        "DelegateUser",
        t(
            "UserId",
            t("SID", delegate.sid),
            t("PrimarySmtpAddress", delegate.email),
            t("DisplayName", delegate.name),
        ),
        levels if shows_levels else None,
        t("ReceiveCopiesOfMeetingMessages", "true" if rights.receives_copies else "false"),
        t("ViewPrivateItems", "true" if rights.sees_private else "false"),
    )
    return _message(success(_MESSAGE, user))


def _answer(call: Call, messages: list[Element], *more: Element) -> Element:
    """An answer of its own success; the list is left out if it is empty, as the schema wants it."""
    listed = [m("ResponseMessages", *messages)] if messages else []
    return answer(call.operation, [success(call.operation, *listed, *more)])
