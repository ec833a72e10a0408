"""Which records are read again."""

from __future__ import annotations

from daemon.bus.port import TopicPartition
from daemon.bus.starting import Gap
from daemon.sync.replays import Replays
from schemas.outcomes import Cause


def a_cause(offset: int, *, partition: int = 0) -> Cause:
    """A record of the CRM's topic."""
    return Cause(id="e", type="t", topic="crm.schedule-items", partition=partition, offset=offset)


def test_what_the_group_had_finished_and_the_store_does_not_know_is_read_again():
    """Up to what was committed, in that partition; nothing is where nothing was restored."""
    replays = Replays()
    assert not replays.covers(a_cause(0))
    replays.learn({TopicPartition("crm.schedule-items", 0): Gap(stored=3, committed=7)})
    assert [offset for offset in range(10) if replays.covers(a_cause(offset))] == list(range(7))
    assert not replays.covers(a_cause(3, partition=1))
