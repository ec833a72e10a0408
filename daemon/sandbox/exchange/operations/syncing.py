"""SyncFolderItems."""

from __future__ import annotations

import base64
import binascii
from dataclasses import replace

from daemon.sandbox.exchange.calls import Call, answer, success, whole_number
from daemon.sandbox.exchange.changelog import Difference, Entry
from daemon.sandbox.exchange.errors import EwsError, malformed, not_modelled
from daemon.sandbox.exchange.items import Folder
from daemon.sandbox.exchange.markup import Element, child, child_text, children, m, t
from daemon.sandbox.exchange.shapes import Shape, View, item_markup

_LIMITS = range(1, 513)
_NOT_MODELLED = ("NumberOfDays", "MaximumCount", "MinimumCount")


def sync_folder_items(call: Call, request: Element) -> Element:
    """The differences since the client's state; without one, all items as new."""
    for name in _NOT_MODELLED:
        if child(request, name) is not None:
            raise not_modelled(f"SyncFolderItems with {name}")
    shape = Shape.read(child(request, "ItemShape"), View.SYNC, zone=call.named_zone)
    folder = call.target(request, "SyncFolderId")
    limit = whole_number(child_text(request, "MaxChangesReturned", "0"), "MaxChangesReturned")
    if limit not in _LIMITS:
        raise malformed("MaxChangesReturned is between 1 and 512")
    position = _position(call, folder, child_text(request, "SyncState"))
    ignored = {each.get("Id") for each in children(child(request, "Ignore"))}
    pending = [each for each in _pending(call, folder, position) if each.item_id not in ignored]
    page = _page(call, pending[:limit])
    is_last = len(page) == len(pending)
    reached = call.world.log.position(folder.id) if is_last else page[-1].position if page else position
    message = success(
        call.operation,
        m("SyncState", _state(folder, reached)),
        m("IncludesLastItemInRange", "true" if is_last else "false"),
        m("Changes", *(_change(call, folder, each, shape=shape) for each in page)),
    )
    return answer(call.operation, [message])


def _page(call: Call, page: list[Difference]) -> list[Difference]:
    """What of it the server has the time for."""
    if call.empty:
        return []
    return page[: len(page) // 2] if call.partial and len(page) > 1 else page


def _change(call: Call, folder: Folder, difference: Difference, *, shape: Shape) -> Element:
    name = difference.entry.value
    if difference.entry is Entry.DELETE:
        return t(name, t("ItemId", Id=difference.item_id))
    item = call.world.item(folder.mailbox, difference.item_id)
    if difference.entry is Entry.READ_FLAG:
        read = "true" if item.get("IsRead") else "false"
        return t(name, t("ItemId", Id=item.id, ChangeKey=item.change_key), t("IsRead", read))
    return t(name, item_markup(call.world, item, shape))


def _pending(call: Call, folder: Folder, position: int) -> list[Difference]:
    """What is new since a position; what is hidden from this person came and went, or never was."""
    differences = call.world.log.since(folder.id, position)
    return [seen for each in differences if (seen := _seen(call, folder, each)) is not None]


def _seen(call: Call, folder: Folder, difference: Difference) -> Difference | None:
    if difference.entry is Entry.DELETE or call.sees(call.world.item(folder.mailbox, difference.item_id)):
        return difference
    return None if difference.entry is Entry.CREATE else replace(difference, entry=Entry.DELETE)


def _state(folder: Folder, position: int) -> str:
    return base64.b64encode(f"{folder.id} {position}".encode()).decode()


def _position(call: Call, folder: Folder, state: str) -> int:
    if not state:
        return 0
    try:
        folder_id, position = base64.b64decode(state, validate=True).decode().split()
        known = folder_id == folder.id and 0 <= int(position) <= call.world.log.position(folder.id)
    except (binascii.Error, ValueError):
        known = False
    if not known:
        raise EwsError("ErrorInvalidSyncStateData", "The synchronization state data is corrupt or otherwise invalid.")
    return int(position)
