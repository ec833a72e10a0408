"""Meeting identities as Exchange spells them (ID-1): from bytes or hex to the canonical UID and back.

A global object id is a fixed 16-byte head, four bytes of instance date, a creation time and data. The date tells one
occurrence from another; zeroed, the id is clean and names the whole meeting, which is what we link by. A meeting that
was not born in Exchange carries its iCalendar UID inside, behind `vCal-Uid`; servers show such a UID now as text, now
as hex of the wrapping. Canonical is the text, so that both spellings are one meeting.
"""

from __future__ import annotations

import re

HEAD = bytes.fromhex("040000008200E00074C5B7101A82E008")
DATE = slice(16, 20)
DATA_SIZE = slice(36, 40)
DATA_START = 40
FOREIGN = b"vCal-Uid\x01\x00\x00\x00"

_HEX = re.compile(r"(?:[0-9A-Fa-f]{2})+\Z")


def canonical(uid: str) -> str | None:
    """A UID as EWS or a CRM command spells it, made canonical; None if it is blank."""
    return from_bytes(to_bytes(uid)) if uid.strip() else None


def from_bytes(value: bytes) -> str | None:
    """The canonical UID of a global object id, clean or not."""
    if not value:
        return None
    foreign = _foreign(value)
    return foreign if foreign else cleaned(value).hex().upper()


def to_bytes(uid: str) -> bytes:
    """The clean global object id under which Exchange keeps a meeting of this UID."""
    text = uid.strip()
    if _is_global_object_id(text):
        return cleaned(bytes.fromhex(text))
    data = FOREIGN + text.encode(errors="replace") + b"\x00"
    return HEAD + bytes(DATA_SIZE.start - len(HEAD)) + len(data).to_bytes(4, "little") + data


def cleaned(value: bytes) -> bytes:
    """The id without the date of an instance."""
    if not value.startswith(HEAD):
        return value
    return value[: DATE.start] + bytes(4) + value[DATE.stop :]


def _is_global_object_id(text: str) -> bool:
    return text[:32].upper() == HEAD.hex().upper() and _HEX.match(text) is not None


def _foreign(value: bytes) -> str | None:
    """The iCalendar UID inside; None where there is none or it is no text that would survive the way back."""
    if not value.startswith(HEAD) or value[DATA_START : DATA_START + len(FOREIGN)] != FOREIGN:
        return None
    try:
        text = value[DATA_START + len(FOREIGN) :].rstrip(b"\x00").decode()
    except UnicodeDecodeError:
        return None
    return text if text.isprintable() and text == text.strip() and not _is_global_object_id(text) else None
