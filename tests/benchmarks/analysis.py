"""Measures how long `make report` takes on a run with many requests, and how much memory it needs.

    .venv/bin/python -m tests.benchmarks.analysis [ROWS] [--csv]

It generates a run with ROWS (default 1e7) requests of the real schema in row groups of a million. The limits are 10 s
and 1 GB for 1e7 requests, and 30 s and 1.5 GB for 5e7. With `--csv` it also measures pandas on the same rows as CSV.
Exit code 1 means that a limit was exceeded.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from stacks.catalogue import ROOT
from tests.benchmarks.big_run import generate

LIMITS = {10_000_000: (10.0, 1.0), 50_000_000: (30.0, 1.5)}  # seconds, GB


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


# Linux counts the memory of the process that starts a command as memory of the command, up to its exec. So a process of
# its own, which is small, starts it.
WAIT = """
import json, os, sys, time
began = time.perf_counter()
pid = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ)
_, status, usage = os.wait4(pid, 0)
seconds = time.perf_counter() - began
numbers = [status, seconds, usage.ru_maxrss / 1e6, usage.ru_utime + usage.ru_stime]
os.write(int(os.environ["NUMBERS_FD"]), json.dumps(numbers).encode())
"""


def measure(command: list[str]) -> tuple[float, float, float]:
    """Run a command. Return its seconds, its peak memory in GB and its CPU seconds.

    On a busy machine the CPU seconds tell how long the command would take on an idle one.
    """
    read_fd, write_fd = os.pipe()
    with os.fdopen(read_fd, "rb") as numbers:
        environment = os.environ | {"PACK_NO_PDF": "1", "NUMBERS_FD": str(write_fd)}
        wait = [sys.executable, "-I", "-S", "-c", WAIT, *command]
        subprocess.run(wait, env=environment, pass_fds=[write_fd], check=True)
        os.close(write_fd)
        status, seconds, gb, cpu_s = json.loads(numbers.read())
    if status:
        raise SystemExit(f"{' '.join(command)}: status {status}")
    return seconds, gb, cpu_s


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rows", nargs="?", type=float, default=1e7)
    parser.add_argument("--csv", action="store_true", help="also measure pandas on CSV")
    options = parser.parse_args()
    rows = int(options.rows)
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder) / "runs" / "big"
        directory.mkdir(parents=True)
        size = generate(directory, rows, csv=options.csv) / 1e6
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
