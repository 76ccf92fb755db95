"""Steps the wall clock during real runs: `python -m tests.benchmarks.clock_step [RUNS]`.

Every process of a run (uWSGI, Locust, the observer) has a wall clock that jumps by an hour while the load is on, as NTP
or a suspended machine lets it jump: a preloaded library, which cc compiles, adds a number in a file to it. Monotonic
clocks go on.
The verdict must be the one of the cell, every time in the rows must be within the run, and the report must be made. It
writes results/bench/clock_step.json, and exits with 1 if anything is wrong.
"""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import pyarrow.parquet

from stacks.catalogue import ROOT
from stacks.lifecycle.reading import read_json, read_rows
from stacks.lifecycle.records import EVENTS_FILE, REQUESTS_FILE, RUN_FILE, SAMPLES_FILE

SOURCE = Path(__file__).with_name("stepped_clock.c")
FIGURES = ROOT / "results" / "bench" / "clock_step.json"
STEPS_S = (3600, -3600)
CELLS = {"threads@py312-2.0.30.post1": "recovers", "threads@py312-2.0.26": "hung_worker"}
LOAD_LIMIT_S, LIMIT_S = 120.0, 300.0
AFTER_S = 0.5  # from the begin of the load to the step


def one_run(cell: str, offset_s: int) -> tuple[dict[str, Any], list[str]]:
    """Carry out one run of a cell with a step of the clock. Return what it says, and what is wrong."""
    folder = Path(tempfile.mkdtemp(prefix="clock-step-"))
    step, library = folder / "step", folder / "stepped_clock.so"
    step.write_bytes(struct.pack("@l", 0))
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", library, SOURCE], check=True)
    environment = os.environ | {"PACK_RESULTS": str(folder / "results")}
    environment |= {"LD_PRELOAD": str(library), "CLOCK_STEP_FILE": str(step)}
    stack, _, version = cell.partition("@")
    command = [sys.executable, "-m", "stacks", "loadtest", "--stack", stack, "--version", version, "--trials", "1"]
    with (folder / "output").open("wb") as output:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=output, stderr=output)
        try:
            is_stepped = await_load(folder / "results", process)
            with step.open("r+b") as file:  # in place: the processes have mapped the file
                file.write(struct.pack("@l", offset_s))
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
    row = {"cell": cell, "offset_s": offset_s, "verdict": record["verdict"], "duration_s": record.get("duration_s")}
    return row, [f"{text} [{cell}, {offset_s:+} s; {folder}]" for text in found]


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
    """Carry out `runs` runs of each cell and step. Print what is wrong, and write the figures."""
    rows, found = [], list[str]()
    for number in range(runs):
        for cell in CELLS:
            for offset_s in STEPS_S:
                row, new = one_run(cell, offset_s)
                rows, found = [*rows, row], found + new
                print(number + 1, row, *new, flush=True)
                FIGURES.parent.mkdir(parents=True, exist_ok=True)
                figures = {"runs": len(rows), "wrong": len(found), "what": found, "rows": rows}
                FIGURES.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
