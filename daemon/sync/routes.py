"""Which topic goes where: the one list of what the daemon reads."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import wraps

from daemon.bus.dispositions import Disposition, TransientError
from daemon.bus.routes import Delivery, Route
from daemon.store.errors import CommitFailed
from daemon.sync.control import Answering
from daemon.sync.inbound import Inbound, lane
from daemon.sync.outbound import Outbound
from daemon.sync.people import People
from schemas import catalogue


def routes(
    *, people: People, inbound: Inbound, outbound: Outbound, answering: Answering, settle: timedelta
) -> tuple[Route, ...]:
    """Everything that is not the directory waits until the directory has been read."""
    directory = (catalogue.USERS, catalogue.NODES, catalogue.CONTACTS, catalogue.OPTIONS, catalogue.DELEGATIONS)
    of_people, of_hints, of_items = map(_patient, (people.process, inbound.process, outbound.process))
    of_others = _patient(answering.process)
    return (
        *(Route(topic, of_people, directory=True) for topic in directory),
        Route(catalogue.SCHEDULE_ITEMS, of_items, waits_for_directory=True),
        Route(catalogue.TASKS, of_others, waits_for_directory=True),
        Route(catalogue.REQUESTS, of_others, waits_for_directory=True),
        Route(
            catalogue.NOTIFICATIONS,
            of_hints,
            lane=lane,
            collapse=True,
            settle=settle,
            waits_for_directory=True,
        ),
    )


Process = Callable[[Delivery], Awaitable[Disposition]]


def _patient(process: Process) -> Process:
    """A database that is away for a while comes back: no record is a dead letter for that."""

    @wraps(process)
    async def wrapped(delivery: Delivery) -> Disposition:
        try:
            return await process(delivery)
        except CommitFailed as error:
            raise TransientError("store_away") from error

    return wrapped
