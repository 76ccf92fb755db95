"""The whole result of a check as text: the answer, the table of ways, the numbers, the advice, and what was changed."""

from __future__ import annotations

from collections.abc import Sequence

from stacks.check.diagnosis import Findings
from stacks.check.further_starts import describe_starts
from stacks.check.known_rates import describe_wanted
from stacks.check.lost_threads import lost_threads_text
from stacks.check.measurement import Measurement
from stacks.check.neutral_configuration import NeutralConfiguration
from stacks.check.stop_text import describe_stop
from stacks.check.ways.taken import TakenWay
from stacks.check.ways.ways_text import table_lines
from stacks.lifecycle.rates import highest_rate_without_hang


def result_text(
    findings: Findings,
    neutral: NeutralConfiguration,
    answer: Sequence[str],
    ways: list[TakenWay],
    advice: list[str],
) -> str:
    """Return the text. `answer` are the lines for a person, and `ways` come with the worst first."""
    lines = [*answer, "", *table_lines(ways), "", *number_lines(findings)]
    if advice:
        lines.append("what to change:")
        lines += [f"  - {sentence}" for sentence in advice]
    lines.append("what the check changed in a copy of your configuration, your value -> the check's value:")
    lines += [
        f"  {change.option}: {change.original or '(absent)'} -> {change.replacement or '(absent)'}; {change.why}"
        for change in neutral.changes
    ]
    return "\n".join(lines)


def number_lines(findings: Findings) -> list[str]:
    """Return the lines about the recycle at max-requests."""
    run = findings.measurement
    lines = [f"at max-requests: {run.reason}"]
    if run.evidence:
        lines.append(f"  evidence: {run.evidence}")
    if wanted := describe_wanted(findings.server.version, findings.options):
        lines.append(wanted)
    if starts := describe_starts(run):
        lines.append(starts)
    lines += _number_lines(run)
    if lost := lost_threads_text(findings):
        lines.append(f"threads: {lost}")
    return lines


def _number_lines(run: Measurement) -> list[str]:
    lines = []
    if not run.is_hang and (most := highest_rate_without_hang(run.trials)) is not None:
        lines.append(
            f"  so at most {100 * most:.0f} % of the respawns hang (95 % interval of 0 in {run.trials}, Wilson)"
        )
    if run.recycle_median_s is not None:
        lines.append(
            f"recycle: {run.recycle_median_s:.2f} s in the median, {run.recycle_max_s:.2f} s at most, from "
            f"the beginning of the exit to ready (n = {run.recycles or run.respawns})"
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
