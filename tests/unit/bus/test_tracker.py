"""The tracker: two prefixes, whatever the order in which records finish."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from daemon.bus.tracker import Ticket, Tracker


def a_tracker(*offsets: int, start: int = 0, epoch: int = 1) -> tuple[Tracker, dict[int, Ticket]]:
    tracker = Tracker(epoch=epoch, start=start)
    tickets = {offset: tracker.polled(offset, size=10) for offset in offsets}
    return tracker, {offset: ticket for offset, ticket in tickets.items() if ticket is not None}


def finish(tracker: Tracker, ticket: Ticket) -> None:
    tracker.settle(ticket)
    tracker.acknowledge(ticket)


def test_starts_at_what_was_committed_and_not_one_further():
    """Nothing polled, nothing to add: neither prefix moves (parallel-consumer 894)."""
    tracker, _ = a_tracker(start=7)
    assert (tracker.settled, tracker.acknowledged) == (7, 7)


def test_polling_alone_moves_nothing():
    """The fetch position is far ahead of what is finished (826)."""
    tracker, _ = a_tracker(0, 1, 2)
    assert (tracker.settled, tracker.acknowledged) == (0, 0)


def test_finished_behind_an_unfinished_head_waits():
    """Records finish in any order; what may be committed is contiguous."""
    tracker, tickets = a_tracker(0, 1, 2)
    finish(tracker, tickets[2])
    finish(tracker, tickets[1])
    assert tracker.acknowledged == 0
    finish(tracker, tickets[0])
    assert tracker.acknowledged == 3


def test_gaps_left_by_compaction_hold_nothing_up():
    """Only what was really polled counts."""
    tracker, tickets = a_tracker(3, 9, start=1)
    assert tracker.acknowledged == 3
    finish(tracker, tickets[3])
    assert tracker.acknowledged == 9
    finish(tracker, tickets[9])
    assert tracker.acknowledged == 10


def test_settled_is_ahead_of_acknowledged():
    """A record in the store counts as settled before its outputs have arrived."""
    tracker, tickets = a_tracker(0, 1)
    tracker.settle(tickets[0])
    assert (tracker.settled, tracker.acknowledged, tracker.window) == (1, 0, 2)


def test_acknowledged_before_settled_is_refused():
    """What is not in the store cannot be committed."""
    tracker, tickets = a_tracker(0)
    assert not tracker.acknowledge(tickets[0])
    assert tracker.acknowledged == 0


def test_a_result_of_another_epoch_changes_nothing():
    """The partition came back: what the former assignment still had running is stale (909)."""
    _, old = a_tracker(0, epoch=1)
    tracker, new = a_tracker(0, epoch=2)
    assert not tracker.settle(old[0])
    assert tracker.settled == 0
    assert tracker.settle(new[0])


def test_a_record_polled_twice_gets_one_ticket():
    """A seek back within an epoch does not make a second entry of what is running or done."""
    tracker, tickets = a_tracker(0, 1)
    finish(tracker, tickets[0])
    assert tracker.polled(0, size=10) is None
    assert tracker.polled(1, size=10) is None
    assert tracker.window == 1


def test_a_settled_record_is_not_settled_again():
    """The second of two results is recognised."""
    tracker, tickets = a_tracker(0, 1)
    assert tracker.settle(tickets[0])
    assert not tracker.settle(tickets[0])


def test_position_assumes_a_delivery_settled():
    """A delivery's transaction stores where the partition will stand once it is through, whoever else is running."""
    tracker, tickets = a_tracker(0, 1, 2, 5)
    assert tracker.settled_with([tickets[1]]) == 0
    assert tracker.settled_with([tickets[0]]) == 1
    assert tracker.settled_with([tickets[0], tickets[1]]) == 2
    tracker.settle(tickets[1])
    assert tracker.settled_with([tickets[0]]) == 2
    assert tracker.settled_with([tickets[0], tickets[2]]) == 5
    assert tracker.settled_with(list(tickets.values())) == 6


@given(st.lists(st.integers(1, 3), max_size=30), st.data())
def test_any_order_of_finishing_gives_the_contiguous_prefix(steps: list[int], data: st.DataObject):
    """The commit value is the lowest unfinished polled offset, else one after the highest (against a naive count)."""
    offsets = [sum(steps[: n + 1]) for n in range(len(steps))]
    tracker, tickets = a_tracker(*offsets, start=1)
    unsettled, unacknowledged = set(offsets), set(offsets)
    end = offsets[-1] + 1 if offsets else 1
    order = data.draw(st.permutations(offsets * 2))
    for offset in order:
        if offset in unsettled:
            tracker.settle(tickets[offset])
            unsettled.discard(offset)
        else:
            tracker.acknowledge(tickets[offset])
            unacknowledged.discard(offset)
        assert tracker.settled == min(unsettled, default=end)
        assert tracker.acknowledged == min(unacknowledged, default=end)
        assert tracker.window_bytes == 10 * tracker.window
    assert tracker.window == 0
