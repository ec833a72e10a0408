"""What every test of the project shares."""

from __future__ import annotations

import asyncio
import os

from hypothesis import settings

# No test depends on how fast the machine is. What is looked for at random is the same in every run of CI, which judges
# a change; elsewhere every run looks anew.
settings.register_profile("anew", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI", "").lower() == "true" else "anew")

# a real Kafka, or PostgreSQL, for whoever asks for the fixture `kafka`, `postgres` or `postgres_url`
pytest_plugins = ("tests.support.kafka", "tests.support.postgres", "tests.support.stores")


def pytest_sessionstart() -> None:
    # looptime asks for the current event loop even in tests that are not async; where none was ever set, asking makes
    # one that nobody closes, and its ResourceWarning fails whichever test runs when it is collected
    asyncio.set_event_loop(None)
