"""Checks the vassals of an emperor in turn: one line each, one exit code, and one report for CI."""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from stacks.check.check_result import CHECK_FILE, is_stdout, write_report
from stacks.check.emperor import Vassal, find_vassals
from stacks.check.invocation import CannotCheck, Invocation, WrongUsage
from stacks.check.neutralise import LOADS_APP
from stacks.check.options import Options
from stacks.lifecycle.records import SCHEMA, RecordError, write_json
from stacks.run import run_directory

TEXT_FILE = "check.txt"  # the full result of one vassal
CheckOne = Callable[[argparse.Namespace, Invocation, Path], int]
WORST_FIRST = (3, 1, 0)  # the exit codes: a hang, not measured, the workers come back


@dataclass(frozen=True)
class VassalResult:
    """The outcome for one vassal. `value` is its check.json."""

    vassal: Vassal
    code: int
    value: dict[str, Any]

    def line(self) -> str:
        """Return the line for people."""
        name = f"{self.vassal.name} (as {self.vassal.owner})" if self.vassal.owner else self.vassal.name
        if self.value["status"] == "failed":
            return f"{name}: could not check: {self.value['error'].splitlines()[0]}"
        word = "come back" if self.value["recovers"] else "DO NOT come back"
        changes = [text for text in self.value["advice"] if text.startswith("Recommended change")]
        tail = f" {changes[0]}" if changes else ""
        return f"{name}: the workers {word} ({self.value['verdict']}): {self._reason()}.{tail}"

    def _reason(self) -> str:
        """Return the reason of the first way that does not come back, otherwise of the recycle at max-requests."""
        failed = [] if self.value["recovers"] else self.value.get("ways", [])
        way = next((way for way in failed if way["verdict"] == self.value["verdict"]), None)
        return str(f"{way['name']}: {way['reason']}" if way else self.value["measured"]["reason"])


def check_vassals(
    options: argparse.Namespace, effective: Options, emperor: Invocation, private: Path, check_one: CheckOne
) -> int:
    """Check each vassal with `check_one`, print a line for each, write the reports, and return the worst exit code.

    `effective` are the options of the emperor. An emperor with workers of its own counts as one more vassal; if it has
    no other, it is checked as one instance. Raise CannotCheck if there is nothing to check.
    """
    began = time.monotonic()
    vassals = find_vassals(effective, emperor)
    has_workers = any(key in LOADS_APP for key, _ in effective)
    if has_workers and not vassals:
        return check_one(options, emperor, private)
    for name in ("app", "code_quality", "metrics"):
        if getattr(options, name, None):
            option = f"--{name.replace('_', '-')}"
            raise WrongUsage(f"{option} is for one instance, and an emperor has several: check the vassal itself.")
    # A stream that carries a report for a program carries nothing else.
    stream = sys.stderr if is_stdout(options.json) or is_stdout(options.junit) else sys.stdout
    if not vassals:
        names = ", ".join(value for key, value in effective if key == "emperor")
        raise CannotCheck(f"The emperor has no vassals: there is no configuration in {names}.")
    if has_workers:
        vassals.append(Vassal("the emperor's own workers", emperor))
    results = []
    for number, vassal in enumerate(vassals):
        place = private / str(number)
        place.mkdir()
        results.append(_check(vassal, options, place, check_one))
        print(f"{number + 1} of {len(vassals)}  {results[-1].line()}", file=stream, flush=True)
    directory = run_directory.make_directory("check")
    _write(results, options, directory, round(time.monotonic() - began, 1), private)
    bad = sum(result.code != 0 for result in results)
    print(f"{len(results)} vassal(s), {bad} of them with a problem; the details are in {directory}", file=stream)
    return next(code for code in WORST_FIRST if any(_rank(result.code) == code for result in results))


def _rank(code: int) -> int:
    return code if code in WORST_FIRST else 1


def _check(vassal: Vassal, options: argparse.Namespace, place: Path, check_one: CheckOne) -> VassalResult:
    """Check one vassal. Its text goes into its own directory, and its sockets into `place`."""
    if vassal.invocation is None:
        return VassalResult(vassal, 1, _failed(vassal.why_not))
    files = {"json": place / "check.json", "junit": place / "check.xml"}
    config = str(vassal.file) if vassal.file else None
    own = argparse.Namespace(**vars(options) | {"ini": config, "args": "", "chdir": None} | files)
    text = io.StringIO()
    try:
        with contextlib.redirect_stdout(text):
            code = check_one(own, vassal.invocation, place)
    except (CannotCheck, RecordError, OSError) as error:
        return VassalResult(vassal, 1, _failed(str(error)))
    value = json.loads(files["json"].read_text())
    (Path(value["directory"]) / TEXT_FILE).write_text(text.getvalue())
    return VassalResult(vassal, code, value)


def _failed(why: str) -> dict[str, Any]:
    return {"schema": SCHEMA, "status": "failed", "verdict": None, "error": why, "seconds": 0.0}


def _write(
    results: list[VassalResult], options: argparse.Namespace, directory: Path, seconds: float, private: Path
) -> None:
    """Write check.json of the emperor, and the files for CI if they are named."""
    vassals = [{"vassal": result.vassal.name, "code": result.code, "check": result.value} for result in results]
    value = {"schema": SCHEMA, "status": "vassals", "seconds": seconds, "vassals": vassals}
    write_json(directory / CHECK_FILE, value)
    write_report(options.json, lambda path: write_json(path, value))
    write_report(options.junit, lambda path: _write_junit(results, path, private))


def _write_junit(results: list[VassalResult], path: Path, private: Path) -> None:
    """Write one report with a suite for each vassal, which has the name of the vassal."""
    root = ElementTree.Element("testsuites", name="uwsgi-respawn-pack check")
    for number, result in enumerate(results):
        file = private / str(number) / "check.xml"
        if file.exists():
            suite = ElementTree.parse(file).getroot()  # noqa: S314 - the pack's own file
        else:
            suite = ElementTree.Element("testsuite", tests="1", failures="0", errors="1", skipped="0", time="0")
            case = ElementTree.SubElement(suite, "testcase", classname="check", name="workers come back", time="0")
            ElementTree.SubElement(case, "error", message=str(result.value["error"]).splitlines()[0])
        suite.set("name", result.vassal.name)
        root.append(suite)
    ElementTree.ElementTree(root).write(path, encoding="utf-8", xml_declaration=True)
