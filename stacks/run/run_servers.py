"""The two fork servers of a command with several runs: one forks the processes of runs, the other one forks Locust."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

from stacks.catalogue import ROOT
from stacks.run.forked_process import ForkedProcess, NotForked, Server, fork

LOCUST_FD = "PACK_LOCUST_FD"  # in the environment of a run: its socket to the server that forks Locust
RUN_MODULES = ("stacks.commands.command_line", "stacks.commands.run", "stacks.run.preload")
LOCUST_MODULES = ("locust.main", "locust.contrib.fasthttp")


class RunServers:
    """Two fork servers, which end with this process or with `close`."""

    def __init__(self) -> None:
        """Start to load both, and return at once."""
        self._runs = Server(*RUN_MODULES)
        self._locust = Server(*LOCUST_MODULES)

    @property
    def pids(self) -> set[int]:
        """The processes of the servers."""
        return {self._runs.pid, self._locust.pid}

    def start_run(self, directory: Path, environment: Mapping[str, str], streams: Sequence[IO[bytes]]) -> ForkedProcess:
        """Start the run that is planned in `directory`. Raise NotForked.

        `streams` become its stdin, stdout and stderr. The run gets SIGTERM when this process ends.
        """
        if not self._runs.await_loaded():
            raise NotForked("the fork server of runs is not there")
        stdin, stdout, stderr = (stream.fileno() for stream in streams)
        return fork(
            self._runs.requests,
            "stacks",
            ["run", str(directory), "--parent", str(self._runs.pid)],
            cwd=str(ROOT),
            environment=environment,
            streams=(stdin, stdout, stderr),
            fds={LOCUST_FD: self._locust.requests.fileno()} if self._locust.await_loaded() else {},
            orphan_signal=signal.SIGTERM,
        )

    def close(self) -> None:
        """End both servers. Every run must have ended."""
        self._runs.close()
        self._locust.close()


def fork_locust(
    arguments: Sequence[str], cwd: Path, environment: Mapping[str, str], log: IO[bytes], fds: Mapping[str, int]
) -> ForkedProcess:
    """Start Locust for this run. Raise NotForked, also if the command of this run has no server for it.

    `log` takes its output, and `fds` are further file descriptors, by their variables. It is killed when the run ends.
    """
    number = os.environ.get(LOCUST_FD)
    if number is None:
        raise NotForked("there is no fork server of Locust")
    with socket.socket(fileno=os.dup(int(number))) as requests, Path(os.devnull).open("rb") as null:
        return fork(
            requests,
            "locust",
            arguments,
            cwd=str(cwd),
            environment={name: value for name, value in environment.items() if name != LOCUST_FD},
            streams=(null.fileno(), log.fileno(), log.fileno()),
            fds=fds,
            orphan_signal=signal.SIGKILL,
        )
