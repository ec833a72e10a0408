"""Ids and revisions come out the same every time, and differ where they must."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import ids


@pytest.mark.rule("ID-8")
def test_ids_never_change_between_releases():
    """A lost store finds its links again only by these very values."""
    assert ids.link_of_crm("si-1") == "3f33777fd9573e54d89e8b8c9a21e1d6"
    assert ids.link_of_uid("040000008200E0") == "9ea4677a7f738ccc9a33c092e23450f7"
    assert ids.command_id("9f0c", 7) == "d39b3686694b33e7e831f3f3b87ea805"
    assert ids.outcome_id("exchange.notifications", 3, 1042) == "70cbe4767678b76991d7c01d372766c3"


@pytest.mark.rule("ID-8")
@given(st.text(), st.text())
def test_links_of_different_things_differ(one: str, other: str):
    """What was born in the CRM and what was born in Exchange never meet by accident."""
    assert ids.link_of_crm(one) != ids.link_of_uid(other)
    assert (ids.link_of_uid(one) == ids.link_of_uid(other)) == (one == other)


@given(st.text(max_size=3), st.integers(0, 12), st.integers(0, 12))
def test_parts_of_an_id_do_not_run_together(topic: str, partition: int, offset: int):
    """Partition 1, offset 12 is not partition 11, offset 2."""
    here = ids.outcome_id(topic, partition, offset)

    others = {ids.outcome_id(topic, p, o) for p in range(13) for o in range(13) if (p, o) != (partition, offset)}

    assert here not in others


def test_an_external_is_spoken_of_by_the_hash_of_his_normalised_address():
    """The same guest in two spellings is the same guest, and his address is not in it."""
    about = ids.external_about("X@Else.Example")

    assert about == ids.external_about("mailto:x@else.example")
    assert about.startswith("ext:")
    assert "else" not in about
    assert ids.external_about("Xaver") == ids.external_about(" XAVER ") != about


@given(last=st.integers(0, 2**40), generation=st.integers(0, 100))
def test_revisions_rise_and_those_of_a_new_generation_are_above_all_before(last: int, generation: int):
    """A restored store never repeats a revision that the CRM has seen."""
    revision = ids.next_revision(last, generation=generation)

    assert revision > last
    assert ids.generation_of(revision) >= generation


def test_a_first_revision_is_one():
    """Zero is the CRM's word for none."""
    assert ids.next_revision(0, generation=0) == 1
    assert ids.next_revision(7, generation=1) == 2**32 + 1
    assert ids.generation_of(2**32 + 1) == 1
