"""Plays some tests of the project as it lies somewhere, and tells which failed."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from xml.etree import ElementTree

_REPORT = "planted.xml"
_MOST = 160  # characters shown of a failure
_PYTEST = ("-q", "-p", "no:cacheprovider", "-o", "junit_family=xunit1", f"--junitxml={_REPORT}")


def failures(place: Path, tests: Sequence[str]) -> Mapping[str, str]:
    """The tests that failed, each with the first line of its failure. Raises `RuntimeError` if they were not played."""
    calm = os.environ | {"CI": "true"}  # what is drawn at random is the same each time
    command = [sys.executable, "-m", "pytest", *_PYTEST, *tests]
    ended = subprocess.run(command, cwd=place, env=calm, check=False, capture_output=True, text=True)
    if ended.returncode not in (0, 1):
        raise RuntimeError(f"pytest ended with {ended.returncode}:\n{ended.stdout}{ended.stderr}")
    cases = ElementTree.parse(place / _REPORT).iter("testcase")
    red = {_name(case): _first_line(case) for case in cases if case.find("failure") is not None}
    return {test: first for test in tests if (first := red.get(test)) is not None}


def _name(case: ElementTree.Element) -> str:
    return f"{case.get('file')}::{case.get('name')}"


def _first_line(case: ElementTree.Element) -> str:
    failure = case.find("failure")
    said = (failure.get("message") or "" if failure is not None else "").strip().splitlines()
    return said[0][:_MOST] if said else "failed"
