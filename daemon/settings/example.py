"""`exsyncd.example.toml`: every setting with its description, its names and its default, all commented out."""

from __future__ import annotations

import json
import textwrap
from datetime import timedelta
from itertools import groupby
from typing import Any

from pydantic import SecretStr

from daemon.settings import catalogue, models
from daemon.settings.catalogue import Setting
from daemon.settings.values import format_duration

WIDTH = 118
HEAD = """\
# Settings of exsyncd. Every setting is commented out and shows its default, or an example where there is none.
# Each setting can also be given by the environment, under the name in brackets; the environment wins. Lists and
# tables are JSON there. A secret can stand in a file named by its environment name with _FILE added, or be a systemd
# credential named like the setting (exchange.password).
# Durations carry their unit: 500ms, 1s, 2m, 1h, 30d.
#
# SIGHUP re-reads this file. Connections and limits ([kafka], [store], [exchange], [http], [logs], [hints], [engine])
# wait for the next start, everything else is in force at once. A file with a mistake is refused as a whole.
"""


def text() -> str:
    """The whole file."""
    tables = groupby(catalogue.by_path().values(), key=lambda setting: setting.path[:-1])
    return "\n".join([HEAD, *(_table(path, list(settings)) for path, settings in tables)])


def _table(path: tuple[str, ...], settings: list[Setting]) -> str:
    head = [f"# {_summary(path)}", f"[{'.'.join(path)}]"] if path else []
    return "\n".join([*head, *(_entry(setting) for setting in settings), ""])


def _summary(path: tuple[str, ...]) -> str:
    group: Any = models.Settings
    for name in path:
        group = group.model_fields[name].annotation
    return str(group.__doc__).splitlines()[0]


def _entry(setting: Setting) -> str:
    later = " Not in force yet." if setting.is_later else ""
    choices = f" One of {', '.join(setting.choices)}." if setting.choices else ""
    description = f"{setting.description}{choices}{later} [{setting.environment}]"
    lines = textwrap.wrap(description, WIDTH, break_long_words=False, break_on_hyphens=False)
    comment = [f"# {line}" for line in lines]
    return "\n".join([*comment, f"#{setting.path[-1]} = {toml(shown_value(setting))}", ""])


def shown_value(setting: Setting) -> Any:
    """The default where there is one that says something, else an example."""
    default = setting.default
    blank = default in (None, "", (), {}) or isinstance(default, SecretStr)
    return default if not blank or setting.example is None else setting.example


def toml(value: Any) -> str:
    """A value as TOML; JSON's strings are TOML's basic strings."""
    if isinstance(value, timedelta):
        return f'"{format_duration(value)}"'
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{json.dumps(key)} = {toml(inner)}" for key, inner in value.items()) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(toml(inner) for inner in value) + "]"
    return json.dumps(value)
