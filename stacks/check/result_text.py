"""The result of a check as text for people: the verdict first, then the numbers, the advice, and what was changed."""

from __future__ import annotations

from pathlib import Path

from stacks.check.diagnosis import Findings
from stacks.check.lost_threads import lost_threads_text
from stacks.check.measurement import Measurement
from stacks.check.neutral_configuration import NeutralConfiguration
from stacks.check.stop_text import describe_stop
from stacks.check.ways.taken import TakenWay
from stacks.check.ways.ways_text import table_lines, ways_lines
from stacks.lifecycle.rates import highest_rate_without_hang


def result_text(
    findings: Findings,
    neutral: NeutralConfiguration,
    ways: list[TakenWay],
    verdict: str,
    advice: list[str],
    directory: Path,
    seconds: float,
) -> str:
    """Return the text. `ways` come with the worst first. `directory` has the recordings; the check took `seconds`."""
    run = findings.measurement
    word = "the workers come back" if verdict in ("recovers", "throttled") else "the workers DO NOT come back"
    lines = [f"{findings.server.describe()}, {neutral.workers} worker(s): {word} ({verdict})"]
    lines += [*ways_lines(ways), "", *table_lines(ways), "", f"at max-requests: {run.reason}"]
    if run.evidence:
        lines.append(f"  evidence: {run.evidence}")
    lines += _number_lines(run)
    if lost := lost_threads_text(findings):
        lines.append(f"threads: {lost}")
    if advice:
        lines.append("what to change:")
        lines += [f"  - {sentence}" for sentence in advice]
    lines.append("what the check changed in a copy of your configuration, your value -> the check's value:")
    lines += [
        f"  {change.option}: {change.original or '(absent)'} -> {change.replacement or '(absent)'}; {change.why}"
        for change in neutral.changes
    ]
    lines.append(f"the check took {seconds:.1f} s; all recordings are in {directory}")
    return "\n".join(lines)


def _number_lines(run: Measurement) -> list[str]:
    lines = []
    if not run.is_hang and (most := highest_rate_without_hang(run.trials)) is not None:
        lines.append(
            f"  so at most {100 * most:.0f} % of the respawns hang (95 % interval of 0 in {run.trials}, Wilson)"
        )
    if run.recycle_median_s is not None:
        lines.append(
            f"recycle: {run.recycle_median_s:.2f} s in the median, {run.recycle_max_s:.2f} s at most, from "
            f"the beginning of the exit to ready (n = {run.respawns})"
        )
    lost = [f"{count} {kind}" for kind, count in sorted(run.lost.items())]
    if run.is_hang and run.unanswered:
        lost.append(f"{run.unanswered} never answered")
    lines.append(f"requests: {run.requests}, lost: {', '.join(lost) or 'none'}")
    if run.latency_p50_s is not None:
        lines[-1] += (
            f"; answered in {run.latency_p50_s * 1000:.0f} ms (p50), {run.latency_p95_s or 0:.2f} s (p95), "
            f"{run.latency_max_s or 0:.2f} s (longest), while all workers recycle all the time"
        )
    lines.append(f"stop: {describe_stop(run)}")
    return lines
