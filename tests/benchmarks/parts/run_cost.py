"""Times what a run takes beyond its load window, beside `locust --headless` alone with the same scenario."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from stacks import catalogue
from stacks.run.ports import free_port
from tests.benchmarks.bench_result import Number, median
from tests.benchmarks.one_run import loadtest

WHAT = "seconds of a run beyond its load window, beside `locust --headless` alone"
WINDOW_S = 4


def run_s() -> float:
    """Return the seconds from the start of a run to its verdict, without the load."""
    with tempfile.TemporaryDirectory() as results:
        # Enough workers, so that the respawns that the verdict needs do not make the window longer.
        load = ["--duration", str(WINDOW_S), "--workers", "8", "--users", "16"]
        run, _ = loadtest(Path(results), "plain", "py312-2.0.30.post1", *load)
    return float(run["duration_s"]) - (run["load"]["end_ns"] - run["load"]["begin_ns"]) / 1e9


def locust_s() -> float:
    """Return the same of Locust alone: its requests are refused at once, because nobody listens."""
    command = [sys.executable, "-m", "locust", "-f", str(catalogue.SCENARIOS / "steady.py"), "--headless", "-u", "4"]
    command += ["-r", "4", "-t", f"{WINDOW_S}s", "--host", f"http://127.0.0.1:{free_port()}"]
    began_s = time.monotonic()
    subprocess.run(command, capture_output=True, check=False, cwd=catalogue.SCENARIOS)
    return time.monotonic() - began_s - WINDOW_S


def measure(*, quick: bool) -> list[Number]:
    """Take both alternately."""
    pairs = [(run_s(), locust_s()) for _ in range(1 if quick else 4)]
    added = [pack - alone for pack, alone in pairs]
    return [
        median("added to Locust alone", "s", added, at_most=1.0),
        median("a run", "s", [pack for pack, _ in pairs]),
        median("Locust alone", "s", [alone for _, alone in pairs]),
    ]
