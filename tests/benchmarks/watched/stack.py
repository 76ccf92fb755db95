"""The uWSGI that the benchmarks of `make watch` watch, the load on it, and the processes that watch it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from stacks import catalogue
from stacks.catalogue import venvs
from stacks.observe import proc, process_events
from stacks.run.ports import free_port

HEALTHY, BROKEN = ("3.12", "pyuwsgi", "2.0.30.post1"), ("3.12", "pyuwsgi", "2.0.26")
START_LIMIT_S = 60.0
SO_RCVBUFFORCE = 33  # include/uapi/asm-generic/socket.h
CPUCLOCK_SCHED = 2  # the CPU clock of a process: see MAKE_PROCESS_CPUCLOCK in the kernel's posix-timers.h


class Stack:
    """A uWSGI for the benchmark. It ends with `close`."""

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
        end_s = time.monotonic() + START_LIMIT_S
        while len(proc.children_of(self.pid)) < workers or not self._answers():
            if time.monotonic() > end_s or self._process.poll() is not None:
                raise SystemExit((folder / "uwsgi.log").read_text())
            time.sleep(0.1)

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/", timeout=2) as answer:
                return bool(answer.read() == b"ok\n")
        except OSError:
            return False

    def workers(self) -> list[int]:
        """Return the pids of the workers that live."""
        return [pid for pid in proc.children_of(self.pid) if proc.is_alive(pid)]

    def close(self) -> None:
        """End the master and every process below it."""
        below = proc.descendants(self.pid)
        self._process.kill()
        for pid in below:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:  # it has recycled meanwhile
                continue
        self._process.wait()


@contextmanager
def stack(
    workers: int, max_requests: int = 0, version: tuple[str, str, str] = HEALTHY, app: str = ""
) -> Iterator[Stack]:
    """Run a uWSGI. `app` is the source of its app; hello.py without it."""
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
    """Run `python -m WORDS` until the end of the block."""
    process = subprocess.Popen([sys.executable, "-m", *words], text=True, cwd=catalogue.ROOT, **options)
    try:
        yield process
    finally:
        process.terminate()
        process.wait()


def watch(pid: int, *words: str, **options: Any) -> Any:
    """Run `watch --json` for a master, with further `words`."""
    command = ("stacks", "watch", "--pid", str(pid), "--json", *words)
    return running(*command, **({"stdout": subprocess.DEVNULL} | options))


def before(served: Stack) -> Any:
    """Run the observer of attached runs as it was before `watch`."""
    return running("tests.benchmarks.attached_before", str(served.pid), str(served.port))


def hammer(served: Stack, clients: int, seconds: float, pace_s: float = 0.0, *, is_read: bool = False) -> Any:
    """Run so many clients, each with a request every `pace_s`. `is_read`: the counts come through a pipe."""
    words = ["tests.benchmarks.hammer_sockets", str(served.port), str(clients), str(seconds), str(pace_s)]
    return running(*words, stdout=subprocess.PIPE if is_read else subprocess.DEVNULL)


class KernelForks:
    """Counts what the master forks, as the kernel reports it, without the pack's filter. Use it as a context."""

    def __init__(self, pid: int) -> None:
        self.pids: list[int] = []
        self._pid = pid
        self._events = process_events.subscribe()
        with suppress(
            PermissionError
        ):  # a busy machine lets this process wait, and the events of the whole host with it
            self._events.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 64 << 20)
        self._is_over = threading.Event()
        self._error: OSError | None = None
        self._thread = threading.Thread(target=self._read)

    def _read(self) -> None:
        while not self._is_over.wait(0.05):
            for event in process_events.receive(self._events):
                if isinstance(event, OSError):
                    self._error = event
                    continue
                what, _, fields = event
                if what == process_events.FORK and fields[1] == self._pid and fields[2] == fields[3]:
                    self.pids.append(fields[3])

    def __enter__(self) -> KernelForks:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._thread.join()
        process_events.close(self._events)
        if self._error is not None:
            raise SystemExit(f"the kernel dropped events, so its count is not known ({self._error.strerror})")


def cpu_s(pid: int) -> float:
    """Return the CPU time of the main thread of a process."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9


def cpu_of_all_s(pids: Iterable[int], parent_pid: int) -> float:
    """Return the CPU time of these processes, of a parent and its children, and of the children that it had."""
    reaped = _reaped_ticks(parent_pid)
    while True:
        total_s = 0.0
        for pid in (*pids, parent_pid, *proc.children_of(parent_pid)):
            with suppress(OSError):  # it has ended; the next turn has it among those that were reaped
                total_s += time.clock_gettime(~pid << 3 | CPUCLOCK_SCHED)
        before, reaped = reaped, _reaped_ticks(parent_pid)
        if before == reaped:
            return total_s + reaped / os.sysconf("SC_CLK_TCK")


def _reaped_ticks(pid: int) -> int:
    return sum(map(int, Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[13:15]))


def rss_mb(pid: int) -> float:
    """Return the resident memory of a process."""
    entry = proc.stat(pid)
    return entry.rss_kib / 1024 if entry is not None else float("nan")


def pss_mb(pid: int) -> float:
    """Return the resident memory of a process, with its share of the pages that others have as well."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return int(text.partition("\nPss:")[2].split()[0]) / 1024


def wait_until_watching(output: IO[str]) -> None:
    """Wait until `watch --json` has attached, and a second more, in which it names the workers that are there."""
    _wait_for(output, '"watching"')
    time.sleep(1.0)


def wait_until_counting(output: IO[str]) -> None:
    """Wait until `watch --json` has told of a respawn: from now on it knows the slots and counts each."""
    _wait_for(output, '"worker_forked"')


def _wait_for(output: IO[str], word: str) -> None:
    end_s = time.monotonic() + START_LIMIT_S
    while word.encode() not in os.pread(output.fileno(), 1 << 20, 0):
        if time.monotonic() > end_s:
            raise SystemExit("the watch does not begin")
        time.sleep(0.05)


def changes(text: str) -> list[dict[str, Any]]:
    """Return the lines of `watch --json`; the last one may be incomplete."""
    return [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]
