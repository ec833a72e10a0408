"""One request as the operations see it, and the frame of their answers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import tzinfo

from daemon.sandbox.exchange import series
from daemon.sandbox.exchange.errors import EwsError, malformed
from daemon.sandbox.exchange.items import Cause, Folder, Item
from daemon.sandbox.exchange.markup import MESSAGES, Element, child, child_text, children, local_name, m, t
from daemon.sandbox.exchange.meetings import Meetings
from daemon.sandbox.exchange.permissions import Act, check_folder, check_item, is_hidden
from daemon.sandbox.exchange.values import Day
from daemon.sandbox.exchange.world import World
from daemon.sandbox.people import Person


@dataclass(frozen=True, slots=True)
class Call:
    """Who asks for what, in whose name; in his own mailbox, or where he is a delegate.

    `owner` is None for a service account that impersonates nobody. `zone_name` is the request's own time zone, empty
    if it states none. `partial` cuts pages and batches short, `empty` leaves pages empty (the faults `partial_page`
    and `empty_page`), `unreadable` are errors by the ids of items that cannot be read (`unreadable_item`).
    """

    operation: str
    account: str
    world: World
    owner: Person | None
    zone: tzinfo
    zone_name: str = ""
    partial: bool = False
    empty: bool = False
    unreadable: Mapping[str, str] = field(default_factory=dict)

    @property
    def meetings(self) -> Meetings:
        return Meetings(self.world, self.owner)

    @property
    def cause(self) -> Cause:
        return Cause(self.operation, self.account, self.owner.email if self.owner else "")

    @property
    def named_zone(self) -> tzinfo | None:
        """The request's time zone if it states one."""
        return self.zone if self.zone_name else None

    @property
    def person(self) -> Person:
        """Who acts.

        Raises:
            EwsError: the account has none and acts for nobody.
        """
        if self.owner is None:
            raise EwsError("ErrorMissingEmailAddress", "This account has no mailbox; impersonate one.")
        return self.owner

    @property
    def today(self) -> Day:
        """The day it is in the request's time zone, as the server notes it."""
        return Day.of(self.world.now().astimezone(self.zone).date())

    @property
    def mailbox(self) -> str:
        return self.person.email

    def item(self, element: Element, act: Act = Act.CHANGE) -> Item:
        """The item behind an `ItemId`, an `OccurrenceItemId` or a `RecurringMasterItemId`, in whatever mailbox.

        Raises:
            EwsError: it is not there, or the person may not do this with it.
        """
        found = self._item(element)
        check_item(self.world, self.person, found, act)
        if found.id in self.unreadable:
            raise EwsError(self.unreadable[found.id], "The item cannot be read.")
        return found

    def _item(self, element: Element) -> Item:
        name = local_name(element)
        if name == "OccurrenceItemId":
            return self._nth_occurrence(element)
        if name == "RecurringMasterItemId":
            return self._master(element)
        if not element.get("Id"):
            raise EwsError("ErrorInvalidIdEmpty", "The id is empty.")
        return self._held(element.get("Id", ""))

    def _held(self, item_id: str) -> Item:
        return self.world.item(self.world.holder(item_id) or self.mailbox, item_id)

    def _nth_occurrence(self, element: Element) -> Item:
        master = self._held(element.get("RecurringMasterId", ""))
        if not series.is_series(master):
            raise EwsError("ErrorCalendarCannotUseIdForRecurringMasterId", "The id is no recurring item's.")
        return series.nth(master, whole_number(element.get("InstanceIndex", ""), "InstanceIndex"))

    def _master(self, element: Element) -> Item:
        occurrence = self._held(element.get("OccurrenceId", ""))
        if occurrence.part is None:
            raise EwsError("ErrorCalendarCannotUseIdForOccurrenceId", "The id is no occurrence's.")
        return occurrence.part.master

    def folder(self, element: Element, act: Act = Act.SEE) -> Folder:
        """The folder behind a `FolderId` or `DistinguishedFolderId`, which may name another's mailbox.

        Raises:
            EwsError: it is not there, or the person may not do this in it.
        """
        found = self._folder(element)
        check_folder(self.world, self.person, found, act)
        return found

    def _folder(self, element: Element) -> Folder:
        if local_name(element) == "FolderId":
            return self.world.folder_by_id(element.get("Id", ""))
        address = child_text(child(element, "Mailbox"), "EmailAddress")
        return self.world.folder(address or self.mailbox, element.get("Id", ""))

    def sees(self, item: Item) -> bool:
        """Whether the item is among what the person gets to see of a folder that is open to him."""
        return not is_hidden(self.world, self.person, item)

    def target(self, element: Element | None, name: str, default: str = "", *, act: Act = Act.SEE) -> Folder:
        """The one folder within the child `name`, or the distinguished folder `default`."""
        within = child(element, name)
        if within is not None:
            return self.folder(only_child(within), act)
        if not default:
            raise malformed(f"{name} is missing")
        return self.world.folder(self.mailbox, default)


def required(element: Element, name: str) -> Element:
    found = child(element, name)
    if found is None:
        raise malformed(f"{name} is missing in {local_name(element)}")
    return found


def first(element: Element) -> Element:
    """The first element within."""
    found = next(children(element), None)
    if found is None:
        raise malformed(f"{local_name(element)} is empty")
    return found


def whole_number(value: str, what: str) -> int:
    try:
        return int(value)
    except ValueError:
        raise malformed(f"{what} is no whole number") from None


def only_child(element: Element) -> Element:
    if len(element) != 1:
        raise malformed(f"{local_name(element)} holds one element")
    return element[0]


# Operations whose answer is itself a message; the list that one which failed holds all the same.
_SINGLE: dict[str, str | None] = {
    "AddDelegate": None,
    "GetDelegate": None,
    "GetReminders": "Reminders",
    "PerformReminderAction": "UpdatedItemIds",
    "RemoveDelegate": None,
    "UpdateDelegate": None,
}


def is_single(operation: str) -> bool:
    return operation in _SINGLE


def answer(operation: str, messages: Iterable[Element]) -> Element:
    """The messages in their operation's frame."""
    if is_single(operation):
        (message,) = messages
        message.tag = f"{{{MESSAGES}}}{operation}Response"
        return message
    return m(f"{operation}Response", m("ResponseMessages", *messages))


def success(operation: str, *content: Element) -> Element:
    return m(f"{operation}ResponseMessage", m("ResponseCode", "NoError"), *content, ResponseClass="Success")


def failure(
    operation: str, error: EwsError, *content: Element, severity: str = "Error", values: dict[str, str] | None = None
) -> Element:
    """A response message that says no; `values` go into its MessageXml."""
    details = [t("Value", text, Name=name) for name, text in (values or {}).items()]
    if error.field_uri:
        details.append(t("FieldURI", FieldURI=error.field_uri))
    return m(
        f"{operation}ResponseMessage",
        m("MessageText", error.text),
        m("ResponseCode", error.code),
        m("DescriptiveLinkKey", "0"),
        m("MessageXml", *details) if details else None,
        *content,
        ResponseClass=severity,
    )


def with_items(*items: Element) -> Element:
    return m("Items", *items)


# What a failed message of an operation holds besides the error: the schema wants an empty list of items here.
_EMPTY_ON_FAILURE = frozenset(("CreateItem", "GetItem", "UpdateItem", "MoveItem", "CopyItem"))


def refusal(operation: str, error: EwsError, **options: str) -> Element:
    return failure(operation, error, *_empty(operation), values=options or None)


def _empty(operation: str) -> list[Element]:
    """What the schema wants in a message that failed: the lists, with nothing in them."""
    single = _SINGLE.get(operation)
    if single is not None:
        return [m(single)]
    return [with_items()] if operation in _EMPTY_ON_FAILURE else []


def each(call: Call, elements: Iterable[Element], work: Callable[[Element], Element]) -> Element:
    """An answer with one message per element; who fails does not stop the others.

    With `partial` the second half is not processed, as when a batch takes longer than the server allows.
    """
    todo = list(elements)
    kept = (len(todo) + 1) // 2 if call.partial and len(todo) > 1 else len(todo)
    messages = [_one(call.operation, element, work) for element in todo[:kept]]
    return answer(call.operation, [*messages, *(_stopped(call.operation) for _ in todo[kept:])])


def _one(operation: str, element: Element, work: Callable[[Element], Element]) -> Element:
    try:
        return work(element)
    except EwsError as error:
        return refusal(operation, error)


def _stopped(operation: str) -> Element:
    error = EwsError("ErrorBatchProcessingStopped", "The rest of the batch was not processed.")
    return failure(operation, error, *_empty(operation), severity="Warning")
