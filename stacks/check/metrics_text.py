"""The numbers of a check as OpenMetrics text, for the textfile collector of node_exporter or for a push gateway.

The format: https://prometheus.io/docs/specs/om/open_metrics_spec (1.0). Times are seconds.
"""

from __future__ import annotations

from collections.abc import Iterator

from stacks.check.check_result import CheckResult
from stacks.lifecycle.rates import wilson

PREFIX = "uwsgi_respawn_check"


def metrics_text(result: CheckResult) -> str:
    """Return the text, which ends with `# EOF`. A number that was not measured is left out."""
    lines = []
    for name, help_text, value in _gauges(result):
        if value is not None:
            full = f"{PREFIX}_{name}"
            unit = [f"# UNIT {full} seconds"] if name.endswith("_seconds") else []
            lines += [f"# TYPE {full} gauge", *unit, f"# HELP {full} {help_text}", f"{full} {float(value):g}"]
    if result.thresholds:
        full = f"{PREFIX}_limit_passes"
        lines += [f"# TYPE {full} gauge", f"# HELP {full} 1 if the check keeps this limit."]
        lines += [f'{full}{{limit="{outcome.option}"}} {int(outcome.passes)}' for outcome in result.thresholds]
    return "\n".join([*lines, "# EOF", ""])


def _gauges(result: CheckResult) -> Iterator[tuple[str, str, float | None]]:
    run = result.findings.measurement
    low, high = wilson(run.hung, run.trials) or (None, None)
    yield "recovers", "1 if the workers come back.", float(not result.is_hang)
    yield "respawns", "Respawned workers that came back.", run.respawns
    yield "hung", "Workers that hung.", run.hung
    yield "hang_rate_low", "Lower end of Wilson's 95 % interval of the hang rate.", low
    yield "hang_rate_high", "Upper end of Wilson's 95 % interval of the hang rate.", high
    yield "recycle_median_seconds", "Median time from the begin of an exit to ready.", run.recycle_median_s
    yield "recycle_max_seconds", "Longest time from the begin of an exit to ready.", run.recycle_max_s
    yield "requests", "Requests that were sent.", run.requests
    yield "requests_lost", "Requests that were lost.", sum(run.lost.values())
    yield "latency_p50_seconds", "Median latency while workers recycle.", run.latency_p50_s
    yield "latency_p99_seconds", "Latency p99 while workers recycle.", run.latency_p99_s
    yield "stop_seconds", "Time from the first signal to the end of the instance.", run.stop_s
