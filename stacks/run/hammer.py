"""The hammer: Locust as a process of its own, held at the gate until the stack is ready.

The recorder beside the scenario talks over a socket: it says `up` once Locust has loaded the
scenario, and hears `go`, `stop` (let the users finish) and `kill` (do not).
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

from stacks.catalogue import SCENARIOS

RECORDER = SCENARIOS / "recording" / "_recorder.py"
CONTROL_FD = "PACK_CONTROL_FD"
RECORD_DIR = "PACK_RECORD_DIR"
LOG_FILE = "locust.log"
# Locust waits so long for users to finish; longer than any client timeout that a scenario should have.
STOP_TIMEOUT_S = 10


class Hammer:
    """A Locust process that runs one scenario against one port."""

    def __init__(self, directory: Path, scenario: Path, host: str, users: int, limit_s: float) -> None:
        self._control, theirs = socket.socketpair()
        self._control.setblocking(False)
        self.up = False
        self._said: set[str] = set()
        command = [sys.executable, "-m", "locust", "-f", f"{scenario},{RECORDER}", "--headless", "--host", host]
        command += ["-u", str(users), "-r", str(users), "-t", f"{int(limit_s) + 1}s"]
        command += ["--stop-timeout", str(STOP_TIMEOUT_S), "--exit-code-on-error", "0", "--loglevel", "WARNING"]
        environment = {k: v for k, v in os.environ.items() if not k.startswith("LOCUST_")}
        environment |= {CONTROL_FD: str(theirs.fileno()), RECORD_DIR: str(directory)}
        with (directory / LOG_FILE).open("wb") as log:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=environment,
                cwd=scenario.parent,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
        theirs.close()

    @property
    def pid(self) -> int:
        """Locust's."""
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs."""
        return self._process.poll()

    def is_up(self) -> bool:
        """Whether Locust has loaded the scenario and waits at the gate."""
        if not self.up:
            try:
                self.up = b"up" in self._control.recv(64)
            except BlockingIOError:
                pass
        return self.up

    def say(self, word: str) -> None:
        """`go`, `cancel`, `stop` or `kill`, each once; a Locust that has ended does not mind."""
        if word not in self._said:
            self._said.add(word)
            try:
                self._control.send(f"{word}\n".encode())
            except (BrokenPipeError, ConnectionResetError):
                pass

    def wait(self, limit_s: float) -> None:
        """Until Locust has ended. Raises subprocess.TimeoutExpired."""
        self._process.wait(limit_s)

    def close(self) -> None:
        """End Locust if it still runs."""
        if self.exit_code is None:
            self._process.send_signal(signal.SIGKILL)
        self._process.wait()
        self._control.close()
