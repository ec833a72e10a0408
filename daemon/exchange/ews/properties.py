"""The Exchange properties we read and search that have no EWS name of their own (ID-1, ID-5, ID-7).

The marker is ours: a named string in our own property set, written in the same call as a create and never shown to
anybody. Its set and name are part of the data in every customer's mailboxes: they must never change. The clean global
object id is Exchange's identity of a meeting, the same in all copies and for all occurrences of a series; unlike
`calendar:UID` it can be searched. A task has no such identity; its search key stays with it when it moves (ID-7). The
days of a task are kept as midnights of nobody's zone, which `task:DueDate` turns into instants of somebody's.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ExtendedProperty:
    """An extended property by the attributes of its `t:ExtendedFieldURI`."""

    attributes: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Wanted:
    """A value of an extended property, spelled as a search has it."""

    property: ExtendedProperty
    value: str


MARKER_SET = "8c1f5f0e-6a0b-4f0e-9a55-6d1c7c2f3a10"
MARKER_NAME = "exsyncd-crm-id"
MARKER = ExtendedProperty(
    (("PropertySetId", MARKER_SET), ("PropertyName", MARKER_NAME), ("PropertyType", "String")),
)

MEETING_SET = "6ed8da90-450b-101b-98da-00aa003f1305"
CLEAN_GLOBAL_OBJECT_ID_TAG = 0x23
CLEAN_GLOBAL_OBJECT_ID = ExtendedProperty(
    (
        ("DistinguishedPropertySetId", "Meeting"),
        ("PropertyId", str(CLEAN_GLOBAL_OBJECT_ID_TAG)),
        ("PropertyType", "Binary"),
    ),
)

SEARCH_KEY_TAG = 0x300B
SEARCH_KEY = ExtendedProperty((("PropertyTag", hex(SEARCH_KEY_TAG)), ("PropertyType", "Binary")))

TASK_SET = "00062003-0000-0000-c000-000000000046"
TASK_START_TAG, TASK_DUE_TAG = 0x8104, 0x8105
TASK_START, TASK_DUE = (
    ExtendedProperty(
        (("DistinguishedPropertySetId", "Task"), ("PropertyId", str(tag)), ("PropertyType", "SystemTime")),
    )
    for tag in (TASK_START_TAG, TASK_DUE_TAG)
)
