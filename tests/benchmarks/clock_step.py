"""Steps the wall clock during real runs and watches: `python -m tests.benchmarks.clock_step [RUNS]`.

Every process of a run (uWSGI, Locust, the observer) has a wall clock that jumps by an hour while the load is on, as NTP
or a suspended machine lets it jump: a preloaded library, which cc compiles, adds a number in a file to it. Monotonic
clocks go on.
The verdict must be the one of the cell, every time in the rows must be within the run, and the report must be made. The
same is done to a uWSGI that `watch` watches and records: it must tell of a hang where there is one, and nowhere else.
It writes results/bench/clock_step.json, and exits with 1 if anything is wrong. Another call goes on behind the rows of
that file, until there are RUNS of each cell and step. Remove the file to begin anew.
"""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import product
from pathlib import Path
from typing import IO, Any
from unittest.mock import patch

import pyarrow.parquet

from stacks.catalogue import ROOT
from stacks.lifecycle.reading import read_json, read_rows
from stacks.lifecycle.records import EVENTS_FILE, REQUESTS_FILE, RUN_FILE, SAMPLES_FILE
from stacks.watch.finish import PAGE_FILE
from tests.benchmarks.watched.stack import (
    BROKEN,
    HEALTHY,
    changes,
    hammer,
    stack,
    wait_until_counting,
    wait_until_watching,
    watch,
)

SOURCE = Path(__file__).with_name("stepped_clock.c")
FIGURES = ROOT / "results" / "bench" / "clock_step.json"
STEPS_S = (3600, -3600)
CELLS = {"threads@py312-2.0.30.post1": "recovers", "threads@py312-2.0.26": "hung_worker"}
LOAD_LIMIT_S, LIMIT_S = 120.0, 300.0
AFTER_S = 0.5  # from the begin of the load to the step
RESPAWNS = 12  # of a healthy uWSGI that is watched, after the step


class SteppedClock:
    """The wall clock of the processes that are started with its `environment`."""

    def __init__(self, folder: Path) -> None:
        self._step, library = folder / "step", folder / "stepped_clock.so"
        self._step.write_bytes(struct.pack("@l", 0))
        subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", library, SOURCE], check=True)
        self.environment = {"LD_PRELOAD": str(library), "CLOCK_STEP_FILE": str(self._step)}

    def step(self, offset_s: int) -> None:
        """Let the clock jump, in place: the processes have mapped the file."""
        with self._step.open("r+b") as file:
            file.write(struct.pack("@l", offset_s))


def one_run(cell: str, offset_s: int) -> tuple[dict[str, Any], list[str]]:
    """Carry out one run of a cell with a step of the clock. Return what it says, and what is wrong."""
    folder = Path(tempfile.mkdtemp(prefix="clock-step-"))
    clock = SteppedClock(folder)
    environment = os.environ | {"PACK_RESULTS": str(folder / "results")} | clock.environment
    stack_name, _, version = cell.partition("@")
    command = [sys.executable, "-m", "stacks", "loadtest", "--stack", stack_name, "--version", version, "--trials", "1"]
    with (folder / "output").open("wb") as output:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=output, stderr=output)
        try:
            is_stepped = await_load(folder / "results", process)
            clock.step(offset_s)
            code = process.wait(LIMIT_S)
        finally:
            process.kill()
            process.wait()
    report = subprocess.run(
        [sys.executable, "-m", "analysis", "report", str(next((folder / "results").glob("2*")))],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    (run,) = [path.parent for path in (folder / "results").glob(f"2*/*/{RUN_FILE}")]
    record = read_json(run / RUN_FILE)
    found = [] if is_stepped else ["the load never began"]
    found += [f"exit code {code}"] if code else []
    found += [] if record["verdict"] == CELLS[cell] else [f"verdict {record['verdict']}: {record['reason']}"]
    found += [] if report.returncode in (0, 3) else [f"report: {report.stderr[-300:]}"]
    found += odd_times(run, record) if record["load"]["end_ns"] else [f"no load: {record['error']}"]
    row = {"cell": cell, "command": "loadtest", "offset_s": offset_s, "verdict": record["verdict"]}
    return row, [f"{text} [{cell}, {offset_s:+} s; {folder}]" for text in found]


def one_watch(cell: str, offset_s: int) -> tuple[dict[str, Any], list[str]]:
    """Watch and record a uWSGI of a cell while its clock and the watcher's jump. Return the same as `one_run`."""
    folder, is_hung = Path(tempfile.mkdtemp(prefix="clock-step-")), CELLS[cell] != "recovers"
    clock, recording, begin_ns = SteppedClock(folder), folder / "recording", time.monotonic_ns()
    with (
        patch.dict(os.environ, clock.environment),
        stack(4, 5, BROKEN if is_hung else HEALTHY) as served,
        (folder / "changes").open("w+") as output,
        watch(served.pid, "--record", str(recording), stdout=output) as process,
        begun(output),
        hammer(served, 8, LIMIT_S, 0.1),
    ):
        if not is_hung:  # after its first respawns a broken stack makes none
            wait_until_counting(output)
        before = len(respawns(folder))
        clock.step(offset_s)
        end_s = time.monotonic() + LOAD_LIMIT_S
        while time.monotonic() < end_s and process.poll() is None and len(respawns(folder)) < before + RESPAWNS:
            if is_hung and told_hangs(folder):
                break
            time.sleep(0.2)
    hangs, after = told_hangs(folder), len(respawns(folder)) - before
    (run,) = recording.glob(f"watch-*/{RUN_FILE}")
    record, (rows, found) = read_json(run), read_rows(run.with_name(EVENTS_FILE))
    odd = [row for row in rows if not begin_ns - LIMIT_S * 1e9 <= row.t_ns <= time.monotonic_ns()]
    found += [f"{len(odd)} of {len(rows)} times are not within the watch, such as {odd[0]}"] if odd else []
    found += [] if process.returncode == 130 else [f"exit code {process.returncode}"]  # a signal has ended it
    found += [] if bool(hangs) == is_hung else [f"hangs: {[row['text'] for row in hangs]}"]
    found += [] if is_hung or after >= RESPAWNS else [f"{after} respawns after the step"]
    found += [] if record["verdict"] == CELLS[cell] else [f"verdict {record['verdict']}: {record['reason']}"]
    found += [] if (recording / PAGE_FILE).exists() else ["no page"]
    ends = Counter(row["cause"] for row in read_changes(folder) if row["kind"] == "worker_ended")
    row = {"cell": cell, "command": "watch", "offset_s": offset_s, "verdict": record["verdict"], "ends": dict(ends)}
    return row, [f"{text} [watch, {cell}, {offset_s:+} s; {folder}]" for text in found]


@contextmanager
def begun(output: IO[str]) -> Iterator[None]:
    """Wait until the watch knows the workers that are there, before anything below begins."""
    wait_until_watching(output)
    yield


def read_changes(folder: Path) -> list[dict[str, Any]]:
    return changes((folder / "changes").read_text())


def respawns(folder: Path) -> list[dict[str, Any]]:
    return [row for row in read_changes(folder) if row["kind"] == "worker_ready"]


def told_hangs(folder: Path) -> list[dict[str, Any]]:
    return [row for row in read_changes(folder) if row["kind"] == "worker_hung"]


def await_load(results: Path, process: subprocess.Popen[bytes]) -> bool:
    """Wait until the load of the run is on. Return False if it does not begin."""
    end_s = time.monotonic() + LOAD_LIMIT_S
    while time.monotonic() < end_s and process.poll() is None:
        for events in results.glob(f"2*/*/{EVENTS_FILE}"):
            if '"load_begin"' in events.read_text():
                time.sleep(AFTER_S)
                return True
        time.sleep(0.05)
    return False


def odd_times(run: Path, record: dict[str, Any]) -> list[str]:
    """Return one line for each kind of rows with a time that is not within the run."""
    load = record["load"]
    first_ns, last_ns = load["begin_ns"] - int(LIMIT_S * 1e9), load["end_ns"] + int(LIMIT_S * 1e9)
    events, bad = read_rows(run / EVENTS_FILE)
    times = {EVENTS_FILE: [row.t_ns for row in events]}
    requests = pyarrow.parquet.read_table(run / REQUESTS_FILE)
    times[REQUESTS_FILE] = requests["start_ns"].to_pylist()
    samples = pyarrow.parquet.read_table(run / SAMPLES_FILE)
    times[SAMPLES_FILE] = samples["t_ns"].to_pylist()
    found = [*bad]
    for name, values in times.items():
        odd = [value for value in values if not first_ns <= value <= last_ns]
        found += [f"{name}: {len(odd)} of {len(values)} times are not within the run, such as {odd[0]}"] if odd else []
        found += [] if values else [f"{name} has no rows"]
    latencies = requests["latency_us"].to_pylist()
    slow = [value for value in latencies if not 0 <= value < LIMIT_S * 1e6]
    return found + ([f"{len(slow)} latencies such as {slow[0]} us"] if slow else [])


def main(runs: int = 3) -> int:
    """Carry out `runs` runs and watches of each cell and step. Print what is wrong, and write the figures."""
    before = json.loads(FIGURES.read_text(encoding="utf-8")) if FIGURES.exists() else {"rows": [], "what": []}
    rows, found = before["rows"], before["what"]
    steps = list(product(range(runs), (one_run, one_watch), CELLS, STEPS_S))
    for number, carry_out, cell, offset_s in steps[len(rows) :]:
        row, new = carry_out(cell, offset_s)
        rows, found = [*rows, row], found + new
        print(number + 1, row, *new, flush=True)
        FIGURES.parent.mkdir(parents=True, exist_ok=True)
        figures = {"runs": len(rows), "wrong": len(found), "what": found, "rows": rows}
        FIGURES.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
