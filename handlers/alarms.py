"""What several alarms of the CRM and the one of Exchange have to do with each other (ALM-5)."""

from __future__ import annotations

Alarms = tuple[tuple[str, tuple[int, ...]], ...]
"""Everybody's alarms in minutes before the start, by user."""


def paired(minutes: tuple[int, ...]) -> int | None:
    """Of several alarms the one that Exchange gets: the nearest before the start. None: there is none."""
    return min(minutes, default=None)


def followed(minutes: tuple[int, ...], *, was: int | None, now: int | None) -> tuple[int, ...]:
    """The CRM's alarms of a user after Exchange's went from `was` to `now`: the others stay."""
    kept = set(minutes) - {was}
    return tuple(sorted(kept if now is None else kept | {now}))
