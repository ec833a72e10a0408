"""Where the values of settings stand: a TOML file, the environment, files with secrets, systemd credentials.

The environment wins over the file. What is found is gathered as plain data with its source, and every problem is
collected instead of stopping at the first: an operator should have to start the daemon once to see them all.
"""

from __future__ import annotations

import difflib
import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

from daemon.settings import catalogue
from daemon.settings.catalogue import NESTING, Setting
from daemon.settings.errors import Problem, SettingsError
from daemon.settings.models import PREFIX

FILE_SUFFIX = "_FILE"
CREDENTIALS = "CREDENTIALS_DIRECTORY"
OPTION_PREFIX = f"{PREFIX}OPTIONS{NESTING}"
SURE = 0.85
"""How alike a name must be to one of ours to be taken for a mistyped setting."""


@dataclass(slots=True)
class Found:
    """The values found so far: nested as in the models, with the source of each path."""

    values: dict[str, Any] = field(default_factory=dict)
    sources: dict[tuple[str, ...], str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def put(self, path: tuple[str, ...], value: Any, source: str) -> None:
        table = self.values
        for name in path[:-1]:
            inner = table.setdefault(name, {})
            if not isinstance(inner, dict):
                return  # the file has a plain value where a table belongs, which validation reports
            table = inner
        table[path[-1]] = value
        self.sources[path] = source

    def source_of(self, path: tuple[str, ...]) -> str:
        """The source of a path or of the setting that contains it."""
        candidates = (self.sources.get(path[:length]) for length in range(len(path), 0, -1))
        return next((source for source in candidates if source), "")


class Gathered(PydanticBaseSettingsSource):
    """All our sources as one source of pydantic-settings, which has no place for where a value came from."""

    def __init__(self, settings_cls: type[BaseSettings], found: Found) -> None:
        super().__init__(settings_cls)
        self._found = found

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """One group's values; they are plain data, not text to be parsed."""
        return self._found.values.get(field_name), field_name, False

    def __call__(self) -> dict[str, Any]:
        return self._found.values


def gather(config: Path | None, env: Mapping[str, str]) -> Found:
    """Everything that is set; the later source wins."""
    found = Found()
    if config is not None:
        _read_toml(found, config)
    _read_credentials(found, env)
    _read_environment(found, env)
    return found


def _read_toml(found: Found, config: Path) -> None:
    try:
        values = tomllib.loads(config.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise _unreadable(config, f"is not TOML: {error}", "Mend the line; strings need quotes.") from None
    except UnicodeDecodeError:
        raise _unreadable(config, "is not UTF-8 text", "Save it as UTF-8.") from None
    except OSError as error:
        raise _unreadable(config, f"cannot be read: {error.strerror}", "Check the path given by --config.") from None
    for path, value in _leaves(values, ()):
        found.put(path, value, str(config))


def _unreadable(config: Path, rule: str, remedy: str) -> SettingsError:
    return SettingsError((Problem("", str(config), rule, remedy),))


def _leaves(table: Mapping[str, Any], at: tuple[str, ...]) -> list[tuple[tuple[str, ...], Any]]:
    settings = catalogue.by_path()
    leaves: list[tuple[tuple[str, ...], Any]] = []
    for name, value in table.items():
        path = (*at, name)
        if isinstance(value, dict) and path not in settings:
            leaves += _leaves(value, path)
        else:
            leaves.append((path, value))
    return leaves


def _read_credentials(found: Found, env: Mapping[str, str]) -> None:
    folder = env.get(CREDENTIALS)
    if not folder:
        return
    for setting in catalogue.by_path().values():
        credential = Path(folder) / setting.name
        if setting.is_secret and credential.is_file():
            _put_content(found, setting, credential)


def _read_environment(found: Found, env: Mapping[str, str]) -> None:
    settings = catalogue.by_environment()
    for name in sorted(env):
        value = env[name]
        if not name.startswith(PREFIX) or not value.strip():
            continue  # an empty variable is how a manifest says "not set"
        if name in settings:
            _put_text(found, settings[name], value)
        elif _names_file(name):
            _put_file(found, name, env)
        elif name.startswith(OPTION_PREFIX):
            key = name.removeprefix(OPTION_PREFIX).replace(NESTING, ".").lower()
            _put_option(found, key, value)
        else:
            _refuse_if_mistyped(found, name)


def _names_file(name: str) -> bool:
    setting = catalogue.by_environment().get(name.removesuffix(FILE_SUFFIX))
    return name.endswith(FILE_SUFFIX) and setting is not None and setting.is_secret


def _put_text(found: Found, setting: Setting, text: str) -> None:
    if not setting.is_structured:
        found.put(setting.path, text, "the environment")
        return
    try:
        value = json.loads(text)
    except ValueError:
        rule, example = "is not JSON", json.dumps(setting.example)
        found.problems.append(Problem(setting.environment, setting.name, rule, f"Write it like {example}"))
        return
    found.put(setting.path, value, "the environment")


def _put_file(found: Found, name: str, env: Mapping[str, str]) -> None:
    setting = catalogue.by_environment()[name.removesuffix(FILE_SUFFIX)]
    if env.get(setting.environment):
        rule = f"is set twice: as {setting.environment} and as {name}"
        found.problems.append(Problem(setting.environment, setting.name, rule, "Remove one of them."))
        return
    _put_content(found, setting, Path(env[name]))


def _put_content(found: Found, setting: Setting, file: Path) -> None:
    try:
        content = file.read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        rule = f"its file {file} cannot be read: {reason}"
        remedy = "Check the path, and that the daemon's user may read it."
        found.problems.append(Problem(setting.environment, setting.name, rule, remedy))
        return
    found.put(setting.path, content, str(file))


def _put_option(found: Found, key: str, value: str) -> None:
    options = found.values.setdefault("options", {})
    if isinstance(options, dict):
        options[key] = value
        found.sources["options", key] = "the environment"


def _refuse_if_mistyped(found: Found, name: str) -> None:
    """Not every EXSYNCD_ variable is ours: Kubernetes makes some for a Service of our name."""
    alike = closest(name, list(catalogue.by_environment()))
    if NESTING not in name and not alike:
        return
    remedy = f"Did you mean {alike}?" if alike else "Remove it; exsyncd.example.toml lists every setting."
    found.problems.append(Problem(name, "", "is no setting", remedy, "the environment"))


def closest(name: str, names: list[str]) -> str:
    return next(iter(difflib.get_close_matches(name, names, n=1, cutoff=SURE)), "")
