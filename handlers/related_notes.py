"""Related information as a note in Outlook bodies (NOTE-1, NOTE-5..7).

Every outbound event compares the block each copy should have with the one last written there. The organizer's body is
what Outlook mails: with guests in the meeting it goes without, unless the settings say otherwise. With the option off
no copy should have one. What a block is made of is `blocks`' business, where it stands in a body `bodies`'.
"""

from __future__ import annotations

from handlers import registry
from handlers.blocks import Block, block_of
from handlers.facts import User
from handlers.outgoing import Outgoing, Target
from schemas import options
from schemas.copies import Kind
from schemas.outcomes import Direction


def _owner(outgoing: Outgoing) -> tuple[User, ...]:
    return (outgoing.owner,) if outgoing.owner else ()


def _concerns(outgoing: Outgoing) -> bool:
    """Whether there is anything to show, or shown already."""
    return bool(outgoing.item.related) or any(each.replica and each.replica.block for each in outgoing.targets)


def _show(outgoing: Outgoing, user: User) -> tuple[Outgoing, registry.Effect]:
    block = block_of(outgoing.item.related)
    wanted = {each.mailbox: None if _is_mailed(outgoing, each) else block for each in outgoing.targets}
    return _with_blocks(outgoing, wanted)


def _hide(outgoing: Outgoing, user: User) -> tuple[Outgoing, registry.Effect]:
    return _with_blocks(outgoing, {})


def _with_blocks(outgoing: Outgoing, wanted: dict[str, Block | None]) -> tuple[Outgoing, registry.Effect]:
    said = []
    for target in outgoing.targets:
        block = wanted.get(target.mailbox)
        shown = target.replica.block if target.replica else ""
        if target.delete or (block.fingerprint if block else "") == shown:
            continue
        outgoing = outgoing.aimed(target.user, block=block)
        said.append(f"related:{target.user.id}")
    return outgoing, tuple(said)


def _is_mailed(outgoing: Outgoing, target: Target) -> bool:
    """Whether guests get this body: it is the organizer's own, and there are any (NOTE-6)."""
    exchange = outgoing.link.exchange
    organizer = exchange.owner if exchange else outgoing.item.owner
    return outgoing.guests and target.user.id == organizer and not outgoing.policy.block_for_guests


OUTBOUND: registry.Step[Outgoing] = registry.Step(
    option=options.RELATED_NOTES,
    direction=Direction.OUTBOUND,
    kinds=frozenset({Kind.SCHEDULE_ITEM}),
    order=20,
    users=_owner,
    concerns=_concerns,
    on=_show,
    off=_hide,
)
