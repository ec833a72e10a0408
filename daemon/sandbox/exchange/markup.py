"""Building and reading EWS markup: the three namespaces and short element makers."""

from __future__ import annotations

from collections.abc import Iterator

from lxml import etree

Element = etree._Element  # noqa: SLF001  lxml names its element class nowhere else

SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
TYPES = "http://schemas.microsoft.com/exchange/services/2006/types"
MESSAGES = "http://schemas.microsoft.com/exchange/services/2006/messages"
ERRORS = "http://schemas.microsoft.com/exchange/services/2006/errors"
_PREFIXES = {"s": SOAP, "t": TYPES, "m": MESSAGES}

Content = Element | str | None


def t(tag: str, *content: Content, **attributes: str) -> Element:
    """An element of the types namespace; `None` among the content is left out."""
    return _make(f"{{{TYPES}}}{tag}", content, attributes)


def m(tag: str, *content: Content, **attributes: str) -> Element:
    """An element of the messages namespace."""
    return _make(f"{{{MESSAGES}}}{tag}", content, attributes)


def s(tag: str, *content: Content, **attributes: str) -> Element:
    """An element of the SOAP namespace."""
    return _make(f"{{{SOAP}}}{tag}", content, attributes)


def plain(tag: str, *content: Content, **attributes: str) -> Element:
    """An element of no namespace, as in SOAP faults."""
    return _make(tag, content, attributes)


def _make(tag: str, content: tuple[Content, ...], attributes: dict[str, str]) -> Element:
    element = etree.Element(tag, attributes, nsmap=_PREFIXES)
    for part in content:
        if isinstance(part, str):
            element.text = part
        elif part is not None:
            element.append(part)
    return element


def local_name(element: Element) -> str:
    return etree.QName(element).localname


def children(element: Element | None) -> Iterator[Element]:
    """The child elements, comments and instructions left out."""
    if element is None:
        return
    for child in element:
        if isinstance(child.tag, str):
            yield child


def child(element: Element | None, name: str) -> Element | None:
    """The first child of that local name; requests mix the two namespaces by operation."""
    return next((each for each in children(element) if local_name(each) == name), None)


def text(element: Element | None, default: str = "") -> str:
    return default if element is None else (element.text or "").strip()


def child_text(element: Element | None, name: str, default: str = "") -> str:
    return text(child(element, name), default)


def boolean(value: str) -> bool:
    """An xs:boolean."""
    return value.strip().lower() in ("true", "1")
