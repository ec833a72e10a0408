"""Which topic goes where: the one list of what the daemon reads."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import wraps

from daemon.bus.dispositions import Disposition, TransientError
from daemon.bus.routes import Delivery, Route
from daemon.store.errors import CommitFailed
from daemon.sync.inbound import Inbound, lane
from daemon.sync.knowing import Knowing
from daemon.sync.outbound import Outbound
from daemon.sync.pausing import Pausing
from daemon.sync.people import People
from daemon.sync.requests import Requests
from daemon.sync.tasks import Tasks
from schemas import catalogue


def routes(
    *,
    people: People,
    inbound: Inbound,
    outbound: Outbound,
    tasks: Tasks,
    requests: Requests,
    pausing: Pausing,
    knowing: Knowing,
    settle: timedelta,
) -> tuple[Route, ...]:
    """Everything that is not the directory waits until the directory has been read."""
    directory = (catalogue.USERS, catalogue.NODES, catalogue.CONTACTS, catalogue.OPTIONS, catalogue.DELEGATIONS)
    of_people, of_hints, of_requests = map(_patient, (people.process, inbound.process, requests.process))
    of_items, of_tasks = (_patient(pausing.gated(knowing.gated(each.process))) for each in (outbound, tasks))
    return (
        *(Route(topic, of_people, directory=True) for topic in directory),
        Route(catalogue.SCHEDULE_ITEMS, of_items, waits_for_directory=True),
        Route(catalogue.TASKS, of_tasks, waits_for_directory=True),
        Route(catalogue.REQUESTS, of_requests, waits_for_directory=True),
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
