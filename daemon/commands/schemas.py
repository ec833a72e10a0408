"""`exsyncd schema`: writes the contract's documents, and checks a producer's event against it."""

from __future__ import annotations

from pathlib import Path

from daemon.commands.refusals import CannotGoOn
from schemas import documents, validation


def write(folder: Path) -> list[Path]:
    """Writes the JSON Schemas and the AsyncAPI document. Raises `CannotGoOn`."""
    try:
        return documents.write(folder)
    except OSError as error:
        raise CannotGoOn(f"cannot write to {folder}: {error.strerror}") from error


def check(folder: Path) -> None:
    """Raises `CannotGoOn` if the documents in a folder are not what would be written now."""
    stale = documents.differences(folder)
    if stale:
        raise CannotGoOn("the documents are out of date", stale, [f"Run `exsyncd schema --output {folder}`."])


def validate(content: bytes, *, name: str) -> list[str]:
    """Hints about an event that is good. Raises `CannotGoOn` if the daemon would refuse it."""
    problems = validation.validate(content)
    if problems:
        raise CannotGoOn(
            f"{name} is not an event this daemon accepts",
            [str(problem) for problem in problems],
            ["`exsyncd schema --output DIR` writes the JSON Schemas and the AsyncAPI document to check against."],
        )
    return [str(hint) for hint in validation.ignored(content)]
