"""A person's way into Exchange: one EWS request at a time, with his own password.

Written out by hand: exchangelib belongs to the daemon's backend, and a demo that used it could not show that the
sandbox Exchange is a server like any other.
"""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass

import aiohttp
from lxml import etree

_SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
_TYPES = "http://schemas.microsoft.com/exchange/services/2006/types"
_MESSAGES = "http://schemas.microsoft.com/exchange/services/2006/messages"
IN = {"t": _TYPES, "m": _MESSAGES}
"""The prefixes of paths into an answer."""


class Refused(Exception):
    """Exchange did not do what a person asked for; the text is its code."""


@dataclass(frozen=True, slots=True)
class Ews:
    """One person's mailbox. `endpoint` is the EWS URL."""

    session: aiohttp.ClientSession
    endpoint: str
    address: str
    password: str

    async def call(self, request: str) -> etree._Element:
        """The answer to one request. Raises `Refused`."""
        envelope = (
            f'<s:Envelope xmlns:s="{_SOAP}" xmlns:t="{_TYPES}" xmlns:m="{_MESSAGES}">'
            '<s:Header><t:RequestServerVersion Version="Exchange2016"/></s:Header>'
            f"<s:Body>{request}</s:Body></s:Envelope>"
        )
        async with self.session.post(
            self.endpoint,
            data=envelope.encode(),
            headers={"Content-Type": "text/xml; charset=utf-8", "Authorization": f"Basic {self._token}"},
        ) as response:
            content = await response.read()
        if response.status != 200:
            raise Refused(f"HTTP {response.status}")
        answer = etree.fromstring(content)
        codes = {code.text for code in answer.iterfind(".//m:ResponseCode", IN)}
        if codes != {"NoError"}:
            raise Refused(", ".join(sorted(filter(None, codes))))
        return answer

    @property
    def _token(self) -> str:
        return b64encode(f"{self.address}:{self.password}".encode()).decode()


def attribute(answer: etree._Element, path: str, name: str) -> str:
    """An attribute of the first element at a path. Raises `Refused` if there is no such element."""
    found = answer.find(path, IN)
    if found is None:
        raise Refused(f"the answer has no {path}")
    return found.get(name, "")
