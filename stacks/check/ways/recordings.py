"""Reads the files of a finished run into the results of the ways that it has taken."""

from __future__ import annotations

import itertools
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

from stacks.check.measurement import Measurement, read_log
from stacks.check.ways.derivation import HARAKIRI_S
from stacks.check.ways.way_plans import LIMIT_S
from stacks.lifecycle.outages import PAUSE_S, Request, outage
from stacks.lifecycle.reading import read_events, read_json
from stacks.lifecycle.records import EVENTS_FILE, REQUESTS_FILE, RUN_FILE, Event
from stacks.lifecycle.way_results import WayResult, way_results

LAST_LINES = 12  # of the log of an instance that ended: what comes before was no reason to end
_ERROR = re.compile(r"(?:[\w.]+\.)?\w*(?:Error|Exception)\b: ")
COLUMNS = ("start_ns", "latency_us", "status", "error", "pid")


def read_ways(directory: Path) -> list[tuple[str, WayResult]]:
    """Return the ways that the run in `directory` has taken, in order. The list is empty if it took none.

    Where the app or its interpreter may be at fault, the reason has the last error of the log.
    """
    results = way_results(read_rows(directory), read_requests(directory))
    log = read_log(directory)
    errors = {"dead_master": last_error(log, LAST_LINES), "broken_app": last_error(log)}
    return [
        (name, replace(result, reason=f"{result.reason} ({error})"))
        if (error := errors.get(result.verdict))
        else (name, result)
        for name, result in results
    ]


def last_error(log: str, lines: int = 0) -> str:
    """Return the last exception of Python in a log, or in its last `lines`; '' if there is none."""
    newest = [line.strip() for line in log.splitlines() if line.strip()][-lines:]
    return next((line for line in reversed(newest) if _ERROR.match(line)), "")


def read_error(directory: Path) -> str:
    """Return why the run in `directory` could not be made, or ''."""
    record = read_json(directory / RUN_FILE)
    return str(record["error"] or "")


def read_limited_way(measurement: Measurement, way: str = "", *, has_pauses: bool = False) -> WayResult:
    """Return the result of the `way` that the load took, from its measurement and from the files of its run.

    With `has_pauses` nobody asks for some time, so the longest wait for an answer counts and not the time without one.
    """
    directory = Path(measurement.directory)
    load: dict[str, Any] = read_json(directory / RUN_FILE)["load"]
    met = None
    if load["begin_ns"] and load["end_ns"]:
        # The workers leave from the first second on, so there are no usual answers to compare with.
        met = outage(read_requests(directory), load["begin_ns"], load["begin_ns"], load["end_ns"])
    verdict, reason = _limited_verdict(measurement, way)
    return WayResult(
        verdict,
        reason,
        measurement.evidence,
        times=measurement.trials,
        replaced=measurement.respawns,
        ended_s=measurement.recycle_median_s,
        nothing_s=_longest_wait_s(measurement) if has_pauses else met.nothing_s if met else 0.0,
        requests=measurement.requests,
        lost=met.lost if met else {},
    )


def _limited_verdict(run: Measurement, way: str) -> tuple[str, str]:
    """Return the verdict and its reason. Exits that take as long as no way may take are hung, also without a proof.

    A worker whose threads wait in a socket, as the one of py-tracebacker does, stands still without a proof.
    """
    longest_s = run.exit_max_s or 0.0
    if run.verdict == "invalid" and not run.respawns and longest_s >= LIMIT_S:
        return "hung_exit", f"no worker came back: a worker that began to exit was still there {longest_s:.0f} s later"
    if run.verdict == "invalid" and not run.respawns and way == "harakiri":
        why = f"no request took longer than harakiri allows ({HARAKIRI_S} s in the copy): name a page that does"
        return run.verdict, f"{why} with --slow-url (SLOW_URL=/path)"
    return run.verdict, run.reason


def _longest_wait_s(measurement: Measurement) -> float:
    longest_s = measurement.latency_max_s or 0.0
    return longest_s if longest_s > PAUSE_S else 0.0


def read_rows(directory: Path) -> list[Event]:
    """Return the rows of the run up to its verdict: what comes later is the work of the run itself."""
    path = directory / EVENTS_FILE
    if not path.exists():
        return []
    return list(itertools.takewhile(lambda row: row.kind not in ("verdict", "stop"), read_events(path)))


def read_requests(directory: Path) -> list[Request]:
    """Return the requests of the run."""
    path = directory / REQUESTS_FILE
    if not path.exists():
        return []
    from stacks.run import parquet  # here: its import takes 0.2 s, and bad input never needs it

    columns = parquet.read_requests(path, list(COLUMNS))
    return [Request(*values) for values in zip(*(columns[name] for name in COLUMNS), strict=True)]


def start_s(directory: Path) -> float:
    """Return how long the first workers took to be ready; 0 if none was."""
    rows = read_rows(directory)
    began_ns = next((row.t_ns for row in rows if row.kind == "start"), 0)
    ready = next((row.t_ns for row in rows if row.kind == "ready"), began_ns)
    return (ready - began_ns) / 1e9
