"""Finds the lines of a user's configuration file that a finding is about, for the annotations of a CI service."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from stacks.check.check_result import CheckResult
from stacks.check.diagnosis import TURNS_THREADS_ON

# Options that a defect needs, by the name of the defect in versions.toml; the first that the file has is annotated.
OF_DEFECT = {
    "thread-state": TURNS_THREADS_ON,
    "thread-state-in-master": ("py-call-uwsgi-fork-hooks", *TURNS_THREADS_ON),
    "thread-at-fork": (*TURNS_THREADS_ON, "module", "wsgi-file"),
    "after-fork-crash": ("py-call-osafterfork",),
}
OF_APP = ("module", "wsgi-file", "wsgi", "mount")  # for every other defect: the app is at fault, or nothing is known
OF_LIMIT = {"max-recycle": ("max-requests",), "max-stop": ("worker-reload-mercy", "master")}


@dataclass(frozen=True)
class Remark:
    """What is to be said of one line of the configuration. An error fails the check; a warning does not."""

    name: str
    text: str
    line: int  # from 1
    is_error: bool


def remarks(result: CheckResult, file: Path | None) -> list[Remark]:
    """Return what the check says of the lines of `file`; a remark without a line of its own has line 1."""
    lines = option_lines(file)
    found = []
    if result.is_hang:
        cause = result.as_json()["cause"]
        text = " ".join([f"The workers do not come back ({result.verdict}).", *result.advice[:1]])
        found.append(Remark(cause or result.verdict, text, _first(lines, OF_DEFECT.get(cause or "", OF_APP)), True))
    for outcome in result.thresholds:
        if not outcome.passes:
            line = _first(lines, OF_LIMIT.get(outcome.option, OF_APP))
            found.append(Remark(outcome.option, outcome.describe().removeprefix("FAIL: "), line, True))
    for sentence in result.advice[1 if result.is_hang else 0 :]:
        words = set(re.findall(r"[a-z][\w-]+", sentence))
        named = [line for option, line in lines.items() if option in words]
        if named:  # a sentence that names no line of the file stands in the summary only
            found.append(Remark("advice", sentence, named[0], False))
    return found


def option_lines(file: Path | None) -> dict[str, int]:
    """Return option -> the number of its last line in an ini, yaml or json file, without the files that it includes."""
    if file is None or not file.is_file():
        return {}
    pattern = re.compile(r"^\s*[\"']?([a-z][\w-]*)[\"']?\s*[:=]", re.IGNORECASE)
    lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
    return {match[1]: number for number, line in enumerate(lines, 1) if (match := pattern.match(line))}


def _first(lines: dict[str, int], options: Iterable[str]) -> int:
    return next((lines[option] for option in options if option in lines), 1)
