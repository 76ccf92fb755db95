"""Measures how long `make report` takes on a run with many requests, and how much memory it needs.

    .venv/bin/python tests/benchmarks/analysis.py [ROWS] [--csv]

It generates a run with ROWS (default 1e7) requests of the real schema in row groups of a million. The limits are 10 s
and 1 GB for 1e7 requests, and 30 s and 1.5 GB for 5e7. With `--csv` it also measures pandas on the same rows as CSV.
Exit code 1 means that a limit was exceeded.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "tests" / "data" / "runs" / "recovers"
GROUP = 1_000_000
RATE = 10_000.0  # requests a second, so 1e7 rows are a run of 17 minutes
LIMITS = {10_000_000: (10.0, 1.0), 50_000_000: (30.0, 1.5)}  # seconds, GB
TYPES = {"int64": pa.int64(), "int32": pa.int32(), "int16": pa.int16(), "string": pa.string()}


def generate(directory: Path, rows: int, csv: bool) -> None:
    """Write a golden run with other requests: log-normal latencies, 0.1 % lost, 16 workers."""
    sys.path.insert(0, str(ROOT))
    from stacks.lifecycle.records import REQUEST_COLUMNS

    run = json.loads((GOLDEN / "run.json").read_text())
    begin = run["load"]["begin_ns"]
    run["load"] |= {"end_ns": begin + round(rows / RATE * 1e9), "window_s": rows / RATE}
    (directory / "run.json").write_text(json.dumps(run))
    for name in ("events.jsonl", "stack.ini", "samples.parquet"):
        (directory / name).write_bytes((GOLDEN / name).read_bytes())
    schema = pa.schema([(name, TYPES[kind]) for name, kind in REQUEST_COLUMNS.items()])
    random = np.random.default_rng(1)
    out = pyarrow.csv.CSVWriter(directory / "requests.csv", schema) if csv else None
    with pq.ParquetWriter(directory / "requests.parquet", schema, compression="zstd") as writer:
        for first in range(0, rows, GROUP):
            n = min(GROUP, rows - first)
            scheduled = begin + ((first + np.arange(n)) / RATE * 1e9).astype(np.int64)
            lost = random.random(n) < 0.001
            slot = random.integers(1, 17, n)
            table = pa.table(
                {
                    "scheduled_ns": scheduled,
                    "start_ns": scheduled + random.integers(0, 200_000, n),
                    "latency_us": random.lognormal(9, 0.6, n).astype(np.int64),
                    "status": np.where(lost, 0, 200),
                    "error": np.where(lost, "timeout", ""),
                    "slot": slot,
                    "pid": 4000 + slot,
                    "bytes": np.where(lost, 0, 3),
                    "method": np.full(n, "GET"),
                    "name": np.full(n, "/"),
                },
            ).cast(schema)
            writer.write_table(table, row_group_size=GROUP)
            if out is not None:
                out.write_table(table)
    if out is not None:
        out.close()


# What a reader with pandas and a CSV file would run for the same numbers.
PANDAS = """
import sys, pandas as pd
rows = pd.read_csv(sys.argv[1], keep_default_na=False)
rows["second"] = (rows["start_ns"] + rows["latency_us"] * 1000) // 1_000_000_000
answered = rows[rows["error"] == ""]
answered.groupby("second")["latency_us"].quantile(0.99)
answered["latency_us"].quantile([0.5, 0.95, 0.99, 0.999])
"""

# The same with polars, which reads the file in parts.
POLARS = """
import sys, polars as pl
rows = pl.scan_csv(sys.argv[1])
answered = rows.filter(pl.col("error").fill_null("") == "")
second = ((pl.col("start_ns") + pl.col("latency_us") * 1000) // 1_000_000_000).alias("second")
answered.group_by(second).agg(pl.col("latency_us").quantile(0.99)).collect(engine="streaming")
quantiles = [pl.col("latency_us").quantile(q).alias(str(q)) for q in (0.5, 0.95, 0.99, 0.999)]
answered.select(quantiles).collect(engine="streaming")
"""


def measure(command: list[str]) -> tuple[float, float, float]:
    """Run a command. Return its seconds, its peak memory in GB and its CPU seconds.

    On a busy machine the CPU seconds tell how long the command would take on an idle one.
    """
    began = time.perf_counter()
    pid = os.posix_spawn(command[0], command, os.environ | {"PACK_NO_PDF": "1"})
    _, status, usage = os.wait4(pid, 0)
    if status:
        raise SystemExit(f"{' '.join(command)}: status {status}")
    return time.perf_counter() - began, usage.ru_maxrss / 1e6, usage.ru_utime + usage.ru_stime


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rows", nargs="?", type=float, default=1e7)
    parser.add_argument("--csv", action="store_true", help="also measure pandas on CSV")
    options = parser.parse_args()
    rows = int(options.rows)
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder) / "runs" / "big"
        directory.mkdir(parents=True)
        generate(directory, rows, options.csv)
        size = (directory / "requests.parquet").stat().st_size / 1e6
        print(f"{rows:.0e} rows, {size:.0f} MB of Parquet")
        os.chdir(ROOT)
        seconds, memory, cpu_s = measure([sys.executable, "-m", "analysis", "report", str(directory.parent)])
        limit = LIMITS.get(rows)
        is_within_limit = limit is None or (seconds <= limit[0] and memory <= limit[1])
        print(
            f"make report: {seconds:.1f} s ({cpu_s:.1f} s of CPU), {memory:.2f} GB"
            + ("" if limit is None else f", limits {limit}, met: {is_within_limit}")
        )
        if options.csv:
            csv = directory / "requests.csv"
            print(f"{csv.stat().st_size / 1e6:.0f} MB of CSV")
            pandas_s, pandas_gb, cpu_s = measure([sys.executable, "-c", PANDAS, str(csv)])
            print(f"pandas on CSV: {pandas_s:.1f} s ({cpu_s:.1f} s of CPU), {pandas_gb:.2f} GB")
    return 0 if is_within_limit else 1


if __name__ == "__main__":
    sys.exit(main())
