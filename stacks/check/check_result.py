"""The result of a check: as check.json, and as the JSON and JUnit files for CI."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from stacks.check.answer import answer_lines, page_line
from stacks.check.best_change import BestChange, ChangeTrial, best_change
from stacks.check.diagnosis import Findings, likely_defect, second_defect
from stacks.check.junit import Case, write_junit
from stacks.check.lost_threads import lost_threads_json
from stacks.check.measurement import Measurement
from stacks.check.neutral_configuration import NeutralConfiguration
from stacks.check.options import Options
from stacks.check.paste_lines import PastePlace, paste_lines
from stacks.check.result_page import PAGE_FILE, result_page
from stacks.check.result_text import number_lines, result_text
from stacks.check.stop_text import describe_stop
from stacks.check.thresholds import Outcome
from stacks.check.ways.taken import TakenWay, worst_first
from stacks.check.ways.way import STOP as STOPS
from stacks.check.ways.way_json import way_case, way_json
from stacks.lifecycle.records import SCHEMA, write_json
from stacks.lifecycle.text_files import replace_text

CHECK_FILE = "check.json"
PLACE = PastePlace("ini", "your configuration")
COME_BACK, STOP = "workers come back", "stops when asked"  # the names of the test cases in JUnit


@dataclass(frozen=True)
class CheckResult:
    """A check that has come to a verdict."""

    findings: Findings
    neutral: NeutralConfiguration
    ways: list[TakenWay]
    advice: list[str]
    directory: Path
    seconds: float
    thresholds: list[Outcome] = field(default_factory=list)  # the user's limits, and the measured values
    place: PastePlace = PLACE  # where the user sets options
    change_trials: list[ChangeTrial] = field(default_factory=list)  # of changes that mend ways

    @property
    def fails(self) -> bool:
        """True if workers do not come back, or a limit of the user is exceeded."""
        return self.is_hang or not all(outcome.passes for outcome in self.thresholds)

    @property
    def failures(self) -> list[TakenWay]:
        """The ways in which workers do not come back, the worst first. A stop that does not end is not among them."""
        return [one for one in worst_first(self.ways) if one.result.fails and one.way.kind != STOPS]

    @property
    def is_hang(self) -> bool:
        """True if in some way the workers do not come back."""
        return bool(self.failures)

    @property
    def verdict(self) -> str:
        """The verdict of the worst way that fails, otherwise that of the recycle at max-requests."""
        return self.failures[0].result.verdict if self.is_hang else self.findings.measurement.verdict

    def as_json(self) -> dict[str, Any]:
        """Return the content of check.json."""
        server, run = self.findings.server, self.findings.measurement
        return {
            "schema": SCHEMA,
            "status": "done",
            "verdict": self.verdict,
            "recovers": not self.is_hang,
            "cause": likely_defect(self.findings),
            "second_cause": second_defect(self.findings),
            "seconds": self.seconds,
            "server": {
                "uwsgi": str(server.uwsgi),
                "version": server.version,
                "pyuwsgi": server.pin,
                "python": server.python,
            },
            "measured": asdict(run) | {"hang_rate_interval": run.hang_rate_interval},
            "thresholds": [outcome.as_json() for outcome in self.thresholds],
            "ways": [way_json(taken) for taken in worst_first(self.ways)],
            "threads_at_import": self.findings.import_threads,
            "lost_threads": lost_threads_json(self.findings),
            "remedies": [
                {
                    "name": trial.remedy.name,
                    "what": trial.what,
                    "cures": trial.cures,
                    "said": trial.describe(),
                    "measured": asdict(trial.measurement) if trial.measurement else None,
                }
                for trial in self.findings.remedy_trials
            ],
            "best_change": self._change_json(),
            "tried_changes": [trial.as_json() for trial in self.change_trials],
            "advice": self.advice,
            "changes": [
                {"option": c.option, "theirs": c.original, "ours": c.replacement, "why": c.why}
                for c in self.neutral.changes
            ],
            "effective": hide_secrets(self.findings.options),
            "run": hide_secrets(self.neutral.options),
            "directory": str(self.directory),
        }

    @cached_property
    def change(self) -> BestChange | None:
        """The change that helps most, or None."""
        return best_change(self.findings, worst_first(self.ways), self.change_trials)

    def answer(self) -> list[str]:
        """Return the result for a person, in about ten lines."""
        ways = worst_first(self.ways)
        lines = answer_lines(
            self.findings, self.neutral.workers, ways, self.verdict, self.change, self.place, self.advice
        )
        limits = [f"Limit {outcome.describe()}" for outcome in self.thresholds]
        return [*lines, *limits, page_line(self.directory / PAGE_FILE, self.advice, self.seconds)]

    def text(self) -> str:
        """Return the whole result as text."""
        return result_text(self.findings, self.neutral, self.answer(), worst_first(self.ways), self.advice)

    def page(self) -> str:
        """Return the results page."""
        ways, numbers = worst_first(self.ways), number_lines(self.findings)
        answer = self.answer()[:-1]  # the last line names this page
        return result_page(answer, ways, numbers, self.advice, self.neutral, self.directory, is_bad=self.fails)

    def write(self, json_file: Path | None, junit_file: Path | None) -> None:
        """Write check.json and report.html into the results, and the files for CI if they are named."""
        value = self.as_json()
        write_json(self.directory / CHECK_FILE, value)
        replace_text(self.directory / PAGE_FILE, self.page())
        write_report(json_file, lambda path: write_json(path, value))
        write_report(junit_file, lambda path: write_junit(path, self._cases(), self.seconds, self.text()))

    def _change_json(self) -> dict[str, Any] | None:
        if self.change is None:
            return None
        lines = paste_lines(self.change, self.place, dict(self.findings.options))
        return {"why": self.change.why, "form": self.place.form, "where": self.place.where, "lines": lines}

    def _cases(self) -> list[Case]:
        run = self.findings.measurement
        first = Case(COME_BACK)
        if run.is_hang:
            first = Case(COME_BACK, f"{run.reason}\n{run.evidence or ''}\n" + "\n".join(self.advice))
        limits = [
            Case(f"limit: {one.option}", None if one.passes else one.describe().removeprefix("FAIL: "))
            for one in self.thresholds
        ]
        return [first, self._stop_case(run), *map(way_case, self.ways[1:]), *limits]

    def _stop_case(self, run: Measurement) -> Case:
        """Return the case of the stop. The stop of an instance whose workers hang gets less time, and no verdict."""
        if run.stop_signal == "INT":
            return Case(STOP)
        if run.is_hang or run.stop_s is None or not run.stop_signal:
            return Case(STOP, skipped=f"not judged, because of the verdict {run.verdict}: {describe_stop(run)}")
        return Case(STOP, f"SIGINT did not end the instance: {describe_stop(run)}")


def write_failure(json_file: Path | None, junit_file: Path | None, why: str, seconds: float) -> None:
    """Write the files for CI of a check that could not measure, and print an error if that fails.

    `seconds` is the time that the check took.
    """
    try:
        value = {"schema": SCHEMA, "status": "failed", "verdict": None, "error": why, "seconds": seconds}
        write_report(json_file, lambda path: write_json(path, value))
        write_report(junit_file, lambda path: write_junit(path, [Case(COME_BACK, error=why)], seconds, why))
    except OSError as error:
        print(f"{error.filename} cannot be written ({error.strerror})", file=sys.stderr)


def is_stdout(path: Path | None) -> bool:
    """Return True if the user names `-` for a file, which stands for stdout."""
    return path is not None and str(path) == "-"


def write_report(path: Path | None, write: Callable[[Path], object]) -> None:
    """Let `write` write a file that the user named; `-` goes to stdout."""
    if path is None:
        return
    if not is_stdout(path):
        write(path)
        return
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "report"
        write(file)
        print(file.read_text(encoding="utf-8").rstrip("\n"), flush=True)


def hide_secrets(options: Options) -> list[list[str]]:
    """Return the options as CI may show them: the environment of an app often contains passwords."""
    return [[key, f"{value.partition('=')[0]}=..." if key == "env" else value] for key, value in options]
