"""Look-ups in batches ask for everything in few forms of statement."""

from __future__ import annotations

import pytest

from daemon.store.rows import BATCHES, batches


@pytest.mark.parametrize("number", [0, 1, 2, 8, 9, 63, 64, 65, 200])
def test_everything_is_asked_for_in_lists_of_few_lengths(number: int) -> None:
    """Each value once, whatever was asked twice; what fills a list up is in it already."""
    values = [f"v-{n}" for n in range(number)]

    lists = list(batches([*values, *values]))

    assert list(dict.fromkeys(value for each in lists for value in each)) == values
    assert {len(each) for each in lists} <= set(BATCHES)
    assert len(lists) == -(-number // BATCHES[-1])
