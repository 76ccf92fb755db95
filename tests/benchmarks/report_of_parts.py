"""The report on a run in many parts beside one with half of the rows in one file: seconds, CPU and memory.

`python -m tests.benchmarks.report_of_parts [ROWS] [PARTS]` (default: 1e8 rows in 50 parts, which take 1 GB of disk).
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from stacks.catalogue import ROOT
from tests.benchmarks.big_run import generate

SECONDS = 600  # of load
READ = """
import json, resource, sys, time
from analysis.frames.results import load
began = time.monotonic()
runs = load(sys.argv[1]).runs
used = resource.getrusage(resource.RUSAGE_SELF)
peak_kib = next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(json.dumps({"rows": int(runs["requests"][0]), "seconds": round(time.monotonic() - began, 1),
    "cpu_s": round(used.ru_utime + used.ru_stime, 1), "memory_mb": peak_kib // 1024}))
"""


def main() -> None:
    rows = int(float(sys.argv[1])) if len(sys.argv) > 1 else 100_000_000
    parts = int(sys.argv[2]) if len(sys.argv) > 2 else 50
    for count, files in ((rows // 2, 1), (rows, parts)):
        with tempfile.TemporaryDirectory() as folder:
            size = generate(Path(folder), count, parts=files, seconds=SECONDS)
            read = [sys.executable, "-c", READ, folder]
            done = subprocess.run(read, cwd=ROOT, capture_output=True, text=True, check=True)
        found = json.loads(done.stdout[done.stdout.rindex("{") :])  # behind DuckDB's bar of progress
        print(json.dumps({"files": files, "megabytes": size >> 20} | found), flush=True)


if __name__ == "__main__":
    main()
