"""What the store needs of a database, whichever it is: connections, claims, and what its errors mean."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from sqlalchemy import Engine


class Claims(Protocol):
    """What one process at a time may do, among all that share a store. Claims end with the process, however it ends."""

    @property
    def owner(self) -> str:
        """The name of this process, which it claims for as long as it lives."""

    def take(self, name: str) -> bool:
        """Claims a name, without waiting; whether it is ours now."""

    def release(self, name: str) -> None:
        """Gives a name back."""

    def close(self) -> None:
        """Gives all names back, our own too."""


@dataclass(frozen=True, slots=True)
class Database:
    """An opened database.

    `writers`: how many threads may write side by side. `group`: how many units of work share a transaction of theirs at
    most, so that the first does not wait for ever. `collides`: whether an error says that two transactions were in
    each other's way, and the work is to be repeated.
    """

    name: str
    writing: Engine
    reading: Engine
    claims: Claims
    writers: int
    group: int
    readers: int
    shared: bool
    collides: Callable[[Exception], bool]


class Alone:
    """The claims of a process that has its store for itself: all are granted."""

    owner = ""

    def take(self, name: str) -> bool:
        return True

    def release(self, name: str) -> None:
        """Nobody waits for it."""

    def close(self) -> None:
        """Nothing is held."""
