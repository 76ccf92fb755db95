"""Starts `python -m stacks run DIRECTORY` for commands that wait for one run, and ends it in order at an interrupt.

A run that gets SIGTERM stops its stack, removes its private directory and writes its files. So it must get SIGTERM
before anything is killed. (subprocess.run kills its process at an interrupt.)
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, BinaryIO, TypedDict, Unpack

from stacks.catalogue import ROOT
from stacks.console import interrupts
from stacks.observe import proc
from stacks.observe.memory_kills import MemoryKills
from stacks.run import run_end, supervisor
from stacks.run.forked_process import ForkedProcess, NotForked
from stacks.run.run_servers import RunServers


class PopenOptions(TypedDict, total=False):
    """What a run gets from its command, as Popen takes it. Without a value, it inherits that of the command."""

    stdin: int | None
    stdout: int | None
    stderr: IO[bytes] | None
    env: Mapping[str, str]


def command(directory: Path) -> list[str]:
    """Return the command that executes the run planned in `directory`, and ends when this process ends."""
    return [sys.executable, *supervisor.RUN, str(directory), "--parent", str(os.getpid())]


def start(
    directory: Path, servers: RunServers | None = None, **options: Unpack[PopenOptions]
) -> subprocess.Popen[bytes] | ForkedProcess:
    """Start the run planned in `directory`.

    The run has a session of its own, so Ctrl-C reaches only the command, which ends its runs in order. One of the
    `servers` forks it if it can.
    """
    stdin, stderr = options.get("stdin"), options.get("stderr")
    if servers is not None and stdin is not None and stderr is not None:
        try:
            return _fork(directory, servers, stdin, stderr, options.get("env", os.environ))
        except NotForked:
            pass
    return subprocess.Popen(command(directory), cwd=ROOT, start_new_session=True, **options)


def _fork(
    directory: Path, servers: RunServers, stdin: int, stderr: IO[bytes], environment: Mapping[str, str]
) -> ForkedProcess:
    """Let a server fork the run, with a pipe for its stdout and, if `stdin` is PIPE, for its stdin."""
    with contextlib.ExitStack() as closed_here, contextlib.ExitStack() as closed_on_error:
        reader, writer = _pipe()
        closed_on_error.callback(reader.close)
        closed_here.callback(writer.close)
        own_stdin: BinaryIO | None = None
        if stdin == subprocess.PIPE:
            run_stdin, own_stdin = _pipe()
            closed_here.callback(run_stdin.close)
            closed_on_error.callback(own_stdin.close)
        else:
            run_stdin = closed_here.enter_context(Path(os.devnull).open("rb"))
        process = servers.start_run(directory, environment, (run_stdin, writer, stderr))
        process.stdin, process.stdout = own_stdin, reader
        closed_on_error.pop_all()
    return process


def _pipe() -> tuple[BinaryIO, BinaryIO]:
    """Return the reading and the writing end of a new pipe."""
    reader, writer = os.pipe()
    return os.fdopen(reader, "rb"), os.fdopen(writer, "wb")


@contextmanager
def running(
    directory: Path, servers: RunServers | None = None, **options: Unpack[PopenOptions]
) -> Iterator[subprocess.Popen[bytes] | ForkedProcess]:
    """Execute the run planned in `directory` during the block, and wait for its end after the block.

    The arguments are those of `start`. At a KeyboardInterrupt every process below this one ends, runs in order, before
    the exception goes on. run.json says how the run ended in any case.
    """
    kills = MemoryKills()
    try:
        process = start(directory, servers, **options)
        try:
            yield process
            process.wait()
        finally:
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    pipe.close()
        await_orphaned_observer(process, directory)
    except KeyboardInterrupt:
        interrupts.ignore()
        supervisor.sweep()
        raise
    finally:
        run_end.record_killed_observer(directory, run_end.killed_observer(kills))


def await_orphaned_observer(process: subprocess.Popen[bytes] | ForkedProcess, directory: Path) -> None:
    """Wait for the observer of the run in `directory` if its guard, `process`, was killed: it still cleans up."""
    end_s = time.monotonic() + supervisor.ASK_LIMIT_S
    while process.returncode == -signal.SIGKILL and _has_observer(directory) and time.monotonic() < end_s:
        time.sleep(supervisor.POLL_S)


def _has_observer(directory: Path) -> bool:
    """Return True if the observer of the run in `directory` is below this process."""
    return any(
        proc.name(pid) == supervisor.OBSERVER and str(directory) in proc.command_line(pid)
        for pid in proc.descendants(os.getpid())
    )
