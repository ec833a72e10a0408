"""The block of related information in a body (NOTE-1, NOTE-2, NOTE-4).

It begins and ends with a line that people can read: those are what it is recognised by, because Outlook rewrites
markup as it likes and text has nothing else. All that the CRM says is escaped, an address becomes a link only if it is
one of the web, and a block is never longer than people read.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from urllib.parse import urlsplit

from handlers import markup
from handlers.guards import GUARD
from schemas.items import Related

PRODUCT = "CRM"
HEADING = f"[Related in the {PRODUCT}: kept up to date by itself, changes here are lost]"
CLOSING = f"[End of related in the {PRODUCT}]"

MOST_ENTRIES = 50
MOST_CHARACTERS_OF_A_TITLE = 200
MOST_CHARACTERS_OF_A_TEXT = 1000
CUT = "…"

_LINK = re.compile(r"https?://[^\s\"<>\\^`{|}]+", re.IGNORECASE)
# Also what is no text: it may not travel, or would turn round what follows it.
_BLANKS = re.compile(r"[\x00-\x20\x7f-\xa0\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]+")
_STYLE = "margin-top:1em;border-top:1px solid #c8c8c8;padding-top:.5em"


@dataclass(frozen=True, slots=True)
class Block:
    """The block as it stands in an HTML body and as a person reads it, which is how it stands in a text body.

    Lines of `text` are parted by a line feed. `fingerprint` is equal for equal blocks and says nothing of the content.
    """

    html: str
    text: str
    fingerprint: str


def block_of(related: tuple[Related, ...]) -> Block | None:
    """The block that shows related information, in the order given; None if there is none."""
    if not related:
        return None
    lines = [_escaped(HEADING), *_lines(related), _escaped(CLOSING)]
    inner = "".join(f"<div>{line}</div>" for line in lines)
    block = f'<div id="{markup.OURS}" class="{markup.OURS}" style="{_STYLE}">{inner}</div>'
    text = "\n".join(line.text for line in markup.read(block).lines)
    return Block(block, text, sha256(block.encode()).hexdigest())


def is_heading(text: str) -> bool:
    """Whether a line begins a block, however it was wrapped. Its first word is looked for first: that is quicker."""
    return HEADING[:8] in text and _one_line(text) == HEADING


def is_closing(text: str) -> bool:
    """Whether a line ends a block, however it was wrapped; see there."""
    return CLOSING[:4] in text and _one_line(text) == CLOSING


def _lines(related: tuple[Related, ...]) -> Iterator[str]:
    """Each line as markup."""
    for entry in related[:MOST_ENTRIES]:
        yield _first_line(entry)
        for line in _cut(entry.text, MOST_CHARACTERS_OF_A_TEXT).splitlines():
            shown = _one_line(line)
            if shown:
                yield _escaped(f"{GUARD}{shown}" if is_heading(shown) or is_closing(shown) else shown)
    more = len(related) - MOST_ENTRIES
    if more > 0:
        yield _escaped(f"{CUT} and {more} more in the {PRODUCT}")


def _first_line(entry: Related) -> str:
    kind = _cut(_one_line(entry.kind), MOST_CHARACTERS_OF_A_TITLE)
    title = _cut(_one_line(entry.title) or _one_line(entry.id), MOST_CHARACTERS_OF_A_TITLE)
    address = _address(entry.url)
    shown = f'<a href="{html.escape(address)}">{_escaped(title)}</a>' if address else _escaped(title)
    return f"- {_escaped(kind)}: {shown}"


def _address(url: str | None) -> str | None:
    """An address of the web as it is; None for any other, and for one that could be read in two ways."""
    if url is None or len(url) > markup.LONGEST_LINK or not url.isprintable() or not _LINK.fullmatch(url):
        return None
    try:
        return url if urlsplit(url).hostname else None
    except ValueError:  # a broken IPv6 address
        return None


def _one_line(text: str) -> str:
    return _BLANKS.sub(" ", text).strip()


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1].rstrip()}{CUT}"


def _escaped(text: str) -> str:
    return html.escape(text, quote=False)
