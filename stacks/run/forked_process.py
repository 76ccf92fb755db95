"""Starts a fork server, and asks it for processes. They have the methods of `subprocess.Popen` that runs need."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from typing import BinaryIO, Protocol

from stacks.catalogue import ROOT
from stacks.run import fork_server, process_title

LOAD_LIMIT_S = 20.0  # for a server to import its modules
# Neither numpy nor pyarrow starts a thread at its import then.
WITHOUT_THREADS = {"OPENBLAS_NUM_THREADS": "1", "JE_ARROW_MALLOC_CONF": "background_thread:false"}
FORK_LIMIT_S = 5.0  # a fork takes milliseconds


class Process(Protocol):
    """What a run and a campaign need of a process that they have started. `Popen` and `ForkedProcess` have it."""

    pid: int
    returncode: int | None

    def poll(self) -> int | None: ...
    def wait(self, timeout: float | None = None) -> int: ...
    def send_signal(self, sig: int) -> None: ...


class NotForked(Exception):
    """The server cannot fork a process: the caller starts it in the usual way."""


class ForkedProcess:
    """A process that a fork server has forked. Its parent is the server, which passes its exit code on."""

    def __init__(self, pid: int, answers: socket.socket, arguments: Sequence[str]) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self.stdin: BinaryIO | None = None
        self.stdout: BinaryIO | None = None
        self._answers, self._arguments = answers, arguments

    def poll(self) -> int | None:
        """Return the exit code, or None while the process runs."""
        if self.returncode is None and select.select([self._answers], [], [], 0)[0]:
            data = b""
            with contextlib.suppress(ConnectionResetError):
                data = self._answers.recv(64)
            # Without an answer, the server was killed. Its children get a signal then, and nobody learns of their end.
            self.returncode = int(data) if data else -signal.SIGKILL
            self._answers.close()
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Return the exit code when the process has ended. Raise TimeoutExpired after `timeout` seconds."""
        if self.returncode is None and not select.select([self._answers], [], [], timeout)[0]:
            raise subprocess.TimeoutExpired(list(self._arguments), timeout or 0.0)
        code = self.poll()
        assert code is not None  # noqa: S101 - the answer is there
        return code

    def send_signal(self, sig: int) -> None:
        """Send a signal. It is no error if the process has ended."""
        if self.poll() is None:
            with contextlib.suppress(OSError):
                self._answers.send(b"%d" % sig)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def fork(
    requests: socket.socket,
    module: str,
    arguments: Sequence[str],
    *,
    cwd: str,
    environment: Mapping[str, str],
    streams: tuple[int, int, int],
    fds: Mapping[str, int],
    orphan_signal: int,
) -> ForkedProcess:
    """Let the server behind `requests` fork a process that runs `python -m MODULE ARGUMENTS`. Raises NotForked.

    `streams` become its stdin, stdout and stderr. `fds` are further file descriptors, by the name of the environment
    variable that tells the process their numbers. It gets `orphan_signal` when the calling process ends.
    """
    answers, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    request = {
        "module": module,
        "arguments": list(arguments),
        "cwd": cwd,
        "environment": dict(environment),
        "fd_names": list(fds),
        "orphan_signal": int(orphan_signal),
    }
    try:
        with theirs:
            data = json.dumps(request).encode(errors="surrogateescape")
            socket.send_fds(requests, [data], [theirs.fileno(), *streams, *fds.values()], socket.MSG_DONTWAIT)
        if not select.select([answers], [], [], FORK_LIMIT_S)[0]:
            raise NotForked("the fork server does not answer")
        return ForkedProcess(int(answers.recv(64)), answers, [module, *arguments])
    except (OSError, ValueError) as error:
        answers.close()
        raise NotForked(str(error)) from error


class Server:
    """A fork server of this process. It ends with this process, or with `close`."""

    def __init__(self, *modules: str) -> None:
        """Start to load these modules, and return at once."""
        self.requests, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, *fork_server.COMMAND, str(theirs.fileno()), ",".join(modules), process_title.ROOM],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd=ROOT,
                env=os.environ | WITHOUT_THREADS,
                pass_fds=[theirs.fileno()],
                start_new_session=True,  # Ctrl-C reaches only the command, which ends its runs in order
            )
        self._is_loaded: bool | None = None
        self._lock = threading.Lock()

    @property
    def pid(self) -> int:
        """The process id, which is that of the parent of every forked process."""
        return self._process.pid

    def await_loaded(self, limit_s: float = LOAD_LIMIT_S) -> bool:
        """Wait until the modules are loaded. Return False if they were not loaded in time, or cannot be loaded."""
        with self._lock:  # a check starts runs in several threads
            if self._is_loaded is None:
                self._is_loaded = False
                with contextlib.suppress(OSError):
                    if select.select([self.requests], [], [], limit_s)[0]:
                        self._is_loaded = self.requests.recv(64) == fork_server.READY
            return self._is_loaded

    def close(self) -> None:
        """End the server. Every process that it has forked must have ended."""
        self.requests.close()
        end_s = time.monotonic() + FORK_LIMIT_S
        while self._process.poll() is None and time.monotonic() < end_s:
            time.sleep(0.01)
        self._process.kill()
        self._process.wait()
