"""Times `make report` on a run with 1e8 request rows, beside one with 1e7. It takes 2 GB of disk."""

from __future__ import annotations

from tests.benchmarks.bench_result import Number, median
from tests.benchmarks.parts.report import cost

WHAT = "the report of a run with 1e8 request rows, beside one with 1e7"
MIDDLE, LARGE = 10_000_000, 100_000_000


def measure(*, quick: bool) -> list[Number]:
    """Measure both sizes."""
    (middle_s, middle_gb), (large_s, large_gb) = cost(MIDDLE), cost(LARGE)
    growth = large_s / middle_s
    return [
        median(f"CPU seconds, {MIDDLE:.0e} rows", "s", [middle_s]),
        median(f"CPU seconds, {LARGE:.0e} rows", "s", [large_s]),
        median(f"growth from {MIDDLE:.0e} rows", "ratio", [growth], at_most=1.2 * LARGE / MIDDLE),
        median(f"peak memory, {MIDDLE:.0e} rows", "GB", [middle_gb]),
        median(f"peak memory, {LARGE:.0e} rows", "GB", [large_gb], at_most=1.0),
    ]
