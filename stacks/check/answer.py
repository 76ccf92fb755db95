"""The answer of a check: as text for people, as JSON and JUnit for CI."""

from __future__ import annotations

import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from stacks.check.advice import Facts, cause
from stacks.check.effective import Options
from stacks.check.measurement import Measured
from stacks.check.neutralise import Neutral
from stacks.lifecycle.rates import highest_rate_without_hang
from stacks.lifecycle.records import SCHEMA, write_json

CHECK_FILE = "check.json"
CONTROL = dict.fromkeys((*range(9), 11, 12, *range(14, 32)), "?")  # what XML 1.0 has no way to say


@dataclass(frozen=True)
class Checked:
    """A check that has come to a verdict."""

    facts: Facts
    neutral: Neutral
    advice: list[str]
    directory: Path
    seconds: float

    def as_json(self) -> dict[str, Any]:
        """Everything, by name."""
        facts, base = self.facts, self.facts.base
        return {
            "schema": SCHEMA,
            "status": "done",
            "verdict": base.verdict,
            "recovers": not base.is_hang,
            "cause": cause(facts),
            "seconds": self.seconds,
            "server": {
                "uwsgi": str(facts.server.uwsgi),
                "version": facts.server.version,
                "pyuwsgi": facts.server.pin,
                "python": facts.server.python,
            },
            "measured": asdict(base),
            "threads_at_import": facts.threads,
            "remedies": [
                {
                    "name": tried.remedy.name,
                    "what": tried.what,
                    "cures": tried.cures,
                    "said": tried.say(),
                    "measured": asdict(tried.measured) if tried.measured else None,
                }
                for tried in facts.tried
            ],
            "advice": self.advice,
            "changes": [asdict(change) for change in self.neutral.changes],
            "effective": _open(facts.options),
            "run": _open(self.neutral.options),
            "directory": str(self.directory),
        }

    def text(self) -> str:
        """What a person wants to know first, first."""
        facts, base = self.facts, self.facts.base
        word = "the workers DO NOT come back" if base.is_hang else "the workers come back"
        lines = [f"{facts.server.describe()}, {self.neutral.workers} worker(s): {word} ({base.verdict})"]
        lines.append(f"  {base.reason}")
        if base.evidence:
            lines.append(f"  evidence: {base.evidence}")
        lines += _numbers(base)
        if self.advice:
            lines.append("what to change:")
            lines += [f"  - {sentence}" for sentence in self.advice]
        lines.append("checked: recycling at max-requests; not: reloads (SIGHUP, touch-reload, fifo), harakiri, crashes")
        lines.append("what was changed for it, yours -> the check's:")
        for change in self.neutral.changes:
            lines.append(
                f"  {change.option}: {change.theirs or '(absent)'} -> {change.ours or '(absent)'}; {change.why}"
            )
        lines.append(f"{self.seconds:.1f} s; everything recorded is in {self.directory}")
        return "\n".join(lines)

    def write(self, json_file: Path | None, junit_file: Path | None) -> None:
        """Into the results, and where CI asked for it."""
        value = self.as_json()
        for path in filter(None, (self.directory / CHECK_FILE, json_file)):
            write_json(path, value)
        if junit_file is not None:
            base = self.facts.base
            stuck = f"{base.reason}\n{base.evidence or ''}\n" + "\n".join(self.advice) if base.is_hang else None
            stop = None if base.stop_signal == "INT" else f"INT did not end it: {_stop(base)}"
            cases = [("workers come back", stuck), ("stops when asked", None if base.is_hang else stop)]
            write_junit(junit_file, cases, None, self.seconds, self.text())


def _open(options: Options) -> list[list[str]]:
    """Options as CI may show them: what stands in the environment of an app is often a secret."""
    return [[key, f"{value.partition('=')[0]}=..." if key == "env" else value] for key, value in options]


def _numbers(base: Measured) -> list[str]:
    lines = []
    if not base.is_hang and (most := highest_rate_without_hang(base.trials)) is not None:
        lines.append(f"  so fewer than {100 * most:.0f} % of the respawns hang (95 %, n = {base.trials})")
    if base.recycle_median_s is not None:
        lines.append(
            f"recycle: {base.recycle_median_s:.2f} s in the median, {base.recycle_max_s:.2f} s at the longest, from "
            f"the begin of the exit to ready (n = {base.respawns})"
        )
    lost = [f"{count} {word}" for word, count in sorted(base.lost.items())]
    if base.is_hang and base.unanswered:
        lost.append(f"{base.unanswered} never answered")
    lines.append(f"requests: {base.requests}, lost: {', '.join(lost) or 'none'}")
    if base.latency_p50_s is not None:
        lines[-1] += (
            f"; answered in {base.latency_p50_s * 1000:.0f} ms (p50), {base.latency_p95_s or 0:.2f} s (p95), "
            f"{base.latency_max_s or 0:.2f} s (longest), while every worker recycles all the time"
        )
    lines.append(f"stop: {_stop(base)}")
    return lines


def _stop(base: Measured) -> str:
    if base.stop_s is None:
        return "not measured"
    if base.stop_signal == "KILL":
        return f"it had to be killed, {base.stop_s:.1f} s after the first signal"
    return f"{base.stop_signal} ended it after {base.stop_s:.1f} s"


def write_failure(json_file: Path | None, junit_file: Path | None, why: str) -> None:
    """The files of a check that could not measure."""
    try:
        if json_file is not None:
            write_json(json_file, {"schema": SCHEMA, "status": "failed", "verdict": None, "error": why})
        if junit_file is not None:
            write_junit(junit_file, [("workers come back", None)], why, 0.0, why)
    except OSError as error:
        print(f"{error.filename} cannot be written ({error.strerror})", file=sys.stderr)


def write_junit(path: Path, cases: list[tuple[str, str | None]], error: str | None, seconds: float, said: str) -> None:
    """JUnit as GitLab, Jenkins and GitHub's reporters read it: a failure is a verdict, an error is none."""
    suite = ElementTree.Element(
        "testsuite",
        name="uwsgi-respawn-pack check",
        tests=str(len(cases)),
        failures=str(sum(why is not None for _, why in cases)),
        errors=str(int(error is not None)),
        time=f"{seconds:.1f}",
    )
    for name, why in cases:
        case = ElementTree.SubElement(suite, "testcase", classname="check", name=name, time=f"{seconds:.1f}")
        for tag, text in (("failure", why), ("error", error)):
            if text is not None:
                first = text.splitlines()[0] if text else ""
                ElementTree.SubElement(case, tag, message=first.translate(CONTROL)).text = text.translate(CONTROL)
    ElementTree.SubElement(suite, "system-out").text = said.translate(CONTROL)
    ElementTree.ElementTree(suite).write(path, encoding="utf-8", xml_declaration=True)
