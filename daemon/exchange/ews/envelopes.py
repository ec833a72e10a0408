"""From the bytes of an EWS answer to its response messages.

The bytes come from a network: the parser resolves no entity, loads nothing, and stops at a bound. What is not a
complete, well-formed envelope is refused as a whole, because half an answer looks like a meeting that lost its guests.
One thing is mended: characters that XML does not allow (half an emoji, control characters), which Exchange passes on
from careless clients; each becomes U+FFFD.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta

from lxml import etree

from daemon.exchange.ews.failures import Failure

Element = etree._Element  # noqa: SLF001  lxml has no public name for the type of an element

SOAP = "{http://schemas.xmlsoap.org/soap/envelope/}"
MESSAGES = "{http://schemas.microsoft.com/exchange/services/2006/messages}"
TYPES = "{http://schemas.microsoft.com/exchange/services/2006/types}"
ERRORS = "{http://schemas.microsoft.com/exchange/services/2006/errors}"

LARGEST_ANSWER = 16 * 1024 * 1024
"""Bytes, unpacked. Ten ordinary items are far below; with all threads at work this bounds the memory they take."""

TOO_LARGE = "answer_too_large"
NOT_WELL_FORMED = "answer_not_well_formed"
CUT_OFF = "answer_cut_off"

_REFERENCE = re.compile(rb"&#(?:x([0-9A-Fa-f]{1,8})|([0-9]{1,8}));")
_NOT_ALLOWED = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_COMPLETE = re.compile(rb"</(?:[\w.-]+:)?Envelope\s*>\s*\Z")


class Undecodable(Exception):
    """These bytes are no complete answer; `rule` says why, without content."""

    def __init__(self, rule: str) -> None:
        super().__init__(rule)
        self.rule = rule


@dataclass(frozen=True, slots=True)
class Message:
    """One response message: its code (that of the inner error, if it wraps one) and what it carries."""

    code: str
    element: Element
    back_off: timedelta | None = None


def messages(raw: bytes) -> list[Message]:
    """The response messages of an answer, in order; an answer that has a class of its own is the first of them. Raises
    Undecodable, and Failure for a SOAP fault."""
    response = _response(parse(raw))
    container = response.find(f"{MESSAGES}ResponseMessages")
    if container is None:
        return [_message(response)]
    whole = [response] if response.get("ResponseClass") else []
    return [_message(element) for element in (*whole, *container)]


def parse(raw: bytes) -> Element:
    """The envelope. Raises Undecodable."""
    if len(raw) > LARGEST_ANSWER:
        raise Undecodable(TOO_LARGE)
    root = _parsed(raw)
    if root is None:
        root = _parsed(_mended(raw))
    if root is None:
        raise Undecodable(NOT_WELL_FORMED if _COMPLETE.search(raw[-64:]) else CUT_OFF)
    if root.getroottree().docinfo.internalDTD is not None:
        raise Undecodable(NOT_WELL_FORMED)
    return root


def _parsed(raw: bytes) -> Element | None:
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
        collect_ids=False,
    )
    try:
        return etree.fromstring(raw, parser)
    except etree.XMLSyntaxError:
        return None


def _mended(raw: bytes) -> bytes:
    text = _REFERENCE.sub(_mended_reference, raw).decode(errors="replace")
    return _NOT_ALLOWED.sub("\ufffd", text).encode()


def _mended_reference(match: re.Match[bytes]) -> bytes:
    hexadecimal, decimal = match.groups()
    code = int(hexadecimal, 16) if hexadecimal else int(decimal)
    return match.group() if _is_allowed(code) else b"&#xFFFD;"


def _is_allowed(code: int) -> bool:
    return code in (0x9, 0xA, 0xD) or 0x20 <= code <= 0xD7FF or 0xE000 <= code <= 0xFFFD or 0x10000 <= code <= 0x10FFFF


def _response(envelope: Element) -> Element:
    body = envelope.find(f"{SOAP}Body")
    if envelope.tag != f"{SOAP}Envelope" or body is None or len(body) == 0:
        raise Failure("NotAnExchangeAnswer")
    if body[0].tag == f"{SOAP}Fault":
        raise _fault(body[0])
    return body[0]


def _fault(fault: Element) -> Failure:
    detail = fault.find("detail")
    code = "" if detail is None else (detail.findtext(f"{ERRORS}ResponseCode") or "").strip()
    if not code:  # some faults name the code only here, as `a:ErrorSchemaValidation`
        code = (fault.findtext("faultcode") or "").strip().rpartition(":")[2]
    explained = None if detail is None else detail.find(f"{TYPES}MessageXml")
    inner, back_off = _explanation(explained)
    return Failure(inner or code or "NotAnExchangeAnswer", back_off)


def _message(element: Element) -> Message:
    if element.get("ResponseClass") == "Success":
        return Message("NoError", element)
    code = (element.findtext(f"{MESSAGES}ResponseCode") or "").strip() or "NotAnExchangeAnswer"
    inner, back_off = _explanation(element.find(f"{MESSAGES}MessageXml"))
    return Message(inner or code, element, back_off)


def _explanation(explained: Element | None) -> tuple[str, timedelta | None]:
    """The inner error's code and the back-off that a MessageXml names."""
    if explained is None:
        return "", None
    values = {value.get("Name"): (value.text or "").strip() for value in explained.iterfind(f"{TYPES}Value")}
    milliseconds = values.get("BackOffMilliseconds", "")
    back_off = timedelta(milliseconds=int(milliseconds)) if re.fullmatch("[0-9]{1,9}", milliseconds) else None
    return values.get("InnerErrorResponseCode", ""), back_off
