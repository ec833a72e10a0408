"""The requests we send, as the element inside the SOAP body.

Each asks for exactly what the decoder reads: bodies as text, no MIME, no attachments. An item that needs more is a
line here and one in the decoder.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Sequence
from copy import deepcopy

from lxml import etree

from daemon.exchange.ews import properties
from daemon.exchange.ews.envelopes import MESSAGES, TYPES, Element

_NAMESPACES = {"m": MESSAGES.strip("{}"), "t": TYPES.strip("{}")}

CALENDAR = "calendar"
DELETED_ITEMS = "deleteditems"
TASKS = "tasks"
ROOT = "msgfolderroot"
PAGE_SIZE = "250"
FOLDER_PAGE_SIZE = "1000"
"""The most that Exchange gives at once, with a restriction and without."""

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
)
KIND_FIELDS = ("item:ItemClass", "item:ParentFolderId")
FOLDER_FIELDS = ("folder:ParentFolderId", "folder:FolderClass")
EXTENDED = (properties.MARKER, properties.CLEAN_GLOBAL_OBJECT_ID)


def get_items(item_ids: Sequence[str]) -> Element:
    """GetItem with all that a copy is made of."""
    return _m("GetItem", deepcopy(_ITEM_SHAPE), _item_ids(item_ids))


def get_kinds(item_ids: Sequence[str]) -> Element:
    """GetItem with what items of every kind have, for those that refused `get_items`."""
    return _m("GetItem", _shape(_fields(KIND_FIELDS)), _item_ids(item_ids))


def find_by_global_object_id(value: bytes, folder_ids: Iterable[str], offset: int) -> Element:
    """FindItem for the ids of one meeting's items in some folders."""
    is_it = _t(
        "IsEqualTo",
        _extended(properties.CLEAN_GLOBAL_OBJECT_ID),
        _t("FieldURIOrConstant", _t("Constant", Value=b64encode(value).decode())),
    )
    return _m(
        "FindItem",
        _m("ItemShape", _t("BaseShape", text="IdOnly")),
        _m("IndexedPageItemView", MaxEntriesReturned=PAGE_SIZE, Offset=str(offset), BasePoint="Beginning"),
        _m("Restriction", is_it),
        _m("ParentFolderIds", *(_t("FolderId", Id=folder_id) for folder_id in folder_ids)),
        Traversal="Shallow",
    )


def find_folders(offset: int) -> Element:
    """FindFolder for all folders of a mailbox that people see."""
    fields = _t("AdditionalProperties", *_fields(FOLDER_FIELDS))
    return _m(
        "FindFolder",
        _m("FolderShape", _t("BaseShape", text="IdOnly"), fields),
        _m("IndexedPageFolderView", MaxEntriesReturned=FOLDER_PAGE_SIZE, Offset=str(offset), BasePoint="Beginning"),
        _m("ParentFolderIds", _distinguished(ROOT)),
        Traversal="Deep",
    )


def get_folders(folders: Iterable[str]) -> Element:
    """GetFolder for the ids of distinguished folders."""
    return _m(
        "GetFolder", _m("FolderShape", _t("BaseShape", text="IdOnly")), _m("FolderIds", *map(_distinguished, folders))
    )


def resolve_name(name: str) -> Element:
    """ResolveNames in the directory, with all addresses of whom it finds."""
    entry = _m("UnresolvedEntry", text=name)
    return _m("ResolveNames", entry, ReturnFullContactData="true", SearchScope="ActiveDirectory")


def get_one_time_zone() -> Element:
    """GetServerTimeZones for a single name: the cheapest call that needs a sign-in and no mailbox."""
    return _m("GetServerTimeZones", _m("Ids", _t("Id", text="UTC")), ReturnFullTimeZoneData="false")


def _item_ids(item_ids: Sequence[str]) -> Element:
    return _m("ItemIds", *(_t("ItemId", Id=item_id) for item_id in item_ids))


def _distinguished(folder: str) -> Element:
    return _t("DistinguishedFolderId", Id=folder)


def _shape(fields: Iterable[Element]) -> Element:
    return _m(
        "ItemShape", _t("BaseShape", text="IdOnly"), _t("BodyType", text="Text"), _t("AdditionalProperties", *fields)
    )


def _fields(names: Iterable[str]) -> list[Element]:
    return [_t("FieldURI", FieldURI=name) for name in names]


def _extended(extended: properties.ExtendedProperty) -> Element:
    return _t("ExtendedFieldURI", **dict(extended.attributes))


def _m(name: str, *children: Element, text: str | None = None, **attributes: str) -> Element:
    return _element(f"{MESSAGES}{name}", children, text, attributes)


def _t(name: str, *children: Element, text: str | None = None, **attributes: str) -> Element:
    return _element(f"{TYPES}{name}", children, text, attributes)


def _element(tag: str, children: Iterable[Element], text: str | None, attributes: dict[str, str]) -> Element:
    element = etree.Element(tag, attributes, _NAMESPACES)
    element.text = text
    element.extend(children)
    return element


_ITEM_SHAPE = _shape([*_fields(ITEM_FIELDS), *map(_extended, EXTENDED)])
