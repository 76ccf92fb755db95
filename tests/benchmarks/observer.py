"""Does the observer change what it observes? Compares respawns/s and answered requests/s with and without it, in pairs.

Both sides have the same uWSGI, the same Locust and the same recorder, whose rows name the worker that answered. The
side without an observer writes its log to a file. Rates are computed for each slot, from the first answer of its first
incarnation to the first answer of its last one: the master reaps once a second, so a fixed window would contain one
recycle more or less by chance.
`make bench PART=observer` runs it.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
from pathlib import Path

from stacks import catalogue
from stacks.catalogue import venvs
from stacks.observe.observer import Observer
from stacks.run import parquet, supervisor
from stacks.run.hammer import Hammer
from stacks.run.ports import free_port

WINDOW_S = 10.0
WORKERS, USERS, MAX_REQUESTS = 16, 32, 10
VERSION = ("3.12", "pyuwsgi", "2.0.30.post1")


def poll(stats: Path, every_s: float, seconds: float) -> None:
    """Read the stats socket at this interval for so long."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(1.0)
            with contextlib.suppress(OSError):  # the master may be busy with a respawn
                connection.connect(str(stats))
                while connection.recv(1 << 16):
                    pass
        time.sleep(every_s)


def slice_of(
    observed: bool, directory: Path, *, workers: int = WORKERS, window_s: float = WINDOW_S, poll_s: float | None = None
) -> dict[str, float]:
    """Run one window of load. Return respawns/s and answered requests/s. Read the stats socket every `poll_s`."""
    venv = venvs.ensure(*VERSION)
    port = free_port()
    placeholders = {
        "PACK_PORT": str(port),
        "PACK_APP": str(catalogue.APPS / "hello.py"),
        "PACK_BINARY": str(venv.python),
        "PACK_WORKERS": str(workers),
        "PACK_MAX_REQUESTS": str(MAX_REQUESTS),
    }
    ini = directory / "stack.ini"
    ini.write_text(catalogue.effective_ini(catalogue.STACKS / "threads.ini", placeholders))
    stats = directory / "stats"
    command = [str(venv.uwsgi), "--ini", str(ini), *(["--stats", str(stats)] if poll_s else [])]
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

    sleep_until(lambda: log.read_bytes().count(b"\npack-ready") >= workers and hammer.is_up(), 30)
    hammer.send("go")
    if poll_s is None:
        sleep_until(lambda: False, window_s)
    else:
        poll(stats, poll_s, window_s)
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
