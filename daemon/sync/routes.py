"""Which topic goes where: the one list of what the daemon reads."""

from __future__ import annotations

from datetime import timedelta

from daemon.bus.routes import Route
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
    return (
        *(Route(topic, people.process, directory=True) for topic in directory),
        Route(catalogue.SCHEDULE_ITEMS, outbound.process, waits_for_directory=True),
        Route(catalogue.TASKS, answering.process, waits_for_directory=True),
        Route(catalogue.REQUESTS, answering.process, waits_for_directory=True),
        Route(
            catalogue.NOTIFICATIONS,
            inbound.process,
            lane=lane,
            collapse=True,
            settle=settle,
            waits_for_directory=True,
        ),
    )
