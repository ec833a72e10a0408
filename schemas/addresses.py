"""When two spellings are one address (PART-3).

Everyone who compares addresses compares what `normalise` makes of them. The local part is folded in every alphabet;
the domain is compared as DNS would: its Unicode and its `xn--` form are the same, letters that are separate
registrations (sharp s and ss, dotless i and i) stay apart, because somebody else may own the other one.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Mapping
from functools import lru_cache
from types import MappingProxyType

import idna

_NO_ALIASES: Mapping[str, str] = MappingProxyType({})
_MAILTO = re.compile(r"mailto:", re.IGNORECASE)
_X500 = re.compile(r"/\w+=|imcea\w*-", re.IGNORECASE)
_ASCII_DOMAIN = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*|\[[0-9a-f.:]+\]")
_ORDINARY = re.compile(r"(?!imcea)[a-z0-9._-]++@(?!.*xn--)[a-z0-9-]++(?:\.[a-z0-9-]++)*+")
_UNUSABLE = re.compile(r"[\s\x00-\x1f\x7f<>]")
_QUOTES = "\"'"


def normalise(
    address: str | None, *, aliases: Mapping[str, str] = _NO_ALIASES, plus_tag_domains: Collection[str] = ()
) -> str | None:
    """The one spelling of an address, or None where there is no usable SMTP address (X500, blank, a bare name).

    `aliases` maps a former domain to the present one; in `plus_tag_domains` the part from `+` on does not count.
    Dots always count. Normalising twice changes nothing.
    """
    if not aliases and address is not None and address.isascii() and _ORDINARY.fullmatch(lower := address.lower()):
        return lower  # nearly all are: what the rest makes of them, at a tenth of the cost
    bare = _unwrapped(unicodedata.normalize("NFKC", address or ""))
    if _X500.match(bare):
        return None
    local, at, written_domain = bare.rpartition("@")
    domain = canonical_domain(written_domain)
    if not at or domain is None or not _usable(local):
        return None
    domain = _present(domain, aliases)
    if any(canonical_domain(each) == domain for each in plus_tag_domains):
        local = _without_tag(local)
    return f"{fold(local)}@{domain}"


def identity(address: str | None, name: str) -> str:
    """Who an external participant is: his normalised address, or without one his name in lower case."""
    return normalise(address) or fold(name.strip())


def fold(text: str) -> str:
    """One form for all casings. By way of upper case: dotless i and i have the same capital."""
    if text.isascii():
        return text.lower()  # nearly all are, and this is what the rest makes of them
    # Taken apart first: with an accent attached, the capital of some Greek letters depends on who writes it.
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKD", text).upper().casefold())


@lru_cache(maxsize=4096)
def canonical_domain(domain: str) -> str | None:
    """The domain as DNS knows it, in lower-case ASCII; None if no mail can be sent to it."""
    plain = domain.strip().lower().removesuffix(".") if domain.isascii() else domain.strip()
    if "xn--" in plain or not plain.isascii():
        plain = _encoded(plain) or plain
    return plain if _ASCII_DOMAIN.fullmatch(plain) else None


def _encoded(domain: str) -> str | None:
    try:
        return idna.encode(domain, uts46=True).decode("ascii").removesuffix(".")
    except UnicodeError:
        return None


def _unwrapped(text: str) -> str:
    """Without `mailto:`, quotes around the whole, and a display name before `<...>`."""
    previous = None
    while previous != text:
        previous = text
        text = text.strip()
        if text.endswith(">") and "<" in text:
            text = text[text.rindex("<") + 1 : -1]
        if scheme := _MAILTO.match(text):
            text = text[scheme.end() :].partition("?")[0]
        if len(text) > 1 and text[0] == text[-1] and text[0] in _QUOTES:
            text = text[1:-1]
    return text


def _usable(local: str) -> bool:
    quoted = len(local) > 2 and local[0] == local[-1] == '"'
    return bool(local) and (quoted or not (_UNUSABLE.search(local) or "@" in local))


def _present(domain: str, aliases: Mapping[str, str]) -> str:
    """Where a chain of renamed domains ends; of a circle the first in the alphabet, so that all its members agree."""
    if not aliases:
        return domain
    renamed = {canonical_domain(old): canonical_domain(new) for old, new in aliases.items()}
    path = [domain]
    while (successor := renamed.get(path[-1])) is not None:
        if successor in path:
            return min(path[path.index(successor) :])
        path.append(successor)
    return path[-1]


def _without_tag(local: str) -> str:
    return local.partition("+")[0] or local
