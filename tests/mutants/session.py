"""A plugin for pytest that asks the collected tests about thousands of mutants, and collects them only once.

First it sees which functions each test calls. Then it forks for each mutant, and lets those tests judge it that call
its function: first those that noticed others of its mutants, then the quickest; the first that fails ends it. Nothing
that ran before can have filled a cache.
Of what is drawn at random there is only a little, the same each time: first a glance, which most do not outlive.
"""

from __future__ import annotations

import gc
import json
import math
import os
import resource
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, settings
from hypothesis.internal.detection import is_hypothesis_test
from mutmut.mutation.trampoline import set_mutant_under_test
from mutmut.state import state

from tests.mutants.making import function_of

PROFILE = "mutants"
FEW, MANY = 3, 30
"""Examples of what is drawn at random, whatever a test asks for: at a first glance, and of what outlives it."""
ASKED, CALLS = Path("asked.json"), Path("calls.json")  # where the tests run
_STATUSES = {0: "survived", 1: "killed"}
_TIMES_LONGER = 5  # and a second more than a test takes of the processor, and its mutant is taken to run for ever

settings.register_profile(
    PROFILE,
    max_examples=MANY,
    derandomize=True,
    database=None,
    deadline=None,
    phases=(Phase.explicit, Phase.generate),  # that it fails is enough: nobody reads the smallest example
)

_noticed = os.open(os.devnull, os.O_WRONLY)  # where a test that fails is named

Calls = dict[str, dict[str, float]]


def pytest_runtestloop(session: pytest.Session) -> bool:
    """Instead of running the tests once."""
    if session.testsfailed:
        raise session.Failed("the tests cannot even be collected")
    asked = json.loads(ASKED.read_text())
    _draw(session.items, MANY)
    gc.collect()
    gc.freeze()
    if _ended(_forked(lambda: _watch(session.items))) != 0:
        raise session.Failed("a test fails although nothing was changed")
    calls: Calls = json.loads(CALLS.read_text())
    with Path(asked["told"]).open("a") as told:
        for name, status in _judged(session.items, calls, asked):
            told.write(json.dumps([asked["mutants"][name], status]) + "\n")
            told.flush()
    return True


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.failed:
        sys.__stderr__.write(f"{report.longreprtext}\n")
        sys.__stderr__.flush()
        os.write(_noticed, report.nodeid.encode())
        os._exit(1)


def _watch(items: Sequence[pytest.Item]) -> None:
    """Which function is called by which tests, and how long each of them takes."""
    calls: Calls = {}
    set_mutant_under_test("stats")
    for item, following in _with_next(items):
        _forget()
        state()._stats.clear()
        before = time.process_time()
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
        took = time.process_time() - before
        for function in state()._stats:
            calls.setdefault(function, {})[item.nodeid] = took
    CALLS.write_text(json.dumps(calls))


def _forget() -> None:
    """What a function remembers of earlier tests would hide which functions this one calls."""
    modules = [module for name, module in sys.modules.items() if name.startswith("handlers.")]
    for module in modules:
        for value in list(vars(module).values()):
            if forget := getattr(value, "cache_clear", None):
                forget()


def _judged(items: Sequence[pytest.Item], calls: Calls, asked: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Those first whose tests are quick."""
    by_id = {item.nodeid: item for item in items}
    took = {name: calls.get(function_of(name), {}) for name in asked["mutants"]}
    yield from ((name, "no tests") for name in took if not took[name])
    waiting = sorted((name for name in took if took[name]), key=lambda name: -sum(took[name].values()))
    noticed: dict[str, list[str]] = {}  # by which tests a function's mutants were noticed, the last of them last
    running: dict[int, tuple[str, int]] = {}
    while waiting or running:
        while waiting and len(running) < asked["workers"]:
            name = waiting.pop()
            known = noticed.setdefault(function_of(name), [])
            tests = sorted(
                took[name], key=lambda test: (-known.index(test) - 1 if test in known else 0, took[name][test])
            )
            reading, writing = os.pipe()
            judging = [(by_id[test], took[name][test]) for test in tests]
            running[_forked(partial(_ask, name, judging, writing))] = name, reading
            os.close(writing)
        pid, status = os.wait()
        name, reading = running.pop(pid)
        if by := os.read(reading, 10_000).decode():
            known = noticed[function_of(name)]
            known[:] = [*(test for test in known if test != by), by]
        os.close(reading)
        yield name, _STATUSES.get(os.waitstatus_to_exitcode(status), "timeout")


def _ask(name: str, tests: Sequence[tuple[pytest.Item, float]], told: int) -> None:
    """Ends the process with 1 at the first test that fails, and tells which that is."""
    global _noticed
    _noticed = told
    sys.__stderr__ = open(os.devnull, "w")  # noqa: SIM115 - until the process ends
    set_mutant_under_test(name)
    _draw([item for item, _ in tests], FEW)
    _run(tests)
    drawing = [(item, took) for item, took in tests if _draws(item)]
    _draw([item for item, _ in drawing], MANY)
    _run(drawing)


def _run(tests: Sequence[tuple[pytest.Item, float]]) -> None:
    items = [item for item, _ in tests]
    for (item, following), (_, took) in zip(_with_next(items), tests, strict=True):
        most = math.ceil(time.process_time() + (took + 1) * _TIMES_LONGER)
        resource.setrlimit(resource.RLIMIT_CPU, (most, resource.RLIM_INFINITY))
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)


def _draw(items: Sequence[pytest.Item], examples: int) -> None:
    """Lets tests draw so many examples, and no more because one of them says so.

    By a private name of hypothesis: what a test says by `settings` may not be said again.
    """
    for test in (item.obj for item in items if isinstance(item, pytest.Function) and _draws(item)):
        own = test._hypothesis_internal_use_settings
        test._hypothesis_internal_use_settings = settings(own, max_examples=examples)


def _draws(item: pytest.Item) -> bool:
    return isinstance(item, pytest.Function) and is_hypothesis_test(item.obj)


def _forked(what: Callable[[], None]) -> int:
    pid = os.fork()
    if pid:
        return pid
    try:
        what()
    except BaseException:  # noqa: BLE001 - whatever it is, it was noticed
        os._exit(1)
    os._exit(0)


def _ended(pid: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def _with_next(items: Sequence[pytest.Item]) -> Iterator[tuple[pytest.Item, pytest.Item | None]]:
    return zip(items, [*items[1:], None][: len(items)], strict=True)
