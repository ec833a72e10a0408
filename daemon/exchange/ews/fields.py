"""An EWS element's children by name, and the few simple types their texts have.

XML Schema allows more spellings than Exchange uses: `1` for true, fractions of seconds. All are read.
"""

from __future__ import annotations

from dataclasses import dataclass

from daemon.exchange.ews.envelopes import TYPES, Element

LONGEST_NUMBER = 12

_LOCAL = len(TYPES)
_TRUE = frozenset({"true", "1"})


@dataclass(slots=True)
class Fields:
    """The children of an element by local name, of repeated ones the last. Not frozen, as one is made each time."""

    elements: dict[str, Element]

    def text(self, name: str) -> str:
        """The text of a child, empty if there is none."""
        element = self.elements.get(name)
        return "" if element is None else element.text or ""

    def flag(self, name: str) -> bool:
        """Whether a child says true."""
        element = self.elements.get(name)
        return element is not None and element.text in _TRUE

    def attribute(self, name: str, attribute: str) -> str:
        """An attribute of a child, empty if there is none."""
        element = self.elements.get(name)
        return "" if element is None else element.get(attribute) or ""


def of(element: Element) -> Fields:
    """The children of an element."""
    return Fields({child.tag[_LOCAL:]: child for child in element})


def texts_below(element: Element) -> dict[str, str | None]:
    """The texts of all elements below by full name, for structures in which every name occurs once."""
    return {child.tag: child.text for child in element.iter()}


def is_true(text: str | None) -> bool:
    """Whether a text says true."""
    return text is not None and text.lower() in _TRUE


def any_number(text: str | None) -> int | None:
    """A whole number as properties are numbered, decimal or `0x` and hexadecimal; None for anything else."""
    try:
        return int(text or "", 0)
    except ValueError:
        return None


def number(text: str | None) -> int | None:
    """A whole number; None for anything else."""
    if not text or len(text) > LONGEST_NUMBER:
        return None
    try:
        return int(text)
    except ValueError:
        return None
