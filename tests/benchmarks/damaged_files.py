"""Damages results in many ways and reads them: `python -m tests.benchmarks.damaged_files [INPUTS] [FIRST_SEED]`.

Each input gets one reader in turn; every two-hundredth gets all of them, the pages and the commands. They run in child
processes, one for each CPU up to SIDE_BY_SIDE, so that a crash of a library is seen as well. It writes
results/bench/damaged_files.json after each group of inputs, and exits with 1 if there was a traceback, a hang, a crash
or a changed file. A further call with seeds that follow adds to the figures.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "tests" / "unit"))

from damaged_reports import READERS, WAYS, faults  # noqa: E402

ALL_WAYS_EACH = 200
SIDE_BY_SIDE = 2
FIGURES = ROOT / "results" / "bench" / "damaged_files.json"


def in_child(seeds: range) -> tuple[int, list[str]]:
    """Read the inputs of these seeds in a child process. Return how many were read, and the faults."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        try:
            for seed in seeds:
                ways = tuple(WAYS) if seed % ALL_WAYS_EACH == 0 else (READERS[seed % len(READERS)],)
                with tempfile.TemporaryDirectory(prefix="damaged-") as folder:
                    found = faults(Path(folder), seed, ways)
                os.write(writer, (json.dumps([seed, found]) + "\n").encode())
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader, encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    _, status = os.waitpid(child, 0)
    found = [fault for _, faults_of_one in rows for fault in faults_of_one]
    if len(rows) < len(seeds):
        found.append(f"crash: the process ended with status {status} (seed {seeds[len(rows)]})")
    return len(rows), found


def read_group(seeds: range) -> tuple[int, list[str]]:
    """Read the inputs of these seeds, also those behind one that has ended its process."""
    read, found = 0, list[str]()
    while len(seeds):
        count, new = in_child(seeds)
        read, found = read + count, found + new
        seeds = seeds[count + 1 :]
    return read, found


def main(inputs: int = 20_000, first: int = 0, group: int = 50) -> int:
    """Read `inputs` damaged results, print the faults, and write the figures."""
    began_s, before = time.monotonic(), earlier(first)
    figures = dict(before)
    groups = [range(begin, min(begin + group, first + inputs)) for begin in range(first, first + inputs, group)]
    fork = multiprocessing.get_context("fork")  # each process of the pool forks again, so none of them has threads
    with ProcessPoolExecutor(min(SIDE_BY_SIDE, len(os.sched_getaffinity(0))), fork) as pool:
        for read, found in pool.map(read_group, groups):
            for fault in found:
                print(fault, flush=True)
            figures = add(figures, read, found, before["seconds"] + time.monotonic() - began_s)
    print(json.dumps(figures, indent=1))
    return 1 if figures["faults"] else 0


def earlier(first: int) -> dict[str, Any]:
    """Return the figures of the seeds before `first`; zeros without them."""
    if first and FIGURES.exists():
        figures: dict[str, Any] = json.loads(FIGURES.read_text(encoding="utf-8"))
        if figures["first_seed"] + figures["read"] + figures["faults"] >= first:
            return figures
    return {"first_seed": first, "read": 0, "faults": 0, "kinds": {}, "seconds": 0.0}


def add(figures: dict[str, Any], read: int, found: list[str], seconds: float) -> dict[str, Any]:
    """Write the figures with those of one more group."""
    kinds = Counter(figures["kinds"]) + Counter(fault.partition(" (seed")[0].split(": '")[0] for fault in found)
    figures = figures | {"read": figures["read"] + read, "faults": figures["faults"] + len(found)}
    figures |= {"kinds": dict(kinds), "seconds": round(seconds, 1)}
    FIGURES.parent.mkdir(parents=True, exist_ok=True)
    FIGURES.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    return figures


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
