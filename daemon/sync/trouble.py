"""What an Exchange that does not answer means for a record: wait in the lane, or longer in the store (S22d, S23)."""

from __future__ import annotations

from datetime import datetime, timedelta

import structlog

from daemon.bus.dispositions import Park, TransientError
from daemon.exchange.port import Busy, Denied, ExchangeError, Misconfigured
from daemon.sync import pausing
from daemon.sync.pausing import Paused
from schemas.outcomes import Reason

log = structlog.get_logger(__name__)

EXCHANGE_REFUSED = "exchange.refused"

MISCONFIGURED = "misconfigured"
"""The reason of what waits for somebody to set the daemon's access to Exchange right."""

UNEXPECTED = "unexpected"
"""The reason of work that failed in a way nobody foresaw."""

DENIED_FOR = timedelta(minutes=5)
"""How long what Exchange denies is left alone before it is tried again."""

MISCONFIGURED_FOR = timedelta(minutes=1)

_PATIENCE = timedelta(seconds=5)  # a longer back-off is not worth a waiting lane


def disposition(error: ExchangeError, *, now: datetime) -> Park:
    """Parked, or raises `TransientError` if it is worth waiting for."""
    if isinstance(error, Paused):
        return pausing.park(now)
    log.warning(EXCHANGE_REFUSED, error=type(error).__name__, code=error.code)
    if isinstance(error, Denied):
        return Park(now + DENIED_FOR, Reason.DENIED.value)
    if isinstance(error, Misconfigured):
        return Park(now + MISCONFIGURED_FOR, MISCONFIGURED)
    if isinstance(error, Busy) and error.back_off > _PATIENCE:
        return Park(now + error.back_off, "busy")
    raise TransientError(error.code, delay=error.back_off if isinstance(error, Busy) else None)
