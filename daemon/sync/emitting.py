"""What goes out because of a plan: commands for the CRM and outcomes, as records for the outbox.

Ids and times follow from the cause alone: a duplicate after a crash has the same id and the same content.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from daemon.sync.origins import Origin
from handlers.effects import Effect, Operation
from handlers.merging import names
from handlers.options import Consulted
from handlers.plans import Delete, Report, Upsert
from handlers.task_effects import TaskEffect
from handlers.task_plans import TaskDelete, TaskUpsert
from schemas import catalogue, envelope, ids, wire
from schemas.activities import Actor
from schemas.envelope import Envelope
from schemas.outcomes import Conflict, Explanation, Mail, OptionUsed, Outcome, Result, Write
from schemas.tasks import write_task

Command = Upsert | Delete | TaskUpsert | TaskDelete

TYPES: Mapping[type[Command], str] = {
    Upsert: "sync.schedule-item.upsert.v1",
    Delete: "sync.schedule-item.delete.v1",
    TaskUpsert: "sync.task.upsert.v1",
    TaskDelete: "sync.task.delete.v1",
}
OUTCOME = "sync.outcome.v1"

_OVERHEAD = 1024
"""Bytes of a batch beside its record's key, value and headers, with room to spare."""


@dataclass(frozen=True, slots=True)
class Emission:
    """One record to put out."""

    topic: str
    key: bytes
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]


def is_too_large(emission: Emission) -> bool:
    """Whether no broker would take it: its topic's limit counts key, headers, and what a batch costs, too."""
    headers = sum(len(name) + len(value) for name, value in emission.headers)
    size = len(emission.key) + len(emission.value or b"") + headers
    return size > catalogue.topic(emission.topic).max_bytes - _OVERHEAD


@dataclass(frozen=True, slots=True)
class Emitter:
    """Writes records in the name of one consumer group."""

    source: str

    def command(self, command: Command, origin: Origin) -> Emission:
        """The command's record, keyed by its link."""
        stated = Envelope(
            id=ids.command_id(command.link, command.revision),
            source=self.source,
            type=TYPES[type(command)],
            time=origin.at,
            subject=command.link,
            data=_command_data(command),
            traceparent=origin.envelope.traceparent,
            tracestate=origin.envelope.tracestate,
        )
        return _record(catalogue.COMMANDS, command.link, stated)

    def outcome(self, outcome: Outcome, origin: Origin, *, part: str = "") -> Emission:
        """The outcome's record, keyed by its link, else by the cause's key. `part`: which of several it is."""
        cause = outcome.cause
        final = ids.outcome_id(cause.topic, cause.partition, cause.offset, part=part)
        stated = Envelope(
            id=f"{final}-held" if outcome.result is Result.HELD else final,
            source=self.source,
            type=OUTCOME,
            time=origin.at,
            subject=outcome.link,
            data=outcome.on_wire(),
            traceparent=origin.envelope.traceparent,
            tracestate=origin.envelope.tracestate,
        )
        return _record(catalogue.OUTCOMES, outcome.link or origin.key, stated)


def outcome(
    report: Report,
    origin: Origin,
    *,
    link: str | None,
    as_of: Mapping[str, tuple[int, ...]],
    actor: Actor | None,
    written: Iterable[Effect | TaskEffect] = (),
) -> Outcome:
    """A report with its cause and what was written because of it: the outcome."""
    done = tuple(written)
    return Outcome(
        link=link,
        direction=report.direction,
        result=report.result,
        reason=report.reason,
        cause=origin.cause,
        actor=actor,
        writes=tuple(_write(effect) for effect in done),
        mails=tuple(
            _mail(effect, asked=origin.notify) for effect in done if isinstance(effect, Effect) and effect.sending.mails
        ),
        options=tuple(_option(used) for used in report.options),
        explain=tuple(
            Explanation(rule=each.rule, about=each.about, decision=each.decision, because=each.because)
            for each in report.explain
        ),
        conflicts=tuple(Conflict(field=each.field, winner=each.winner) for each in report.conflicts),
        directory_as_of=dict(as_of),
    )


def _write(effect: Effect | TaskEffect) -> Write:
    is_occurrence = isinstance(effect, Effect) and effect.occurrence is not None
    operation = Operation.UPDATE if is_occurrence else effect.operation  # the series stays, whatever becomes of one
    return Write(mailbox=effect.mailbox, operation=operation, fields=names(effect.named))


def _mail(effect: Effect, *, asked: str | None) -> Mail:
    """What was asked for: of an item that is made, everybody is added, and Exchange is asked for all."""
    return Mail(
        mode=asked or effect.sending.to.value,
        from_=effect.user,
        sender=effect.delegate,
        recipients=len(effect.recipients),
        why="INV-3",
    )


def _option(used: Consulted) -> OptionUsed:
    return OptionUsed(key=used.key, user=used.user, value=used.value, level=used.level, effect=used.effect)


def _command_data(command: Command) -> dict[str, Any]:
    head = {
        "link": command.link,
        "revision": command.revision,
        "id": command.crm_id,
        "seen": command.seen,
        "uid": command.uid if isinstance(command, Upsert | Delete) else None,
    }
    match command:
        case Delete() | TaskDelete():
            return head | {"reason": command.reason}
        case TaskUpsert():
            item, master = write_task(command.task), None
        case Upsert():
            item, master = wire.write_item(command.item), command.master
    return head | {"changed": list(command.changed), "item": item, "master": master}


def _record(topic: str, key: str, stated: Envelope) -> Emission:
    headers, value = envelope.write(stated)
    return Emission(topic, key.encode(), value, tuple(headers))


def kept(outcome: Emission, command: Mapping[str, object] | None = None) -> str:
    """What the history keeps, as JSON: the outcome as it goes out, and what is said of its command."""
    told = b"null" if command is None else envelope.dump(command)
    return (b'{"command":%b,"outcome":%b}' % (told, outcome.value or b"null")).decode()
