"""The requests we send, as the element inside the SOAP body.

Each asks for exactly what the decoder reads: bodies as they are kept, no MIME, no attachments. An item that needs more
is a line here and one in the decoder. Each write is of one item, mails whom its `Sending` says and names exactly the
properties it is about (MAP-1, INV-2, INV-3, INV-4).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from copy import deepcopy

from daemon.exchange.ews import changes, properties
from daemon.exchange.ews.changes import Field
from daemon.exchange.ews.envelopes import Element
from daemon.exchange.ews.markup import m, t
from daemon.exchange.ews.properties import Wanted
from daemon.exchange.port import Written
from schemas.copies import Kind
from schemas.edits import Edit, New
from schemas.sending import SILENT, Sending, Whom

CALENDAR = "calendar"
DELETED_ITEMS = "deleteditems"
TASKS = "tasks"
ROOT = "msgfolderroot"
PAGE_SIZE = "250"
FOLDER_PAGE_SIZE = "1000"
"""The most that Exchange gives at once, with a restriction and without."""

_NOBODY, _ALL = "SendToNone", "SendToAllAndSaveCopy"
_INVITATIONS = {Whom.NOBODY: _NOBODY, Whom.ALL: _ALL, Whom.ADDED: _ALL}
_UPDATES = {Whom.NOBODY: _NOBODY, Whom.ALL: _ALL, Whom.ADDED: "SendToChangedAndSaveCopy"}
_CANCELLATIONS = {Whom.NOBODY: _NOBODY, Whom.ALL: _ALL, Whom.ADDED: _NOBODY}
"""Of a new meeting all are added, of a cancelled one nobody is."""

ITEM_FIELDS = (
    "item:ParentFolderId",
    "item:Subject",
    "item:Sensitivity",
    "item:Body",
    "item:Importance",
    "item:ReminderIsSet",
    "item:ReminderMinutesBeforeStart",
    "item:LastModifiedTime",
    "calendar:Start",
    "calendar:End",
    "calendar:IsAllDayEvent",
    "calendar:Location",
    "calendar:IsMeeting",
    "calendar:IsCancelled",
    "calendar:CalendarItemType",
    "calendar:MyResponseType",
    "calendar:Organizer",
    "calendar:RequiredAttendees",
    "calendar:OptionalAttendees",
    "calendar:Resources",
    "calendar:AppointmentReplyTime",
    "calendar:AppointmentState",
    "calendar:UID",
    "calendar:StartTimeZone",
    "calendar:OriginalStart",
    "calendar:RecurrenceId",
    "calendar:Recurrence",
    "calendar:ModifiedOccurrences",
    "calendar:DeletedOccurrences",
)
KIND_FIELDS = ("item:ItemClass", "item:ParentFolderId")
FOLDER_FIELDS = ("folder:ParentFolderId", "folder:FolderClass")
TASK_FIELDS = (
    "item:ParentFolderId",
    "item:Subject",
    "item:Sensitivity",
    "item:Body",
    "item:Importance",
    "item:ReminderDueBy",
    "item:ReminderIsSet",
    "item:LastModifiedTime",
    "task:CompleteDate",
    "task:DueDate",
    "task:IsRecurring",
    "task:PercentComplete",
    "task:Recurrence",
    "task:StartDate",
    "task:Status",
)
TASK_EXTENDED = (properties.MARKER, properties.SEARCH_KEY, properties.TASK_START, properties.TASK_DUE)
EXTENDED = (properties.MARKER, properties.CLEAN_GLOBAL_OBJECT_ID)


def get_items(item_ids: Sequence[str]) -> Element:
    """GetItem with all that a copy is made of."""
    return m("GetItem", deepcopy(_ITEM_SHAPE), _item_ids(item_ids))


def get_occurrence(asked: Sequence[str], master_id: str, index: int) -> Element:
    """GetItem of a series and of one of its occurrences, counted from 1, under whatever name that is asked for."""
    occurrence = t("OccurrenceItemId", RecurringMasterId=master_id, InstanceIndex=str(index))
    ids = (_item_id(each) if each == master_id else occurrence for each in asked)
    return m("GetItem", deepcopy(_ITEM_SHAPE), m("ItemIds", *ids))


def get_tasks(item_ids: Sequence[str]) -> Element:
    """GetItem with all that a task is made of."""
    return m("GetItem", deepcopy(_TASK_SHAPE), _item_ids(item_ids))


def get_kinds(item_ids: Sequence[str]) -> Element:
    """GetItem with what items of every kind have, for those that refused `get_items`."""
    return m("GetItem", _shape(_fields(KIND_FIELDS)), _item_ids(item_ids))


def find_by_property(wanted: Wanted, folder_ids: Iterable[str], offset: int) -> Element:
    """FindItem for the ids of the items in some folders that have this value of a property."""
    constant = t("FieldURIOrConstant", t("Constant", Value=wanted.value))
    is_it = t("IsEqualTo", _extended(wanted.property), constant)
    return m(
        "FindItem",
        m("ItemShape", t("BaseShape", text="IdOnly")),
        m("IndexedPageItemView", MaxEntriesReturned=PAGE_SIZE, Offset=str(offset), BasePoint="Beginning"),
        m("Restriction", is_it),
        m("ParentFolderIds", *(t("FolderId", Id=folder_id) for folder_id in folder_ids)),
        Traversal="Shallow",
    )


def find_folders(offset: int) -> Element:
    """FindFolder for all folders of a mailbox that people see."""
    fields = t("AdditionalProperties", *_fields(FOLDER_FIELDS))
    return m(
        "FindFolder",
        m("FolderShape", t("BaseShape", text="IdOnly"), fields),
        m("IndexedPageFolderView", MaxEntriesReturned=FOLDER_PAGE_SIZE, Offset=str(offset), BasePoint="Beginning"),
        m("ParentFolderIds", _distinguished(ROOT)),
        Traversal="Deep",
    )


def get_folders(folders: Iterable[str]) -> Element:
    """GetFolder for the ids of distinguished folders."""
    return m(
        "GetFolder", m("FolderShape", t("BaseShape", text="IdOnly")), m("FolderIds", *map(_distinguished, folders))
    )


def create_item(new: New, sending: Sending = SILENT, *, owner: str = "") -> Element:
    """CreateItem in the calendar or task list of whoever makes it, or of the owner he makes it for, with the item's
    identity."""
    is_task = new.kind is Kind.TASK
    marker = t("ExtendedProperty", _extended(properties.MARKER), t("Value", text=new.marker))
    uid = () if new.uid is None else (t("UID", text=new.uid),)
    common, own = changes.common(new.edit, new.kind), changes.own(new.edit, new.kind)
    item = t(_item(new.kind), *_stated(common), marker, *uid, *_stated(own))
    return m(
        "CreateItem",
        m("SavedItemFolderId", _distinguished(TASKS if is_task else CALENDAR, owner)),
        m("Items", item),
        **({} if is_task else {"SendMeetingInvitations": _INVITATIONS[sending.to]}),
    )


def update_item(item: Written, edit: Edit, kind: Kind, sending: Sending = SILENT) -> Element:
    """UpdateItem of these fields, refused if the item is no longer at that change key."""
    updates = t("Updates", *(_update(field, kind) for field in changes.every(edit, kind)))
    changed = t("ItemChange", _item_id(item.item_id, item.change_key), updates)
    whom = Whom.NOBODY if kind is Kind.TASK else sending.to
    return m(
        "UpdateItem",
        m("ItemChanges", changed),
        ConflictResolution="NeverOverwrite",
        SendMeetingInvitationsOrCancellations=_UPDATES[whom],
        SuppressReadReceipts="true",
    )


def delete_item(item_id: str, sending: Sending = SILENT) -> Element:
    """DeleteItem to Deleted Items, a task with all its occurrences."""
    return _delete(item_id, "AllOccurrences", sending)


def skip_occurrence(item_id: str) -> Element:
    """DeleteItem of a recurring task's current occurrence."""
    return _delete(item_id, "SpecifiedOccurrenceOnly", SILENT)


def _delete(item_id: str, task_occurrences: str, sending: Sending) -> Element:
    return m(
        "DeleteItem",
        m("ItemIds", _item_id(item_id)),
        DeleteType="MoveToDeletedItems",
        SendMeetingCancellations=_CANCELLATIONS[sending.to],
        AffectedTaskOccurrences=task_occurrences,
        SuppressReadReceipts="true",
    )


def resolve_name(name: str) -> Element:
    """ResolveNames in the directory, with all addresses of whom it finds."""
    entry = m("UnresolvedEntry", text=name)
    return m("ResolveNames", entry, ReturnFullContactData="true", SearchScope="ActiveDirectory")


def get_one_time_zone() -> Element:
    """GetServerTimeZones for a single name: the cheapest call that needs a sign-in and no mailbox."""
    return m("GetServerTimeZones", m("Ids", t("Id", text="UTC")), ReturnFullTimeZoneData="false")


def _item_ids(item_ids: Sequence[str]) -> Element:
    return m("ItemIds", *map(_item_id, item_ids))


def _item_id(item_id: str, change_key: str = "") -> Element:
    return t("ItemId", Id=item_id, **({"ChangeKey": change_key} if change_key else {}))


def _update(field: Field, kind: Kind) -> Element:
    path = t("FieldURI", FieldURI=field.uri)
    if field.element is None:
        return t("DeleteItemField", path)
    return t("SetItemField", path, t(_item(kind), field.element))


def _item(kind: Kind) -> str:
    return "Task" if kind is Kind.TASK else "CalendarItem"


def _stated(fields: Iterable[Field]) -> list[Element]:
    """A new item is made of what it has; there is nothing to clear."""
    return [field.element for field in fields if field.element is not None]


def _distinguished(folder: str, owner: str = "") -> Element:
    mailbox = (t("Mailbox", t("EmailAddress", text=owner)),) if owner else ()
    return t("DistinguishedFolderId", *mailbox, Id=folder)


def _shape(fields: Iterable[Element]) -> Element:
    return m("ItemShape", t("BaseShape", text="IdOnly"), t("BodyType", text="Best"), t("AdditionalProperties", *fields))


def _fields(names: Iterable[str]) -> list[Element]:
    return [t("FieldURI", FieldURI=name) for name in names]


def _extended(extended: properties.ExtendedProperty) -> Element:
    return t("ExtendedFieldURI", **dict(extended.attributes))


_ITEM_SHAPE = _shape([*_fields(ITEM_FIELDS), *map(_extended, EXTENDED)])
_TASK_SHAPE = _shape([*_fields(TASK_FIELDS), *map(_extended, TASK_EXTENDED)])
