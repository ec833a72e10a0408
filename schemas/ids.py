"""Ids and revisions that come out the same whoever computes them, and however often (ID-8).

A store that was lost finds its links again, and a consumer recognises a duplicate after a crash by its id.
"""

from __future__ import annotations

from hashlib import sha256

from schemas.addresses import fold, normalise

_GENERATION = 2**32
_LENGTH = 32
_PART_LENGTH = 12


def link_of_crm(item_id: str) -> str:
    """The link of what was born in the CRM."""
    return _hashed("crm", item_id)


def link_of_uid(uid: str) -> str:
    """The link of what was born in Exchange: by its clean UID, a task's by its first item id."""
    return _hashed("uid", uid)


def uid_of_crm(item_id: str) -> str:
    """The UID under which what was born in the CRM is created in Exchange: a clean global object id in hex."""
    return _global_object_id("meeting", item_id)


def uid_of_direct_copy(item_id: str, user: str) -> str:
    """The UID of a user's direct copy: its own, or the invitation that may follow would be taken for it (INV-6)."""
    return _global_object_id("direct", item_id, user)


def command_id(link: str, revision: int) -> str:
    """The `ce_id` of a command."""
    return _hashed("command", link, revision)


def outcome_id(topic: str, partition: int, offset: int, *, part: str = "") -> str:
    """The `ce_id` of the outcome of the record at this place, or of one part of what it caused."""
    whole = _hashed("outcome", topic, partition, offset)
    return f"{whole}-{_hashed('part', part)[:_PART_LENGTH]}" if part else whole


def external_about(address: str) -> str:
    """How an outcome speaks of somebody who is in no directory: by a hash of his address, or of his name."""
    return f"ext:{_hashed('external', normalise(address) or fold(address.strip()))}"


def next_revision(last: int, *, generation: int) -> int:
    """The revision after `last`; the first of a new store generation is above all of the ones before it."""
    return max(last, generation * _GENERATION) + 1


def generation_of(revision: int) -> int:
    """The store generation in which a revision was given."""
    return revision // _GENERATION


_GLOBAL_OBJECT_ID = "040000008200E00074C5B7101A82E008" + "00" * 20
"""How a global object id begins, with no instance date, no creation time: those are not ours to know."""


def _global_object_id(kind: str, *parts: str) -> str:
    data = _hashed(kind, *parts)
    return f"{_GLOBAL_OBJECT_ID}{(len(data) // 2).to_bytes(4, 'little').hex()}{data}".upper()


def _hashed(kind: str, *parts: str | int) -> str:
    # Lengths keep ("a:b", "c") and ("a", "b:c") apart; surrogates may occur in what a server calls an id.
    text = "".join(f"{len(str(part))}:{part}" for part in (kind, *parts))
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:_LENGTH]
