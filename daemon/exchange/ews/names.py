"""Names and ids on their way to Exchange, and what the directory answered to them (PART-3, PART-4).

Directory answers are kept for a while, because an X500 name comes with every copy of a meeting; a name that nobody knew
for a shorter while, because somebody may be adding it just now.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from time import monotonic

from daemon.exchange.ews.markup import NOT_IN_XML

KNOWN_FOR = timedelta(hours=1)
UNKNOWN_FOR = timedelta(minutes=5)
MOST_NAMES = 10_000
LONGEST = 2048
"""Characters of an id or a name; Exchange's own are far below."""


def is_sendable(text: str) -> bool:
    """Whether XML can carry it and Exchange could mean something by it."""
    return bool(text.strip()) and len(text) <= LONGEST and NOT_IN_XML.search(text) is None


@dataclass(slots=True)
class Names:
    """What the directory said of the names asked last. Names compare without regard to case."""

    clock: Callable[[], float] = monotonic
    _known: OrderedDict[str, tuple[tuple[str, ...], float]] = field(default_factory=OrderedDict)

    def get(self, name: str) -> tuple[str, ...] | None:
        """The addresses, empty if the directory knew none; None if it was not asked, or too long ago."""
        addresses, until = self._known.get(_key(name), ((), float("-inf")))
        return addresses if self.clock() < until else None

    def put(self, name: str, addresses: tuple[str, ...]) -> None:
        """What the directory has said just now."""
        kept_for = KNOWN_FOR if addresses else UNKNOWN_FOR
        self._known[_key(name)] = addresses, self.clock() + kept_for.total_seconds()
        self._known.move_to_end(_key(name))
        while len(self._known) > MOST_NAMES:
            self._known.popitem(last=False)


def _key(name: str) -> str:
    return name.strip().casefold()
