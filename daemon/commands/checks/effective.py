"""The settings in force, each with where it came from. Secrets are told to be there, never shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pydantic import SecretStr

from daemon.settings import catalogue, sources
from daemon.settings.catalogue import Setting
from daemon.settings.example import toml
from daemon.settings.models import Settings

DEFAULT = "default"
HIDDEN = "(hidden)"


@dataclass(frozen=True, slots=True)
class Row:
    """One setting as it is in force; `is_idle`: it was set, and does nothing in this version."""

    name: str
    value: str
    source: str
    is_idle: bool = False

    @property
    def is_default(self) -> bool:
        return self.source == DEFAULT


def rows(settings: Settings, config: Path | None, env: Mapping[str, str]) -> tuple[Row, ...]:
    """Every setting, in the order of the models."""
    found = sources.gather(config, env)
    return tuple(_row(setting, settings, found, env) for setting in catalogue.by_path().values())


def _row(setting: Setting, settings: Settings, found: sources.Found, env: Mapping[str, str]) -> Row:
    source = _source(_set_by(setting, found), env)
    value = reduce(getattr, setting.path, settings)
    return Row(setting.name, _shown(value), source, is_idle=setting.is_later and source != DEFAULT)


def _set_by(setting: Setting, found: sources.Found) -> str:
    """Where it was set, or its parts: each option of a table may come from elsewhere."""
    parts = (source for path, source in found.sources.items() if path[: len(setting.path)] == setting.path)
    return " and ".join(dict.fromkeys(parts)) or found.source_of(setting.path)


def _source(source: str, env: Mapping[str, str]) -> str:
    credentials = env.get(sources.CREDENTIALS)
    if credentials and source.startswith(f"{Path(credentials)}/"):
        return "credential"
    return source.replace("the environment", "environment") or DEFAULT


def _shown(value: Any) -> str:
    if isinstance(value, SecretStr):
        return HIDDEN if value.get_secret_value() else ""
    if isinstance(value, str):
        return _without_password(value)
    return "" if value is None else toml(value)


def _without_password(value: str) -> str:
    """A database's URL carries its password, as part of the host or of the query."""
    if not value.startswith("postgresql"):
        return value
    parts = urlsplit(value)
    return f"{parts.scheme}://...@{parts.netloc.rpartition('@')[2]}{parts.path}"
