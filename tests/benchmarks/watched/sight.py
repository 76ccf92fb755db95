"""What `make watch` sees: every respawn, every hang in time, and no hang where there is none."""

from __future__ import annotations

import os
import signal
import statistics
import subprocess
import tempfile
import time

from tests.benchmarks.bench_result import Number, median
from tests.benchmarks.watched.stack import (
    BROKEN,
    HEALTHY,
    KernelForks,
    changes,
    hammer,
    stack,
    wait_until_counting,
    wait_until_watching,
    watch,
)

SLICE_S = float(os.environ.get("SLICE", "10"))
WORKERS = 16
# A recycle of each worker every ten minutes is quick for a production uWSGI. A day of it is 2,304 respawns.
COMPRESSED_S = 600.0
LOCKED_APP = """
import threading
lock = threading.Lock()
def application(environ, start_response):
    if environ["PATH_INFO"] == "/stick":
        lock.acquire()
        lock.acquire()
    start_response("200 OK", [("Content-Length", "3")])
    return [b"ok\\n"]
"""


def count() -> list[Number]:
    """respawns that were counted at 50 a second or more, beside the kernel's own count"""
    with stack(64, 1) as served, tempfile.TemporaryFile("w+") as output:
        with watch(served.pid, stdout=output), hammer(served, 128, SLICE_S + 60):
            wait_until_counting(output)
            with KernelForks(served.pid) as forks:
                time.sleep(SLICE_S)
            time.sleep(2)
        output.seek(0)
        seen = {row["pid"] for row in changes(output.read()) if row["kind"] == "worker_forked"}
    return [
        median("respawns that the kernel counted", "respawns", [float(len(forks.pids))]),
        median("respawns a second", "1/s", [len(forks.pids) / SLICE_S], at_least=50.0),
        median("respawns that the watch missed", "respawns", [float(len(set(forks.pids) - seen))], at_most=0.0),
    ]


def hang() -> list[Number]:
    """how late a hang is reported: at the fork (its killed workers hang again), and in requests"""
    late: list[float] = []
    since_fork: list[float] = []
    for app, version, rounds in (("", BROKEN, 11), (LOCKED_APP, HEALTHY, 3)):
        with stack(WORKERS, 0, version, app) as served, tempfile.TemporaryFile("w+") as output:
            with watch(served.pid, stdout=output):
                wait_until_watching(output)
                for _ in range(rounds):
                    if app:
                        url = f"http://127.0.0.1:{served.port}/stick"
                        clients = [
                            subprocess.Popen(["curl", "-s", "-m", "4", url], stdout=subprocess.DEVNULL)
                            for _ in range(WORKERS)
                        ]
                        for client in clients:
                            client.wait()
                    for pid in served.workers():
                        os.kill(pid, signal.SIGKILL)
                    time.sleep(4.5)
            output.seek(0)
            rows = [row for row in changes(output.read()) if row["kind"] == "worker_hung"]
        late += [row["proven_s"] for row in rows]
        since_fork += [row["hung_s"] for row in rows if row["hung_s"] is not None]
    p99 = sorted(late)[int(len(late) * 0.99)]
    return [
        median("hangs that were reported", "hangs", [float(len(late))], at_least=200.0),
        Number(
            "p99 of the time from the proof to the report",
            "s",
            late,
            p99,
            min(late),
            max(late),
            f"the smallest and the largest of n = {len(late)}",
            at_most=2.0,
        ),
        Number(
            "p99 of the time from the fork to the report",
            "s",
            since_fork,
            sorted(since_fork)[int(len(since_fork) * 0.99)],
            min(since_fork),
            max(since_fork),
            f"the smallest and the largest of n = {len(since_fork)}",
        ),
        median("time from the fork to the report", "s", [statistics.median(since_fork)]),
    ]


def alarms() -> list[Number]:
    """false alarms of healthy recycling beside two CPU hogs, for SECONDS (default 240)"""
    seconds = float(os.environ.get("SECONDS", "240"))
    hogs = [subprocess.Popen(["sh", "-c", "while :; do :; done"]) for _ in range(2)]
    try:
        with stack(WORKERS, 10) as served, tempfile.TemporaryFile("w+") as output:
            with watch(served.pid, stdout=output), hammer(served, 32, seconds):
                time.sleep(seconds)
            output.seek(0)
            rows = changes(output.read())
    finally:
        for hog in hogs:
            hog.kill()
            hog.wait()
    respawns = sum(row["kind"] == "worker_forked" for row in rows)
    hung = sum(row["kind"] in ("worker_hung", "master_hung") for row in rows)
    worth_h = respawns / WORKERS * COMPRESSED_S / 3600
    return [
        median("respawns", "respawns", [float(respawns)]),
        median(
            "hours that they are worth, at a recycle of each worker every 10 minutes", "h", [worth_h], at_least=24.0
        ),
        median("false alarms", "alarms", [float(hung)], at_most=0.0),
    ]
