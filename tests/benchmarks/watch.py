"""What does `make watch` cost, what does it see, and what does it disturb? Measures it, part by part.

    .venv/bin/python -m tests.benchmarks.watch [PART ...]

CPU and memory are compared with the observer of attached runs as it was before (`attached_before.py`, which holds its
numbers of that time), in slices that take turns. Each part writes results/bench/watch_<part>.json
(stacks/lifecycle/schemas/bench.schema.json). Exit code 1: a number misses its limit. The last part takes an hour, so it
runs only if it is named.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable

from tests.benchmarks import bench_page
from tests.benchmarks.bench_result import Number, Result
from tests.benchmarks.watched import cost, disturbance, sight

PARTS: dict[str, Callable[[], list[Number]]] = {
    part.__name__: part
    for part in (
        *(cost.rest16, cost.rest128, cost.recycle, sight.count, sight.hang, sight.alarms),
        *(disturbance.pairs, disturbance.attach, cost.flat),
    )
}
LONG = ("flat",)


def main() -> int:
    """Measure the parts, print their numbers, and return 1 if one misses its limit."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    names = [name for name in PARTS if name not in LONG]
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"one of {', '.join(PARTS)} (default: all but flat)")
    options = parser.parse_args()
    if unknown := sorted(set(options.parts) - set(PARTS)):
        parser.error(f"there is no part {', '.join(unknown)}; the parts are {', '.join(PARTS)}")
    is_missed = False
    for name in options.parts or names:
        began_s = time.monotonic()
        numbers = PARTS[name]()
        result = Result(f"watch_{name}", PARTS[name].__doc__ or "", time.monotonic() - began_s, numbers)
        result.write()
        print(bench_page.lines(result.record()), flush=True)
        is_missed |= not all(number.is_reached for number in numbers)
    return int(is_missed)


if __name__ == "__main__":
    sys.exit(main())
