"""FindItem's restrictions and sort orders, applied to items."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from typing import Any

from daemon.sandbox.exchange import extended
from daemon.sandbox.exchange.calls import first
from daemon.sandbox.exchange.computed import value_of
from daemon.sandbox.exchange.errors import EwsError, malformed
from daemon.sandbox.exchange.items import ExtendedName, Item
from daemon.sandbox.exchange.markup import Element, child, children, local_name
from daemon.sandbox.exchange.properties import by_uri, is_known
from daemon.sandbox.exchange.values import Form, read_instant
from daemon.sandbox.exchange.world import World

Test = Callable[[Item], bool]

# UID is stored in a form that the store cannot search: clients look for the global object id instead.
_UNSEARCHABLE = frozenset(("calendar:UID",))


def restriction(world: World, element: Element | None) -> Test:
    """The test that a `Restriction` stands for; without one every item passes."""
    if element is None:
        return lambda _item: True
    return _test(world, first(element))


def sorted_by(world: World, items: list[Item], order: Element | None) -> list[Item]:
    """In the order asked for, the first `FieldOrder` weighing most; items without the property come first."""
    for field in reversed(list(children(order))):
        path = first(field)

        def key(item: Item, path: Element = path) -> tuple[bool, Any]:
            value = _value(world, item, path)
            return value is not None, value if value is not None else ""

        items = sorted(items, key=key, reverse=field.get("Order") == "Descending")
    return items


def _test(world: World, element: Element) -> Test:
    name = local_name(element)
    if name in ("And", "Or"):
        tests = [_test(world, each) for each in children(element)]
        combine = all if name == "And" else any
        return lambda item: combine(test(item) for test in tests)
    if name == "Not":
        inner = _test(world, first(element))
        return lambda item: not inner(item)
    if name == "Exists":
        path = first(element)
        return lambda item: _value(world, item, path) is not None
    if name == "Contains":
        return _contains(world, element)
    if name in _COMPARISONS:
        return _comparison(world, element, _COMPARISONS[name])
    raise EwsError("ErrorUnsupportedQueryFilter", f"The sandbox Exchange does not model {name}.")


def _comparison(world: World, element: Element, holds: Callable[[Any, Any], bool]) -> Test:
    path, operand = first(element), child(element, "FieldURIOrConstant")
    if operand is None:
        raise malformed("a comparison without FieldURIOrConstant")
    _refuse_unsearchable(path)
    constant = child(operand, "Constant")

    def test(item: Item) -> bool:
        value = _value(world, item, path)
        if value is None:
            return False
        other = (
            _value(world, item, first(operand))
            if constant is None
            else _constant(item, path, constant.get("Value", ""))
        )
        return other is not None and holds(value, other)

    return test


_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "IsEqualTo": lambda left, right: bool(left == right),
    "IsNotEqualTo": lambda left, right: bool(left != right),
    "IsGreaterThan": lambda left, right: bool(left > right),
    "IsGreaterThanOrEqualTo": lambda left, right: bool(left >= right),
    "IsLessThan": lambda left, right: bool(left < right),
    "IsLessThanOrEqualTo": lambda left, right: bool(left <= right),
}


def _contains(world: World, element: Element) -> Test:
    path, constant = first(element), child(element, "Constant")
    wanted = constant.get("Value", "") if constant is not None else ""
    mode = element.get("ContainmentMode", "Substring")
    folds = "IgnoreCase" in element.get("ContainmentComparison", "Exact")

    def test(item: Item) -> bool:
        value = _value(world, item, path)
        texts = value if isinstance(value, tuple) else (value,)
        return any(_held(str(each), wanted, mode=mode, folds=folds) for each in texts if each is not None)

    return test


def _held(text: str, wanted: str, *, mode: str, folds: bool) -> bool:
    if folds:
        text, wanted = text.casefold(), wanted.casefold()
    if mode == "FullString":
        return text == wanted
    return text.startswith(wanted) if mode == "Prefixed" else wanted in text


def _refuse_unsearchable(path: Element) -> None:
    if path.get("FieldURI") in _UNSEARCHABLE:
        raise EwsError("ErrorUnsupportedPathForQuery", "This property cannot be searched.")


def _value(world: World, item: Item, path: Element) -> Any:
    """A comparable value: text, a number, an instant, bytes of binary extended properties; None where there is none."""
    if local_name(path) == "ExtendedFieldURI":
        name = extended.name_of(path)
        value = extended.value_of(item, name)
        return None if value is None else _typed(name, value)
    uri = path.get("FieldURI", "")
    if not is_known(uri):
        raise EwsError("ErrorUnsupportedPathForQuery", f"The sandbox does not model the property {uri}.")
    prop = by_uri(item.kind).get(uri)
    if prop is None:
        return None
    value = value_of(world, item, prop.name)
    if prop.form is Form.DAY and value is not None:
        return value.begins
    if prop.form is Form.PERSON and value is not None:
        return value.name or value.address
    return value


def _typed(name: ExtendedName, value: Any) -> Any:
    if isinstance(value, tuple):
        return value
    if name.type == "Binary":
        return _binary(value)
    if name.type in ("Integer", "Long", "Short"):
        return int(value)
    return value.lower() if name.type == "Boolean" else value


def _binary(value: str) -> bytes:
    try:
        return base64.b64decode(value, validate=True)
    except binascii.Error:
        raise EwsError("ErrorInvalidValueForProperty", "The value is not base64.") from None


def _constant(item: Item, path: Element, text: str) -> Any:
    """The constant in the form of the property it is compared with."""
    if local_name(path) == "ExtendedFieldURI":
        return _typed(extended.name_of(path), text)
    prop = by_uri(item.kind).get(path.get("FieldURI", ""))
    form = prop.form if prop else Form.TEXT
    if form is Form.BOOL:
        return text.lower() in ("true", "1")
    if form in (Form.INT, Form.FLOAT):
        return float(text)
    return read_instant(text) if form in (Form.INSTANT, Form.DAY) else text
