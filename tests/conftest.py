"""What every test of the project shares."""

from __future__ import annotations

import asyncio

pytest_plugins = ("tests.support.kafka",)  # a real Kafka for whoever asks for the fixture `kafka`


def pytest_sessionstart() -> None:
    # looptime asks for the current event loop even in tests that are not async; where none was ever set, asking makes
    # one that nobody closes, and its ResourceWarning fails whichever test runs when it is collected
    asyncio.set_event_loop(None)
