"""The README: what it shows is checked, so that it stays true."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from daemon.settings import catalogue
from schemas import validation
from schemas.catalogue import TOPICS
from schemas.options import OPTIONS
from schemas.outcomes import Outcome

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def readme() -> str:
    return (ROOT / "README.md").read_text()


def test_the_event_it_shows_is_one_the_daemon_takes_with_every_field_read(readme: str) -> None:
    _, shown = _examples(readme)

    assert validation.validate(shown.encode()) == []
    assert validation.ignored(shown.encode()) == []


def test_the_outcome_it_shows_is_one_but_for_what_it_leaves_out(readme: str) -> None:
    shown = json.loads(_examples(readme)[0])
    cause = {"id": "1", "type": "t", "topic": "crm.schedule-items", "partition": 0, "offset": 0}
    whole = Outcome.model_validate(shown | {"cause": cause}).on_wire()

    assert {name: whole[name] for name in shown} == shown


def _examples(readme: str) -> tuple[str, str]:
    outcome, event = re.findall(r"```json\n(.*?)```", readme, re.DOTALL)
    return outcome, event


def test_every_option_is_in_its_table_with_its_default(readme: str) -> None:
    rows = dict(re.findall(r"^\| `([a-z_.]+)` \| (on|off) \|", readme, re.MULTILINE))

    assert rows == {key: "on" if option.default else "off" for key, option in OPTIONS.items()}


def test_every_topic_is_in_its_table(readme: str) -> None:
    assert [name for name in TOPICS if f"`{name}`" not in readme] == []


def test_every_setting_it_names_is_one(readme: str) -> None:
    names = {setting.name for setting in catalogue.by_path().values()}
    (tables,) = re.findall(r"### Settings\n(.*?)### Health", readme, re.DOTALL)
    first_cells = re.findall(r"^\| (`.+?) \|", tables, re.MULTILINE)
    named = {name for cell in first_cells for name in re.findall(r"`([a-z_.]+)`", cell)}
    variables = {name.removesuffix("_FILE") for name in re.findall(r"EXSYNCD_[A-Z_]+", readme)}

    assert len(named) > 10
    assert named - names == set()
    assert variables - set(catalogue.by_environment()) == set()


def test_every_file_it_points_to_is_there(readme: str) -> None:
    links = re.findall(r"\]\((?!https?:|#)([^)]+)\)", readme)
    paths = re.findall(r"\bdeploy/[\w./-]+", readme)

    assert links
    assert [path for path in links + paths if not (ROOT / path).exists()] == []


def test_every_target_it_names_can_be_made(readme: str) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))

    assert set(re.findall(r"(?:`|^)make ([a-z]+)", readme, re.MULTILINE)) <= targets
