"""Silence for a command that tells a person in its own words what libraries, and parts of ours, complain of in logs."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import structlog


@contextmanager
def hushed() -> Iterator[None]:
    """No log line in between; afterwards logging is as it was."""
    root, silence, before = logging.getLogger(), logging.NullHandler(), structlog.get_config()
    root.addHandler(silence)  # without any handler, warnings would be printed
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    try:
        yield
    finally:
        root.removeHandler(silence)
        structlog.configure(**before)
