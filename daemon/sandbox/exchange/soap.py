"""SOAP envelopes: what a request holds, and how answers and faults are wrapped."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, tzinfo

from lxml import etree

from daemon.sandbox.exchange.errors import SoapFault, malformed
from daemon.sandbox.exchange.markup import ERRORS, SOAP, TYPES, Element, child, local_name, plain, s, t
from daemon.sandbox.exchange.timezones import zone_of

_SECONDS = re.compile(r"^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)Z$")


@dataclass(frozen=True, slots=True)
class Request:
    """A parsed envelope."""

    header: Element | None
    body: Element

    @property
    def operation(self) -> str:
        return local_name(self.body)

    @property
    def zone_name(self) -> str:
        """The Windows name of the request's time zone, empty if it states none that is known."""
        definition = child(child(self.header, "TimeZoneContext"), "TimeZoneDefinition")
        name = definition.get("Id", "") if definition is not None else ""
        return name if zone_of(name) is not None else ""

    @property
    def zone(self) -> tzinfo:
        return zone_of(self.zone_name) or UTC

    @property
    def wants_milliseconds(self) -> bool:
        precision = child(self.header, "DateTimePrecision")
        return precision is not None and precision.text == "Milliseconds"


def parse(content: bytes) -> Request:
    """The request within the bytes.

    Raises:
        SoapFault: they are no SOAP envelope with one element in its body.
    """
    parser = etree.XMLParser(resolve_entities=False, no_network=True, remove_comments=True, remove_pis=True)
    try:
        envelope = etree.fromstring(content, parser)
    except etree.XMLSyntaxError as error:
        raise malformed(f"it is not XML ({error.msg})") from None
    body = child(envelope, "Body") if envelope.tag == f"{{{SOAP}}}Envelope" else None
    if body is None or len(body) != 1:
        raise malformed("it is no SOAP envelope with one request")
    return Request(child(envelope, "Header"), body[0])


def wrap(body: Element, *, milliseconds: bool = False) -> bytes:
    if milliseconds:
        _add_milliseconds(body)
    version = t(
        "ServerVersionInfo",
        MajorVersion="15",
        MinorVersion="2",
        MajorBuildNumber="1118",
        MinorBuildNumber="7",
        Version="V2017_07_11",
    )
    envelope = s("Envelope", s("Header", version), s("Body", body))
    return etree.tostring(envelope, xml_declaration=True, encoding="utf-8")


def wrap_fault(fault: SoapFault) -> bytes:
    code = plain("faultcode", f"t:{fault.code}")
    details = t("MessageXml", *(t("Value", text, Name=name) for name, text in fault.values.items()))
    detail = plain(
        "detail",
        plain(f"{{{ERRORS}}}ResponseCode", fault.code),
        plain(f"{{{ERRORS}}}Message", fault.text),
        details if fault.values else None,
    )
    return wrap(s("Fault", code, plain("faultstring", fault.text), detail))


def _add_milliseconds(body: Element) -> None:
    for element in body.iter(f"{{{TYPES}}}*"):
        if element.text and (match := _SECONDS.match(element.text)):
            element.text = f"{match[1]}.000Z"
