"""Markers that carry the ids of Microsoft's interoperability requirements."""

from __future__ import annotations

import pytest


def _marker(document: str, numbers: tuple[int, ...]) -> pytest.MarkDecorator:
    return pytest.mark.requirement(*(f"MS-{document}_R{number}" for number in numbers))


def mtgs(*numbers: int) -> pytest.MarkDecorator:
    """Of the calendaring protocol."""
    return _marker("OXWSMTGS", numbers)


def core(*numbers: int) -> pytest.MarkDecorator:
    """Of the core items protocol."""
    return _marker("OXWSCORE", numbers)


def tasks(*numbers: int) -> pytest.MarkDecorator:
    """Of the tasks protocol."""
    return _marker("OXWSTASK", numbers)


def sync(*numbers: int) -> pytest.MarkDecorator:
    """Of the mailbox contents synchronization protocol."""
    return _marker("OXWSSYNC", numbers)


def cdata(*numbers: int) -> pytest.MarkDecorator:
    """Of the common types."""
    return _marker("OXWSCDATA", numbers)


def xprop(*numbers: int) -> pytest.MarkDecorator:
    """Of the extended properties."""
    return _marker("OXWSXPROP", numbers)
