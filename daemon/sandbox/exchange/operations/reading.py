"""GetItem."""

from __future__ import annotations

from daemon.sandbox.exchange.calls import Call, each, required, success, with_items
from daemon.sandbox.exchange.markup import Element, child, children
from daemon.sandbox.exchange.permissions import Act
from daemon.sandbox.exchange.shapes import Shape, View, item_markup


def get_item(call: Call, request: Element) -> Element:
    wanted = child(request, "ItemShape")

    def get(element: Element) -> Element:
        item = call.item(element, Act.SEE)
        shape = Shape.read(wanted, View.GET, zone=call.named_zone)
        return success(call.operation, with_items(item_markup(call.world, item, shape)))

    return each(call, children(required(request, "ItemIds")), get)
