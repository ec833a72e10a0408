"""Faults on demand: what a test or an operator has the sandbox do wrong, and how often.

Most strike instead of the work. After it strike `drop_after` and `error_after` (the work is done, the client is not
told so) and `rewrite` (the server touches what was written, as `rewriting` says).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

KNOWN = frozenset(
    (
        "http_503",
        "server_busy",
        "server_busy_inner",
        "exceeded_connections",
        "access_denied",
        "slow",
        "drop_before",
        "drop_after",
        "error_after",
        "partial_page",
        "empty_page",
        "bad_sync_state",
        "rewrite",
        "unreadable_item",
    )
)
# A fault that only some operations can suffer waits for one of these.
_ONLY = {
    "empty_page": ("FindItem", "SyncFolderItems"),
    "bad_sync_state": ("SyncFolderItems",),
    "rewrite": ("CreateItem", "UpdateItem"),
    "unreadable_item": ("GetItem",),
}
_NUMBERS = ("back_off_ms", "ms", "status")
_CODE = "ErrorInternalServerError"
CLASH = "ErrorIrresolvableConflict"
_SETTINGS = frozenset(("fault", "operation", "mailbox", "times", "code", "item", *_NUMBERS))


@dataclass(slots=True)
class Fault:
    """One fault; `times` is how often it still strikes, None for ever.

    `settings` are its own numbers: `back_off_ms`, `ms`, and `status`, with which `access_denied` and `error_after` come
    as a bare HTTP status (403, 503 ...) instead of EWS's error. `code` is the error of `error_after`, such as
    ErrorIrresolvableConflict: servers have said so of changes that they had saved. `item` is the id of the item, or
    occurrence, of which `unreadable_item` answers with `code`, in a request that may well ask for others too.
    """

    name: str
    operation: str
    mailbox: str
    times: int | None
    settings: Mapping[str, int]
    code: str
    item: str = ""

    def hits(self, operation: str, mailbox: str) -> bool:
        if operation not in _ONLY.get(self.name, (operation,)):
            return False
        return self.operation in ("*", operation) and self.mailbox.casefold() in ("*", mailbox.casefold())


class Faults:
    """The faults in force, in the order in which they were asked for; `struck`: how often one did, by operation, and
    `false_clashes` how often a change was saved and said to clash.
    """

    def __init__(self) -> None:
        self.struck: Counter[str] = Counter()
        self.false_clashes = 0
        self._faults: list[Fault] = []

    def add(self, wanted: Iterable[Any]) -> None:
        """Adds the faults of a `PUT /sandbox/faults`; all of them or none.

        Raises:
            ValueError: one is not known, or its fields are not as the contract says; the text names it.
        """
        self._faults.extend([_read(each) for each in wanted])

    def clear(self) -> None:
        self._faults.clear()

    def strike(self, operation: str, mailbox: str) -> list[Fault]:
        """The faults that hit this request, at most one of each name and item; their count goes down."""
        hit: dict[tuple[str, str], Fault] = {}
        for fault in self._faults:
            if (fault.name, fault.item) not in hit and fault.hits(operation, mailbox):
                hit[(fault.name, fault.item)] = fault
        for fault in hit.values():
            if fault.times is not None:
                fault.times -= 1
        self._faults = [fault for fault in self._faults if fault.times is None or fault.times > 0]
        self.struck[operation] += len(hit)
        self.false_clashes += sum(fault.code == CLASH for fault in hit.values())
        return list(hit.values())


def _read(wanted: Any) -> Fault:
    if not isinstance(wanted, Mapping):
        raise ValueError("a fault is an object")
    name = wanted.get("fault")
    if name not in KNOWN:
        raise ValueError(f"unknown fault: {name}")
    for field in wanted:
        if field not in _SETTINGS:
            raise ValueError(f"unknown field of the fault {name}: {field}")
    times = wanted.get("times", 1)
    if times is not None and (not isinstance(times, int) or times < 1):
        raise ValueError(f"times of the fault {name} is a number from 1, or null for ever")
    numbers = {field: wanted[field] for field in _NUMBERS if field in wanted}
    for field, value in numbers.items():
        if not isinstance(value, int) or value < 0:
            raise ValueError(f"{field} of the fault {name} is a number from 0")
    code = wanted.get("code", _CODE)
    if not isinstance(code, str) or not code.startswith("Error"):
        raise ValueError(f"code of the fault {name} is an error's name")
    item = wanted.get("item", "")
    if not isinstance(item, str) or bool(item) != (name == "unreadable_item"):
        raise ValueError("item is for the fault unreadable_item, and an item's id")
    return Fault(name, str(wanted.get("operation", "*")), str(wanted.get("mailbox", "*")), times, numbers, code, item)
