"""Makes the mutants of a module: mutmut changes one place of one function at a time, and keeps all of them in one file.

What it leaves alone: functions under a decorator (properties), and what stands in a module outside of functions.
"""

from __future__ import annotations

import difflib
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from mutmut.mutation.file_mutation import mutate_file_contents


@dataclass(frozen=True, slots=True)
class Made:
    """The module as mutmut rewrote it, and the text of each of its mutants, by mutmut's name for it."""

    code: str
    originals: dict[str, str]
    changed: dict[str, str]


def made(module: str, source: str, kept: Path) -> Made:
    """The mutants of `source`, made once and then found in `kept`: making them takes a minute for all modules."""
    digest = hashlib.sha256(source.encode()).hexdigest()[:16]
    path = kept / f"{module}.{digest}.json"
    if path.exists():
        return Made(**json.loads(path.read_text()))
    answer = _make(module, source)
    kept.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"code": answer.code, "originals": answer.originals, "changed": answer.changed}))
    return answer


def _make(module: str, source: str) -> Made:
    mutated = mutate_file_contents(f"{module.replace('.', '/')}.py", source)
    lines = mutated.code.splitlines()
    texts = {
        name: "\n".join(lines[span.start - 1 : span.end]) for name, span in mutated.line_span_by_function_name.items()
    }
    names = {name: f"{module}.{name}" for name in mutated.mutant_names}
    originals = {names[name]: texts[f"{function_of(name)}__mutmut_orig"] for name in names}
    return Made(mutated.code, originals, {full: texts[name] for name, full in names.items()})


def function_of(name: str) -> str:
    """The name, as mutmut says it, of the function that a mutant is a mutant of."""
    return name.rpartition("__mutmut_")[0]


def readable(function: str) -> str:
    """The name of a function as people say it."""
    return function.replace(".x_", ".").replace("xǁ", "").replace("ǁ", ".")


def change(name: str, original: str, changed: str) -> tuple[str, str]:
    """The lines that differ: as they were, and as they became."""
    bare = function_of(name).rpartition(".")[2]
    texts = original.replace(f"{bare}__mutmut_orig", bare), changed.replace(name.rpartition(".")[2], bare)
    lines = list(difflib.ndiff(*(text.splitlines() for text in texts)))
    was, now = ([line[2:].strip() for line in lines if line.startswith(sign)] for sign in "-+")
    return " ".join(was), " ".join(now)
