"""Delegates of a mailbox: the four services that read and change them, and what their answers mean (INV-1).

Each answer has a class of its own besides one message for each delegate. Of a delegate whose account is gone, or who
was half made by other means, Exchange says so and mostly no more: whoever has no name is nobody we could ask for.
"""

from __future__ import annotations

from collections.abc import Sequence

from daemon.exchange.ews import fields
from daemon.exchange.ews.answers import all_fine
from daemon.exchange.ews.envelopes import MESSAGES, TYPES, Element, Message
from daemon.exchange.ews.markup import m, t
from schemas import addresses
from schemas.delegates import CUSTOM, EDITOR, NONE, UNSAID, Delegates, Rights

_FOLDERS = {
    "CalendarFolderPermissionLevel": "calendar",
    "TasksFolderPermissionLevel": "tasks",
    "InboxFolderPermissionLevel": "inbox",
    "ContactsFolderPermissionLevel": "contacts",
    "NotesFolderPermissionLevel": "notes",
    "JournalFolderPermissionLevel": "journal",
}
_LEVELS = frozenset({NONE, "Reviewer", "Author", EDITOR})
_UNNAMED = frozenset({"ErrorDelegateMissingConfiguration", "ErrorDelegateNoUser"})


# requests


def get(mailbox: str) -> Element:
    """GetDelegate of all delegates with their rights."""
    return m("GetDelegate", _mailbox(mailbox), IncludePermissions="true")


def add(mailbox: str, delegate: str, rights: Rights, *, deliver: str) -> Element:
    """AddDelegate of one delegate."""
    return m("AddDelegate", _mailbox(mailbox), _users(delegate, rights), *_deliver(deliver))


def update(mailbox: str, delegate: str, rights: Rights, *, deliver: str) -> Element:
    """UpdateDelegate of one delegate. A folder whose level cannot be written is left as it is."""
    return m("UpdateDelegate", _mailbox(mailbox), _users(delegate, rights), *_deliver(deliver))


def remove(mailbox: str, delegate: str) -> Element:
    """RemoveDelegate of one delegate."""
    return m("RemoveDelegate", _mailbox(mailbox), m("UserIds", _user_id(delegate)))


def _mailbox(address: str) -> Element:
    return m("Mailbox", t("EmailAddress", text=address))


def _user_id(address: str) -> Element:
    return t("UserId", t("PrimarySmtpAddress", text=address))


def _users(delegate: str, rights: Rights) -> Element:
    levels = {name: getattr(rights, field) for name, field in _FOLDERS.items()}
    user = t(
        "DelegateUser",
        _user_id(delegate),
        t("DelegatePermissions", *(t(name, text=level) for name, level in levels.items() if level in _LEVELS)),
        t("ReceiveCopiesOfMeetingMessages", text=_flag(rights.receives_copies)),
        t("ViewPrivateItems", text=_flag(rights.sees_private)),
    )
    return m("DelegateUsers", user)


def _deliver(deliver: str) -> tuple[Element, ...]:
    """Stated as it was, because it is stated for all delegates."""
    return (m("DeliverMeetingRequests", text=deliver),) if deliver else ()


def _flag(flag: bool) -> str:
    return "true" if flag else "false"


# answers


def read(messages: Sequence[Message]) -> Delegates:
    """All delegates of a mailbox. Failure if one of them could not be told: he must not be taken for none."""
    whole = all_fine(messages[:1])[0].element
    told = [message for message in messages[1:] if message.code not in _UNNAMED]
    if told:
        all_fine(told)
    named = filter(None, (_delegate(message.element) for message in messages[1:]))
    return Delegates(whole.findtext(f"{MESSAGES}DeliverMeetingRequests") or "", dict(named))


def _delegate(message: Element) -> tuple[str, Rights] | None:
    """None: the message is about nobody, or about somebody without an address."""
    user = message.find(f"{MESSAGES}DelegateUser")
    if user is None:
        return None
    address = addresses.normalise(user.findtext(f"{TYPES}UserId/{TYPES}PrimarySmtpAddress"))
    return None if address is None else (address, _rights(user))


def _rights(user: Element) -> Rights:
    said = fields.of(user)
    permissions = said.elements.get("DelegatePermissions")
    levels = fields.of(user if permissions is None else permissions)
    return Rights(
        **{field: _level(levels.text(name)) for name, field in _FOLDERS.items()},
        receives_copies=said.flag("ReceiveCopiesOfMeetingMessages"),
        sees_private=said.flag("ViewPrivateItems"),
    )


def _level(said: str) -> str:
    return said if said in _LEVELS or said == UNSAID else CUSTOM
