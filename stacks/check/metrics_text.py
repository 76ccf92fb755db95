"""The numbers of a check as OpenMetrics text, for the textfile collector of node_exporter or for a push gateway.

Times are in seconds. A number that was not measured has no line.
"""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Gauge
from prometheus_client.openmetrics.exposition import generate_latest

from stacks.check.check_result import CheckResult
from stacks.lifecycle.rates import wilson

PREFIX = "uwsgi_respawn_check"
UNJUDGED = ("not_taken", "invalid")


def metrics_text(result: CheckResult) -> str:
    """Return the text, which ends with `# EOF`."""
    registry = CollectorRegistry()
    for name, unit, help_text, value in _gauges(result):
        if value is not None:
            Gauge(f"{PREFIX}_{name}", help_text, unit=unit, registry=registry).set(value)
    ways = Gauge(f"{PREFIX}_way_recovers", "1 if the workers come back in this way.", ["way"], registry=registry)
    for taken in result.ways:
        if taken.result.verdict not in UNJUDGED:
            ways.labels(taken.way.name).set(not taken.result.fails)
    if result.thresholds:
        passes = Gauge(f"{PREFIX}_limit_passes", "1 if the check keeps this limit.", ["limit"], registry=registry)
        for outcome in result.thresholds:
            passes.labels(outcome.option).set(outcome.passes)
    text: bytes = generate_latest(registry)  # type: ignore[no-untyped-call]
    return text.decode()


def _gauges(result: CheckResult) -> Iterator[tuple[str, str, str, float | None]]:
    """Yield name, unit, meaning and value of each number."""
    run = result.findings.measurement
    low, high = wilson(run.hung, run.trials) or (None, None)
    yield "recovers", "", "1 if the workers come back.", float(not result.is_hang)
    yield "respawns", "", "Respawned workers that came back.", run.respawns
    yield "hung", "", "Workers that hung.", run.hung
    yield "hang_rate_low", "", "Lower end of Wilson's 95 % interval of the hang rate.", low
    yield "hang_rate_high", "", "Upper end of Wilson's 95 % interval of the hang rate.", high
    yield "recycle_median", "seconds", "Median time from the begin of an exit to ready.", run.recycle_median_s
    yield "recycle_max", "seconds", "Longest time from the begin of an exit to ready.", run.recycle_max_s
    yield "requests", "", "Requests that were sent.", run.requests
    yield "requests_lost", "", "Requests that were lost.", sum(run.lost.values())
    yield "latency_p50", "seconds", "Median latency while workers recycle.", run.latency_p50_s
    yield "latency_p99", "seconds", "Latency p99 while workers recycle.", run.latency_p99_s
    yield "stop", "seconds", "Time from the first signal to the end of the instance.", run.stop_s
