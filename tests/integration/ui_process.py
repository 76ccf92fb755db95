"""Starts the web UI of the pack as a process of its own, for tests."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from stacks.catalogue import ROOT
from stacks.observe import proc, tcp_table
from stacks.run import supervisor
from tests.patience import LIMIT_S
from tests.quiet_port import quiet_port


def start_ui(log: Path, port: int, *arguments: str, more: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
    """Start it in a session of its own, with `more` in its environment. Its output goes to `log`."""
    command = [sys.executable, str(ROOT / "locustfiles" / "workers_ui"), "--port", str(port), *arguments]
    with log.open("wb") as output:
        return subprocess.Popen(
            command,
            cwd=ROOT,
            env=os.environ | (more or {}),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )


def await_ui(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    """Wait until it listens. Fail if it ends before."""
    end_s = time.monotonic() + LIMIT_S
    while tcp_table.backlog(port) is None:
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < end_s, log.read_text()
        time.sleep(0.05)


def kill_group(process: subprocess.Popen[bytes]) -> None:
    """End a process that leads a session and what it has started there, and wait for the end of all."""
    end_s = time.monotonic() + LIMIT_S
    while pids := session_pids(process.pid):
        assert time.monotonic() < end_s
        for pid in pids:
            supervisor.kill(pid)
        process.poll()
        time.sleep(0.02)
    process.wait()


def session_pids(session: int) -> list[int]:
    """Return the living processes of a session."""
    pids = [int(name) for name in os.listdir(proc.PROC) if name.isdigit()]
    entries = {pid: proc.stat(pid) for pid in pids if proc.is_alive(pid)}
    return [pid for pid, entry in entries.items() if entry is not None and entry.session == session]


@contextmanager
def running_ui(log: Path, *arguments: str, more: Mapping[str, str] | None = None) -> Iterator[int]:
    """Run it during the block. Yield its port. Then it must end after SIGTERM, without a traceback."""
    port = quiet_port()
    process = start_ui(log, port, *arguments, more=more)
    try:
        await_ui(process, port, log)
        yield port
        process.send_signal(signal.SIGTERM)
        assert process.wait(LIMIT_S) == 0
        assert "Traceback" not in log.read_text(), log.read_text()[-3000:]
    finally:
        kill_group(process)
