"""Intents as the store keeps them: an effect in full, so that whoever finds it can ask what became of it.

What is known of the end of its call is noted with it, and it stays until that was said in an outcome.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from daemon.store import codec, intents
from daemon.store.intents import Intent
from handlers.blocks import Block
from handlers.effects import Effect, Operation
from schemas.copies import Attendee, Role
from schemas.edits import UNSET
from schemas.instants import read_moment
from schemas.outcomes import Direction
from schemas.sending import Sending, Whom

_NOT_CLAIMED = datetime.max.replace(tzinfo=UTC)


class End(StrEnum):
    """What is known of a call that has ended: it was carried out; there was nothing to do; its answer says nothing sure
    of a change, and the copy will; or nobody will ever know, and that is to be said of its message.
    """

    MADE = "made"
    STOOD = "stood"
    DOUBTFUL = "doubtful"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Intended:
    """One effect that was claimed. `by`: which way it goes. `end` None: its call may be under way until `deadline`.

    `mail` is its key in the ledger of mails, if its call was to send one; `unmailed` why it mailed nobody, or may not
    have, though that was asked for by `event`, a version of the CRM's item. `waiting`: a note of its own goes before
    its call, for what it changes is not known before; as long as there is none, nothing was called.
    """

    effect: Effect
    by: Direction
    mail: str = ""
    unmailed: str = ""
    event: int = 0
    waiting: bool = False
    end: End | None = None
    id: int = 0
    deadline: datetime = _NOT_CLAIMED

    @property
    def is_made(self) -> bool:
        """Whether it was carried out."""
        return self.end is End.MADE

    @property
    def is_to_mail(self) -> bool:
        """Whether its event is to be told of a message, gone or not."""
        return bool(self.mail or self.unmailed)

    @property
    def has_mailed(self) -> bool:
        """Whether it was carried out and mailed somebody."""
        return self.is_made and self.effect.sending.mails


def effects_of(made: Iterable[Intended]) -> tuple[Effect, ...]:
    """What was carried out."""
    return tuple(each.effect for each in made if each.is_made)


def kept(intended: Intended) -> intents.Effect:
    """An effect as the store keeps it."""
    effect = intended.effect
    wanted = {
        "by": intended.by.value,
        "key": intended.mail,
        "unmailed": intended.unmailed,
        "event": intended.event,
        "waiting": intended.waiting,
        "end": intended.end,
        "user": effect.user,
        "uid": effect.uid,
        "marker": effect.marker,
        "direct": effect.direct,
        "authoritative": effect.authoritative,
        "fields": list(effect.fields),
        "item_id": effect.item_id,
        "change_key": effect.change_key,
        "invite": [[each.name, each.address] for each in effect.invite],
        "uninvite": sorted(effect.uninvite),
        "joining": list(effect.joining),
        "leaving": list(effect.leaving),
        "facets": {name: value for name, value in _facets(effect) if value is not UNSET},
        "item": json.loads(codec.dump(effect.item)),
        "occurrence": None if effect.occurrence is None else effect.occurrence.isoformat(),
        "index": effect.index,
        "again": effect.again,
        "acting": effect.sending.acting,
        "recipients": list(effect.recipients),
        "delegate": effect.delegate,
    }
    return intents.Effect(effect.mailbox, effect.operation.value, json.dumps(wanted), mail=effect.sending.to.value)


def read(intent: Intent) -> Intended:
    """An effect that was claimed, by us or by who was here before."""
    wanted: dict[str, Any] = json.loads(intent.effect.wanted)
    return Intended(
        effect=_effect(intent, wanted),
        by=Direction(wanted["by"]),
        mail=wanted.get("key", ""),
        unmailed=wanted.get("unmailed", ""),
        event=wanted.get("event", 0),
        waiting=wanted.get("waiting", False),
        end=End(wanted["end"]) if wanted.get("end") else None,
        id=intent.id,
        deadline=intent.deadline,
    )


def _effect(intent: Intent, wanted: dict[str, Any]) -> Effect:
    facets: dict[str, Any] = wanted["facets"]
    if facets.get("block"):
        facets["block"] = Block(*facets["block"])
    return Effect(
        operation=Operation(intent.effect.operation),
        mailbox=intent.effect.mailbox,
        user=wanted["user"],
        item=codec.load(json.dumps(wanted["item"])),
        marker=wanted["marker"],
        uid=wanted["uid"],
        direct=wanted["direct"],
        authoritative=wanted["authoritative"],
        fields=tuple(wanted["fields"]),
        item_id=wanted["item_id"],
        change_key=wanted["change_key"],
        invite=tuple(Attendee(Role.REQUIRED, name, address) for name, address in wanted["invite"]),
        uninvite=frozenset(wanted["uninvite"]),
        joining=tuple(wanted.get("joining", ())),
        leaving=tuple(wanted.get("leaving", ())),
        occurrence=wanted["occurrence"] and read_moment(wanted["occurrence"]),
        index=wanted["index"],
        again=wanted["again"],
        **facets,
        sending=Sending(Whom(intent.effect.mail), acting=wanted.get("acting", "")),
        recipients=tuple(wanted.get("recipients", ())),
        delegate=wanted.get("delegate"),
    )


def _facets(effect: Effect) -> tuple[tuple[str, object], ...]:
    block = effect.block
    shown = (block.html, block.text, block.fingerprint) if isinstance(block, Block) else block
    return ("sensitivity", effect.sensitivity), ("reminder", effect.reminder), ("block", shown)
