"""Times `make report` on runs with ever more request rows, and measures its peak memory."""

from __future__ import annotations

import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

from tests.benchmarks.analysis import PANDAS, POLARS
from tests.benchmarks.analysis import measure as measure_command
from tests.benchmarks.bench_result import Number, median
from tests.benchmarks.big_run import generate

WHAT = "the report of a run with 1e6 and 1e7 request rows, beside pandas and polars on CSV"


def cost(rows: int) -> tuple[float, float]:
    """Return CPU seconds and peak memory in GB."""
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder) / "runs" / "big"
        directory.mkdir(parents=True)
        generate(directory, rows)
        _, gb, cpu_s = measure_command([sys.executable, "-m", "analysis", "report", str(directory.parent)])
    return cpu_s, gb


def peer_numbers(rows: int) -> list[Number]:
    """Return CPU seconds and peak memory of pandas and of polars on the same rows as CSV."""
    numbers = []
    with tempfile.TemporaryDirectory() as folder:
        generate(Path(folder), rows, csv=True)
        for name, code in (("pandas", PANDAS), ("polars", POLARS)):
            if find_spec(name) is None:
                print(f"report: {name} is not installed, so it is not measured", flush=True)
                continue
            _, gb, cpu_s = measure_command([sys.executable, "-c", code, str(Path(folder) / "requests.csv")])
            numbers.append(median(f"CPU seconds, {rows:.0e} rows, {name} on CSV", "s", [cpu_s]))
            numbers.append(median(f"peak memory, {rows:.0e} rows, {name} on CSV", "GB", [gb]))
    return numbers


def measure(*, quick: bool) -> list[Number]:
    """Measure both sizes. The part `report_large` has the largest one."""
    small, large = (100_000, 1_000_000) if quick else (1_000_000, 10_000_000)
    (small_s, small_gb), (large_s, large_gb) = cost(small), cost(large)
    numbers = [
        median(f"CPU seconds, {small:.0e} rows", "s", [small_s]),
        median(f"CPU seconds, {large:.0e} rows", "s", [large_s]),
        median("growth from the first to the second", "ratio", [large_s / small_s], at_most=large / small),
        median(f"peak memory, {small:.0e} rows", "GB", [small_gb]),
        median(f"peak memory, {large:.0e} rows", "GB", [large_gb], at_most=1.0),
    ]
    return numbers if quick else numbers + peer_numbers(large)
