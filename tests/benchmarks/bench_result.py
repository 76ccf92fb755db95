"""The result of a part of `make bench`: numbers with samples and intervals, as results/bench/<part>.json has them."""

from __future__ import annotations

import math
import platform
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from scipy import stats

from stacks import catalogue
from stacks.lifecycle.reading import read_json
from stacks.lifecycle.records import RESULTS, RecordError, write_json
from stacks.observe import host

FOLDER = RESULTS / "bench"
SCHEMA = 1
PACKAGES = ("locust", "gevent", "pyarrow", "duckdb", "pandas")


class Skipped(Exception):
    """This part cannot be measured here; the text says why."""


@dataclass(frozen=True)
class Number:
    """One number of a part. `at_least` and `at_most` are what it must reach, or None."""

    name: str
    unit: str
    samples: list[float]
    value: float
    low: float | None
    high: float | None
    basis: str  # of the interval
    at_least: float | None = None
    at_most: float | None = None

    @property
    def is_reached(self) -> bool:
        """True if the value is within its limits."""
        low, high = self.at_least, self.at_most
        return (low is None or self.value >= low) and (high is None or self.value <= high)


def median(name: str, unit: str, samples: Sequence[float], **limits: float) -> Number:
    """Return the median of `samples`, with the smallest and the largest one instead of an interval."""
    text = f"the smallest and the largest of n = {len(samples)}"
    return Number(name, unit, list(samples), statistics.median(samples), min(samples), max(samples), text, **limits)


def ratio(name: str, pairs: Sequence[tuple[float, float]], **limits: float) -> Number:
    """Return the geometric mean of a / b of the pairs, with its 95 % t interval on the logarithm."""
    logs = [math.log(a / b) for a, b in pairs]
    mean, half = statistics.mean(logs), math.inf
    if len(logs) > 1:
        error = statistics.stdev(logs) / math.sqrt(len(logs))
        half = float(stats.t.ppf(0.975, len(logs) - 1)) * error
    low, high = (math.exp(mean + sign * half) if math.isfinite(half) else None for sign in (-1, 1))
    basis = f"95 % t interval of the logarithm, n = {len(pairs)} pairs taken alternately"
    return Number(name, "ratio", [a / b for a, b in pairs], math.exp(mean), low, high, basis, **limits)


@dataclass(frozen=True)
class Result:
    """What was measured of one part."""

    part: str
    what: str
    seconds: float
    numbers: list[Number] = field(default_factory=list)
    skipped: str = ""  # why it was not measured

    def record(self) -> dict[str, Any]:
        """Return the content of results/bench/<part>.json."""
        return {
            "schema": SCHEMA,
            "part": self.part,
            "what": self.what,
            "seconds": round(self.seconds, 1),
            "host": host.host(),
            "git": host.git(catalogue.ROOT),
            "clock": host.clock(),
            "versions": {"python": platform.python_version()} | versions(),
            "numbers": [asdict(number) | {"is_reached": number.is_reached} for number in self.numbers],
            "skipped": self.skipped,
        }

    @property
    def path(self) -> Path:
        """Where the record is."""
        return FOLDER / f"{self.part}.json"

    def write(self) -> None:
        """Write the record. The one before it stays beside it as <part>.before.json."""
        FOLDER.mkdir(parents=True, exist_ok=True)
        if self.path.exists():
            self.path.replace(self.path.with_suffix(".before.json"))
        write_json(self.path, self.record())


def versions() -> dict[str, str]:
    """Return the versions of the packages that matter and are installed."""
    found = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def slower(result: Result) -> list[str]:
    """Return a line for each number with a limit that is worse than this machine's last one: their intervals differ.

    A number that was measured once has no interval, and tells nothing.
    """
    try:
        before = read_json(result.path)
    except RecordError:
        return []
    if before["host"]["hostname"] != platform.node():
        return []
    old = {number["name"]: number for number in before["numbers"]}
    lines = []
    for number in result.numbers:
        last = old.get(number.name)
        has_limit = number.at_least is not None or number.at_most is not None
        if last is None or not has_limit or None in (number.low, number.high, last["low"], last["high"]):
            continue
        if number.low == number.high or last["low"] == last["high"]:
            continue
        is_better_low = number.at_least is None
        is_worse = number.low > last["high"] if is_better_low else number.high < last["low"]  # type: ignore[operator]
        if is_worse:
            lines.append(
                f"{result.part}: {number.name} was {last['value']:.3g}, and is {number.value:.3g} {number.unit}"
            )
    return lines
