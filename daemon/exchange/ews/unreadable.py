"""Why an item cannot be a canonical copy."""

from __future__ import annotations


class NotReadable(Exception):
    """An item that cannot be a copy; `rule` says why, without content."""

    def __init__(self, rule: str) -> None:
        super().__init__(rule)
        self.rule = rule
