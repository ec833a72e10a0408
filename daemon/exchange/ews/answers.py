"""Which answer belongs to which item that was asked for (S02c, S21b).

Exchange answers GetItem in the order of the request, one message an item; servers cut batches short all the same. An
item is recognised by its id, byte for byte; by its place only where nothing is missing. What cannot be told is
`Unknown`, and never `Gone`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import TypeVar

from daemon.exchange.ews import decoder, failures, fields
from daemon.exchange.ews.decoder import Reading
from daemon.exchange.ews.envelopes import Message
from daemon.exchange.ews.failures import Failure, Meaning
from daemon.exchange.port import Answer, Gone, Unknown, Unreadable, Written
from schemas.copies import Copy, TaskCopy

C = TypeVar("C", Copy, TaskCopy)
Failed = Gone | Unreadable | Unknown
Items = Callable[[Message], Sequence[C | Unreadable]]
"""Reads the items of one response message."""

WHOLE_CALL = frozenset({Meaning.DENIED, Meaning.BUSY, Meaning.SIGN_IN, Meaning.PERMANENT})
"""Meanings that, if every message has them, are about the mailbox and not about the items."""

ANSWER_SHORT = "AnswerShort"
ITEM_MISSING = "ItemMissing"


def checked(messages: Sequence[Message]) -> Sequence[Message]:
    """The messages; Failure if all of them say that the call as a whole failed."""
    if messages and all(failures.meaning(message.code) in WHOLE_CALL for message in messages):
        raise Failure(messages[0].code, _longest_back_off(messages))
    return messages


def all_fine(messages: Sequence[Message]) -> Sequence[Message]:
    """The messages, of which there is at least one; Failure with the first code that is not NoError."""
    if not messages:
        raise Failure(ANSWER_SHORT)
    for message in checked(messages):
        if failures.meaning(message.code) is not Meaning.FINE:
            raise Failure(message.code, message.back_off)
    return messages


def paired(messages: Sequence[Message], asked: Sequence[str], reading: Reading) -> tuple[Answer, ...]:
    """One copy for each id asked for, in that order."""
    return in_order(messages, asked, lambda message: decoder.items(message, reading))


def in_order(messages: Sequence[Message], asked: Sequence[str], items: Items[C]) -> tuple[C | Failed, ...]:
    """One answer for each id asked for, in that order."""
    read = [_answer(message, items) for message in messages]
    by_id = {answer.item_id: answer for answer in read if answer.item_id}
    if len(read) != len(asked):
        return tuple(by_id.get(item_id, Unknown(item_id, ANSWER_SHORT)) for item_id in asked)
    return tuple(
        by_id.get(item_id) or _placed(answer, item_id, asked) for item_id, answer in zip(asked, read, strict=True)
    )


def written(messages: Sequence[Message]) -> Written:
    """Where the one item of a write is now. Failure with the code of a write that was refused or says nothing."""
    items = [fields.of(element) for element in decoder.item_elements(all_fine(messages)[0].element)]
    if len(items) != 1 or not items[0].attribute("ItemId", "Id"):
        raise Failure(ITEM_MISSING)
    return Written(items[0].attribute("ItemId", "Id"), items[0].attribute("ItemId", "ChangeKey"))


def _answer(message: Message, items: Items[C]) -> C | Failed:
    if failures.meaning(message.code) is not Meaning.FINE:
        return failures.of_item("", message.code)
    found = items(message)
    return found[0] if found else Unknown("", ITEM_MISSING)


def _placed(answer: C | Failed, item_id: str, asked: Sequence[str]) -> C | Failed:
    """The answer at an item's place: a failure, or the item under the id it has now."""
    if not answer.item_id:
        return replace(answer, item_id=item_id)
    if answer.item_id in asked:
        return Unknown(item_id, ANSWER_SHORT)
    return answer


def _longest_back_off(messages: Sequence[Message]) -> timedelta | None:
    return max((message.back_off for message in messages if message.back_off is not None), default=None)
