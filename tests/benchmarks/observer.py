"""Does the observer change what it observes? Compares respawns/s and answered requests/s with and without it, in pairs.

Both sides have the same uWSGI, the same Locust and the same recorder, whose rows name the worker that answered. The
side without an observer writes its log to a file. Rates are computed for each slot, from the first answer of its first
incarnation to the first answer of its last one: the master reaps once a second, so a fixed window would contain one
recycle more or less by chance.
`make bench-observer` runs it. It writes results/bench/observer.json.
"""

from __future__ import annotations

import json
import math
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from scipy import stats

from stacks import catalogue
from stacks.catalogue import venvs
from stacks.lifecycle.records import RESULTS, write_json
from stacks.observe import host
from stacks.observe.collectors import discover
from stacks.observe.observer import Observer
from stacks.run import parquet, supervisor
from stacks.run.hammer import Hammer
from stacks.run.ports import free_port

PAIRS = int(os.environ.get("PAIRS", "8"))
WINDOW_S = 10.0
WORKERS, USERS, MAX_REQUESTS = 16, 32, 10
VERSION = ("3.12", "pyuwsgi", "2.0.30.post1")


def slice_of(observed: bool, directory: Path) -> dict[str, float]:
    """Run one window of load. Return respawns/s and answered requests/s."""
    venv = venvs.ensure(*VERSION)
    port = free_port()
    placeholders = {
        "PACK_PORT": str(port),
        "PACK_APP": str(catalogue.APPS / "hello.py"),
        "PACK_BINARY": str(venv.python),
        "PACK_WORKERS": str(WORKERS),
        "PACK_MAX_REQUESTS": str(MAX_REQUESTS),
    }
    ini = directory / "stack.ini"
    ini.write_text(catalogue.effective_ini(catalogue.STACKS / "threads.ini", placeholders))
    command = [str(venv.uwsgi), "--ini", str(ini)]
    log = directory / "uwsgi.log"
    hammer = Hammer(directory, catalogue.SCENARIOS / "steady.py", f"http://127.0.0.1:{port}", USERS, 60)
    if observed:
        observer = Observer(directory, command, dict(os.environ), port)
        wait, pid = observer.step, observer.pid
    else:
        with log.open("wb") as file:
            process = subprocess.Popen(command, stdout=file, stderr=file, start_new_session=True)
        wait, pid = time.sleep, process.pid

    def sleep_until(condition: object, limit_s: float) -> None:
        end = time.monotonic() + limit_s
        while time.monotonic() < end and not condition():
            wait(0.05)

    sleep_until(lambda: log.read_bytes().count(b"\npack-ready") >= WORKERS and hammer.is_up(), 30)
    hammer.send("go")
    sleep_until(lambda: False, WINDOW_S)
    hammer.send("stop")
    hammer.send("kill")
    hammer.wait(20)
    hammer.close()
    # SIGKILL, because a stop signal during a respawn may be lost. How a stack stops is not measured here.
    os.killpg(pid, signal.SIGKILL)
    if observed:
        observer.close()
    supervisor.sweep()
    parquet.write_requests(directory)
    import pyarrow.parquet as pq

    columns = ["start_ns", "latency_us", "slot", "pid", "error"]
    frame = pq.read_table(directory / "requests.parquet", columns=columns).to_pandas()
    frame = frame[frame["error"] == ""]
    frame["end_s"] = (frame["start_ns"] + frame["latency_us"] * 1000) / 1e9
    respawns = answered = 0.0
    for _, rows in frame.groupby("slot"):
        first = rows.groupby("pid")["end_s"].min()
        span_s = first.max() - first.min()
        respawns += (len(first) - 1) / span_s
        answered += ((rows["end_s"] >= first.min()) & (rows["end_s"] < first.max())).sum() / span_s
    return {"respawns_per_s": respawns, "answered_per_s": answered}


def ratio(pairs: list[tuple[float, float]]) -> dict[str, float]:
    """Return the ratio observed / unobserved: the geometric mean, and its 95 % t interval on the logarithm."""
    logs = [math.log(a / b) for a, b in pairs]
    mean, error = statistics.mean(logs), statistics.stdev(logs) / math.sqrt(len(logs))
    half = float(stats.t.ppf(0.975, len(logs) - 1)) * error
    return {"ratio": math.exp(mean), "low": math.exp(mean - half), "high": math.exp(mean + half), "pairs": len(pairs)}


def main() -> int:
    supervisor.become_subreaper()
    samples = []
    for number in range(PAIRS):
        pair = {}
        for observed in ((True, False), (False, True))[number % 2]:
            with tempfile.TemporaryDirectory() as directory:
                pair["observed" if observed else "unobserved"] = slice_of(observed, Path(directory))
        samples.append(pair)
        print(json.dumps(pair), flush=True)
    result = {
        "schema": 1,
        "host": host.host(),
        "git": host.git(catalogue.ROOT),
        "collectors": [collector.name for collector in discover()],
        "window_s": WINDOW_S,
        "samples": samples,
        "ratios": {
            name: ratio([(pair["observed"][name], pair["unobserved"][name]) for pair in samples])
            for name in ("respawns_per_s", "answered_per_s")
        },
    }
    folder = RESULTS / "bench"
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / "observer.json", result)
    for name, value in result["ratios"].items():
        print(f"{name}: observed / unobserved = {value['ratio']:.3f} (95 % {value['low']:.3f} to {value['high']:.3f})")
    return 0


if __name__ == "__main__":
    sys.exit(main())
