"""Stating what became of something that no lane waits for: outcomes with what they are about, in one transaction.

Several may follow from one record, or none may have caused it at all.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from daemon.store import history
from daemon.sync import emitting
from daemon.sync.emitting import Emission
from daemon.sync.origins import Origin
from daemon.sync.settling import Settler
from handlers.plans import Report
from schemas.outcomes import Outcome, Write


@dataclass(frozen=True, slots=True)
class Statement:
    """An outcome to be: of what `about` it is kept for whoever asks why, `part` tells it from others of its origin."""

    report: Report
    origin: Origin
    about: str
    part: str = ""
    writes: tuple[Write, ...] = ()


async def state(
    settler: Settler,
    statements: Sequence[Statement],
    *,
    as_of: Mapping[str, tuple[int, ...]],
    also: Callable[[Connection], None],
    lane: Hashable,
) -> None:
    """Stores something and puts out what is to be said of it. Raises what `also` raises, and `CommitFailed`."""
    said = [(each, _outcome(each, as_of)) for each in statements]
    outgoing = [settler.emitter.outcome(outcome, each.origin, part=each.part) for each, outcome in said]
    at = settler.now()

    def work(tx: Connection) -> Sequence[Emission]:
        also(tx)
        for (each, _), emission in zip(said, outgoing, strict=True):
            history.add(tx, link=each.about, crm_id=None, uid=None, outcome_json=emitting.kept(emission), at=at)
        return outgoing

    settler.publisher.expect(await settler.store.settle(work, reached=None, lane=lane) or ())
    for each, outcome in said:
        settler.metrics.outcomes.labels(outcome.direction, outcome.result).inc()
        latency = max(0.0, (at - each.origin.at).total_seconds())
        settler.metrics.latency.labels(outcome.direction).observe(latency)


def _outcome(statement: Statement, as_of: Mapping[str, tuple[int, ...]]) -> Outcome:
    outcome = emitting.outcome(statement.report, statement.origin, link=None, as_of=as_of, actor=None)
    return outcome.model_copy(update={"writes": statement.writes})
