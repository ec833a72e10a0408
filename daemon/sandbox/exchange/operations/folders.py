"""GetFolder and FindFolder."""

from __future__ import annotations

from collections.abc import Iterator

from daemon.sandbox.exchange.calls import Call, each, required, success, whole_number
from daemon.sandbox.exchange.computed import rights
from daemon.sandbox.exchange.items import Folder
from daemon.sandbox.exchange.markup import Element, child, child_text, children, local_name, m, t
from daemon.sandbox.exchange.permissions import Act, may

_ELEMENTS = {"IPF.Appointment": "CalendarFolder", "IPF.Contact": "ContactsFolder", "IPF.Task": "TasksFolder"}
_ID = "folder:FolderId"
_DEFAULT = frozenset((_ID, "folder:DisplayName", "folder:TotalCount", "folder:ChildFolderCount", "folder:UnreadCount"))


def get_folder(call: Call, request: Element) -> Element:
    shape = required(request, "FolderShape")

    def get(element: Element) -> Element:
        return success(call.operation, m("Folders", _markup(call, call.folder(element), shape)))

    return each(call, children(required(request, "FolderIds")), get)


def find_folder(call: Call, request: Element) -> Element:
    shape, deep = required(request, "FolderShape"), request.get("Traversal") == "Deep"

    def find(element: Element) -> Element:
        found = [] if child(request, "Restriction") is not None else list(_below(call, call.folder(element), deep=deep))
        page = found[_offset(request) :]
        return success(
            call.operation,
            m(
                "RootFolder",
                t("Folders", *(_markup(call, folder, shape) for folder in page)),
                IndexedPagingOffset=str(len(found)),
                TotalItemsInView=str(len(found)),
                IncludesLastItemInRange="true",
            ),
        )

    return each(call, children(required(request, "ParentFolderIds")), find)


def _offset(request: Element) -> int:
    view = child(request, "IndexedPageFolderView")
    return whole_number(view.get("Offset", "0"), "Offset") if view is not None else 0


def _below(call: Call, folder: Folder, *, deep: bool) -> Iterator[Folder]:
    for each_folder in call.world.subfolders(folder):
        yield each_folder
        if deep:
            yield from _below(call, each_folder, deep=True)


def _markup(call: Call, folder: Folder, shape: Element) -> Element:
    tag = _ELEMENTS.get(folder.folder_class, "Folder")
    wanted = _wanted(shape)
    items = call.world.items(folder.mailbox, folder)
    unread = sum(item.get("IsRead") is False for item in items)
    fields = [
        (_ID, t("FolderId", Id=folder.id, ChangeKey="AQAAAA==")),
        ("folder:ParentFolderId", t("ParentFolderId", Id=folder.parent or folder.id, ChangeKey="AQAAAA==")),
        ("folder:FolderClass", t("FolderClass", folder.folder_class) if folder.folder_class else None),
        ("folder:DisplayName", t("DisplayName", folder.display_name)),
        ("folder:TotalCount", t("TotalCount", str(len(items)))),
        ("folder:ChildFolderCount", t("ChildFolderCount", str(len(call.world.subfolders(folder))))),
        ("folder:EffectiveRights", rights(creates=may(call.world, call.person, folder, Act.CREATE))),
        ("folder:DistinguishedFolderId", t("DistinguishedFolderId", folder.name) if folder.name else None),
        ("folder:UnreadCount", t("UnreadCount", str(unread)) if tag in ("Folder", "TasksFolder") else None),
    ]
    return t(tag, *(element for uri, element in fields if wanted is None or uri in wanted))


def _wanted(shape: Element) -> frozenset[str] | None:
    """The field URIs to show; None for all."""
    base = child_text(shape, "BaseShape")
    if base == "AllProperties":
        return None
    named = (path for path in children(child(shape, "AdditionalProperties")) if local_name(path) == "FieldURI")
    return (_DEFAULT if base == "Default" else frozenset((_ID,))) | {path.get("FieldURI", "") for path in named}
