"""What must not be written anywhere in the bus, because it goes wrong rarely and badly (checked on the source)."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

BUS = Path(__file__).parents[2] / "daemon" / "bus"
SOURCES = sorted(BUS.glob("*.py"))
POLLS = {"getmany", "getone"}
CANCELLING = {"wait_for", "timeout", "timeout_at"}


def calls(tree: ast.AST, *names: str) -> list[ast.Call]:
    return [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in names
    ]


def bare_commits(tree: ast.AST) -> list[int]:
    return [call.lineno for call in calls(tree, "commit") if not call.args and not call.keywords]


def polls_that_may_be_cancelled(tree: ast.AST) -> list[int]:
    """Polls inside of a time-out, or handed to one, or made a task of."""
    guarded = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.AsyncWith) and any(calls(item.context_expr, *CANCELLING) for item in node.items)
    ]
    handed = calls(tree, *CANCELLING, "create_task", "ensure_future", "shield", "gather")
    return [poll.lineno for node in [*guarded, *handed] for poll in calls(node, *POLLS)]


def locks_held_across_polls(tree: ast.AST) -> list[int]:
    """The listener runs while a poll waits: a lock held there and taken in it never comes free."""
    held = [node for node in ast.walk(tree) if isinstance(node, ast.AsyncWith)]
    return [poll.lineno for node in held for poll in calls(node, *POLLS)]


RULES = [bare_commits, polls_that_may_be_cancelled, locks_held_across_polls]


@pytest.mark.parametrize("broken", RULES)
@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.name)
def test_the_bus_keeps_the_rules_of_its_client(source: Path, broken):
    """No bare commit, no poll that is cancelled, no lock across a poll."""
    assert broken(ast.parse(source.read_text())) == []


@pytest.mark.parametrize(
    ("broken", "code"),
    [
        (bare_commits, "await consumer.commit()"),
        (polls_that_may_be_cancelled, "await asyncio.wait_for(consumer.getmany(), 1)"),
        (polls_that_may_be_cancelled, "async def f():\n async with asyncio.timeout(1):\n  await consumer.getmany()"),
        (polls_that_may_be_cancelled, "asyncio.create_task(consumer.getmany())"),
        (locks_held_across_polls, "async def f():\n async with self.lock:\n  await consumer.getmany()"),
    ],
)
def test_the_rules_find_what_they_forbid(broken, code: str):
    """Else they would hold by blindness."""
    assert len(broken(ast.parse(code))) == 1


def test_one_file_imports_the_client():
    """Everybody else sees the port."""
    importing = [
        path.name
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text()))
        if (isinstance(node, ast.Import) and any(name.name.split(".")[0] == "aiokafka" for name in node.names))
        or (isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "aiokafka")
    ]
    assert set(importing) == {"kafka.py"}
