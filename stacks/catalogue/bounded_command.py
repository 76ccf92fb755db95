"""Runs a command with a time limit, and kills every process that the command has started."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from stacks.console import interrupts


class CommandRunner(Protocol):
    """The signature of `run_bounded`, for which tests put in a function of their own."""

    def __call__(
        self, command: Sequence[str | Path], timeout_s: float, keep_open: Sequence[int] = ()
    ) -> subprocess.CompletedProcess[str]: ...


def run_bounded(
    command: Sequence[str | Path], timeout_s: float, keep_open: Sequence[int] = ()
) -> subprocess.CompletedProcess[str]:
    """Run a command in its own process group, and kill the whole group at the time limit or at an interrupt.

    The command has its own group because it starts other processes (a shim starts a shell, uv starts a compiler),
    which would otherwise go on. The command inherits the file descriptors in `keep_open`.
    Raise subprocess.TimeoutExpired or OSError.
    """
    process: subprocess.Popen[str] | None = None
    try:
        with interrupts.blocked():  # an interrupt during the start would leave a command that nobody knows
            process = subprocess.Popen(
                list(command),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                errors="replace",
                process_group=0,
                pass_fds=tuple(keep_open),
                preexec_fn=interrupts.unblock_in_child,
            )
        out, err = process.communicate(timeout=timeout_s)
    except BaseException:
        if process is not None:
            with process, suppress(ProcessLookupError):  # it closes the pipes, and waits for the end
                os.killpg(process.pid, signal.SIGKILL)
        raise
    return subprocess.CompletedProcess(list(command), process.returncode, out, err)
