"""How often Python looks for garbage that holds itself, in a process that lives long and keeps much in flight.

Thousands of tasks that wait are no garbage, and looking through them at every few hundred new objects, as Python does
by itself, took a third of the engine's time. What is there when the work begins stays for good and is never looked at.
"""

from __future__ import annotations

import gc

NEW_OBJECTS = 50_000
"""As many more objects than went, and the newest are looked through; Python itself takes 700."""


def look_seldom() -> None:
    """For the whole process: once, when all is loaded."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(NEW_OBJECTS)
