"""Where a partition's reading begins."""

from __future__ import annotations

import pytest

from daemon.bus.starting import Gap, Start, start


@pytest.mark.parametrize(
    ("stored", "committed", "beginning", "end", "expected"),
    [
        pytest.param(None, None, 0, 0, Start(0, 0), id="an empty topic, a new group"),
        pytest.param(None, None, 5, 9, Start(5, 5), id="a new group on an old topic"),
        pytest.param(7, 7, 0, 9, Start(7, 7), id="an ordinary restart"),
        pytest.param(7, 5, 0, 9, Start(7, 5), id="killed before the commit: the group is told"),
        pytest.param(7, None, 0, 9, Start(7, -1), id="killed before the first commit: the group is told"),
        pytest.param(3, 7, 0, 9, Start(3, 7, Gap(3, 7)), id="restored: the group's offset stays till it is passed"),
        pytest.param(None, 7, 0, 9, Start(0, 7, Gap(0, 7)), id="a new store in an old group"),
        pytest.param(None, 7, 7, 9, Start(7, 7), id="a new store, and all it does not know has expired"),
        pytest.param(3, 7, 5, 9, Start(5, 7, Gap(3, 7), expired=True), id="restored, and part of it has expired"),
        pytest.param(3, None, 5, 9, Start(5, -1, expired=True), id="down for longer than the retention"),
        pytest.param(9, 9, 9, 9, Start(9, 9), id="all read, all expired"),
        pytest.param(100, None, 0, 9, Start(0, 0, recreated=True), id="made anew while we were down"),
        pytest.param(100, 100, 0, 9, Start(0, 0, recreated=True), id="made anew, the group's offset kept"),
        pytest.param(5, 100, 0, 9, Start(5, -1), id="the group's offset is of a topic that is no more"),
        pytest.param(10, 10, 0, 10, Start(10, 10), id="at the end"),
    ],
)
def test_begins(stored: int | None, committed: int | None, beginning: int, end: int, expected: Start):
    """At what the store knows; the group's offset tells only whether it knew more."""
    assert start(stored=stored, committed=committed, beginning=beginning, end=end) == expected
