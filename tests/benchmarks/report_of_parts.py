"""The report on a run in many parts beside one with half of the rows in one file: seconds, CPU and memory.

`python -m tests.benchmarks.report_of_parts [ROWS] [PARTS]` (default: 1e8 rows in 50 parts, which take 1 GB of disk).
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from stacks.catalogue import ROOT
from stacks.lifecycle.parts import PARTS_DIR, Part
from stacks.lifecycle.records import EVENTS_FILE, INI_FILE, REQUEST_COLUMNS, REQUESTS_FILE, RUN_FILE, SAMPLES_FILE

GOLDEN = ROOT / "tests" / "data" / "runs" / "recovers"
BLOCK = 1_000_000
SECONDS = 600  # of load
READ = """
import json, resource, sys, time
from analysis.frames.results import load
began = time.monotonic()
runs = load(sys.argv[1]).runs
used = resource.getrusage(resource.RUSAGE_SELF)
print(json.dumps({"rows": int(runs["requests"][0]), "seconds": round(time.monotonic() - began, 1),
    "cpu_s": round(used.ru_utime + used.ru_stime, 1), "memory_mb": used.ru_maxrss // 1024}))
"""


def write(path: Path, rows: int, begin_ns: int, seed: int) -> None:
    """Write requests of SECONDS with latencies of a few milliseconds."""
    random = np.random.default_rng(seed)
    schema = pa.schema([(name, pa.type_for_alias(alias)) for name, alias in REQUEST_COLUMNS.items()])
    step_ns = SECONDS * 10**9 // rows
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for done in range(0, rows, BLOCK):
            count = min(BLOCK, rows - done)
            start = begin_ns + (done + np.arange(count)) * step_ns + random.integers(0, step_ns + 1, count)
            values = {"scheduled_ns": start, "start_ns": start, "latency_us": random.lognormal(8, 0.7, count)}
            values |= {
                "status": np.full(count, 200),
                "slot": random.integers(1, 17, count),
                "bytes": np.full(count, 12),
            }
            values |= {"pid": random.integers(1000, 1100, count)}
            texts = {"error": "", "method": "GET", "name": "/"}
            columns = [
                pa.repeat(pa.scalar(texts[field.name]), count)
                if field.name in texts
                else pa.array(values[field.name].astype(field.type.to_pandas_dtype()))
                for field in schema
            ]
            writer.write_table(pa.Table.from_arrays(columns, schema=schema))


def make(folder: Path, rows: int, parts: int) -> int:
    """Make a run of so many rows. Returns the bytes of its requests."""
    folder.mkdir()
    for name in (EVENTS_FILE, INI_FILE, SAMPLES_FILE):
        (folder / name).write_bytes((GOLDEN / name).read_bytes())
    record = json.loads((GOLDEN / RUN_FILE).read_text())
    begin_ns = record["load"]["begin_ns"]
    record["load"] |= {"window_s": float(SECONDS), "end_ns": begin_ns + SECONDS * 10**9}
    (folder / RUN_FILE).write_text(json.dumps(record))
    if parts == 1:
        files = [folder / REQUESTS_FILE]
    else:
        (folder / PARTS_DIR).mkdir()
        files = [folder / PARTS_DIR / Part("night", "host", number, 1).file for number in range(parts)]
    for number, file in enumerate(files):
        write(file, rows // parts, begin_ns, number)
    return sum(file.stat().st_size for file in files)


def main() -> None:
    rows = int(float(sys.argv[1])) if len(sys.argv) > 1 else 100_000_000
    parts = int(sys.argv[2]) if len(sys.argv) > 2 else 50
    with tempfile.TemporaryDirectory() as folder:
        for name, count, files in (("one", rows // 2, 1), ("many", rows, parts)):
            size = make(Path(folder) / name, count, files)
            read = [sys.executable, "-c", READ, str(Path(folder) / name)]
            done = subprocess.run(read, cwd=ROOT, capture_output=True, text=True, check=True)
            print(
                json.dumps(
                    {"files": files, "megabytes": size >> 20} | json.loads(done.stdout[done.stdout.rindex("{") :])
                ),
                flush=True,
            )


if __name__ == "__main__":
    main()
