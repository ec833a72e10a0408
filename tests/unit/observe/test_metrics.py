"""Metrics: names, units and labels as Prometheus wants them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from prometheus_client.metrics import MetricWrapperBase

from daemon.observe.metrics import Metrics

ROOT = Path(__file__).parents[3]
FORBIDDEN_LABELS = {"key", "offset", "mailbox", "item", "link", "user"}


@pytest.fixture
def metrics() -> Metrics:
    return Metrics(topics=("crm.users",), version="1")


def ours(metrics: Metrics) -> list[str]:
    text = metrics.exposition()[0].decode()
    return [line for line in text.splitlines() if line.startswith("exsyncd_")]


def test_every_name_has_our_prefix_and_a_unit_or_a_kind_at_its_end(metrics: Metrics) -> None:
    ends = r"_(total|seconds|seconds_(bucket|sum|count)|records|items|partitions|ready|info|offset|rows)"
    names = {re.split(r"[{ ]", line)[0] for line in ours(metrics)}

    assert {name for name in names if not re.fullmatch(rf"exsyncd_\w+{ends}", name)} == set()


def test_no_label_can_grow_with_the_number_of_people_or_items(metrics: Metrics) -> None:
    labels = {label for line in ours(metrics) for label in re.findall(r'(\w+)="', line)}

    assert labels & FORBIDDEN_LABELS == set()


def test_two_daemons_in_one_process_do_not_share_counts(metrics: Metrics) -> None:
    metrics.stale_results.inc()

    assert metrics.value("exsyncd_stale_results_total") == 1
    assert Metrics().value("exsyncd_stale_results_total") == 0


def test_a_sample_that_never_was_reads_as_zero(metrics: Metrics) -> None:
    assert metrics.value("exsyncd_parked_items", {"reason": "busy"}) == 0


def test_no_metric_is_shown_that_nobody_feeds(metrics: Metrics) -> None:
    """A gauge that is always zero tells an operator that all is well."""
    sources = "\n".join(
        path.read_text()
        for path in (ROOT / "daemon").rglob("*.py")
        if path.name != "metrics.py" or "observe" not in path.parts
    )
    names = [name for name, value in vars(metrics).items() if isinstance(value, MetricWrapperBase)]

    assert len(names) > 10
    assert [name for name in names if not re.search(rf"metrics\.{name}\b", sources)] == []
