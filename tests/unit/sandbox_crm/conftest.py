"""A fresh sandbox CRM for every test."""

from __future__ import annotations

import pytest

from tests.unit.sandbox_crm.world import World, a_world


@pytest.fixture
def world() -> World:
    return a_world()
