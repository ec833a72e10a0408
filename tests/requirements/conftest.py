"""A running sandbox for each test that asks for one."""

from __future__ import annotations

from collections.abc import Iterator

import exchangelib
import pytest

from tests.unit.sandbox.bank import Bank, opened


@pytest.fixture
def bank() -> Iterator[Bank]:
    with opened() as running:
        yield running
        exchangelib.close_connections()
