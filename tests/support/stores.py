"""Where a whole house keeps its store: in a file, or with `EXSYNCD_TEST_STORE=postgres` in a database of its own."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.support import postgres

CHOICE = "EXSYNCD_TEST_STORE"

_databases: dict[Path, str] = {}


def on_postgres() -> bool:
    """Whether the houses of this run keep their stores on PostgreSQL."""
    return os.environ.get(CHOICE) == "postgres"


def url_of(place: Path | str) -> str:
    """The store that a test calls by this path, made if need be; or by its URL."""
    if isinstance(place, str):
        return place
    if not on_postgres():
        return f"sqlite:///{place}"
    if place not in _databases:
        _databases[place] = postgres.server().create()
    return _databases[place]


def copy(place: Path, other: Path) -> None:
    """Puts a copy of a store that nobody works on in another's place, as a backup does."""
    if not on_postgres():
        shutil.copy(place, other)
        return
    postgres.server().put(url_of(other), like=url_of(place))


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown() -> None:
    """Every test's stores end with it, once its houses are closed."""
    while _databases:
        postgres.server().drop(_databases.popitem()[1])
