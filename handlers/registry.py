"""The option-gated steps of a decision: found, ordered, and gated in this one place (OPT-4, OPT-5).

A handler is a module of this package with a constant `STEP`. It says whose option counts and what happens with it on
and with it off, and never asks which is the case. To add an option: one such module, one entry in `schemas.options`.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache

import handlers
from handlers.drafts import Admission, Draft
from handlers.facts import User
from handlers.options import Consulted, OptionValues
from schemas.copies import Kind
from schemas.outcomes import Direction

Effect = tuple[str, ...]
"""What a gate changed, as the outcome names it: `for:c-7`, `external_shown_to:u-anna`."""

Change = Callable[[Draft, User], tuple[Draft, Effect]]


@dataclass(frozen=True, slots=True)
class Step:
    """One option-gated part of a decision.

    `users` are those whose option counts. `concerns`: whether this item has anything the option is about; if not, the
    gate is not reported as consulted (OPT-5).
    """

    option: str
    direction: Direction
    kinds: frozenset[Kind]
    order: int
    users: Callable[[Draft], Iterable[User]]
    concerns: Callable[[Draft], bool]
    on: Change
    off: Change


def authority(draft: Draft) -> tuple[User, ...]:
    """The one user whose options count for the item as a whole (OPT-4)."""
    return (draft.authority,)


def unchanged(draft: Draft, user: User) -> tuple[Draft, Effect]:
    """For steps that do nothing one way."""
    return draft, ()


@cache
def steps(direction: Direction, kind: Kind) -> tuple[Step, ...]:
    """The steps of one direction for one kind of item, in the order they run."""
    names = (module.name for module in pkgutil.iter_modules(handlers.__path__))
    modules = (importlib.import_module(f"{handlers.__name__}.{name}") for name in names)
    found: list[Step] = [module.STEP for module in modules if hasattr(module, "STEP")]
    fitting = (step for step in found if step.direction is direction and kind in step.kinds)
    return tuple(sorted(fitting, key=lambda step: step.order))


def run(draft: Draft, *, direction: Direction, values: OptionValues) -> tuple[Draft, tuple[Consulted, ...]]:
    """The draft after all steps, and every option that was consulted, whose it was and what it changed."""
    consulted: list[Consulted] = []
    for step in steps(direction, draft.copy.kind):
        if draft.admission is not Admission.ADMITTED:
            break  # of what nobody may see, nothing else is decided, and nothing said
        reported = step.concerns(draft)
        for user in step.users(draft):
            answer = values.of(user, step.option)
            draft, effect = (step.on if answer.value else step.off)(draft, user)
            if reported:
                consulted.append(answer.with_effect(effect))
    return draft, tuple(consulted)
