"""Builds a campaign as `make capacity` leaves it: saturated sizes, runs that recycle, and a version that hangs."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from results_builder import TYPES, Builder, Story, at, hanging

from stacks.lifecycle import records

WINDOW_S = 2.0
SERVICE_S = 0.025
LIMIT = 12  # requests: 0.3 s of work, so three workers of a slot leave within the window
HOST = {"hostname": "box", "kernel": "6.1", "cpu": "Xeon", "cores": 8, "memory_kib": 8 << 20, "machine": "x86_64"}


def write_ini(directory: Path, workers: int, max_requests: int, **more) -> None:
    """The effective configuration of a run; the section [pack] must not be read."""
    lines = [f"processes = {workers}", f"max-requests = {max_requests}", "min-worker-lifetime = 0"]
    lines += [f"{key.replace('_', '-')} = {value}" for key, value in more.items()]
    (directory / records.INI_FILE).write_text("[uwsgi]\n" + "\n".join(lines) + "\n\n[pack]\nprocesses = 99\n")


def write_samples(directory: Path, workers: int, backlog: int) -> None:
    """The /proc samples of a run whose generator is idle while connections wait for a worker."""
    rows = []
    for second in (0.0, 1.0, 1.9):
        base = {"t_ns": at(second), "rss_kib": 9000, "threads": 1, "wchan": "", "value": 0, "slot": 0}
        rows.append(base | {"role": "locust", "pid": 50, "cpu_ticks": int(30 * second), "pss_kib": 40_000})
        rows += [
            base | {"role": "worker", "slot": w, "pid": 1000 + w, "cpu_ticks": int(second), "pss_kib": 2048}
            for w in range(1, workers + 1)
        ]
        rows.append(base | {"role": "backlog", "pid": 0, "cpu_ticks": 0, "pss_kib": -1, "value": backlog})
    schema = pa.schema([(name, TYPES[kind]) for name, kind in records.SAMPLE_COLUMNS.items()])
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), directory / records.SAMPLES_FILE)


def busy(workers: int, rps: float) -> Story:
    """Workers that answer `rps` together, in a closed loop that never leaves them idle."""
    story = Story()
    pids = {slot: story.first(slot) for slot in range(1, workers + 1)}
    for t in np.arange(0, WINDOW_S, 1 / rps):
        story.request(float(t), SERVICE_S, slot=1, pid=pids[1])
    for _ in range(2 * workers):  # requests that wait when the window ends
        story.request(WINDOW_S - 0.01, 0.1, slot=1, pid=pids[1])
    return story


def cycling(workers: int, limit: int, away_s: float) -> Story:
    """Workers that never rest, and leave after every `limit` requests."""
    story = Story()
    for slot in range(1, workers + 1):
        pid, t = story.first(slot), 0.0
        while t < WINDOW_S:
            for number in range(limit):
                story.request(t + number * SERVICE_S, SERVICE_S, slot=slot, pid=pid)
            t += limit * SERVICE_S
            pid = story.respawn(slot, pid, t, took=away_s)
            t += away_s
    for _ in range(2 * workers):
        story.request(WINDOW_S - 0.01, 0.1, slot=1, pid=1)
    return story


def sweep(path: Path, sizes=(1, 2, 4, 8), contention: float = 0.01, away_s: float = 0.5) -> Path:
    """The whole campaign, with workers that slow each other down by `contention` and recycle in `away_s`."""
    builder = Builder(path)
    builder.cell("work", "py312-2.0.30.post1")
    plans = [(w, None) for w in sizes for _ in range(2)] + [(4, away_s), (4, away_s)]
    for number, (workers, away) in enumerate(plans):
        rps = workers / SERVICE_S / (1 + contention * (workers - 1)) * (1 + 0.002 * (-1) ** number)
        verdict = "invalid" if away is None else "recovers"
        story = busy(workers, rps) if away is None else cycling(workers, LIMIT, away)
        directory = builder.run(verdict, story, host=HOST)
        write_ini(directory, workers, 1_000_000 if away is None else LIMIT)
        write_samples(directory, workers, 4 * workers)
    builder.cell("work", "py312-2.0.26", "hung_worker")
    for _ in range(2):
        directory = builder.run("hung_worker", hanging(4), host=HOST)
        write_ini(directory, 4, 10)
        write_samples(directory, 4, 4)
    return builder.write(host=HOST)
