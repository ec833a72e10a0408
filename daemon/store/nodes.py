"""The tree of nodes, with each node's path from the root as a column (VIS-2).

Nodes come in any order: a child before its parent has no path until the parent is there. Nodes that lead in a circle
have none at all, and what has no path is visible to nobody (VIS-3).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, select, update

from daemon.store import tables, turns
from daemon.store.rows import Rows, batches

Path = tuple[str, ...] | None

_TREE = "nodes"
"""A child and its parent, moved side by side, would not see each other."""

_ROWS = Rows(tables.nodes)
_CHILDREN = select(tables.nodes).where(tables.nodes.c.parent.in_(bindparam("parents", expanding=True)))
_SET_PATH = update(tables.nodes).where(tables.nodes.c.id == bindparam("node")).values(path=bindparam("now"))


@dataclass(frozen=True, slots=True)
class Node:
    """A node of the CRM's hierarchy; `parent` None: a root."""

    id: str
    parent: str | None


def put(tx: Connection, node: Node) -> None:
    """Stores a node and moves all below it."""
    turns.wait(tx, _TREE)
    path = _path(tx, node)
    _ROWS.put(tx, id=node.id, parent=node.parent, path=path)
    _spread(tx, node.id, path)


def remove(tx: Connection, node_id: str) -> None:
    """Takes a node away; all below it has no path any more."""
    turns.wait(tx, _TREE)
    _ROWS.remove(tx, id=node_id)
    _spread(tx, node_id, None)


def _path(tx: Connection, node: Node) -> Path:
    if node.parent is None:
        return (node.id,)
    parent = _ROWS.get(tx, id=node.parent)
    return None if parent is None else _below(parent.path, node.id)


def _below(above: Path, node_id: str) -> Path:
    """The path of a node below another; None where that has none, or lies itself below the node."""
    return None if above is None or node_id in above else (*above, node_id)


def _spread(tx: Connection, node_id: str, path: Path) -> None:
    """Level by level; what keeps its path is not gone into.

    A circle ends it too: whoever comes round to a node again has it in his path, or has no path, so that the node has
    none from there on, and having none does not change it again.
    """
    level: Mapping[str, Path] = {node_id: path}
    while level:
        level = _moved(tx, level)
        if level:
            tx.execute(_SET_PATH, [{"node": child, "now": now} for child, now in level.items()])


def _moved(tx: Connection, parents: Mapping[str, Path]) -> dict[str, Path]:
    """The children whose path is another than before."""
    children = [row for batch in batches(parents) for row in tx.execute(_CHILDREN, {"parents": batch})]
    paths = {row.id: _below(parents[row.parent], row.id) for row in children}
    return {row.id: paths[row.id] for row in children if row.path != paths[row.id]}
