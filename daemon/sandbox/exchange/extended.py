"""Extended (MAPI) properties: their names, and those the server itself keeps.

A property may be spelled with a distinguished set's name or with its GUID; both mean the same property. What the
server derives from an item (its global object ids, its search key, when its reminder goes off) can be read and
searched like any other.
"""

from __future__ import annotations

import base64
import re
import struct
from collections.abc import Callable
from datetime import datetime

from daemon.sandbox.exchange import reminders, series
from daemon.sandbox.exchange.errors import EwsError, malformed
from daemon.sandbox.exchange.items import ExtendedName, ExtendedValue, Item
from daemon.sandbox.exchange.markup import Element, child, children, t
from daemon.sandbox.exchange.values import Day, instant

_SETS = {
    "Address": "00062004-0000-0000-c000-000000000046",
    "Appointment": "00062002-0000-0000-c000-000000000046",
    "CalendarAssistant": "11000e07-b51b-40d6-af21-caa85edab1d0",
    "Common": "00062008-0000-0000-c000-000000000046",
    "InternetHeaders": "00020386-0000-0000-c000-000000000046",
    "Meeting": "6ed8da90-450b-101b-98da-00aa003f1305",
    "PublicStrings": "00020329-0000-0000-c000-000000000046",
    "Task": "00062003-0000-0000-c000-000000000046",
    "UnifiedMessaging": "4442858e-a9e3-4e80-b900-317a210cc15b",
}
_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_GLOBAL_OBJECT_ID = bytes.fromhex("040000008200E00074C5B7101A82E008")


def name_of(path: Element) -> ExtendedName:
    """The identity behind an `ExtendedFieldURI`."""
    given = path.attrib
    kind = str(given.get("PropertyType", ""))
    tag = given.get("PropertyTag")
    if tag is not None:
        _refuse_if(any(each in given for each in _PLACES), "PropertyTag stands alone")
        return ExtendedName("", f"tag:{int(str(tag), 0):x}", kind)
    sets = [each for each in ("DistinguishedPropertySetId", "PropertySetId") if each in given]
    names = [each for each in ("PropertyId", "PropertyName") if each in given]
    _refuse_if(len(sets) != 1 or len(names) != 1, "a property set goes with one PropertyId or PropertyName")
    set_text = str(given[sets[0]])
    property_set = _SETS.get(set_text, set_text).lower()
    _refuse_if(_GUID.fullmatch(property_set) is None, "a property set is a GUID")
    name = str(given[names[0]])
    return ExtendedName(property_set, f"id:{int(name):x}" if names == ["PropertyId"] else f"name:{name}", kind)


_PLACES = ("DistinguishedPropertySetId", "PropertySetId", "PropertyId", "PropertyName")


def _refuse_if(condition: bool, what: str) -> None:
    if condition:
        raise EwsError("ErrorInvalidExtendedProperty", f"The extended property's attributes do not fit: {what}.")


def read(element: Element) -> tuple[ExtendedName, ExtendedValue]:
    """An `ExtendedProperty` of a request."""
    path, single, several = (child(element, tag) for tag in ("ExtendedFieldURI", "Value", "Values"))
    if path is None:
        raise malformed("ExtendedProperty without ExtendedFieldURI")
    if several is not None:
        return name_of(path), tuple(each.text or "" for each in children(several))
    return name_of(path), (single.text or "") if single is not None else ""


def write(path: Element, value: ExtendedValue) -> Element:
    """An `ExtendedProperty` of an answer, named as the request named it."""
    named = t("ExtendedFieldURI", **{str(key): str(text) for key, text in path.attrib.items()})
    if isinstance(value, str):
        return t("ExtendedProperty", named, t("Value", value))
    return t("ExtendedProperty", named, t("Values", *(t("Value", each) for each in value)))


def value_of(item: Item, name: ExtendedName) -> ExtendedValue | None:
    """What the item holds, or what the server derives for it."""
    derived = _DERIVED.get((name.property_set, name.property_id))
    return derived(item) if derived else item.extended.get(name)


def global_object_id(uid: str) -> bytes:
    """A UID as MAPI has it: Exchange's own are hex already, others are wrapped."""
    try:
        raw = bytes.fromhex(uid)
    except ValueError:
        raw = b""
    if raw.startswith(_GLOBAL_OBJECT_ID):
        return raw
    wrapped = b"vCal-Uid\x01\x00\x00\x00" + uid.encode() + b"\x00"
    return _GLOBAL_OBJECT_ID + bytes(20) + struct.pack("<I", len(wrapped)) + wrapped


def _clean_goid(item: Item) -> ExtendedValue | None:
    uid = item.values.get("UID")
    return base64.b64encode(global_object_id(uid)).decode() if uid else None


def _goid(item: Item) -> ExtendedValue | None:
    """An occurrence's with the day on which the pattern has it."""
    uid, at = item.values.get("UID"), item.recurrence_id
    if not uid or at is None:
        return _clean_goid(item)
    day = at.astimezone(series.zone(item.values)).date()
    clean, head = global_object_id(uid), len(_GLOBAL_OBJECT_ID)
    dated = clean[:head] + struct.pack(">HBB", day.year, day.month, day.day) + clean[head + 4 :]
    return base64.b64encode(dated).decode()


def _instant(derive: Callable[[Item], datetime | None]) -> Callable[[Item], ExtendedValue | None]:
    def derived(item: Item) -> ExtendedValue | None:
        moment = derive(item)
        return instant(moment) if moment else None

    return derived


def _day(name: str) -> Callable[[Item], ExtendedValue | None]:
    """A task's day as a midnight of nobody's zone."""

    def derived(item: Item) -> ExtendedValue | None:
        day: Day | None = item.values.get(name)
        return f"{day.civil.isoformat()}T00:00:00Z" if day else None

    return derived


def _search_key(item: Item) -> ExtendedValue | None:
    return base64.b64encode(item.search_key).decode()


_DERIVED: dict[tuple[str, str], Callable[[Item], ExtendedValue | None]] = {
    (_SETS["Task"], "id:8104"): _day("StartDate"),
    (_SETS["Task"], "id:8105"): _day("DueDate"),
    (_SETS["Task"], "id:810f"): _day("CompleteDate"),
    (_SETS["Meeting"], "id:3"): _goid,
    (_SETS["Meeting"], "id:23"): _clean_goid,
    (_SETS["Common"], "id:8501"): lambda item: str(item.get("ReminderMinutesBeforeStart", 0)),
    (_SETS["Common"], "id:8502"): _instant(reminders.due),
    (_SETS["Common"], "id:8503"): lambda item: "true" if item.get("ReminderIsSet") else "false",
    (_SETS["Common"], "id:8560"): _instant(reminders.signal_time),
    ("", "tag:300b"): _search_key,
}
