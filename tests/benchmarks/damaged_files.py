"""Damages results in many ways and reads them: `python -m tests.benchmarks.damaged_files [INPUTS] [FIRST_SEED]`.

Each input gets two readers; every hundredth gets all of them, the pages and the commands. They run in child processes,
so that a crash of a library is seen as well. It writes results/bench/damaged_files.json after each group of inputs, and
exits with 1 if there was a traceback, a hang, a crash or a changed file.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "tests" / "unit"))

from damaged_reports import READERS, WAYS, faults  # noqa: E402

ALL_WAYS_EACH = 100


def in_child(seeds: range) -> tuple[int, list[str]]:
    """Read the inputs of these seeds in a child process. Return how many were read, and the faults."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        try:
            for seed in seeds:
                ways = tuple(WAYS) if seed % ALL_WAYS_EACH == 0 else ("table", READERS[1 + seed % 2])
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


def main(inputs: int = 20_000, first: int = 0, group: int = 50) -> int:
    """Read `inputs` damaged results, print the faults, and write the figures."""
    began_s, read, found, figures = time.monotonic(), 0, list[str](), dict[str, object]()
    left = list(range(first, first + inputs, group))
    for begin in left:
        seeds = range(begin, min(begin + group, first + inputs))
        while len(seeds):
            count, new = in_child(seeds)
            read += count
            found += new
            for fault in new:
                print(fault, flush=True)
            seeds = seeds[count + 1 :]
        figures = write_figures(inputs, first, read, found, time.monotonic() - began_s)
    print(json.dumps(figures, indent=1))
    return 1 if found else 0


def write_figures(inputs: int, first: int, read: int, found: list[str], seconds: float) -> dict[str, object]:
    """Write how many inputs were read so far, and the kinds of faults."""
    kinds = Counter(fault.partition(" (seed")[0].split(": '")[0] for fault in found)
    figures: dict[str, object] = {"inputs": inputs, "first_seed": first, "read": read, "faults": len(found)}
    figures |= {"kinds": dict(kinds), "seconds": round(seconds, 1)}
    folder = ROOT / "results" / "bench"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "damaged_files.json").write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    return figures


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
