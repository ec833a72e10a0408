"""Microsoft's schema and samples, which lie beside the project and not in it.

A test that needs them is skipped, with the reason, where they are not.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest
from lxml import etree

SHARED = Path(__file__).resolve().parents[4] / "shared"
SCHEMA = SHARED / "ews-schema" / "messages.xsd"
SAMPLES = SHARED / "ews-samples"

needs_schema = pytest.mark.skipif(not SCHEMA.exists(), reason="the EWS schema is not beside the project")
needs_samples = pytest.mark.skipif(not SAMPLES.exists(), reason="the EWS samples are not beside the project")


@cache
def schema() -> etree.XMLSchema:
    return etree.XMLSchema(etree.parse(SCHEMA))


def sample(name: str) -> bytes:
    """A sample's bytes. Some spell the SOAP namespace with `https:`, which no server does: mended here."""
    raw = (SAMPLES / f"{name}.xml").read_bytes()
    return raw.replace(b'"https://schemas.xmlsoap.org/', b'"http://schemas.xmlsoap.org/')


def sample_answers() -> list[str]:
    """The names of all samples that are answers."""
    return sorted(path.stem for path in SAMPLES.glob("*Response*.xml"))
