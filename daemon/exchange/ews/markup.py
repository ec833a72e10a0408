"""The elements of requests: the two namespaces of EWS and short makers for them.

What XML cannot carry (half an emoji, control characters) becomes U+FFFD on its way out, as it does on its way in.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from lxml import etree

from daemon.exchange.ews.envelopes import MESSAGES, TYPES, Element

NOT_IN_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")

_NAMESPACES = {"m": MESSAGES.strip("{}"), "t": TYPES.strip("{}")}


def m(name: str, *children: Element, text: str | None = None, **attributes: str) -> Element:
    """An element of the messages namespace."""
    return _element(f"{MESSAGES}{name}", children, text, attributes)


def t(name: str, *children: Element, text: str | None = None, **attributes: str) -> Element:
    """An element of the types namespace."""
    return _element(f"{TYPES}{name}", children, text, attributes)


def sendable(text: str) -> str:
    """The text with nothing that XML does not allow."""
    return NOT_IN_XML.sub("\ufffd", text)


def _element(tag: str, children: Iterable[Element], text: str | None, attributes: dict[str, str]) -> Element:
    element = etree.Element(tag, attributes, _NAMESPACES)
    element.text = text if text is None else sendable(text)
    element.extend(children)
    return element
