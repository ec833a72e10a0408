"""What the scenarios share."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """Where a house keeps its store."""
    return tmp_path / "store.sqlite"
