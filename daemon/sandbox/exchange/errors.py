"""How the sandbox says no.

`EwsError` fails one item of a request and becomes a response message; `SoapFault` fails the whole request. Codes are
Exchange's own (`ErrorItemNotFound` ...).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


class EwsError(Exception):
    """One item could not be served."""

    def __init__(self, code: str, text: str, *, field_uri: str | None = None) -> None:
        super().__init__(f"{code}: {text}")
        self.code = code
        self.text = text
        self.field_uri = field_uri


@dataclass(eq=False)
class SoapFault(Exception):
    """The request as a whole could not be served."""

    code: str
    text: str
    values: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.code}: {self.text}"


def not_modelled(what: str) -> SoapFault:
    """For operations and request parts that the sandbox does not know."""
    return SoapFault("ErrorInvalidOperation", f"The sandbox Exchange does not model {what}.")


def malformed(what: str) -> SoapFault:
    return SoapFault("ErrorSchemaValidation", f"The request failed schema validation: {what}.")
