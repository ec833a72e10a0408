"""The list of all settings with their two names, read off the models."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from daemon.settings.models import PREFIX, Settings

NESTING = "__"


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting: where it stands in the models and how they describe it."""

    path: tuple[str, ...]
    field: FieldInfo

    @property
    def name(self) -> str:
        """Its TOML path, also the name of its systemd credential if it is a secret."""
        return ".".join(self.path)

    @property
    def environment(self) -> str:
        return environment_name(self.path)

    @property
    def description(self) -> str:
        return self.field.description or ""

    @property
    def default(self) -> Any:
        return self.field.get_default(call_default_factory=True)

    @property
    def is_secret(self) -> bool:
        return self.field.annotation is SecretStr or bool(self._marks.get("secret"))

    @property
    def is_structured(self) -> bool:
        """Whether it is a list or a table, which the environment carries as JSON."""
        return get_origin(self.field.annotation) in (tuple, dict)

    @property
    def is_later(self) -> bool:
        """Whether it has no effect in this version."""
        return bool(self._marks.get("later"))

    @property
    def example(self) -> Any:
        return self._marks.get("example")

    @property
    def choices(self) -> tuple[str, ...]:
        """The values there are, where they can be counted."""
        kinds = (self.field.annotation, *get_args(self.field.annotation))
        return next((get_args(kind) for kind in kinds if get_origin(kind) is Literal), ())

    @property
    def _marks(self) -> dict[str, Any]:
        extra = self.field.json_schema_extra
        return extra if isinstance(extra, dict) else {}


def environment_name(path: tuple[str, ...]) -> str:
    return PREFIX + NESTING.join(path).upper()


@cache
def by_path() -> dict[tuple[str, ...], Setting]:
    """Every setting, in the order of the models."""
    return {setting.path: setting for setting in _walk(Settings, ())}


@cache
def by_environment() -> dict[str, Setting]:
    return {setting.environment: setting for setting in by_path().values()}


def _walk(model: type[BaseModel], at: tuple[str, ...]) -> Iterator[Setting]:
    for name, field in model.model_fields.items():
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            yield from _walk(inner, (*at, name))
        else:
            yield Setting((*at, name), field)
