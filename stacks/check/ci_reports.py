"""Writes what CI services show of a check: GitHub's summary and annotations, and GitLab's code quality report."""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from stacks.check.check_result import CheckResult
from stacks.check.config_lines import Remark, remarks

SUMMARY = "GITHUB_STEP_SUMMARY"  # the file to which a step of GitHub Actions appends Markdown
IS_GITHUB = "GITHUB_ACTIONS"  # "true" there
WORKSPACE = ("GITHUB_WORKSPACE", "CI_PROJECT_DIR")


def write_ci_reports(
    result: CheckResult, config: str | None, code_quality: Path | None, environment: Mapping[str, str] = os.environ
) -> None:
    """Write the reports that the environment and `code_quality` ask for. `config` is the user's file. Raise OSError."""
    file = Path(config.rpartition(":")[0] if config and not Path(config).exists() else config) if config else None
    found = remarks(result, file)
    path = relative(file, environment)
    if environment.get(IS_GITHUB) == "true":
        print("\n".join(annotation(remark, path) for remark in found), file=sys.stderr)
    if summary := environment.get(SUMMARY):
        with Path(summary).open("a", encoding="utf-8") as stream:
            stream.write(markdown(result))
    if code_quality is not None:
        code_quality.write_text(json.dumps([code_quality_entry(remark, path) for remark in found], indent=1) + "\n")


def relative(file: Path | None, environment: Mapping[str, str]) -> str:
    """Return the path of the configuration from the top of the repository, as CI services want it."""
    if file is None:
        return "uwsgi.ini"
    top = next((Path(environment[name]) for name in WORKSPACE if environment.get(name)), Path.cwd())
    full = file.absolute()
    return str(full.relative_to(top)) if full.is_relative_to(top) else str(full)


def annotation(remark: Remark, path: str) -> str:
    """Return the command by which a program on GitHub Actions marks a line (workflow commands)."""
    text = remark.text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    name = path.replace("%", "%25").replace(":", "%3A").replace(",", "%2C")
    return f"::{'error' if remark.is_error else 'warning'} file={name},line={remark.line}::{text}"


def code_quality_entry(remark: Remark, path: str) -> dict[str, object]:
    """Return an entry of GitLab's code quality report. The fingerprint stays the same while the finding does."""
    return {
        "description": remark.text,
        "check_name": f"uwsgi-respawn-pack/{remark.name}",
        "fingerprint": hashlib.sha256(
            f"{path}\n{remark.name}\n{remark.is_error}\n{remark.text[:40]}".encode()
        ).hexdigest(),
        "severity": "critical" if remark.is_error else "minor",
        "location": {"path": path, "lines": {"begin": remark.line}},
    }


def markdown(result: CheckResult) -> str:
    """Return the summary of a check as Markdown."""
    word = "do not come back" if result.is_hang else "come back"
    sign = "❌" if result.fails else "✅"
    run = result.findings.measurement
    lines = [f"### {sign} The workers {word} ({result.verdict})", "", _escape(result.findings.server.describe()), ""]
    lines += ["| | |", "|---|---|", f"| respawns | {run.respawns} came back, {run.hung} hung |"]
    if run.recycle_median_s is not None:
        lines.append(f"| recycle | {run.recycle_median_s:.2f} s in the median, {run.recycle_max_s:.2f} s at most |")
    lost = ", ".join(f"{count} {kind}" for kind, count in sorted(run.lost.items())) or "none"
    lines.append(f"| requests | {run.requests}, lost: {lost} |")
    lines += [f"| {outcome.option} | {outcome.describe()} |" for outcome in result.thresholds]
    if run.evidence:
        lines += ["", f"Evidence: `{run.evidence.replace('`', chr(39))}`"]
    if result.advice:
        lines += ["", "**What to change**", "", *(f"- {_escape(sentence)}" for sentence in result.advice)]
    return "\n".join([*lines, "", ""])


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace("|", "\\|")
