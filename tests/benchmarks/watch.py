"""What does `make watch` cost, and what does it see? Measures it beside the observer of attached runs before it.

    python -m tests.benchmarks.watch [NAME ...]

`attached_before.py` is that observer, and holds its numbers. Each part prints what was measured, the limit and, for
CPU and memory, the ratio. Exit code 1 means that a limit was exceeded. Parts (the seconds are those of one slice):

- rest16, rest128: CPU with so many workers at rest
- recycle: CPU with 16 workers at 20 respawns/s; memory as well
- count: respawns counted at 50/s, beside the kernel's own count
- hang: how late a hang is reported, of 200
- pairs: throughput watched and unwatched, in interleaved pairs
- attach: 100 times attached and detached while it serves
- alarms: healthy recycling beside two CPU hogs
- flat: memory over SECONDS of recycling (default 600)
"""

from __future__ import annotations

import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from stacks import catalogue
from stacks.catalogue import venvs
from stacks.observe import proc, process_events
from stacks.run.ports import free_port

HEALTHY, BROKEN = ("3.12", "pyuwsgi", "2.0.30.post1"), ("3.12", "pyuwsgi", "2.0.26")
SLICE_S = float(os.environ.get("SLICE", "10"))
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
failed: list[str] = []


class Stack:
    """A uWSGI for the benchmark."""

    def __init__(self, folder: Path, version: tuple[str, str, str], workers: int, max_requests: int, app: Path) -> None:
        venv = venvs.ensure(*version)
        self.port = free_port()
        ini = folder / "stack.ini"
        placeholders = {"PACK_PORT": str(self.port), "PACK_APP": str(app), "PACK_BINARY": str(venv.python)}
        placeholders |= {"PACK_WORKERS": str(workers), "PACK_MAX_REQUESTS": str(max_requests)}
        ini.write_text(catalogue.effective_ini(catalogue.STACKS / "threads.ini", placeholders))
        with (folder / "uwsgi.log").open("w") as log:
            self._process = subprocess.Popen(
                [str(venv.uwsgi), "--ini", str(ini)], stdout=log, stderr=log, start_new_session=True
            )
        self.pid = self._process.pid
        end_s = time.monotonic() + 30
        while len(proc.children_of(self.pid)) < workers or not self._answers():
            if time.monotonic() > end_s or self._process.poll() is not None:
                raise SystemExit((folder / "uwsgi.log").read_text())
            time.sleep(0.1)

    def _answers(self) -> bool:
        return (
            subprocess.run(["curl", "-s", "-m", "2", f"http://127.0.0.1:{self.port}/"], capture_output=True).stdout
            == b"ok\n"
        )

    def workers(self) -> list[int]:
        return [pid for pid in proc.children_of(self.pid) if proc.is_alive(pid)]

    def close(self) -> None:
        for pid in proc.descendants(self.pid):
            os.kill(pid, signal.SIGKILL)
        self._process.kill()
        self._process.wait()


@contextmanager
def stack(
    workers: int, max_requests: int = 0, version: tuple[str, str, str] = HEALTHY, app: str = ""
) -> Iterator[Stack]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = catalogue.APPS / "hello.py"
        if app:
            path = folder / "app.py"
            path.write_text(app)
        served = Stack(folder, version, workers, max_requests, path)
        try:
            yield served
        finally:
            served.close()


@contextmanager
def running(*words: str, **options: Any) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen([sys.executable, "-m", *words], text=True, cwd=catalogue.ROOT, **options)
    try:
        yield process
    finally:
        process.terminate()
        process.wait()


def watch(pid: int, **options: Any) -> Any:
    return running("stacks", "watch", "--pid", str(pid), "--json", **({"stdout": subprocess.DEVNULL} | options))


def before(served: Stack) -> Any:
    return running("tests.benchmarks.attached_before", str(served.pid), str(served.port))


def hammer(served: Stack, clients: int, seconds: float, pause_s: float = 0.0) -> Any:
    words = ["tests.benchmarks.hammer_sockets", str(served.port), str(clients), str(seconds), str(pause_s)]
    return running(*words, stdout=subprocess.PIPE)


def cpu_s(pid: int) -> float:
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9


def rss_mb(pid: int) -> float:
    entry = proc.stat(pid)
    return entry.rss_kib / 1024 if entry is not None else float("nan")


def usage(context: Any, seconds: float) -> tuple[float, float]:
    """Return the share of a core that the process of `context` uses once it has started, and its memory in MB."""
    with context as process:
        time.sleep(3)
        cpu, began = cpu_s(process.pid), time.monotonic()
        time.sleep(seconds)
        return (cpu_s(process.pid) - cpu) / (time.monotonic() - began), rss_mb(process.pid)


def report(name: str, value: float, limit: float, unit: str, compared: float | None = None, most: bool = True) -> None:
    is_met = value <= limit if most else value >= limit
    ratio = f", before {compared:.2f} {unit}: 1/{compared / value:.1f}" if compared else ""
    sign = "at most" if most else "at least"
    print(f"{name}: {value:.3f} {unit} ({sign} {limit:g}: {'met' if is_met else 'MISSED'}){ratio}", flush=True)
    if not is_met:
        failed.append(name)


def compare(name: str, served: Stack, limit: float) -> None:
    """Compare CPU and memory in slices that take turns."""
    pairs = [(usage(watch(served.pid), SLICE_S), usage(before(served), SLICE_S)) for _ in range(2)]
    new, old = (statistics.mean(pair[side][0] for pair in pairs) * 100 for side in (0, 1))
    report(f"{name}, CPU", new, limit, "% of a core", old)
    memory = [max(pair[side][1] for pair in pairs) for side in (0, 1)]
    report(f"{name}, memory", memory[0], 40, "MB", memory[1])


def rest16() -> None:
    with stack(16) as served:
        compare("16 workers at rest", served, 0.5)


def rest128() -> None:
    with stack(128) as served:
        compare("128 workers at rest", served, 2.0)


def recycle() -> None:
    with stack(16, 20) as served, hammer(served, 32, 4 * (SLICE_S + 6)):
        forks = len(kernel_forks(served.pid, 3.0)) / 3.0
        print(f"16 workers recycle {forks:.1f} times a second")
        compare("16 workers that recycle", served, 2.0)


def kernel_forks(pid: int, seconds: float) -> list[int]:
    """Return the children that the master forks, as the kernel reports them, without the pack's filter."""
    events = process_events.subscribe()
    forks = []
    end_s = time.monotonic() + seconds
    while time.monotonic() < end_s:
        time.sleep(0.02)
        for event in process_events.receive(events):
            if event is None:
                raise SystemExit("the kernel dropped events")
            what, _, fields = event
            if what == process_events.FORK and fields[1] == pid and fields[2] == fields[3]:
                forks.append(fields[3])
    process_events.close(events)
    return forks


def changes(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def count() -> None:
    with stack(64, 1) as served, tempfile.TemporaryFile("w+") as output:
        with watch(served.pid, stdout=output), hammer(served, 128, SLICE_S + 8):
            time.sleep(3)
            forks = kernel_forks(served.pid, SLICE_S)
            time.sleep(1)
        output.seek(0)
        seen = {row["pid"] for row in changes(output.read()) if row["kind"] == "worker_forked"}
    missed = set(forks) - seen
    print(f"the kernel counts {len(forks)} respawns in {SLICE_S:.0f} s, {len(forks) / SLICE_S:.1f} a second")
    report("respawns that the watch missed", len(missed), 0, "respawns")


def hang() -> None:
    """Kill hung workers again and again: their successors hang as well. Then stick workers in requests."""
    late: list[float] = []
    since_fork: list[float] = []
    for app, version, rounds in (("", BROKEN, 11), (LOCKED_APP, HEALTHY, 3)):
        with stack(16, 0, version, app) as served, tempfile.TemporaryFile("w+") as output:
            with watch(served.pid, stdout=output):
                time.sleep(1.5)
                for _ in range(rounds):
                    stuck = served.workers()
                    if app:
                        urls = [f"http://127.0.0.1:{served.port}/stick"] * 16
                        clients = [
                            subprocess.Popen(["curl", "-s", "-m", "4", url], stdout=subprocess.DEVNULL) for url in urls
                        ]
                        for client in clients:
                            client.wait()
                        stuck = served.workers()
                    for pid in stuck:
                        os.kill(pid, signal.SIGKILL)
                    time.sleep(4.5)
            output.seek(0)
            rows = [row for row in changes(output.read()) if row["kind"] == "worker_hung"]
        late += [row["proven_s"] for row in rows]
        since_fork += [row["hung_s"] for row in rows if row["hung_s"] is not None]
    late.sort()
    print(
        f"{len(late)} hangs; since their forks p50 {statistics.median(since_fork):.2f} s, most {max(since_fork):.2f} s"
    )
    report("hangs reported", len(late), 200, "hangs", most=False)
    report("p99 of the time from the proof to the report", late[int(len(late) * 0.99)], 2.0, "s")


def pairs() -> None:
    ratios = []
    seconds = 4.0
    number = int(os.environ.get("PAIRS", "8"))
    with stack(8, 2000) as served, hammer(served, 16, 60 + number * 2 * (seconds + 3)) as load:
        answered = 0

        def served_in(window_s: float) -> float:
            lines = int(window_s)
            first = json.loads(load.stdout.readline())["answered"]
            began = time.monotonic()
            for _ in range(lines):
                last = json.loads(load.stdout.readline())["answered"]
            return (last - first) / (time.monotonic() - began)

        del answered
        for index in range(number):
            sides = {}
            for watched in (True, False) if index % 2 else (False, True):
                with ExitStack() as scope:
                    if watched:
                        scope.enter_context(watch(served.pid))
                    drain(load, 2.0)
                    sides[watched] = served_in(seconds)
            ratios.append(sides[True] / sides[False])
    print("ratios:", " ".join(f"{ratio:.3f}" for ratio in ratios))
    report("throughput watched / unwatched, median", statistics.median(ratios), 0.99, "", most=False)


def drain(load: subprocess.Popen[str], seconds: float) -> None:
    """Read the lines of a load for some time."""
    end_s = time.monotonic() + seconds
    while time.monotonic() < end_s:
        load.stdout.readline()


def attach() -> None:
    from stacks.watch.watch import Watch

    with stack(8, 100) as served:
        with hammer(served, 8, 40, 0.01) as load:
            time.sleep(1)
            for _ in range(100):
                with Watch.open(served.pid) as one:
                    one.step(0.05)
            lines = [json.loads(line) for line in load.stdout]
        report("requests that failed while it was attached 100 times", lines[-1]["failed"], 0, "requests")
        report("requests that were answered meanwhile", lines[-1]["answered"], 1000, "requests", most=False)


def alarms() -> None:
    seconds = float(os.environ.get("SECONDS", "120"))
    hogs = [subprocess.Popen(["sh", "-c", "while :; do :; done"]) for _ in range(2)]
    try:
        with stack(16, 10) as served, tempfile.TemporaryFile("w+") as output:
            with watch(served.pid, stdout=output), hammer(served, 32, seconds):
                time.sleep(seconds)
            output.seek(0)
            rows = changes(output.read())
    finally:
        for hog in hogs:
            hog.kill()
            hog.wait()
    respawns = sum(row["kind"] == "worker_forked" for row in rows)
    print(f"{respawns} respawns beside two CPU hogs in {seconds:.0f} s")
    report("false alarms", sum(row["kind"] in ("worker_hung", "master_hung") for row in rows), 0, "alarms")


def flat() -> None:
    seconds = float(os.environ.get("SECONDS", "600"))
    with stack(16, 20) as served, hammer(served, 32, seconds + 10), watch(served.pid) as process:
        sizes = []
        while len(sizes) * 30 < seconds:
            time.sleep(30)
            sizes.append(rss_mb(process.pid))
            print(f"{len(sizes) * 30} s: {sizes[-1]:.2f} MB", flush=True)
    report("growth after the first 30 s", sizes[-1] - sizes[0], 1.0, "MB")


PARTS = (rest16, rest128, recycle, count, hang, pairs, attach, alarms, flat)


def main() -> int:
    wanted = sys.argv[1:] or [part.__name__ for part in PARTS[:-1]]
    for part in PARTS:
        if part.__name__ in wanted:
            part()
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())
