"""The hammer: Locust as a process of its own. It waits at a gate until the stack is ready.

The recorder, a locustfile beside the scenario, talks with the run over a socket. It sends `up` once Locust has loaded
the scenario, and `failed ERRNO` if it could not write its rows. It receives `go`, `cancel`, `stop` (let the users
finish) and `kill` (do not let them finish).
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

from stacks.catalogue import SCENARIOS
from stacks.run import run_servers
from stacks.run.forked_process import NotForked, Process

RECORDER = SCENARIOS / "recording" / "_recorder.py"
CONTROL_FD = "PACK_CONTROL_FD"
RECORD_DIR = "PACK_RECORD_DIR"
LOG_FILE = "locust.log"
# Locust waits so long for its users to finish. That is longer than any client timeout that a scenario should have.
STOP_TIMEOUT_S = 10


class Hammer:
    """A Locust process that runs one scenario against one host."""

    def __init__(self, directory: Path, scenario: Path, host: str, users: int, limit_s: float) -> None:
        """Start Locust. It writes its rows and its log to `directory`, and ends by itself after `limit_s`."""
        self._control, locust_end = socket.socketpair()
        self._control.setblocking(False)
        self._heard = b""
        self._sent: set[str] = set()
        arguments = ["-f", f"{scenario},{RECORDER}", "--headless", "--host", host]
        arguments += ["-u", str(users), "-r", str(users), "-t", f"{int(limit_s) + 1}s"]
        arguments += ["--stop-timeout", str(STOP_TIMEOUT_S), "--exit-code-on-error", "0", "--loglevel", "WARNING"]
        environment = {k: v for k, v in os.environ.items() if not k.startswith("LOCUST_")}
        environment |= {CONTROL_FD: str(locust_end.fileno()), RECORD_DIR: str(directory)}
        with locust_end, (directory / LOG_FILE).open("wb") as log:
            fds = {CONTROL_FD: locust_end.fileno()}
            try:
                self._process: Process = run_servers.fork_locust(arguments, scenario.parent, environment, log, fds)
            except NotForked:
                self._process = subprocess.Popen(
                    [sys.executable, "-m", "locust", *arguments],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    env=environment,
                    cwd=scenario.parent,
                    pass_fds=list(fds.values()),
                    start_new_session=True,
                )

    @property
    def pid(self) -> int:
        """Locust's process id."""
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """None while Locust runs."""
        return self._process.poll()

    def is_up(self) -> bool:
        """Return True if Locust has loaded the scenario; it waits at the gate until `go`."""
        self._listen()
        return b"up" in self._heard

    @property
    def write_error(self) -> OSError | None:
        """Why the rows of the requests are not complete, if Locust could not write them."""
        failure = re.search(rb"failed (\d+)\n", self._heard)
        return OSError(int(failure[1]), os.strerror(int(failure[1]))) if failure is not None else None

    def _listen(self) -> None:
        with contextlib.suppress(OSError):
            self._heard += self._control.recv(64)

    def send(self, command: str) -> None:
        """Send `go`, `cancel`, `stop` or `kill`, each only once. It is no error if Locust has ended."""
        if command not in self._sent:
            self._sent.add(command)
            try:
                self._control.send(f"{command}\n".encode())
            except (BrokenPipeError, ConnectionResetError):
                pass

    def wait(self, limit_s: float) -> None:
        """Wait until Locust has ended. Raises subprocess.TimeoutExpired."""
        self._process.wait(limit_s)

    def close(self) -> None:
        """Kill Locust if it still runs."""
        if self.exit_code is None:
            self._process.send_signal(signal.SIGKILL)
        self._process.wait()
        self._listen()
        self._control.close()
