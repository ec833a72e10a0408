"""What became of dead letters is remembered in the store, while a daemon works on it."""

from __future__ import annotations

from pathlib import Path

import pytest

from daemon.commands import burials
from daemon.commands.refusals import CannotGoOn
from daemon.store.letters import Place
from daemon.store.store import Store


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where the store is."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/store.sqlite"
    place: str = request.getfixturevalue("postgres_url")
    return place


async def test_what_was_dealt_with_is_remembered_beside_a_daemon(url: str) -> None:
    """The daemon has the store open all the while, and goes on writing."""
    store = await Store.open(url)
    burials.mark(url, [Place(0, 1, 2)], "parked")
    burials.mark(url, [Place(0, 2, 2)], "replayed")
    fates, trouble = burials.fates(url)
    assert (dict(fates), trouble) == ({Place(0, 1, 2): "parked", Place(0, 2, 2): "replayed"}, None)
    await store.raise_generation()
    await store.close()


def test_without_a_store_letters_can_be_listed_but_not_put_aside(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/missing.sqlite"
    fates, trouble = burials.fates(url)
    assert fates == {}
    assert trouble is not None
    assert "there is no store" in trouble
    with pytest.raises(CannotGoOn, match="store cannot be written to"):
        burials.mark(url, [Place(0, 1, 2)], "parked")
