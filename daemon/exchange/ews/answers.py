"""Which answer belongs to which item that was asked for (S02c, S21b).

Exchange answers GetItem in the order of the request, one message an item; servers cut batches short all the same. An
item is recognised by its id, byte for byte; by its place only where nothing is missing. What cannot be told is
`Unknown`, and never `Gone`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from daemon.exchange.ews import decoder, failures
from daemon.exchange.ews.decoder import Reading
from daemon.exchange.ews.envelopes import Message
from daemon.exchange.ews.failures import Failure, Meaning
from daemon.exchange.port import Answer, Unknown

WHOLE_CALL = frozenset({Meaning.DENIED, Meaning.BUSY, Meaning.SIGN_IN, Meaning.PERMANENT})
"""Meanings that, if every message has them, are about the mailbox and not about the items."""

ANSWER_SHORT = "AnswerShort"
ITEM_MISSING = "ItemMissing"


def checked(messages: Sequence[Message]) -> Sequence[Message]:
    """The messages; Failure if all of them say that the call as a whole failed."""
    refused = [message for message in messages if failures.meaning(message.code) in WHOLE_CALL]
    if refused and len(refused) == len(messages):
        raise Failure(refused[0].code, _longest_back_off(refused))
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
    """One answer for each id asked for, in that order."""
    read = [_answer(message, reading) for message in messages]
    by_id = {answer.item_id: answer for answer in read if answer.item_id}
    if len(read) != len(asked):
        return tuple(by_id.get(item_id, Unknown(item_id, ANSWER_SHORT)) for item_id in asked)
    return tuple(
        by_id.get(item_id) or _placed(answer, item_id, asked) for item_id, answer in zip(asked, read, strict=True)
    )


def _answer(message: Message, reading: Reading) -> Answer:
    if failures.meaning(message.code) is not Meaning.FINE:
        return failures.of_item("", message.code)
    found = decoder.items(message, reading)
    return found[0] if found else Unknown("", ITEM_MISSING)


def _placed(answer: Answer, item_id: str, asked: Sequence[str]) -> Answer:
    """The answer at an item's place: a failure, or the item under the id it has now."""
    if not answer.item_id:
        return replace(answer, item_id=item_id)
    if answer.item_id in asked:
        return Unknown(item_id, ANSWER_SHORT)
    return answer


def _longest_back_off(messages: Sequence[Message]) -> timedelta | None:
    return max((message.back_off for message in messages if message.back_off is not None), default=None)
