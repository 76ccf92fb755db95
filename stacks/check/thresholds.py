"""Limits that a user sets for a check (`--max-lost 0 --max-recycle 2s`), and how the measured run compares with them.

Workers that come back are not enough for everybody: a recycle of 30 s, or lost requests, may be too much. A limit of
the command line counts before the same limit in the table `[check]` of a toml file.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stacks.check.measurement import Measurement
from stacks.console.quantities import seconds, share

TABLE = "check"


@dataclass(frozen=True)
class Kind:
    """One kind of limit: how its value is parsed, what is measured, and how both are written."""

    option: str  # without the dashes; also the key in a toml file
    what: str
    parse: Callable[[str], float]
    measure: Callable[[Measurement], float | None]
    write: Callable[[float], str]


@dataclass(frozen=True)
class Outcome:
    """A limit beside the measured value; None if it could not be measured, which fails."""

    option: str
    what: str
    limit: str
    measured: str | None
    passes: bool

    def describe(self) -> str:
        """Return one line for people."""
        return (
            f"{'pass' if self.passes else 'FAIL'}: {self.what}: {self.measured or 'not measured'}, at most {self.limit}"
        )

    def as_json(self) -> dict[str, Any]:
        """Return the entry of check.json."""
        return {"name": self.option, "limit": self.limit, "measured": self.measured, "passes": self.passes}


def parse_part(text: str) -> float:
    """Parse a share of a whole, such as 5% or 0.05. Raise ValueError."""
    part = share(text)
    if part > 1:
        raise ValueError(f"{text!r} is not between 0% and 100%")
    return part


def parse_count(text: str) -> float:
    """Parse a count, 0 or more. Raise ValueError."""
    if not text.strip().isdecimal():
        raise ValueError(f"{text!r} is no count such as 0")
    return float(text)


def _lost(run: Measurement) -> float:
    return float(sum(run.lost.values()) + (run.unanswered if run.is_hang else 0))


def _hang_rate(run: Measurement) -> float | None:
    return run.hung / run.trials if run.trials else None


def _p99_s(run: Measurement) -> float | None:
    """Return the latency p99. A request that was lost or never answered took longer than any limit."""
    if run.requests and _lost(run) > 0.01 * run.requests:
        return float("inf")
    return run.latency_p99_s


def _stop_s(run: Measurement) -> float | None:
    """Return the time of the stop. A stop that only SIGKILL ended took longer than any limit."""
    return float("inf") if run.stop_signal == "KILL" else run.stop_s


def _seconds(value: float) -> str:
    if value == float("inf"):
        return "never"
    return f"{1000 * value:.0f} ms" if value < 1 else f"{value:.2f} s"


def _count(value: float) -> str:
    return f"{value:.0f}"


def _percent(value: float) -> str:
    return f"{100 * value:.1f} %"


KINDS = (
    Kind("max-lost", "lost requests", parse_count, _lost, _count),
    Kind("max-recycle", "longest recycle", seconds, lambda run: run.recycle_max_s, _seconds),
    Kind("max-hang-rate", "share of the respawns that hung", parse_part, _hang_rate, _percent),
    Kind("p99", "latency p99 while workers recycle", seconds, _p99_s, _seconds),
    Kind("max-stop", "time of a stop", seconds, _stop_s, _seconds),
)


def read_limits(given: Mapping[str, str | None], file: Path | None) -> dict[str, float]:
    """Return the limits by option. `given` are those of the command line. Raise ValueError with every mistake."""
    texts, errors = dict[str, str](), list[str]()
    if file is not None:
        texts |= _read_file(file, errors)
    texts |= {option: text for option, text in given.items() if text is not None}
    limits = {}
    for kind in KINDS:
        if kind.option in texts:
            try:
                limits[kind.option] = kind.parse(texts[kind.option])
            except ValueError as error:
                errors.append(f"--{kind.option}: {error}")
    if errors:
        raise ValueError("\n".join(errors))
    return limits


def judge(limits: Mapping[str, float], run: Measurement) -> list[Outcome]:
    """Return how the run compares with each limit, in the order of KINDS."""
    outcomes = []
    for kind in KINDS:
        if (limit := limits.get(kind.option)) is not None:
            value = kind.measure(run)
            measured = None if value is None else kind.write(value)
            outcomes.append(
                Outcome(kind.option, kind.what, kind.write(limit), measured, value is not None and value <= limit)
            )
    return outcomes


def _read_file(file: Path, errors: list[str]) -> dict[str, str]:
    try:
        table = tomllib.loads(file.read_text(encoding="utf-8")).get(TABLE)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        errors.append(f"{file}: {error}")
        return {}
    if not isinstance(table, dict):
        errors.append(f"{file} has no table [{TABLE}]")
        return {}
    known = [kind.option for kind in KINDS]
    errors += [f"{file}: there is no limit {key}; there are {', '.join(known)}" for key in table if key not in known]
    return {key: str(value) for key, value in table.items() if key in known}
