"""From sources to settings, and to a text that says what to do where that fails."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

from daemon.settings import catalogue, sources
from daemon.settings.catalogue import environment_name
from daemon.settings.errors import Problem, SettingsError
from daemon.settings.models import Settings
from daemon.settings.sources import Found, Gathered

Need = Literal["kafka", "exchange"]
EVERYTHING: tuple[Need, ...] = ("kafka", "exchange")
REQUIRED: Mapping[Need, tuple[str, ...]] = {"kafka": ("bootstrap_servers",), "exchange": ("endpoint",)}
REQUIRED_BY_AUTH: Mapping[str, tuple[str, ...]] = {
    "basic": ("username", "password"),
    "ntlm": ("username", "password"),
    "oauth2": ("tenant_id", "client_id", "client_secret"),
}

FILES = (
    ("kafka", "ssl_cafile"),
    ("kafka", "ssl_certfile"),
    ("kafka", "ssl_keyfile"),
    ("exchange", "ca_file"),
)
LIVE = frozenset(
    {
        "security_model",
        "options",
        "blacklist",
        "for_contacts",
        "addresses",
        "alarms",
        "related_notes",
        "invitations",
        "conflicts",
        "deletes",
        "restrictions",
    }
)
"""What a reload puts into force: what decisions look at. Connections and limits are made once."""

LONGEST_SHOWN = 60
USER_INFO = re.compile(r"//[^/\s]*@")
"""A URL's user and password."""


@dataclass(frozen=True, slots=True)
class Reload:
    """The settings in force after a reload, and the names of those that changed or would have to wait for a restart."""

    settings: Settings
    changed: tuple[str, ...]
    needs_restart: tuple[str, ...]


def load(config: Path | None, env: Mapping[str, str], *, needs: Collection[Need] = EVERYTHING) -> Settings:
    """The settings; SettingsError names everything that is wrong with them.

    `needs` are the dependencies the command is going to reach: only their settings are required.
    """
    found = sources.gather(config, env)
    settings = _validated(found)
    found.problems += list(_missing(found, needs))
    if settings is not None:
        found.problems += _inconsistent(settings, found)
    if settings is None or found.problems:
        raise SettingsError(tuple(found.problems))
    return settings


def reload(current: Settings, config: Path | None, env: Mapping[str, str]) -> Reload:
    """Read everything anew. On SettingsError the current settings simply stay in force."""
    fresh = load(config, env)
    differing = [name for name in Settings.model_fields if getattr(fresh, name) != getattr(current, name)]
    live = {name: getattr(fresh, name) for name in differing if name in LIVE}
    return Reload(
        settings=current.model_copy(update=live),
        changed=tuple(live),
        needs_restart=tuple(name for name in differing if name not in LIVE),
    )


def _validated(found: Found) -> Settings | None:
    try:
        sourced = _from(found)()
    except ValidationError as error:
        found.problems += [_problem(detail, found) for detail in error.errors(include_url=False)]
        return None
    return Settings(**dict(sourced))  # of the one class that settings are compared by


def _from(found: Found) -> type[Settings]:
    """The settings as pydantic-settings makes them of what was found."""

    class Sourced(Settings):
        @classmethod
        def settings_customise_sources(
            cls, settings_cls: type[BaseSettings], *_standard: PydanticBaseSettingsSource, **_more: Any
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            return (Gathered(settings_cls, found),)

    return Sourced


def _problem(detail: ErrorDetails, found: Found) -> Problem:
    location = tuple(str(part) for part in detail["loc"])
    path = _setting_path(location)
    environment, source = environment_name(path), found.source_of(location)
    if detail["type"] == "extra_forbidden":
        return _unknown(location, source)
    setting = catalogue.by_path().get(path)
    if setting is None:
        return Problem(environment, ".".join(location), _rule(detail, secret=False), "", source)
    rule = _rule(detail, secret=setting.is_secret)
    inside = "".join(f"[{part}]" for part in location[len(path) :])
    return Problem(environment, setting.name + inside, rule, setting.description, source)


def _unknown(location: tuple[str, ...], source: str) -> Problem:
    name = ".".join(location)
    alike = sources.closest(name, [setting.name for setting in catalogue.by_path().values()])
    remedy = f"Did you mean {alike}?" if alike else "Remove it; exsyncd.example.toml lists every setting."
    return Problem("", name, "is no setting", remedy, source)


def _setting_path(location: tuple[str, ...]) -> tuple[str, ...]:
    """The setting that contains a location, which may point into a list or table."""
    settings = catalogue.by_path()
    prefixes = (location[:length] for length in range(len(location), 0, -1))
    return next((prefix for prefix in prefixes if prefix in settings), location)


def _rule(detail: ErrorDetails, *, secret: bool) -> str:
    rule = detail["msg"].removeprefix("Value error, ").replace("Input should", "must", 1)
    given = detail["input"]
    if secret or not isinstance(given, str | int | float) or repr(given) in rule:
        return rule
    shown = USER_INFO.sub("//...@", repr(given))
    return f"{rule}; it is {shown if len(shown) <= LONGEST_SHOWN else shown[:LONGEST_SHOWN] + '...'}"


def _missing(found: Found, needs: Collection[Need]) -> Iterator[Problem]:
    """What must be set and is not; looked up in what was found, so that it is told together with what is wrong."""
    reported = {problem.path for problem in found.problems}
    for group in needs:
        values = found.values.get(group, {})
        values = values if isinstance(values, dict) else {}
        names = REQUIRED[group]
        if group == "exchange":
            names += REQUIRED_BY_AUTH.get(str(values.get("auth", "basic")), ())
        for name in names:
            if not values.get(name) and f"{group}.{name}" not in reported:
                yield _unset((group, name))


def _text(value: Any) -> str:
    return str(value.get_secret_value() if hasattr(value, "get_secret_value") else value)


def _unset(path: tuple[str, ...]) -> Problem:
    setting = catalogue.by_path()[path]
    hints = [setting.description, f"Example: {setting.environment}={setting.example}"]
    if setting.is_secret:
        hints = [setting.description, f"Set it, or {setting.environment}_FILE to a file that holds it."]
    return Problem(setting.environment, setting.name, "is not set", " ".join(hints))


def _inconsistent(settings: Settings, found: Found) -> Iterator[Problem]:
    kafka, engine = settings.kafka, settings.engine
    if engine.window < engine.poll_records:
        yield _about(("engine", "window"), "must hold at least engine.poll_records", found)
    if engine.commit_deadline >= kafka.rebalance_timeout:
        yield _about(("engine", "commit_deadline"), "is not shorter than kafka.rebalance_timeout", found)
    if kafka.security_protocol.startswith("SASL_") and kafka.sasl_mechanism != "GSSAPI":
        for name in ("sasl_username", "sasl_password"):
            if not _text(getattr(kafka, name)):
                yield _about(("kafka", name), f"is not set, and {kafka.security_protocol} needs it", found)
    if settings.exchange.back_off_first > settings.exchange.back_off_longest:
        yield _about(("exchange", "back_off_first"), "is longer than exchange.back_off_longest", found)
    for group, name in FILES:
        file = getattr(getattr(settings, group), name)
        if file and not Path(file).is_file():
            yield _about((group, name), f"is no file that can be found: {file}", found)


def _about(path: tuple[str, ...], rule: str, found: Found) -> Problem:
    setting = catalogue.by_path()[path]
    return Problem(setting.environment, setting.name, rule, setting.description, found.source_of(path))
