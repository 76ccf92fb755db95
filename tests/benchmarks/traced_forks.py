"""Records every fork of the host by a tracepoint, with perf: a witness that shares nothing with the pack's sources."""

from __future__ import annotations

import contextlib
import re
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

LIMIT_S = 60.0
_FORK = re.compile(rb"\s(?P<s>\d+)\.(?P<ns>\d{9}):.* child_pid=(?P<pid>\d+)")


@contextlib.contextmanager
def traced_forks() -> Iterator[dict[int, int]]:
    """Yield a dictionary that holds pid -> CLOCK_MONOTONIC ns of each fork once the block has ended.

    It stays empty where perf is not installed, or where this user may not trace the host.
    """
    forks: dict[int, int] = {}
    if shutil.which("perf") is None:
        yield forks
        return
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory, "perf.data")
        event = ["-a", "-k", "CLOCK_MONOTONIC", "-e", "sched:sched_process_fork", "-o", str(file)]
        command = ["perf", "record", *event]
        recorder = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            yield forks
        finally:
            recorder.send_signal(signal.SIGINT)
            recorder.wait(LIMIT_S)
        script = ["perf", "script", "--ns", "-F", "time,event,trace", "-i", str(file)]
        told = subprocess.run(script, capture_output=True, timeout=LIMIT_S, check=False).stdout
        forks |= {int(m["pid"]): int(m["s"]) * 10**9 + int(m["ns"]) for m in _FORK.finditer(told)}
