"""FindItem: pages, restrictions, sort orders, and the calendar's view of a stretch of time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from daemon.sandbox.exchange import series
from daemon.sandbox.exchange.calls import Call, each, required, success, whole_number
from daemon.sandbox.exchange.errors import EwsError, malformed, not_modelled
from daemon.sandbox.exchange.items import Folder, Item
from daemon.sandbox.exchange.markup import Element, child, children, local_name, m, t
from daemon.sandbox.exchange.properties import ItemKind
from daemon.sandbox.exchange.restrictions import restriction, sorted_by
from daemon.sandbox.exchange.shapes import Shape, View, item_markup
from daemon.sandbox.exchange.values import read_instant

_PAGE_LIMIT = 1000
_LONGEST_VIEW = timedelta(days=2 * 366)
_NOT_MODELLED = (
    "GroupBy",
    "DistinguishedGroupBy",
    "QueryString",
    "SeekToConditionPageItemView",
    "ContactsView",
)


@dataclass(frozen=True, slots=True)
class Page:
    """A part of what was found; `offset` is where the next page begins."""

    items: list[Item]
    offset: int
    total: int
    is_last: bool


def find_item(call: Call, request: Element) -> Element:
    for name in _NOT_MODELLED:
        if child(request, name) is not None:
            raise not_modelled(f"FindItem with {name}")

    def find(element: Element) -> Element:
        shape = Shape.read(child(request, "ItemShape"), View.FIND, zone=call.named_zone)
        found = _found(call, call.folder(element), request)
        page = _emptied(found) if call.empty else _shortened(found) if call.partial else found
        attributes = {} if child(request, "CalendarView") is not None else {"IndexedPagingOffset": str(page.offset)}
        items = t("Items", *(item_markup(call.world, item, shape) for item in page.items))
        root = m(
            "RootFolder",
            items,
            **attributes,
            TotalItemsInView=str(page.total),
            IncludesLastItemInRange="true" if page.is_last else "false",
        )
        return success(call.operation, root)

    return each(call, children(required(request, "ParentFolderIds")), find)


def _found(call: Call, folder: Folder, request: Element) -> Page:
    holds = restriction(call.world, child(request, "Restriction"))
    items = [item for item in call.world.items(folder.mailbox, folder) if holds(item)]
    view = child(request, "CalendarView")
    if view is not None:
        return _calendar_view(folder, items, view, sees=call.sees)
    ordered = sorted_by(call.world, [item for item in items if call.sees(item)], child(request, "SortOrder"))
    return _page(ordered, request)


def _calendar_view(folder: Folder, items: list[Item], view: Element, *, sees: Callable[[Item], bool]) -> Page:
    """The items that touch the stretch, series in their occurrences, by start; only of calendars."""
    if folder.folder_class != "IPF.Appointment":
        raise EwsError("ErrorCalendarFolderIsInvalidForCalendarView", "A calendar view needs a calendar.")
    start, end = read_instant(view.get("StartDate", "")), read_instant(view.get("EndDate", ""))
    if end < start:
        raise EwsError("ErrorCalendarEndDateIsEarlierThanStartDate", "The view ends before it starts.")
    if end - start > _LONGEST_VIEW:
        raise EwsError("ErrorCalendarViewRangeTooBig", "The view spans more than two years.")
    calendar = (item for item in items if item.kind is ItemKind.CALENDAR_ITEM)
    touching = [item for item in series.within(calendar, start, end) if sees(item)]
    touching.sort(key=lambda item: item.get("Start"))
    limit = whole_number(view.get("MaxEntriesReturned", str(_PAGE_LIMIT)), "MaxEntriesReturned")
    return Page(touching[:limit], min(limit, len(touching)), len(touching), is_last=len(touching) <= limit)


def _page(items: list[Item], request: Element) -> Page:
    fraction, indexed = child(request, "FractionalPageItemView"), child(request, "IndexedPageItemView")
    if fraction is not None:
        numerator, denominator = (
            whole_number(fraction.get("Numerator", "0"), "Numerator"),
            whole_number(fraction.get("Denominator", "1"), "Denominator"),
        )
        return _slice(items, len(items) * numerator // max(1, denominator), _limit(fraction))
    if indexed is None:
        return _slice(items, 0, _PAGE_LIMIT)
    if indexed.get("BasePoint") == "End":
        return _slice(items[::-1], whole_number(indexed.get("Offset", "0"), "Offset"), _limit(indexed))
    return _slice(items, whole_number(indexed.get("Offset", "0"), "Offset"), _limit(indexed))


def _limit(view: Element) -> int:
    limit = whole_number(view.get("MaxEntriesReturned", str(_PAGE_LIMIT)), "MaxEntriesReturned")
    if limit < 1:
        raise malformed(f"MaxEntriesReturned of {local_name(view)} is at least 1")
    return min(limit, _PAGE_LIMIT)


def _slice(items: list[Item], offset: int, limit: int) -> Page:
    part = items[offset : offset + limit]
    reached = min(offset + len(part), len(items))
    return Page(part, reached, len(items), is_last=reached >= len(items))


def _emptied(page: Page) -> Page:
    """Nothing yet: what a server answers that ran out of time before it found anything. It says that there is more."""
    if not page.items:
        return page
    return Page([], page.offset - len(page.items), page.total, is_last=False)


def _shortened(page: Page) -> Page:
    """Half of a page of several: what a server answers that runs out of time."""
    if len(page.items) < 2:
        return page
    kept = len(page.items) // 2
    return Page(page.items[:kept], page.offset - len(page.items) + kept, page.total, is_last=False)
