"""What has no link: what is not built yet, what cannot be read, what an operator asks for.

Each is answered by one outcome, once for the same state, and never by silence or a dead letter.
"""

from __future__ import annotations

from daemon.bus.dispositions import Dead, Disposition
from daemon.bus.routes import Delivery
from daemon.store import reports
from daemon.sync import origins
from daemon.sync.origins import Origin
from daemon.sync.settling import Settler, direction_of
from handlers.plans import Explanation, Report
from schemas.outcomes import Decision, Direction, Reason, Result
from schemas.problems import Malformed


async def not_yet(settler: Settler, origin: Origin, delivery: Delivery, *, key: str) -> Disposition:
    """This version does not know what to do with it, and says so once per item where `key` names one, else per event.

    Events that are read again are not answered again (CON-3): one with a version is known by it, others by their ids.
    """
    report = Report(direction_of(origin.cause.topic), Result.SKIPPED, Reason.NOT_YET)
    version = getattr(origin.event, "version", None)
    if key.startswith("item:"):
        return await settler.once(report, origin, delivery=delivery, key=key, state="item")
    if version is None:
        return await settler.once(report, origin, delivery=delivery, key=f"{key}:{origin.cause.id}", state="event")
    return await settler.storing(
        lambda tx: reports.is_newer(tx, f"version:{key}", version), origin, delivery=delivery, report=report
    )


async def quarantined(settler: Settler, origin: Origin, delivery: Delivery, *, key: str, rule: str) -> Disposition:
    """Exchange holds something that is no valid item: said once, tried again when it changes (S25a)."""
    explanation = Explanation("MAP-2", "item", Decision.REFUSED, rule)
    report = Report(Direction.INBOUND, Result.FAILED, Reason.RESTRICTION, explain=(explanation,))
    return await settler.once(report, origin, delivery=delivery, key=key, state=rule)


class Answering:
    """Answers the records of a topic whose events are not built yet: tasks, operators' requests."""

    def __init__(self, settler: Settler) -> None:
        self._settler = settler

    async def process(self, delivery: Delivery) -> Disposition:
        """One record, one answer."""
        try:
            origin = origins.read(delivery.records)
        except Malformed as error:
            return Dead("decode", str(error))
        return await not_yet(self._settler, origin, delivery, key=f"{origin.cause.topic}:{origin.key}")
