"""A plugin for pytest that finds out sooner that a mutant is noticed: thousands of them are asked about.

Of what is drawn at random there is only a little, the same each time; the quickest tests come first.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import settings

PROFILE = "mutants"
_MEASURED = Path("mutmut-stats.json")  # where mutmut runs the tests

settings.register_profile(PROFILE, max_examples=30, derandomize=True, database=None, deadline=None)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if _MEASURED.exists():
        took = json.loads(_MEASURED.read_text())["duration_by_test"]
        items.sort(key=lambda item: took.get(item.nodeid, 0.0))
