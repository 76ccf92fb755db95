"""Coordinated omission: a server that stands still for a fifth of the time, seen by an open and by a closed model."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from tests.benchmarks.bench_result import Number, median
from tests.unit.locustfiles.hammering import all_rows, locust, tiny_server

WHAT = "the share of requests over 100 ms where the server stands still for 2 s in 10 (truth: 19 %)"
SLOW_S = 0.1
# At a higher rate, the requests that queue after the freeze are slow too; their number depends on the machine.
OPEN = """
from fast_client import FastUser, OpenModel
from locust import task

class Open(OpenModel, FastUser):
    rate, arrivals, max_in_flight = 50, "constant", 1000
    connection_timeout = network_timeout = 10.0

    @task
    def ask(self):
        self.client.get("/")
"""
CLOSED = """
from locust import FastHttpUser, constant_throughput, task

class Closed(FastHttpUser):
    wait_time = constant_throughput(50)

    @task
    def ask(self):
        self.client.get("/")
"""


def share(directory: Path, scenario: str, freeze_s: float, every_s: float) -> float:
    """Return the percentage of the requests of one period that were slow, from their scheduled time on."""
    limit = ["-u", "1", "-t", f"{every_s + 1:.0f}s", "--stop-timeout", "5"]
    with (
        tiny_server(directory, "--freeze", str(freeze_s), "--every", str(every_s)) as where,
        locust(directory, scenario, where, *limit),
    ):
        pass
    rows: list[dict[str, Any]] = all_rows(directory)
    first_ns = min(row["start_ns"] for row in rows)
    waits = [
        (row["start_ns"] - row["scheduled_ns"]) / 1e9 + row["latency_us"] / 1e6
        for row in rows
        if 0 <= row["scheduled_ns"] - first_ns < every_s * 1e9
    ]
    return 100 * sum(wait > SLOW_S for wait in waits) / len(waits)


def measure(*, quick: bool) -> list[Number]:
    """Let both models request the same server alternately."""
    freeze_s, every_s, times = (0.6, 3.0, 1) if quick else (2.0, 10.0, 3)
    shares: dict[str, list[float]] = {OPEN: [], CLOSED: []}
    for _ in range(times):
        for scenario, values in shares.items():
            with tempfile.TemporaryDirectory() as name:
                values.append(share(Path(name), scenario, freeze_s, every_s))
    truth = 100 * (freeze_s - SLOW_S) / every_s
    return [
        median("open model", "%", shares[OPEN], at_least=truth, at_most=truth + 2),
        median("one user of Locust, closed model", "%", shares[CLOSED]),
    ]
