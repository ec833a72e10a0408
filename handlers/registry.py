"""The option-gated steps of a decision: found, ordered, and gated in this one place (OPT-4, OPT-5).

A handler is a module of this package with a `Step` for each direction it has a say in. A step says whose option counts
and what happens with it on and with it off, and never asks which is the case. To add an option: one such module, one
entry in `schemas.options`.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any, Generic, Protocol, TypeVar

import handlers
from handlers.drafts import Draft
from handlers.facts import User
from handlers.options import Consulted, OptionValues
from schemas.copies import Kind
from schemas.outcomes import Direction

Effect = tuple[str, ...]
"""What a gate changed, as the outcome names it: `for:c-7`, `external_shown_to:u-anna`."""


class Undecided(Protocol):
    """A decision in the making, of either direction."""

    @property
    def kind(self) -> Kind:
        """What it is about."""
        ...

    @property
    def is_closed(self) -> bool:
        """Whether no further step has a say."""
        ...


D = TypeVar("D", bound=Undecided)


@dataclass(frozen=True)  # with slots, `Step[Draft](...)` fails on Python 3.11
class Step(Generic[D]):
    """One option-gated part of a decision.

    `users` are those whose option counts. `concerns`: whether this item has anything the option is about; if not, the
    gate is not reported as consulted (OPT-5).
    """

    option: str
    direction: Direction
    kinds: frozenset[Kind]
    order: int
    users: Callable[[D], Iterable[User]]
    concerns: Callable[[D], bool]
    on: Callable[[D, User], tuple[D, Effect]]
    off: Callable[[D, User], tuple[D, Effect]]


def authority(draft: Draft) -> tuple[User, ...]:
    """The one user whose options count for the item as a whole (OPT-4)."""
    return (draft.authority,)


def unchanged(draft: D, user: User) -> tuple[D, Effect]:
    """For steps that do nothing one way."""
    return draft, ()


@cache
def steps(direction: Direction, kind: Kind) -> tuple[Step[Any], ...]:
    """The steps of one direction for one kind of item, in the order they run."""
    names = (module.name for module in pkgutil.iter_modules(handlers.__path__))
    modules = (importlib.import_module(f"{handlers.__name__}.{name}") for name in names)
    found = (value for module in modules for value in vars(module).values() if isinstance(value, Step))
    fitting = (step for step in found if step.direction is direction and kind in step.kinds)
    return tuple(sorted(fitting, key=lambda step: step.order))


def run(
    draft: D, *, direction: Direction, values: OptionValues, only: Collection[str] | None = None
) -> tuple[D, tuple[Consulted, ...]]:
    """The draft after all steps (of these options alone, if any are named), and every option that was consulted, whose
    it was and what it changed.
    """
    consulted: list[Consulted] = []
    for step in steps(direction, draft.kind):
        if draft.is_closed:
            break  # of what nobody may see, nothing else is decided, and nothing said
        if only is not None and step.option not in only:
            continue
        reported = step.concerns(draft)
        for user in step.users(draft):
            answer = values.of(user, step.option)
            draft, effect = (step.on if answer.value else step.off)(draft, user)
            if reported:
                consulted.append(answer.with_effect(effect))
    return draft, tuple(consulted)
