"""Makes a run with many requests, for the benchmarks of the reports: in one file, or in the parts of many processes."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from stacks.catalogue import ROOT
from stacks.lifecycle.parts import PARTS_DIR, Part
from stacks.lifecycle.records import EVENTS_FILE, INI_FILE, REQUEST_COLUMNS, REQUESTS_FILE, RUN_FILE, SAMPLES_FILE

GOLDEN = ROOT / "tests" / "data" / "runs" / "recovers"
GROUP = 1_000_000
RATE = 10_000.0  # requests a second of one file, so 1e7 rows are a run of 17 minutes


def generate(directory: Path, rows: int, *, parts: int = 1, seconds: float | None = None, csv: bool = False) -> int:
    """Write a golden run with other requests: log-normal latencies, 0.1 % lost, 16 workers.

    The load lasts `seconds` (default: as long as RATE needs); every part has requests of all of it. With `csv`,
    requests.csv has the rows as well. Returns the bytes of the Parquet files.
    """
    seconds = seconds or rows / RATE
    record = json.loads((GOLDEN / RUN_FILE).read_text())
    begin_ns = record["load"]["begin_ns"]
    record["load"] |= {"end_ns": begin_ns + round(seconds * 1e9), "window_s": seconds}
    (directory / RUN_FILE).write_text(json.dumps(record))
    for name in (EVENTS_FILE, INI_FILE, SAMPLES_FILE):
        (directory / name).write_bytes((GOLDEN / name).read_bytes())
    files = [directory / REQUESTS_FILE]
    if parts > 1:
        (directory / PARTS_DIR).mkdir()
        files = [directory / PARTS_DIR / Part("night", "host", number, 1).file for number in range(parts)]
    for number, file in enumerate(files):
        _write(file, rows // parts, begin_ns, seconds, number, directory / "requests.csv" if csv else None)
    return sum(file.stat().st_size for file in files)


def _write(path: Path, rows: int, begin_ns: int, seconds: float, seed: int, csv: Path | None) -> None:
    schema = pa.schema([(name, pa.type_for_alias(alias)) for name, alias in REQUEST_COLUMNS.items()])
    random = np.random.default_rng(seed)
    with contextlib.ExitStack() as files:
        writers = [files.enter_context(pq.ParquetWriter(path, schema, compression="zstd"))]
        writers += [files.enter_context(pyarrow.csv.CSVWriter(csv, schema))] if csv else []
        for first in range(0, rows, GROUP):
            n = min(GROUP, rows - first)
            scheduled = begin_ns + ((first + np.arange(n)) / rows * seconds * 1e9).astype(np.int64)
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
            for writer in writers:
                writer.write_table(table)
