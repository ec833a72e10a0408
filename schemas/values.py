"""A value with some of its fields changed.

A decision is a row of such changes, of items with two dozen fields. `dataclasses.replace` makes up the arguments of a
new value, whose constructor then sets them one by one; here the slots are copied, in half of the time.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from functools import cache
from operator import attrgetter
from typing import TYPE_CHECKING, Any, TypeVar

T = TypeVar("T")
Setter = Callable[[Any, Any], None]

if TYPE_CHECKING:
    from dataclasses import replace  # by which a type checker knows what there is to be changed
else:

    def replace(value: T, /, **changes: Any) -> T:
        """As `dataclasses.replace`, for a dataclass with slots whose constructor does nothing but set its fields.

        Raises `KeyError` if there is no such field.
        """
        kind = type(value)
        read, setters, by_name = _slots(kind)
        changed = object.__new__(kind)
        for set_slot, known in zip(setters, read(value), strict=False):
            set_slot(changed, known)
        for name, new in changes.items():
            by_name[name](changed, new)
        return changed


@cache
def _slots(kind: type) -> tuple[Callable[[Any], tuple[Any, ...]], tuple[Setter, ...], dict[str, Setter]]:
    """What reads all slots of a kind, what sets each of them in that order, and the same by their names."""
    by_name = {each.name: getattr(kind, each.name).__set__ for each in fields(kind)}
    return _reader(tuple(by_name)), tuple(by_name.values()), by_name


def _reader(names: tuple[str, ...]) -> Callable[[Any], tuple[Any, ...]]:
    read = attrgetter(*names)
    return read if len(names) > 1 else lambda value: (read(value),)


__all__ = ["replace"]
