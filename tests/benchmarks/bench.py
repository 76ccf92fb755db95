"""`make bench`: the pack measures itself, part by part, and publishes its own error.

    .venv/bin/python -m tests.benchmarks.bench [PART ...] [--quick] [--table]

Each part writes results/bench/<part>.json (stacks/lifecycle/schemas/bench.schema.json) with every sample. Sides that
are compared are measured alternately. `--quick` takes the parts and the sizes that need seconds, as CI does, and only
ratios can be missed there, because a machine of a CI may be slow. A number that misses its limit is measured twice
more, and only counts as missed if it misses it each time. results/bench/bench.html is a page of all results. `--table`
prints them as the table of the README, and measures nothing.
"""

from __future__ import annotations

import argparse
import sys
import time
from importlib import import_module
from typing import Any

from stacks.lifecycle.reading import read_json
from stacks.lifecycle.records import RecordError
from tests.benchmarks import bench_page
from tests.benchmarks.bench_result import FOLDER, Number, Result, Skipped, slower

PARTS = (
    "time_to_verdict",
    "observer",
    "stats_polls",
    "stamps",
    "generator",
    "run_cost",
    "verdict",
    "report",
    "report_large",
    "omission",
)
ON_REQUEST = ("report_large",)  # by its name only, because it takes ten minutes
QUICK = ("verdict", "report")  # they take seconds, and need neither uWSGI nor a quiet machine
ATTEMPTS = 3


def measure(part: str, *, quick: bool) -> Result:
    """Measure one part, up to ATTEMPTS times while a number misses its limit."""
    module = import_module(f"tests.benchmarks.parts.{part}")
    began_s = time.monotonic()
    for attempt in range(1, ATTEMPTS + 1):
        try:
            numbers = module.measure(quick=quick)
        except Skipped as why:
            return Result(part, module.WHAT, time.monotonic() - began_s, skipped=str(why))
        if not missed(numbers, quick=quick) or attempt == ATTEMPTS:
            break
        print(f"{part}: a number misses its limit; measured once more", flush=True)
    return Result(part, module.WHAT, time.monotonic() - began_s, numbers)


def missed(numbers: list[Number], *, quick: bool) -> list[str]:
    """Return the names of the numbers that miss their limits."""
    return [number.name for number in numbers if not number.is_reached and (number.unit == "ratio" or not quick)]


def results() -> list[dict[str, Any]]:
    """Return the records of all parts that have one, in the order of PARTS."""
    records = []
    for part in PARTS:
        try:
            records.append(read_json(FOLDER / f"{part}.json"))
        except RecordError:
            continue
    return records


def main() -> int:
    """Measure the parts, print their numbers, and return 1 if one misses its limit."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "parts",
        nargs="*",
        metavar="PART",
        help=f"one of {', '.join(PARTS)} (default: all but {', '.join(ON_REQUEST)})",
    )
    parser.add_argument("--quick", action="store_true", help="only what takes seconds, as in CI")
    parser.add_argument("--table", action="store_true", help="print the table of the README, and measure nothing")
    options = parser.parse_args()
    if unknown := sorted(set(options.parts) - set(PARTS)):
        parser.error(f"there is no part {', '.join(unknown)}; the parts are {', '.join(PARTS)}")
    if options.table:
        print(bench_page.table(results()))
        return 0
    is_missed = False
    usual = QUICK if options.quick else [part for part in PARTS if part not in ON_REQUEST]
    for part in options.parts or usual:
        result = measure(part, quick=options.quick)
        worse = slower(result)
        result.write()
        print(bench_page.lines(result.record()), flush=True)
        print(*(f"  slower than before: {line}" for line in worse), sep="\n", end="\n" if worse else "")
        is_missed |= bool(missed(result.numbers, quick=options.quick))
    page = FOLDER / "bench.html"
    page.write_text(bench_page.page(results()), encoding="utf-8")
    print(f"the page of all results: {page}")
    return int(is_missed)


if __name__ == "__main__":
    sys.exit(main())
