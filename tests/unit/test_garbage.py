"""How often Python looks for garbage: seldom, and still."""

from __future__ import annotations

import subprocess
import sys

_CYCLES = """
import gc, weakref
from daemon import garbage

class Thing:
    pass

garbage.look_seldom()
before = [each["collections"] for each in gc.get_stats()]
waiting = [[] for _ in range(garbage.NEW_OBJECTS // 2)]
assert [each["collections"] for each in gc.get_stats()] == before, "it looked through what only waits"
assert gc.get_freeze_count() > 1000, "it will look through all that was loaded"
thing = Thing()
thing.me, known = thing, weakref.ref(thing)
del thing
waiting = [[] for _ in range(2 * garbage.NEW_OBJECTS)]
assert known() is None, "what only holds itself stays for ever"
"""


def test_what_waits_is_not_looked_through_and_what_only_holds_itself_goes():
    """In a process of its own: it is a setting of the whole process."""
    ended = subprocess.run([sys.executable, "-c", _CYCLES], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")
