"""Times a verdict with evidence on a cell that hangs, beside the public reproduction of the bug.

The reproduction is uWSGI with its default min-worker-lifetime of 10 s and a client with a timeout of 2 s: its answer is
that client's first timeout, which a person then has to explain. Plain Locust never reports a failure.
"""

from __future__ import annotations

import http.client
import os
import signal
import subprocess
import tempfile
import threading
import time
from pathlib import Path

from stacks import catalogue
from stacks.catalogue import venvs
from stacks.run import supervisor
from stacks.run.ports import free_port
from tests.benchmarks.bench_result import Number, median, ratio
from tests.benchmarks.one_run import loadtest

WHAT = "time to a verdict with evidence on a cell that hangs, beside the public reproduction"
VERSION = ("3.12", "pyuwsgi", "2.0.26")
CLIENTS, TIMEOUT_S, LIMIT_S = 4, 2.0, 60.0


def reproduction_s() -> float:
    """Return the seconds from the start of uWSGI until no client gets an answer within its timeout."""
    venv, port = venvs.ensure(*VERSION), free_port()
    lines = ("enable-threads = true", "master = true", "workers = 4", "max-requests = 10")
    began_s, has_failed = time.monotonic(), threading.Event()

    def ask() -> None:
        while not has_failed.is_set() and time.monotonic() - began_s < LIMIT_S:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_S)
            try:
                connection.request("GET", "/")
                connection.getresponse().read()
            except TimeoutError:
                has_failed.set()
            except OSError:
                time.sleep(0.05)  # uWSGI does not listen yet
            finally:
                connection.close()

    with tempfile.TemporaryDirectory() as directory:
        ini = Path(directory) / "app.ini"
        app = catalogue.APPS / "hello.py"
        ini.write_text("\n".join(["[uwsgi]", f"http-socket = 127.0.0.1:{port}", *lines, f"wsgi-file = {app}"]) + "\n")
        with (Path(directory) / "log").open("wb") as log:
            uwsgi = subprocess.Popen(
                [venv.uwsgi, "--ini", ini], stdout=log, stderr=log, start_new_session=True, cwd=directory
            )
        threads = [threading.Thread(target=ask) for _ in range(CLIENTS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        seconds = time.monotonic() - began_s
        os.killpg(uwsgi.pid, signal.SIGKILL)
        uwsgi.wait()
        supervisor.sweep()
    return seconds


def verdict_s() -> float:
    """Return the seconds of a run from its start to its verdict."""
    with tempfile.TemporaryDirectory() as results:
        run, _ = loadtest(Path(results), "threads", "py312-2.0.26")
    if run["verdict"] != "hung_worker" or not run["evidence"]:
        raise AssertionError(run["verdict"])
    return float(run["duration_s"])


def measure(*, quick: bool) -> list[Number]:
    """Take both alternately."""
    pairs = [(verdict_s(), reproduction_s()) for _ in range(1 if quick else 3)]
    return [
        ratio("pack / reproduction", pairs, at_most=0.2),
        median("pack", "s", [pack for pack, _ in pairs]),
        median("reproduction", "s", [reproduction for _, reproduction in pairs]),
    ]
