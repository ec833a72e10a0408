"""What has no link: what is not built yet, what cannot be read, what an operator asks for.

Each is answered by one outcome, once for the same state, and never by silence or a dead letter.
"""

from __future__ import annotations

from daemon.bus.dispositions import Disposition
from daemon.bus.routes import Delivery
from daemon.sync.origins import Origin
from daemon.sync.settling import Settler, direction_of
from handlers.plans import Explanation, Report
from schemas.outcomes import Decision, Direction, Reason, Result


async def not_yet(settler: Settler, origin: Origin, delivery: Delivery, *, key: str) -> Disposition:
    """This version does not know what to do with it, and says so once per item where `key` names one, else per event,
    which is known by its id if it is read again (CON-3).
    """
    report = Report(direction_of(origin.cause.topic), Result.SKIPPED, Reason.NOT_YET)
    if key.startswith("item:"):
        return await settler.once(report, origin, delivery=delivery, key=key, state="item")
    return await settler.once(report, origin, delivery=delivery, key=f"{key}:{origin.cause.id}", state="event")


async def quarantined(settler: Settler, origin: Origin, delivery: Delivery, *, key: str, rule: str) -> Disposition:
    """Exchange holds something that is no valid item: said once, tried again when it changes (S25a)."""
    explanation = Explanation("MAP-2", "item", Decision.REFUSED, rule)
    report = Report(Direction.INBOUND, Result.FAILED, Reason.RESTRICTION, explain=(explanation,))
    return await settler.once(report, origin, delivery=delivery, key=key, state=rule)
